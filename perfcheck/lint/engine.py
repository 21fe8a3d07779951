"""What lies beyond one body: what functions return, attributes hold, variables of modules are.

Everything is computed on demand, once, and remembered (:mod:`perfcheck.lint.answers`).
"""

from __future__ import annotations

import ast
import pickle
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import islice
from typing import NamedTuple

from perfcheck.lint.answers import Answers, Key
from perfcheck.lint.class_attributes import ClassAttributes, is_property
from perfcheck.lint.conversions import is_reader
from perfcheck.lint.evaluation.arguments import Arguments
from perfcheck.lint.evaluation.calls import invoke
from perfcheck.lint.evaluation.environment import Env
from perfcheck.lint.evaluation.evaluator import Evaluator
from perfcheck.lint.grad_mode import GradModes, runs_without_grad
from perfcheck.lint.host_side import is_host_side
from perfcheck.lint.index import FunctionNode, ModuleRecord
from perfcheck.lint.instances import Instances
from perfcheck.lint.naming import BUILTINS, Names
from perfcheck.lint.parameters import may_be_informed
from perfcheck.lint.project import ClassRef, FunctionRef, Project, is_elsewhere
from perfcheck.lint.spelling import spelled
from perfcheck.lint.summaries import Summary, bound, read_parameters, substitute
from perfcheck.lint.values import ACCELERATOR, DICT, NONE, UNKNOWN, Value, elements, join, join_all
from perfcheck.operators import Operator, find
from perfcheck.operators.reader import canonical

_WAITING = 6000  # evaluated bodies that are kept until they are asked for themselves
CALLERS = 4  # functions that are asked what they hand to another; with more, nobody is
_OVERRIDES = 8  # definitions of an abstract method that are looked at
_DEPTH = 40  # summaries that wait for each other; deeper answers are unknown

MODULE, FUNCTION = 0, 3  # where these questions stand in a circle


class _Variable(NamedTuple):
    """Of a module; its value is asked for whenever the name is."""

    module: ModuleRecord
    name: str


class Engine:
    """Answers for one project; not thread-safe."""

    def __init__(
        self, project: Project, torch: tuple[int, int] | None = None, known: Engine | None = None
    ) -> None:
        """``known`` answered for the same project before modules of it were replaced: what names stand for is
        taken from it, what was evaluated is not.
        """
        self.project = project
        self.names: Names = Names(project) if known is None else known.names
        self.instances = Instances(project, self.names)
        self.answers: Answers = Answers()
        self.attribute = ClassAttributes(self).attribute
        self._begun: dict[str, Evaluator] = {}  # modules being evaluated
        self._waiting = 0  # summaries that are being made
        self.awaits: Callable[[FunctionRef], bool] = lambda function: True
        """Will a body be asked for itself?"""
        self.informs: Callable[[FunctionRef], bool] = lambda function: True
        """May it be asked what a function is handed?"""
        self._runs: dict[str, Evaluator] = {}  # of bodies that were not asked for themselves yet
        self._handed: dict[str, dict[str, Env]] = {}  # what bodies hand to the parameters of others
        self._heard: dict[
            str, bytes
        ] = {}  # what other processes found functions to come to, and to hand over
        self._host_side: dict[str, bool] = {}
        self._named: dict[tuple[str, str], Value | _Variable] = {}
        self._meanings: dict[tuple[str, str], Value | _Variable] = {}
        self._knows_arrays: dict[str, bool] = {}
        self._models_in: dict[str, frozenset[tuple[str, str]]] = {}
        self._names_in: dict[str, frozenset[str]] = {}
        self.grad_modes = GradModes(project)
        self.operator: Callable[[str], Operator | None] = (
            lru_cache(maxsize=None)(lambda name: find(name, torch)) if known is None else known.operator
        )

    # ---- variables of modules -------------------------------------------------------------------

    def named(self, dotted: str, importer: ModuleRecord | None = None) -> Value:
        """The value of an absolute dotted name."""
        found = self._stands_for(dotted, importer)
        if isinstance(found, Value):
            return found
        return self.module_env(found.module).get(found.name, UNKNOWN)

    def _stands_for(self, dotted: str, importer: ModuleRecord | None) -> Value | _Variable:
        key = (importer.name if importer else "", dotted)
        known = self._named.get(key)
        if known is None:
            self._named[key] = UNKNOWN  # a name that is imported in a circle and assigned as well
            known = self._named[key] = self._looked_up(dotted, importer)
        return known

    def _looked_up(self, dotted: str, importer: ModuleRecord | None) -> Value | _Variable:
        entity = self.project.lookup(dotted, importer)
        if isinstance(entity, FunctionRef):
            return Value("function", ref=entity.dotted)
        if isinstance(entity, ClassRef):
            return Value("class", ref=entity.dotted)
        if isinstance(entity, ModuleRecord):
            return Value("python-module", ref=entity.name)
        if entity.startswith(_PRIVATE) and entity.rpartition(".")[2][:1].isupper():
            entity = canonical(entity)  # torch.utils.data.dataloader.DataLoader
        constant = _CONSTANTS.get(entity)
        if constant is not None:
            return constant
        head, _, last = entity.rpartition(".")
        module = self.project.modules.get(head)
        if module is not None and last in module.globals:
            return self._meaning(module, last)
        if entity.startswith("torch.") and last in _TORCH_DTYPES and head == "torch":
            return Value("dtype", dtype=_TORCH_DTYPES[last])  # type: ignore[arg-type]
        if _DEVICE.match(last) and not is_elsewhere(entity):
            return ACCELERATOR  # a setting: ``from config import DEVICE``
        return Value("python-module", ref=entity)

    def _meaning(self, module: ModuleRecord, name: str) -> Value | _Variable:
        if name in module.imports or name in module.functions or name in module.classes:
            dotted = self.names.dotted(module, name)
            return self._stands_for(dotted, module) if dotted else UNKNOWN
        if name in module.globals:
            return _Variable(module, name)
        if name in BUILTINS:
            return Value("python-module", ref=f"builtins.{name}")
        if module.stars:
            dotted = self.names.dotted(module, name)
            if dotted is not None:
                return self._stands_for(dotted, None)
        return UNKNOWN

    def global_value(self, module: ModuleRecord, name: str, inside: bool) -> Value:
        """What a name means in a module outside any function; ``inside``: to the module's own body, which
        knows its variables."""
        key = (module.path, name)
        found = self._meanings.get(key)
        if found is None:
            found = self._meanings[key] = self._meaning(module, name)
        if isinstance(found, Value):
            return found
        if inside and found.module is module:
            return Value("python-module", ref=f"builtins.{name}") if name in BUILTINS else UNKNOWN
        return self.module_env(found.module).get(found.name, UNKNOWN)

    def module_env(self, module: ModuleRecord) -> Env:
        """The variables of a module after it was run."""
        path = module.path
        known: Env | None = self.answers.known.get((MODULE, path, "", ""))
        if known is not None:
            return known
        return self.answers.ask(
            (MODULE, path, "", ""), lambda: self._module_env(module), lambda: self._begun[path].env
        )

    def _module_env(self, module: ModuleRecord) -> Env:
        evaluator = Evaluator(self, module, None, self.project.trees.globals(module), None)
        self._begun[module.path] = evaluator
        evaluator.run()
        del self._begun[module.path]
        return evaluator.env

    # ---- functions ------------------------------------------------------------------------------

    def evaluate(self, function: FunctionRef) -> Evaluator | None:
        """One run over one body, knowing all that others come to; None if its source is gone."""
        key: Key = (FUNCTION, function.dotted, "", "")
        if function.record.qualname:
            self.summary(function)
        if key in self.answers.circular:
            self.answers.circular.discard(key)
            if self._unchanged(key) is None:
                return self._run(function)
        return self._runs.get(function.dotted) or self._run(function)

    def is_evaluated(self, function: FunctionRef) -> bool:
        """Is a run over its body kept, because others have asked what it comes to?"""
        return function.dotted in self._runs

    def is_summed_up(self, function: FunctionRef) -> bool:
        """Is it known what its body comes to?"""
        return (FUNCTION, function.dotted, "", "") in self.answers.known

    def examine(self, function: FunctionRef, callers: Sequence[FunctionRef]) -> Evaluator | None:
        """Run one body, knowing what its callers hand to it as far as they tell by themselves.

        What the body returns is not remembered: summaries hold for every caller.
        """
        run = None
        if function.record.params and 0 < len(callers) <= CALLERS and not self.is_host_side(function):
            run = self._in_context(function, callers)
        if run is None:
            run = self.evaluate(function)
        self._runs.pop(function.dotted, None)
        return run

    def _in_context(self, function: FunctionRef, callers: Sequence[FunctionRef]) -> Evaluator | None:
        """A run for certain callers; None if they tell nothing new: what it returns holds for all of them."""
        node = self._node(function)
        if node is None:
            return None
        closure = self._closure(function)
        alone = self._runs.get(function.dotted)
        if alone is None:
            alone = Evaluator(self, function.module, function, node, closure)
            alone.begin()
        context = self._handed_by(callers, function) if any(map(may_be_informed, alone.given)) else {}
        if not context:
            return None
        run = Evaluator(self, function.module, function, node, closure, context)
        run.begin()
        if run.given == alone.given:
            return None
        run.block(node.body)
        return run

    def _handed_by(self, callers: Sequence[FunctionRef], function: FunctionRef) -> Env:
        """The arguments of all calls that can be seen."""
        given: dict[str, list[Value]] = {}
        for caller in callers:
            for name, value in self._handed_of(caller).get(function.dotted, {}).items():
                given.setdefault(name, []).append(value)
        found = {name: _of_callers(values) for name, values in given.items()}
        return {name: value for name, value in found.items() if value.kind != "unknown" or value.batch}

    def _handed_of(self, caller: FunctionRef) -> dict[str, Env]:
        name = caller.dotted
        key: Key = (FUNCTION, name, "", "")
        if name in self._heard:
            self.summary(caller)
        if name in self._handed and key in self.answers.known and key not in self.answers.circular:
            return self._handed[name]
        run = self.evaluate(caller)
        return {} if run is None else run.handed

    def _node(self, function: FunctionRef) -> FunctionNode | ast.Module | None:
        before = self._runs.get(function.dotted)
        return self.project.node(function) if before is None else before.node

    def _run(self, function: FunctionRef) -> Evaluator | None:
        node = self._node(function)
        if node is None:
            return None
        evaluator = Evaluator(self, function.module, function, node, self._closure(function))
        evaluator.run()
        name = function.dotted
        self._handed[name] = evaluator.handed
        if not self.awaits(function):
            return evaluator
        self._runs[name] = evaluator
        if len(self._runs) > _WAITING:
            del self._runs[next(iter(self._runs))]
        return evaluator

    def _closure(self, function: FunctionRef) -> Env | None:
        """The variables around a nested function; None for others."""
        outer = function.module.functions.get(function.record.outer) if function.record.outer else None
        return None if outer is None else self.summary(FunctionRef(function.module, outer)).variables

    def summary(self, function: FunctionRef) -> Summary:
        key: Key = (FUNCTION, function.dotted, "", "")
        known: Summary | None = self.answers.known.get(key)
        if known is not None:
            return known
        if function.dotted in self._heard:
            summary: Summary
            summary, self._handed[function.dotted] = pickle.loads(self._heard.pop(function.dotted))
            self.answers.known[key] = summary
            return summary
        if self._waiting >= _DEPTH:
            self.answers.unsettled()
            return self._promised(function)
        return self.answers.ask(key, lambda: self._summed_up(key, function), lambda: self._promised(function))

    def _unchanged(self, key: Key) -> Summary | None:
        """What a body was summed up to before, if it would be again."""
        return None if self._waiting >= _DEPTH else self.answers.unchanged(key)

    def _summed_up(self, key: Key, function: FunctionRef) -> Summary:
        self._waiting += 1
        try:
            before = self._unchanged(key)
            if before is not None:
                return before
            run = self._run(function)
            if run is None:
                return Summary(UNKNOWN, {}, {})
            closure = run.closure
            return Summary(
                self._returned(function, run.node, run),
                run.stored if function.record.stores or function.record.name == "__init__" else {},
                {**closure, **run.env} if run.local_functions else {},
                read_parameters(function, run.node) if is_reader(function) else (),
            )
        except RecursionError:  # nested too deeply to be summed up
            return Summary(UNKNOWN, {}, {})
        finally:
            self._waiting -= 1

    def _returned(
        self, function: FunctionRef, node: FunctionNode | ast.Module, evaluator: Evaluator
    ) -> Value:
        found = evaluator.returned
        if found.kind == "none" and evaluator.class_ is not None and _is_abstract(node):
            below = self.project.overrides(evaluator.class_, function.record.name)
            said = (
                join_all([self.returned(override) for override in islice(below, _OVERRIDES)])
                if below
                else UNKNOWN
            )
            if said.kind not in ("unknown", "none"):
                return said
        annotation = getattr(node, "returns", None)
        if annotation is not None and found.kind in ("unknown", "none"):
            promised = evaluator.annotation(annotation)
            if promised.kind not in ("unknown", "none"):
                return promised._replace(origin=found.origin) if promised.kind == "tensor" else promised
        return found

    def returned(self, function: FunctionRef) -> Value:
        return self.summary(function).returned

    def _promised(self, function: FunctionRef) -> Summary:
        """By the annotation alone, where the body cannot be asked."""
        node = self.project.node(function)
        returns = None if isinstance(node, ast.Module) or node is None else node.returns
        return Summary(self.instances.annotated(function.module)(returns), {}, {})

    def found(self) -> Iterator[tuple[str, tuple[Summary, dict[str, Env]]]]:
        """What functions come to and hand over, by their names, of those asked since the last time."""
        plain, self.answers.plain = self.answers.plain or (), []
        for kind, name, _, _ in plain:
            if kind == FUNCTION:
                yield name, (self.answers.known[kind, name, "", ""], self._handed.get(name, {}))

    def hear(self, found: dict[str, bytes]) -> None:
        """Know what another engine of the same project has found."""
        self._heard.update(found)

    # ---- calls ----------------------------------------------------------------------------------

    def call(self, ev: Evaluator, function: FunctionRef, arguments: Arguments, skip: int) -> Value:
        """What a call of a project's function returns, given its arguments."""
        summary = self.summary(function)
        found = summary.returned
        fixed = not found.origin and found.items is None and found.element is None
        informs = self.informs(function)
        if fixed and not informs and not summary.reads:
            return found
        given = bound(function, arguments, skip)
        if informs:
            _hand(ev, function, given)
        for name, operator in summary.reads:
            value = given.get(name, UNKNOWN)
            value = elements(value) if value.kind in ("list", "tuple") else value
            if value.device is True or (value.kind == "tensor" and value.device is None):
                subject = arguments.node_of(given[name])
                ev.emit(arguments.node, "host-sync", operator, value.device, subject)
        return found if fixed else substitute(found, given)

    def call_named(self, ev: Evaluator, ref: str, arguments: Arguments, node: ast.Call) -> Value:
        entity = self.project.lookup(ref)
        if isinstance(entity, FunctionRef):
            skip = (
                1
                if entity.record.owner
                and "staticmethod" not in entity.record.decorators
                and _is_bound(node, entity)
                else 0
            )
            return self.call(ev, entity, arguments, skip)
        return UNKNOWN

    def call_method(self, ev: Evaluator, owner: Value, name: str, arguments: Arguments) -> Value | None:
        """A method of an instance whose class is known; None if the class does not define it."""
        entity = self.project.lookup(owner.ref) if owner.ref else None
        if not isinstance(entity, ClassRef):
            return None
        found = self.project.method(entity, name)
        if found is not None:
            if _REGISTERS.match(name):
                return self._register(ev, name, arguments)
            if is_property(found):
                return UNKNOWN
            skip = 0 if "staticmethod" in found.record.decorators else 1
            for override in islice(self.project.overrides(entity, name), _OVERRIDES):
                if self.informs(override):
                    _hand(ev, override, bound(override, arguments, skip))
            return self.call(ev, found, arguments, skip)
        if name in ("register_buffer", "add_state", "register_parameter"):
            return self._register(ev, name, arguments)
        attribute = ev.attribute(owner, name)
        if attribute.kind in ("module", "function", "class", "python-module"):
            return invoke(ev, attribute, arguments, arguments.node)
        if owner.kind == "instance":
            return (
                UNKNOWN._replace(device=True)
                if any(a.device and a.kind == "tensor" for a in arguments.all)
                else UNKNOWN
            )
        return None

    def _register(self, ev: Evaluator, name: str, arguments: Arguments) -> Value:
        key = arguments.value(0, "name")
        value = arguments.value(1, "default" if name == "add_state" else "tensor") or UNKNOWN
        if key is not None and isinstance(key.const, str) and ev.self_name:
            if value.kind == "list" and value.element is None and not value.items:
                value = Value("list", element=Value("tensor", True))
            elif value.kind == "tensor":
                value = value._replace(device=True, grad=False, origin=frozenset(), pinned=None)
            elif value.kind == "unknown":
                value = Value("tensor", True)
            ev.env[f"{ev.self_name}.{key.const}"] = value
        return NONE

    def method_by_name(self, ev: Evaluator, name: str, arguments: Arguments) -> Value | None:
        """A call on a receiver of unknown class, where few classes define such a method."""
        if name in _COMMON or name.startswith("__"):
            return None
        candidates = self.project.methods_named(name)
        if not 0 < len(candidates) <= 3:
            return None
        return join_all(
            [
                self.call(ev, f, arguments, 0 if "staticmethod" in f.record.decorators else 1)
                for f in candidates
            ]
        )

    def construct(self, ev: Evaluator, class_: ClassRef, arguments: Arguments) -> Value:
        made = self.instances.of(class_)
        if made.kind == "loader":
            pinned = arguments.keywords.get("pin_memory")
            return made._replace(pinned=pinned.value.const is True if pinned is not None else None)
        return made

    # ---- functions and files --------------------------------------------------------------------

    def is_host_side(self, function: FunctionRef) -> bool:
        name = function.dotted
        known = self._host_side.get(name)
        if known is None:
            known = self._host_side[name] = is_host_side(self.project, function)
        return known

    @cached_property
    def never_validates(self) -> bool:
        """Does the project switch the checks of all distributions off?"""
        return any("set_default_validate_args" in f.record.names for f in self.project.functions())

    @cached_property
    def unpinned_loaders(self) -> frozenset[str]:
        """The paths of files that make loaders, in a project that never speaks of pinned memory."""
        if self.project.names_setting("pin_memory"):
            return frozenset()
        return frozenset(
            function.module.path
            for function in self.project.functions()
            if any(map(_is_loader, function.record.names))
        )

    def runs_without_grad(self, function: FunctionRef | None) -> bool:
        return function is not None and runs_without_grad(self.names, function)

    def names_in(self, module: ModuleRecord) -> frozenset[str]:
        """The last names of what a file imports, and of all that its functions call, read as an attribute or
        are decorated with."""
        known = self._names_in.get(module.path)
        if known is None:
            records = module.functions.values()
            written = [*module.imports.values(), *(name for r in records for name in r.decorators)]
            said = frozenset(name.rpartition(".")[2] for name in written)
            known = self._names_in[module.path] = said.union(*(record.names for record in records))
        return known

    def models_in(self, module: ModuleRecord) -> frozenset[tuple[str, str]]:
        """What a file puts into evaluation mode, or asks for parameters, as it is written ("encoder",
        "self.net"), each behind the class whose methods do so where it is an attribute of theirs."""
        known = self._models_in.get(module.path)
        if known is None:
            known = self._models_in[module.path] = frozenset(
                (record.owner if owner.startswith("self.") else "", owner)
                for record in module.functions.values()
                if not record.names.isdisjoint(_OF_MODELS)
                for site in record.calls
                for owner, _, name in [site.target.rpartition(".")]
                if name in _OF_MODELS and owner not in ("", "self", "super")
            )
        return known

    def knows_arrays(self, module: ModuleRecord) -> bool:
        """Does the file import NumPy, pandas or the like, or not even torch?"""
        known = self._knows_arrays.get(module.path)
        if known is None:
            roots = {target.partition(".")[0] for target in module.imports.values()}
            known = self._knows_arrays[module.path] = bool(roots & _ARRAY_LIBRARIES) or "torch" not in roots
        return known


def _hand(ev: Evaluator, function: FunctionRef, given: Env) -> None:
    """Note what a body hands to the parameters of a function."""
    handed = ev.handed.setdefault(function.dotted, {})
    for name, value in given.items():
        handed[name] = join(handed[name], value) if name in handed else value


def _of_callers(given: list[Value]) -> Value:
    """All that is handed over; on the host where one surely is and none is known to be on the device."""
    on_host = [v for v in given if v.kind == "tensor" and v.device is False and not v.assumed]
    if on_host and all(v.kind in ("tensor", "unknown") and not v.device for v in given):
        return join_all(on_host)
    return join_all(given)


_OF_MODELS = frozenset({"eval", "parameters", "named_parameters"})
_is_loader = spelled(re.compile(r"^\w*(Data|Neighbor)Loader$").match)
_DEVICE = re.compile(r"^(device(_type)?|([A-Z]+_)*DEVICE(_TYPE)?)$")

_PRIVATE = ("torch.utils.data.dataloader.", "torch.optim.", "torch.nn.modules.", "torch.distributions.")
"""Modules whose classes are known by the names of the package above."""

_ARRAY_LIBRARIES = frozenset(
    {"numpy", "pandas", "jax", "tensorflow", "cupy", "scipy", "sklearn", "polars", "pyarrow", "sympy"}
)
_REGISTERS = re.compile(r"(register_(\w+_)?buffer|add_state)$")
"""How modules keep tensors, and a project's own ways of it (``register_uninitialized_buffer``)."""
_COMMON = frozenset(
    """forward step update compute reset get set add append items keys values run call load save init
    close open start
    stop read write copy to cuda cpu eval train size shape format apply reshape mean sum min max sample
    encode decode
    build create info debug warning error log join split index count sort pop clear""".split()
)

_TORCH_DTYPES = {
    **dict.fromkeys(
        (
            "float",
            "float16",
            "float32",
            "float64",
            "double",
            "half",
            "bfloat16",
            "float8_e4m3fn",
            "float8_e5m2",
            "complex64",
            "complex128",
            "cfloat",
        ),
        "float",
    ),
    **dict.fromkeys(("int", "long", "short", "int8", "int16", "int32", "int64", "uint8"), "int"),
    "bool": "bool",
}

_CONSTANTS: dict[str, Value] = {
    "math.pi": Value("number", dtype="float"),
    "math.inf": Value("number", dtype="float"),
    "torch.inf": Value("number", dtype="float"),
    "torch.pi": Value("number", dtype="float"),
    "torch.nan": Value("number", dtype="float"),
    "numpy.pi": Value("number", dtype="float"),
    "numpy.inf": Value("number", dtype="float"),
    "os.environ": DICT._replace(ref="os.environ"),
}


def _is_abstract(node: ast.AST) -> bool:
    """Has a function no body of its own: a docstring, ``raise NotImplementedError``, ``pass``, ``...``,
    ``return None``?"""
    body: list[ast.stmt] = getattr(node, "body", [])
    return all(
        isinstance(statement, (ast.Pass, ast.Raise))
        or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        or (isinstance(statement, ast.Return) and isinstance(statement.value, ast.Constant | None))
        for statement in body
    )


def _is_bound(node: ast.Call, function: FunctionRef) -> bool:
    """Is a method called without passing its receiver?  ``Class.method(obj)`` passes it."""
    func = node.func
    return (
        isinstance(func, ast.Attribute)
        and isinstance(func.value, ast.Name)
        and func.value.id in ("self", "cls")
    ) or not isinstance(func, ast.Attribute)
