"""From paths and settings to a result: discovery, reading, the engine, suppressions. Prints nothing."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from perfcheck.cli.output import InternalError
from perfcheck.config.lookup import Lookup
from perfcheck.config.settings import SEVERITIES, TIERS, ConfigError, Settings
from perfcheck.findings import Finding, LintError, LintResult, Predicted
from perfcheck.lint.suppression import UNUSED, unsuppressed
from perfcheck.rulebook.rule import Rule
from perfcheck.source.cache import Store, default_directory
from perfcheck.source.files import Exclusion, Filter, discover, project_root, shown
from perfcheck.source.gitignore import Patterns
from perfcheck.source.text import SourceFile, decoded, read

if TYPE_CHECKING:
    from perfcheck.lint.standing import Standing

Progress = Callable[[int, int], None]
"""Told how many files of how many are done."""


class Options(NamedTuple):
    """How to lint, beside what the configuration says."""

    exclude: tuple[str, ...] = ()  # patterns, from the working directory
    selectors: tuple[str, ...] = ()  # rules that the command line names, to say whose mistake it is
    events: bool = False
    cache: bool = True
    only: frozenset[str] | None = None  # of the files (absolute) found; None: all


class Memory:
    """What is worth keeping between runs of one process: the rules chosen, and what is known of projects.

    The cache is read, but not written: a text that changes with each keystroke is not to fill the disk.
    Whoever keeps it makes a new one when settings or rule pages change.
    """

    def __init__(self) -> None:
        self.chosen: dict[Settings, Chosen] = {}
        self._standing: dict[tuple[Settings, Path], Standing] = {}

    def standing(self, settings: Settings, root: Path) -> "Standing":
        from perfcheck.lint.standing import Standing

        return self._standing.setdefault((settings, root), Standing())


class _Unwritten(NamedTuple):
    """A store that stays as it is."""

    below: Store

    def get(self, key: str) -> bytes | None:
        return self.below.get(key)

    def put(self, key: str, data: bytes) -> None:
        pass


class Outcome(NamedTuple):
    """A result, with what reports need to show it: sources by name, rules by code."""

    result: LintResult
    sources: dict[str, SourceFile]
    rules: dict[str, Rule]

    def with_findings(self, findings: tuple[Finding, ...]) -> "Outcome":
        return self._replace(result=replace(self.result, findings=findings))


class _Input(NamedTuple):
    """What is to be linted, grouped by who decides about it."""

    groups: dict[tuple[Settings, Path], list[SourceFile]]
    errors: list[LintError]


def find_files(paths: Sequence[str], lookup: Lookup, options: Options) -> tuple[list[str], list[LintError]]:
    """The files (absolute) that the paths stand for. Raises :class:`ConfigError`."""
    found = discover([os.path.abspath(path) for path in paths], _filters(lookup, options), os.getcwd())
    return found.files, found.errors


def _filters(lookup: Lookup, options: Options) -> Callable[[str], Filter]:
    """What is left out in a directory."""
    extra = Exclusion(os.getcwd(), Patterns(options.exclude), named=True)
    known: dict[Settings, Filter] = {}

    def filter_of(directory: str) -> Filter:
        settings = lookup.settings(directory)
        if settings not in known:
            own = Exclusion(settings.root, Patterns(settings.excludes), settings.force_exclude)
            known[settings] = Filter((own, extra) if extra.patterns else (own,), settings.respect_gitignore)
        return known[settings]

    return filter_of


def lint_paths(
    paths: Sequence[str],
    lookup: Lookup,
    options: Options,
    progress: Progress,
    texts: Mapping[str, bytes] | None = None,
) -> Outcome:
    """Lint what is at and below the paths. Raises :class:`ConfigError`, :class:`InternalError` and
    :class:`~perfcheck.lint.parallel.WorkerKilled`.

    ``texts`` has the content of files (by absolute path) that is to be linted instead of what is on disk.
    """
    files, errors = find_files(paths, lookup, options)
    directory = os.getcwd()
    collected = _Input({}, errors)
    roots: dict[str, tuple[Settings, Path]] = {}
    for file in files:
        if options.only is not None and file not in options.only:
            continue
        parent = os.path.dirname(file)
        if parent not in roots:
            roots[parent] = (lookup.settings(parent), project_root(Path(parent)))
        name = shown(file, directory)
        data = texts.get(file) if texts else None
        found = _read(Path(file), name) if data is None else _parsed(data, Path(file), name)
        _take(found, roots[parent], collected)
    return _lint(collected, options, progress)


def lint_text(
    data: bytes,
    filename: str | None,
    lookup: Lookup,
    options: Options,
    progress: Progress,
    memory: Memory | None = None,
) -> Outcome:
    """Lint the bytes of a file as if they stood at the path; without one they are called ``-``."""
    path = Path(os.path.abspath(filename or "-"))
    name = shown(str(path), os.getcwd())
    collected = _Input({}, [])
    if not _filters(lookup, options)(str(path.parent)).excludes_named(str(path)):
        _take(
            _parsed(data, path, name),
            (lookup.settings(str(path.parent)), project_root(path.parent)),
            collected,
        )
    return _lint(collected, options, progress, memory)


def _read(path: Path, name: str) -> tuple[SourceFile | None, tuple[LintError, ...]]:
    if path.suffix == ".ipynb":
        from perfcheck.source import notebooks  # regular expressions, for few

        return notebooks.read(path, name)
    return _split(read(path, name))


def _parsed(data: bytes, path: Path, name: str) -> tuple[SourceFile | None, tuple[LintError, ...]]:
    if path.suffix == ".ipynb":
        from perfcheck.source import notebooks

        return notebooks.parse(data, path, name)
    return _split(decoded(data, path, name))


def _split(found: SourceFile | LintError) -> tuple[SourceFile | None, tuple[LintError, ...]]:
    return (None, (found,)) if isinstance(found, LintError) else (found, ())


def _take(
    found: tuple[SourceFile | None, tuple[LintError, ...]], owner: tuple[Settings, Path], into: _Input
) -> None:
    source, errors = found
    into.errors.extend(errors)
    if source is not None:
        into.groups.setdefault(owner, []).append(source)


def _lint(collected: _Input, options: Options, progress: Progress, memory: Memory | None = None) -> Outcome:
    sources = {source.name: source for group in collected.groups.values() for source in group}
    findings: list[Finding] = []
    predicted: list[Predicted] = []
    errors = list(collected.errors)
    rules: dict[str, Rule] = {}
    choices = memory.chosen if memory else {}
    files = lines = 0
    for (settings, root), group in collected.groups.items():
        if settings not in choices:
            choices[settings] = rules_for(settings, options)
        chosen = choices[settings]
        rules.update((rule.code, rule) for rule in chosen.known)
        result = _engine(group, root, chosen, options, _Counter(progress, files, len(sources)), memory)
        failed = {error.path for error in result.errors}
        by_path: dict[str, list[Finding]] = {source.name: [] for source in group if source.name not in failed}
        files += len(by_path)
        for finding in result.findings:
            by_path.setdefault(finding.path, []).append(finding)
        for name, found in by_path.items():
            findings += _for_file(sources[name], found, chosen)
        predicted += result.predicted
        errors += result.errors
        lines += result.lines
    result = LintResult(
        findings=tuple(sorted(findings, key=_order)),
        predicted=tuple(
            sorted(predicted, key=lambda event: (event.path, event.line, event.event, event.operator))
        ),
        errors=tuple(sorted(set(errors), key=lambda error: (error.path, error.line, error.message))),
        files=files,
        lines=lines,
    )
    return Outcome(result, sources, rules)


def _order(finding: Finding) -> tuple[str, int, int, int, str]:
    return finding.path, finding.cell or 0, finding.place.line, finding.place.column, finding.rule


class _Counter:
    """Counts the files of all groups together, and knows which of its own group is next."""

    def __init__(self, progress: Progress, before: int, total: int) -> None:
        self._progress = progress
        self._before = before
        self._total = total
        self.done = 0

    def __call__(self, done: int, _: int) -> None:
        self.done = done
        self._progress(self._before + done, self._total)


def _engine(
    group: Sequence[SourceFile],
    root: Path,
    chosen: "Chosen",
    options: Options,
    counter: _Counter,
    memory: Memory | None,
) -> LintResult:
    from perfcheck.lint.check import LintOptions, lint
    from perfcheck.lint.parallel import WorkerKilled

    settings = chosen.settings
    store = _store(root, settings) if options.cache else None
    standing = memory.standing(settings, root) if memory else None
    try:
        return lint(
            group,
            root=root,
            rules=[rule for rule in chosen.selected if rule.code != UNUSED],
            options=LintOptions(options.events, settings.sync_allowed, settings.torch_version),
            store=_Unwritten(store) if memory and store else store,
            jobs=settings.jobs or _processors(),
            progress=counter,
            standing=standing,
        )
    except WorkerKilled:
        raise
    except Exception as error:
        name = group[min(counter.done, len(group) - 1)].name
        raise InternalError(f"while linting {name}: {type(error).__name__}: {error}") from error


def _store(root: Path, settings: Settings) -> Store | None:
    directory = Path(settings.cache_dir) if settings.cache_dir else default_directory(root)
    return None if directory is None else Store(directory)


def _processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Chosen(NamedTuple):
    """The rules that apply under some settings."""

    known: tuple[Rule, ...]
    selected: tuple[Rule, ...]
    settings: Settings
    ignored: tuple[tuple[Patterns, frozenset[str]], ...]  # codes, by the files that they are ignored in

    def in_file(self, path: str) -> list[Rule]:
        """The rules that apply to a file (absolute)."""
        codes: set[str] = set()
        for patterns, ignored in self.ignored:
            if patterns.covers(os.path.relpath(path, self.settings.root).replace(os.sep, "/")):
                codes |= ignored
        return [rule for rule in self.selected if rule.code not in codes]

    def shows(self, finding: Finding) -> bool:
        """Is it as certain as is asked for? The engine may be less sure of a finding than its rule is."""
        if TIERS.index(finding.confidence) <= TIERS.index(self.settings.tier):
            return True
        asked = (*self.settings.select, *self.settings.extend_select)
        return finding.rule in asked or finding.name in asked


def rules_for(settings: Settings, options: Options) -> Chosen:
    """The rules that the settings select. Raises :class:`ConfigError`."""
    from perfcheck.lint.detectors import DETECTORS
    from perfcheck.rulebook.book import load_rules
    from perfcheck.rulebook.page import BadPages
    from perfcheck.rulebook.selection import SelectionError, select

    own = [Path(path) for path in settings.rules]
    store = _store(Path(settings.root), settings) if options.cache else None
    try:
        known = load_rules(own, detectors=DETECTORS, store=store)
    except BadPages as bad:
        raise ConfigError(str(bad)) from None
    try:
        selected = select(known, settings.select, settings.ignore, settings.extend_select, settings.tier)
        ignored = tuple(
            (Patterns([pattern]), frozenset(rule.code for rule in select(known, codes, tier="heuristic")))
            for pattern, codes in settings.per_file_ignores
            if codes
        )
    except SelectionError as error:
        ours = settings.source is None or error.selector in options.selectors
        raise ConfigError(f"{'the command line' if ours else settings.source}: {error}") from None
    mildest = SEVERITIES.index(settings.severity)
    return Chosen(
        known,
        tuple(rule for rule in selected if SEVERITIES.index(rule.severity) <= mildest),
        settings,
        ignored,
    )


def _for_file(source: SourceFile, found: Iterable[Finding], chosen: Chosen) -> list[Finding]:
    """What is left of a file's findings after its suppressions and the project's."""
    selected = chosen.in_file(str(source.path))
    codes = {rule.code for rule in selected}
    left = [finding for finding in found if finding.rule in codes and chosen.shows(finding)]
    left = unsuppressed(source, left, selected, chosen.known)
    if not source.cells:
        return left
    from perfcheck.source import notebooks

    return [one for finding in left for one in notebooks.localized(finding, source)]
