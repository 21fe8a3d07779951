"""From source files to findings: index, link, evaluate, match."""

from __future__ import annotations

import ast
import gc
import hashlib
import pickle
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from perfcheck.events import Hotness
from perfcheck.findings import Finding, LintError, LintResult, Predicted
from perfcheck.lint.engine import Engine
from perfcheck.lint.evaluate import Evaluator
from perfcheck.lint.hotness import Heat, HotnessMap
from perfcheck.lint.index import ModuleRecord, index
from perfcheck.lint.project import FunctionRef, Project, Trees
from perfcheck.lint.scope import BodyScope
from perfcheck.lint.values import Value, elements
from perfcheck.rulebook.rule import Rule
from perfcheck.source.text import SourceFile


class Store(Protocol):
    def get(self, key: str) -> bytes | None: ...

    def put(self, key: str, data: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class LintOptions:
    events: bool = False  # report every predicted event, hot or cold
    sync_allowed: tuple[str, ...] = ()  # names of functions and contexts in which waiting is permitted
    torch_version: str | None = None


def parse(text: str) -> ast.Module:
    """SyntaxError, ValueError (NUL bytes), RecursionError and MemoryError as ``ast.parse`` raises them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


class _Source:
    """Texts and records of a project's files, read on demand."""

    def __init__(self, root: Path, targets: Sequence[SourceFile], store: Store | None) -> None:
        self.root = root
        self.store = store
        self.targets = {str(t.path): t for t in targets}
        self.errors: dict[str, LintError] = {}
        self.texts: dict[str, str] = {}

    def text(self, path: str) -> str:
        target = self.targets.get(path)
        if target is not None:
            return target.text
        from perfcheck.source.text import read

        found = read(Path(path), path)
        return "" if isinstance(found, LintError) else found.text

    def tree(self, path: str) -> ast.Module:
        return parse(self.text(path))

    def record(self, path: str, trees: Trees) -> ModuleRecord | None:
        """The index of one file, from the cache or by parsing; an error of a target is noted."""
        text = self.text(path)
        name, is_package = module_name(self.root, path)
        key = ""
        if self.store is not None:
            key = "index-" + hashlib.sha256(f"{name}\0{path}\0{is_package}\0{text}".encode(errors="surrogatepass")).hexdigest()
            cached = self.store.get(key)
            if cached is not None:
                found: ModuleRecord = pickle.loads(cached)
                return found
        try:
            tree = parse(text)
            lines = text.count("\n") + 1
            record = index(tree, name, path, is_package, lines)
        except (SyntaxError, ValueError) as error:
            self._fail(path, getattr(error, "lineno", None) or 1, f"cannot be parsed: {getattr(error, 'msg', None) or error}")
            return None
        except (RecursionError, MemoryError):
            self._fail(path, 1, "cannot be analysed: expressions are nested too deeply")
            return None
        trees.put(path, tree, lines)
        if self.store is not None:
            self.store.put(key, pickle.dumps(record, pickle.HIGHEST_PROTOCOL))
        return record

    def _fail(self, path: str, line: int, message: str) -> None:
        target = self.targets.get(path)
        if target is not None:
            self.errors[path] = LintError(target.name, line, message)


def module_name(root: Path, path: str) -> tuple[str, bool]:
    """The dotted name a file is imported by, seen from the project's root (``src`` left out)."""
    try:
        parts = list(Path(path).relative_to(root).parts)
    except ValueError:
        parts = [Path(path).name]
    if parts and parts[0] in ("src", "lib", "python") and len(parts) > 1:
        parts = parts[1:]
    parts[-1] = parts[-1].rpartition(".")[0] or parts[-1]
    is_package = parts[-1] == "__init__"
    if is_package:
        parts.pop()
    if not parts:
        parts = [root.name]
    return ".".join(parts), is_package


def lint(
    targets: Sequence[SourceFile],
    *,
    root: Path,
    rules: Sequence[Rule],
    options: LintOptions,
    store: Store | None = None,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> LintResult:
    """Lint ``targets``, knowing the project at ``root`` around them.

    Findings carry the names of their files as given; they come sorted by path, line, column and rule.
    """
    from perfcheck.source.files import python_files

    collecting = gc.isenabled()
    gc.disable()  # syntax trees are many, and free of cycles
    try:
        source = _Source(root, targets, store)
        paths = list(dict.fromkeys([*source.targets, *map(str, python_files(root, [t.path for t in targets]))]))
        trees = Trees(source.tree)
        records = [r for r in (source.record(path, trees) for path in paths) if r is not None]
        analysis = _Analysis(records, trees, source, rules, options)
        found: list[Finding] = []
        predicted: list[Predicted] = []
        for done, target in enumerate(targets):
            a, b = analysis.file(target)
            found += a
            predicted += b
            if progress is not None:
                progress(done + 1, len(targets))
    finally:
        if collecting:
            gc.enable()
    found.sort(key=lambda f: (f.path, f.place, f.rule))
    predicted.sort(key=lambda p: (p.path, p.line, p.event, p.operator))
    return LintResult(
        tuple(found), tuple(predicted), tuple(sorted(source.errors.values(), key=lambda e: (e.path, e.line))),
        len(targets), sum(t.text.count("\n") + (not t.text.endswith("\n") and bool(t.text)) for t in targets),
    )  # fmt: skip


class _Analysis:
    def __init__(
        self, records: Sequence[ModuleRecord], trees: Trees, source: _Source, rules: Sequence[Rule], options: LintOptions
    ) -> None:
        from perfcheck.lint.asking import Surroundings
        from perfcheck.lint.matching import RuleSet

        version = tuple(int(p) for p in options.torch_version.split(".")[:2]) if options.torch_version else None
        torch = (version[0], version[1]) if version else None
        self.project = Project(records, trees)
        self.engine = Engine(self.project, torch)
        self.source = source
        self.options = options
        self.names = {r.path: self._shown(r.path) for r in records}
        self.heat = HotnessMap(self.engine, self.names)
        self.rules = RuleSet(rules)
        imports = {t.partition(".")[0] for r in records for t in (*r.imports.values(), *r.stars)}
        self.around = Surroundings(torch, frozenset(imports))

    def _shown(self, path: str) -> str:
        try:
            return Path(path).relative_to(self.source.root).as_posix()
        except ValueError:
            return Path(path).name

    def file(self, target: SourceFile) -> tuple[list[Finding], list[Predicted]]:
        from perfcheck.lint.matching import findings

        module = self.project.by_path.get(str(target.path))
        found: list[Finding] = []
        predicted: list[Predicted] = []
        if module is None:
            return found, predicted
        lines = target.text.split("\n")
        for record in module.functions.values():
            function = FunctionRef(module, record)
            if not self._worth(function):
                continue
            try:
                run = self.engine.evaluate(function)
            except RecursionError:
                self.source.errors[module.path] = LintError(
                    target.name, record.line, f"{record.qualname or 'the module body'} is nested too deeply to be analysed"
                )
                continue
            if run is None:
                continue
            heat = self._heat(function, run)
            scope = BodyScope(function, run, heat, self.names[module.path], lines)
            if self.options.events:
                predicted += _predictions(scope, target.name)
            found += findings(self.rules.hits(scope, self.around), scope, target.name, presumed=not heat.sure)
        return found, predicted

    def _worth(self, function: FunctionRef) -> bool:
        """Can anything be found there?"""
        record = function.record
        if self.options.events:
            return True
        if self.heat.of(function).level >= Hotness.STEP or record.loops:
            return True
        own = record.names | {record.name}
        if not own.isdisjoint(self.rules.names):
            return True
        return self._may_be_hot(function) and not own.isdisjoint(self.rules.reads)

    def _may_be_hot(self, function: FunctionRef) -> bool:
        record = function.record
        return bool(record.qualname) and not self.heat.stays_cold(function) and record.name != "__init__"

    def _heat(self, function: FunctionRef, run: Evaluator) -> Heat:
        """Functions that are handed device tensors and have no visible caller are taken to run on every step;
        what is said of them is said with less confidence."""
        heat = self.heat.of(function)
        if heat.level >= Hotness.STEP or not self._may_be_hot(function):
            return heat
        if any(map(_holds_tensor, run.given)):
            return Heat(Hotness.STEP, False)
        return heat


def _holds_tensor(value: Value) -> bool:
    if value.kind in ("list", "tuple", "dict"):
        return elements(value).on_device is True
    return value.on_device is True or value.kind == "module"


def _predictions(scope: BodyScope, name: str) -> Iterable[Predicted]:
    found: dict[tuple[int, str, str], Predicted] = {}
    for raised in scope.events:
        node = raised.node
        operator = raised.operator.partition(":")[0]
        key = (node.lineno, raised.event, operator)
        certainty = "yes" if raised.certain is True else "maybe"
        if key in found and found[key].certainty == "yes":
            continue
        found[key] = Predicted(
            raised.event, name, node.lineno, node.end_lineno or node.lineno, operator, certainty, scope.hotness(node).word  # type: ignore[arg-type]
        )
    return found.values()
