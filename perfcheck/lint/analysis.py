"""Evaluating the bodies of a project's files, and asking the rules about each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from perfcheck.events import Hotness
from perfcheck.findings import INTERNAL, Finding, LintError, Predicted
from perfcheck.lint.asking import Surroundings
from perfcheck.lint.compiled import CompiledMap
from perfcheck.lint.conversions import is_conversion, is_kernel
from perfcheck.lint.corpus import Corpus
from perfcheck.lint.device_loops import WALKS
from perfcheck.lint.engine import CALLERS, Engine
from perfcheck.lint.evaluation.evaluator import Evaluator
from perfcheck.lint.hotness import COLD, FROZEN, Heat, HotnessMap, calling
from perfcheck.lint.index import CallSite, ModuleRecord
from perfcheck.lint.matching import RuleSet, findings
from perfcheck.lint.parallel import worker
from perfcheck.lint.project import FunctionRef, Project
from perfcheck.lint.roles import answers_request, is_setup, takes_batch
from perfcheck.lint.scope import BodyScope
from perfcheck.lint.trees import Trees
from perfcheck.lint.values import Value, elements
from perfcheck.operators.reader import operator_names
from perfcheck.rulebook.rule import Rule
from perfcheck.source.text import SourceFile

if TYPE_CHECKING:
    from perfcheck.lint.exchange import Exchange


@dataclass(frozen=True, slots=True)
class LintOptions:
    """What to tell, and what the project permits."""

    events: bool = False  # report every predicted event, hot or cold
    sync_allowed: tuple[str, ...] = ()  # names of functions and contexts in which waiting is permitted
    torch_version: str | None = None


class FileResult(NamedTuple):
    findings: list[Finding]
    predicted: list[Predicted]
    errors: list[LintError]


class Analysis:
    """One project, linked; files are then asked for one by one, in any order, with the same answers."""

    def __init__(
        self, records: Sequence[ModuleRecord], corpus: Corpus, rules: Sequence[Rule], options: LintOptions
    ) -> None:
        version = (
            tuple(int(part) for part in options.torch_version.split(".")[:2])
            if options.torch_version
            else None
        )
        torch = (version[0], version[1]) if version else None
        self._project = Project(records, Trees(corpus.text))
        self._torch = torch
        self._engine = Engine(self._project, torch)
        self._options = options
        prefix = str(corpus.root) + "/"
        self._names = {
            r.path: r.path.removeprefix(prefix) if r.path.startswith(prefix) else r.path.rpartition("/")[2]
            for r in records
        }
        self._heat = HotnessMap(self._engine, self._names)
        self._compiled = CompiledMap(self._engine, self._heat)
        self._rules = RuleSet(rules)
        self._awaited = set(corpus.targets)  # the paths of files that were not asked for yet
        self._worthy: dict[str, bool] = {}
        self._hot: dict[str, bool] = {}
        self._engine.awaits, self._engine.informs = self._awaits, self._informs
        imports = {target.partition(".")[0] for r in records for target in (*r.imports.values(), *r.stars)}
        self._around = Surroundings(torch, frozenset(imports))
        self._exchange: Exchange | None = None

    def share(self, processes: int) -> None:
        """Let processes that are about to be forked from this one know what the others find."""
        from perfcheck.lint.exchange import Exchange

        self._exchange = Exchange(processes)
        self._engine.answers.plain = []

    def replace(self, changed: Sequence[ModuleRecord], corpus: Corpus) -> None:
        """Know other texts of some modules with the same interfaces (:mod:`perfcheck.lint.standing`).

        Nothing that was evaluated is kept: any of it may rest on what changed.
        """
        before = [self._project.by_path[record.path] for record in changed]
        self._project.trees = Trees(corpus.text)
        for record in changed:
            self._project.replace(record)
        self._engine = Engine(self._project, self._torch, self._engine)
        self._awaited, self._worthy, self._hot = set(corpus.targets), {}, {}
        self._engine.awaits, self._engine.informs = self._awaits, self._informs
        if list(map(calling, before)) == list(map(calling, changed)):
            self._heat.engine = self._engine
        else:
            paths = frozenset(record.path for record in changed)
            self._heat = HotnessMap(self._engine, self._names, self._heat, paths)
            self._compiled = CompiledMap(self._engine, self._heat, self._compiled, paths)

    def file(self, target: SourceFile) -> FileResult:
        """The findings and predicted events of one file."""
        result = FileResult([], [], [])
        module = self._project.by_path.get(str(target.path))
        if module is None or _of_other_framework(module) or _OTHER_DEVICES.search(self._names[module.path]):
            return result
        lines = self._project.trees.lines(module.path)
        functions = [FunctionRef(module, record) for record in module.functions.values()]
        functions = [function for function in functions if self._is_worthy(function)]
        unread = [function.record for function in functions if not self._engine.is_evaluated(function)]
        if unread:
            constructors = [record for record in module.functions.values() if record.name == "__init__"]
            unread += [c for c in constructors if not self._engine.is_summed_up(FunctionRef(module, c))]
            self._project.trees.prepare(module, unread)
        for function in functions:
            record = function.record
            try:
                self._body(function, target, lines, result)
            except RecursionError:
                what = record.qualname or "the module body"
                result.errors.append(
                    LintError(target.name, record.line, f"{what} is nested too deeply to be analysed")
                )
            except Exception as error:  # a defect of ours costs one body, and is told
                what = record.qualname or "the module body"
                message = f"{INTERNAL} in {what}: {type(error).__name__}: {error}; please report it"
                result.errors.append(LintError(target.name, record.line, message))
        self._awaited.discard(module.path)
        process = worker()
        if self._exchange is not None and process is not None:
            self._engine.hear(self._exchange.swap(process, self._engine.found()))
        return result

    def _awaits(self, function: FunctionRef) -> bool:
        return function.module.path in self._awaited and self._is_worthy(function)

    def _informs(self, function: FunctionRef) -> bool:
        return 0 < self._heat.count_callers(function) <= CALLERS

    def _is_worthy(self, function: FunctionRef) -> bool:
        name = function.dotted
        known = self._worthy.get(name)
        if known is None:
            known = self._worthy[name] = self._worth(function)
        return known

    def _body(
        self, function: FunctionRef, target: SourceFile, lines: Sequence[str], result: FileResult
    ) -> None:
        run = self._engine.examine(function, self._heat.callers(function))
        if run is None:
            return
        heat = self._heat_of(function, run)
        path, compiled = self._names[function.module.path], self._compiled.of(function)
        callers = self._heat.heated_by(function) if heat.by else ()
        scope = BodyScope(function, run, heat, path, lines, compiled, self._options.sync_allowed, callers)
        hits = list(self._rules.hits(scope, self._around))
        if hits and not function.record.qualname and self._project.trees.complete(function.module):
            self._body(function, target, lines, result)  # remedies look into the functions of the file too
            return
        if self._options.events:
            result.predicted.extend(_predictions(scope, target.name))
        result.findings.extend(findings(hits, scope, target.name, callers))

    def _worth(self, function: FunctionRef) -> bool:
        """Can anything be found there?"""
        record = function.record
        if is_kernel(function):
            return False
        if self._options.events:
            return True
        if any(decorator.rpartition(".")[2] in _COMPILERS for decorator in record.decorators):
            return True
        own, heat = record.all_names, self._heat.of(function)
        if not own.isdisjoint(self._engine.names.renamed(function.module)):
            return True
        wanted = self._rules.test_names
        if wanted is not None and heat.frozen and not self._compiled.of(function):
            return not own.isdisjoint(wanted)
        if record.loops or heat.level >= Hotness.STEP:
            return True
        if heat.level == Hotness.COLD and self._is_cold(function):
            return not own.isdisjoint(self._rules.cold_names)
        if not own.isdisjoint(self._rules.names):
            stays = heat.level == Hotness.COLD and not self._may_be_hot(function)
            plain = stays and not self._compiled.of(function)
            return not plain or not own.isdisjoint(self._rules.cold_names)
        return not own.isdisjoint(_tensor_names()) and self._may_be_hot(function)

    def _is_cold(self, function: FunctionRef) -> bool:
        """Does it say of itself that it is no step, and hold nothing that is hot by itself?"""
        record = function.record
        return (
            _is_no_step(function)
            and not self._rules.look_at_cold
            and not record.comprehends
            and record.names.isdisjoint(WALKS)
            and not self._compiled.of(function)
        )

    def _may_be_hot(self, function: FunctionRef) -> bool:
        """Not a constructor, and not what drives the steps itself."""
        name = function.dotted
        known = self._hot.get(name)
        if known is None:
            known = self._hot[name] = self._may_be_called_often(function)
        return known and (not is_setup(function) or self._serves_steps(function))

    def _may_be_called_often(self, function: FunctionRef) -> bool:
        record = function.record
        if not record.qualname or record.name == "__init__" or self._heat.stays_cold(function):
            return False
        if record.outer and record.outer.rpartition(".")[2] == "__init__":
            return False
        if self._heat.called_rarely(function):
            return False
        return not any(
            site.level > Hotness.COLD or self._repeats_step(function, site) for site in record.calls
        )

    def _repeats_step(self, function: FunctionRef, site: CallSite) -> bool:
        """``while not self.done: self._run_step()``"""
        return site.repeated and any(
            self._heat.of(callee).level >= Hotness.STEP
            for callee, sure in self._heat.targets(function, site.target)
            if sure
        )

    def _serves_steps(self, function: FunctionRef) -> bool:
        """Is what is set up by its name called by functions that are handed tensors?"""
        for caller in self._heat.callers(function):
            if not is_setup(caller) and self._heat.calls_often(caller, function):
                run = self._engine.evaluate(caller)
                heat = COLD if run is None else self._heat_of(caller, run)
                if heat.level >= Hotness.STEP and not heat.guess:
                    return True
        return False

    def _heat_of(self, function: FunctionRef, run: Evaluator) -> Heat:
        """Functions with device events and without a known rhythm are taken to run on every step; what is
        said of them is said with less confidence."""
        heat = self._heat.of(function)
        if heat.level == Hotness.COLD and self._heat.is_dead(function):
            return FROZEN
        if heat.level > Hotness.COLD or _is_no_step(function) or not self._may_be_hot(function):
            return heat
        batch = takes_batch(function)
        known = run.in_module or batch or any(map(_holds_tensor, run.given))
        seldom = (
            bool(function.record.owner)
            and not batch
            and self._heat.count_callers(function) > 0
            and not self._heat.is_called_in_loop(function)
        )
        return Heat(Hotness.STEP, False, guess=not known, seldom=seldom)


def _is_no_step(function: FunctionRef) -> bool:
    """Is it never presumed to run on every step?"""
    record = function.record
    return (
        not record.params
        or record.no_step
        or record.name in _OF_CONTAINERS
        or not record.names.isdisjoint(_SERIALIZES)
        or is_conversion(function)
        or answers_request(function)
    )


_OF_CONTAINERS = frozenset({"__getitem__", "__contains__", "__eq__"})
_SERIALIZES = frozenset({"save", "dumps", "loads", "getbuffer", "load_state_dict", "getsize", "makedirs"})


def _holds_tensor(value: Value) -> bool:
    if value.kind in ("list", "tuple", "dict"):
        return elements(value).on_device is True
    return value.on_device is True


_COMPILERS = frozenset({"compile", "script", "script_method", "optimize", "jit"})


def _of_other_framework(module: ModuleRecord) -> bool:
    """Are its tensors those of MXNet, TensorFlow, JAX, …? Their methods bear the same names."""
    packages = {name.partition(".")[0] for name in (*module.imports.values(), *module.stars)}
    return "torch" not in packages and not packages.isdisjoint(_FRAMEWORKS)


_FRAMEWORKS = frozenset(
    {"mxnet", "tensorflow", "jax", "flax", "paddle", "mindspore", "keras", "mlx", "tinygrad"}
)


_OTHER_DEVICES = re.compile(r"(^|[/_])(ascend|npu|hpu|habana|xpu|xla|tpu|mps)([/_]|\.py$)", re.IGNORECASE)
"""Files of backends on which nothing waits for a GPU of the kinds that are looked for."""


@cache
def _tensor_names() -> frozenset[str]:
    """The last names of all operators that can read, copy or compute on tensors."""
    return frozenset(
        name for operator in operator_names() if not (name := operator.rpartition(".")[2]).startswith("__")
    )


def _predictions(scope: BodyScope, name: str) -> Iterable[Predicted]:
    found: dict[tuple[int, str, str], Predicted] = {}
    for raised in scope.events:
        node = raised.node
        operator = raised.operator.partition(":")[0]
        key = (node.lineno, raised.event, operator)
        known = found.get(key)
        if known is not None and known.certainty == "yes" and not (known.supposed and raised.certain):
            continue
        found[key] = Predicted(
            raised.event,
            name,
            node.lineno,
            node.end_lineno or node.lineno,
            operator,
            "yes" if raised.certain or raised.usual else "maybe",
            scope.hotness(node).word,
            not raised.certain and raised.usual,
        )
    return found.values()
