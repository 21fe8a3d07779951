"""From source files to findings: index, link, evaluate, match."""

from __future__ import annotations

import gc
import hashlib
import pickle
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from perfcheck.findings import Finding, LintError, LintResult, Predicted
from perfcheck.lint.analysis import Analysis, FileResult, LintOptions
from perfcheck.lint.corpus import Corpus, Store, engine_state
from perfcheck.lint.parallel import mapped
from perfcheck.lint.standing import Standing
from perfcheck.rulebook.rule import FixRecipe, Rule
from perfcheck.source.files import python_files
from perfcheck.source.text import SourceFile

__all__ = ["LintOptions", "lint"]

_RECURSION = 5000  # summaries of functions nest
_CHUNK = 16  # files a worker indexes at a time
_FEW = 12  # files a worker evaluates at a time


def lint(
    targets: Sequence[SourceFile],
    *,
    root: Path,
    rules: Sequence[Rule],
    options: LintOptions,
    store: Store | None = None,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
    standing: Standing | None = None,
) -> LintResult:
    """Lint ``targets``, knowing the project at ``root`` around them.

    Findings carry the names of their files as given; they come sorted by path, line, column and rule. The
    result
    is the same with and without ``store``, and whatever ``jobs`` is. ``progress`` is told how many files
    are done. ``standing`` is what is kept of the project between calls with the same ``root``, ``rules`` and
    ``options``; whole results are not looked up then.
    """
    seen = None if standing is None else standing.seen
    corpus = Corpus(root, targets, map(str, python_files(root, [t.path for t in targets])), store, seen)
    key = ""
    if standing is not None:
        store = None  # of use for files alone: a text that is being written is not checked twice
    if store is not None:
        asked = hashlib.blake2b(repr(options).encode(), digest_size=20)
        asked.update(pickle.dumps([_essence(rule) for rule in rules]))
        key = f"result {engine_state()} {root} {asked.hexdigest()} {corpus.digest()}"
        known = store.get(key)
        if known is not None:
            result: LintResult = pickle.loads(known)  # signed by the store
            return result
    collecting, depth = gc.isenabled(), sys.getrecursionlimit()
    gc.disable()  # syntax trees are many, and free of cycles
    sys.setrecursionlimit(max(depth, _RECURSION))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the parser about what is linted
            result = _lint(corpus, targets, rules, options, jobs, progress, standing)
    finally:
        sys.setrecursionlimit(depth)
        if collecting:
            gc.enable()
    if store is not None:
        store.put(key, pickle.dumps(result, pickle.HIGHEST_PROTOCOL))
    return result


def _essence(rule: Rule) -> tuple[object, ...]:
    """All of a rule that findings depend on."""
    return (
        rule.code,
        rule.name,
        rule.category,
        rule.severity,
        rule.confidence,
        rule.event,
        rule.message,
        rule.help,
        [p.text for p in rule.match],
        rule.operators,
        rule.detector,
        [p.text for p in rule.where],
        [p.text for p in rule.worth],
        rule.instead_of,
        rule.fix and _recipe(rule.fix),
    )


def _recipe(fix: FixRecipe) -> tuple[object, ...]:
    return (
        fix.safety,
        fix.replace,
        [(p.text, template) for p, template in fix.by_pattern],
        fix.keywords,
        fix.codemod,
        [p.text for p in fix.where],
    )


def _lint(
    corpus: Corpus,
    targets: Sequence[SourceFile],
    rules: Sequence[Rule],
    options: LintOptions,
    jobs: int,
    progress: Callable[[int, int], None] | None,
    standing: Standing | None,
) -> LintResult:
    by_place = dict(mapped(corpus.index, corpus.paths, jobs, _CHUNK))
    indexed = [by_place[place] for place in range(len(by_place))]
    corpus.leave_out(indexed)
    errors: list[LintError] = [found.error for found in indexed if found.error is not None]
    records = [found.record for found in indexed if found.record is not None]
    findings: list[Finding] = []
    predicted: list[Predicted] = []
    results: Iterable[tuple[int, FileResult]] = ()
    if not corpus.targets.keys().isdisjoint(record.path for record in records):
        analyse = Analysis if standing is None else standing.analysis
        analysis = analyse(records, corpus, rules, options)
        results = mapped(analysis.file, targets[::-1], jobs, _FEW, analysis.share)
    for done, (_, result) in enumerate(results, 1):
        findings += result.findings
        predicted += result.predicted
        errors += result.errors
        if progress is not None:
            progress(done, len(targets))
    findings.sort(key=lambda f: (f.path, f.place, f.rule))
    predicted.sort(key=lambda p: (p.path, p.line, p.event, p.operator))
    errors.sort(key=lambda e: (e.path, e.line, e.message))
    return LintResult(
        tuple(findings), tuple(predicted), tuple(errors), len(targets), sum(map(_lines, targets))
    )


def _lines(target: SourceFile) -> int:
    return target.text.count("\n") + bool(target.text and not target.text.endswith("\n"))
