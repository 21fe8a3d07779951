"""What lies beyond one body: summaries of functions, attributes of classes, values of globals.

Everything is computed on demand, once, and remembered.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from perfcheck.lint.annotations import alias_of
from perfcheck.lint.evaluation.arguments import Arguments
from perfcheck.lint.evaluation.calls import invoke
from perfcheck.lint.evaluation.environment import Env
from perfcheck.lint.evaluation.evaluator import Evaluator
from perfcheck.lint.evidence import by_name
from perfcheck.lint.external import INSTANCE_KINDS
from perfcheck.lint.index import FunctionNode, ModuleRecord
from perfcheck.lint.project import ClassRef, FunctionRef, Project, external_ancestry
from perfcheck.lint.roles import is_host_side
from perfcheck.lint.values import (
    ACCELERATOR,
    BOOL,
    DICT,
    INT,
    NONE,
    NUMBER,
    UNKNOWN,
    Value,
    any_of,
    elements,
    join,
    join_all,
)
from perfcheck.operators import Operator, find
from perfcheck.operators.reader import canonical

if TYPE_CHECKING:
    from perfcheck.events import Truth

_BUILTINS = frozenset(dir(builtins))
_RECENT = 1500  # evaluated bodies kept at hand
_CALLERS = 4  # functions that are asked what they hand to another; with more, nobody is
_OVERRIDES = 8  # definitions of an abstract method that are looked at
_DEPTH = 14  # nested summaries; deeper answers are unknown


class Engine:
    """Answers for one project; not thread-safe."""

    def __init__(
        self, project: Project, torch: tuple[int, int] | None = None, known: Engine | None = None
    ) -> None:
        """``known`` answered for the same project before modules of it were replaced: what names stand for is
        taken from it, what was evaluated is not.
        """
        self.project = project
        self._torch = torch
        self._returns: dict[str, Value] = {}
        self._closures: dict[str, Env] = {}
        self._attributes: dict[tuple[str, str], Value] = {}
        self._begun: dict[tuple[str, str], Value] = {}  # of attributes being asked: what constructors set
        self._class_envs: dict[str, dict[str, Value]] = {}
        self._class_bodies: dict[str, Env] = {}
        self._storing: dict[str, dict[str, list[FunctionRef]]] = {}
        self._open: set[object] = set()  # questions that are being answered, beside the bodies in _busy
        self._cuts = 0  # answers that are incomplete because they are needed for themselves, or lie too deep
        self._globals: dict[str, Env] = {}
        self._busy: set[str] = set()
        self._knows_arrays: dict[str, bool] = {}
        self._without_grad: frozenset[str] | None = None
        self._recent: dict[str, Evaluator] = {}
        self._partial: set[str] = set()  # bodies whose last run was cut short
        self._renamed: dict[str, frozenset[str]] = {}
        self._named: dict[str, Value] = {}
        self._dotted: dict[tuple[str, str], str | None] = {} if known is None else known._dotted
        self._aliases: dict[str, Value] = {}
        self.operator: Callable[[str], Operator | None] = (
            lru_cache(maxsize=None)(self._operator) if known is None else known.operator
        )

    def _operator(self, name: str) -> Operator | None:
        return find(name, self._torch)

    # ---- names ----------------------------------------------------------------------------------

    def dotted_name(self, module: ModuleRecord, name: str) -> str | None:
        """A name as written in a module, made absolute; None for local things."""
        key = (module.path, name)
        if key in self._dotted:
            return self._dotted[key]
        head, _, rest = name.partition(".")
        found: str | None
        if head in module.imports:
            target = module.imports[head]
            found = f"{target}.{rest}" if rest else target
            entity = self.project.lookup(found, module)
            if not isinstance(entity, str):
                found = entity.name if isinstance(entity, ModuleRecord) else entity.dotted
        elif head in module.functions or head in module.classes:
            found = f"{module.name}.{name}"
        elif head in _BUILTINS:
            found = f"builtins.{name}"
        else:
            entity = self.project.member(module, name) if module.stars else ""
            if isinstance(entity, str):
                found = entity or None
                if found is not None and found.startswith(module.name + "."):
                    found = None
            else:
                found = entity.name if isinstance(entity, ModuleRecord) else entity.dotted
        self._dotted[key] = found
        return found

    def renamed(self, module: ModuleRecord) -> frozenset[str]:
        """Local names of imports that differ from the imported ones."""
        known = self._renamed.get(module.path)
        if known is None:
            known = frozenset(
                local for local, target in module.imports.items() if target.rpartition(".")[2] != local
            )
            self._renamed[module.path] = known
        return known

    def named(self, dotted: str, importer: ModuleRecord | None = None) -> Value:
        """The value of an absolute dotted name."""
        key = f"{importer.name if importer else ''}:{dotted}"
        known = self._named.get(key)
        if known is None:
            self._named[key] = UNKNOWN  # a name that is imported in a circle and assigned as well
            known = self._named[key] = self._name_value(dotted, importer)
        return known

    def _name_value(self, dotted: str, importer: ModuleRecord | None) -> Value:
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
            return self.global_value(module, last, False)
        if entity.startswith("torch.") and last in _TORCH_DTYPES and head == "torch":
            return Value("dtype", dtype=_TORCH_DTYPES[last])  # type: ignore[arg-type]
        return Value("python-module", ref=entity)

    def global_value(self, module: ModuleRecord, name: str, inside: bool) -> Value:
        """What a name means in a module, outside any function."""
        if name in module.imports or name in module.functions or name in module.classes:
            dotted = self.dotted_name(module, name)
            return self.named(dotted, module) if dotted else UNKNOWN
        if name in module.globals and not inside:
            return self.module_env(module).get(name, UNKNOWN)
        if name in _BUILTINS:
            return Value("python-module", ref=f"builtins.{name}")
        if module.stars:
            dotted = self.dotted_name(module, name)
            if dotted is not None:
                return self.named(dotted)
        return UNKNOWN

    def module_env(self, module: ModuleRecord) -> Env:
        """The variables of a module after it was run."""
        env = self._globals.get(module.path)
        if env is None:
            self._globals[module.path] = env = {}
            self._open.add(module.path)
            evaluator = Evaluator(self, module, None, self.project.trees.globals(module), None)
            evaluator.env = env
            evaluator.run()
            env.update(evaluator.env)
            self._open.discard(module.path)
        elif module.path in self._open:
            self._cuts += 1
        return env

    # ---- functions ------------------------------------------------------------------------------

    def evaluate(self, function: FunctionRef) -> Evaluator | None:
        """Run one body and remember what it returns; None if its source is gone.

        A run that was cut short because others were waiting for it serves these; who asks for the body itself
        gets a whole one.
        """
        key, nested = function.dotted, bool(self._busy)
        recent = self._recent.get(key)
        if recent is not None and (nested or key not in self._partial):
            return recent
        cuts = self._cuts
        run = self._evaluate(function)
        self._partial.discard(key)
        if nested and self._cuts > cuts:
            self._partial.add(key)
        if run is not None:
            self._recent[key] = run
            if len(self._recent) > _RECENT:
                del self._recent[next(iter(self._recent))]
        return run

    def examine(self, function: FunctionRef, callers: Sequence[FunctionRef]) -> Evaluator | None:
        """Run one body, knowing what its callers hand to it as far as they tell by themselves.

        What the body returns is not remembered: summaries hold for every caller.
        """
        context = self._handed_by(callers, function) if function.record.params else {}
        node = self.project.node(function) if context else None
        if node is None:
            return self.evaluate(function)
        closure = self._closure(function)
        evaluator = Evaluator(self, function.module, function, node, closure, context)
        evaluator.begin()
        alone = self._recent.get(function.dotted)
        if alone is None:
            alone = Evaluator(self, function.module, function, node, closure)
            alone.begin()
        if evaluator.given == alone.given:  # they tell nothing new: what it returns holds for every caller
            return self.evaluate(function)
        evaluator.block(node.body)
        return evaluator

    def _handed_by(self, callers: Sequence[FunctionRef], function: FunctionRef) -> Env:
        """The arguments of all calls that can be seen; nothing if some callers are not looked at."""
        if not 0 < len(callers) <= _CALLERS or self.is_host_side(function):
            return {}
        found: Env = {}
        for caller in callers:
            run = self.evaluate(caller)
            for name, value in (run.handed.get(function.dotted, {}) if run is not None else {}).items():
                found[name] = join(found[name], value) if name in found else value
        return {name: value for name, value in found.items() if value.kind != "unknown" or value.batch}

    def _closure(self, function: FunctionRef) -> Env | None:
        """The variables around a nested function; None for others."""
        outer = function.module.functions.get(function.record.outer) if function.record.outer else None
        if outer is None:
            return None
        outer_ref = FunctionRef(function.module, outer)
        if outer_ref.dotted not in self._closures and outer_ref.dotted not in self._busy:
            self.evaluate(outer_ref)
        closure = self._closures.get(outer_ref.dotted)
        self._cuts += closure is None
        return closure

    def _evaluate(self, function: FunctionRef) -> Evaluator | None:
        node = self.project.node(function)
        if node is None:
            return None
        key = function.dotted
        if not function.record.qualname:
            evaluator = Evaluator(self, function.module, function, node, None)
            evaluator.function = FunctionRef(function.module, function.record)
            evaluator.run()
            self._globals[function.module.path] = evaluator.env
            return evaluator
        closure = self._closure(function)
        self._busy.add(key)
        try:
            evaluator = Evaluator(self, function.module, function, node, closure)
            evaluator.run()
        finally:
            self._busy.discard(key)
        self._returns[key] = self._returned(function, node, evaluator)
        if evaluator.local_functions:
            self._closures[key] = {**(closure or {}), **evaluator.env}
        return evaluator

    def _returned(
        self, function: FunctionRef, node: FunctionNode | ast.Module, evaluator: Evaluator
    ) -> Value:
        found = evaluator.returned
        annotation = getattr(node, "returns", None)
        if annotation is not None and found.kind in ("unknown", "none"):
            promised = evaluator.annotation(annotation)
            if promised.kind not in ("unknown", "none"):
                return promised._replace(origin=found.origin) if promised.kind == "tensor" else promised
        if found.kind == "none" and evaluator.class_ is not None and _is_abstract(node):
            below = self.project.overrides(evaluator.class_, function.record.name)
            return join_all([self.returned(override) for override in islice(below, _OVERRIDES)])
        return found

    def returned(self, function: FunctionRef) -> Value:
        key = function.dotted
        known = self._returns.get(key)
        if known is not None:
            return known
        if key in self._busy or len(self._busy) >= _DEPTH:
            self._cuts += 1
            return self._promised(function)
        try:
            if self.evaluate(function) is None:
                return UNKNOWN
        except RecursionError:  # nested too deeply to be summed up
            self._returns[key] = UNKNOWN
        return self._returns.get(key, UNKNOWN)

    def _promised(self, function: FunctionRef) -> Value:
        """By the annotation alone, where the body cannot be asked."""
        node = self.project.node(function)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.returns is not None:
            return Evaluator(self, function.module, function, ast.Module([], []), None).annotation(
                node.returns
            )
        return UNKNOWN

    def call(self, ev: Evaluator, function: FunctionRef, arguments: Arguments, skip: int) -> Value:
        """What a call of a project's function returns, given its arguments."""
        bound = _bound(function, arguments, skip)
        if bound:
            handed = ev.handed.setdefault(function.dotted, {})
            for name, value in bound.items():
                handed[name] = join(handed[name], value) if name in handed else value
        found = self.returned(function)
        if not found.origin and found.items is None and found.element is None:
            return found
        return _substitute(found, bound)

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
            if name in ("register_buffer", "add_state"):
                return self._register(ev, name, arguments)
            if _is_property(found):
                return UNKNOWN
            skip = 0 if "staticmethod" in found.record.decorators else 1
            return self.call(ev, found, arguments, skip)
        if name in ("register_buffer", "add_state", "register_parameter"):
            return self._register(ev, name, arguments)
        attribute = self.attribute(owner, name)
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
        key, value = (
            arguments.value(0, "name"),
            arguments.value(1, "default" if name == "add_state" else "tensor"),
        )
        if key is not None and isinstance(key.const, str) and value is not None and ev.self_name:
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

    # ---- classes --------------------------------------------------------------------------------

    def instance_of(self, class_: ClassRef) -> Value:
        outside = self.project.ancestry(class_)[1]
        for base, kind in INSTANCE_KINDS:
            if base in outside:
                return Value(
                    kind,
                    device=True if kind == "module" else False if kind == "loader" else None,
                    ref=class_.dotted,
                )
        return Value("instance", ref=class_.dotted)

    def instance_named(self, module: ModuleRecord) -> Callable[[str], Value]:
        def instance(dotted: str) -> Value:
            entity = self.project.lookup(dotted, module)
            if isinstance(entity, ClassRef):
                return self.instance_of(entity)
            if isinstance(entity, str):
                for known in (self._aliased(entity), self.external_instance(entity)):
                    if known is not None:
                        return known
                package, _, last = entity.rpartition(".")
                if (
                    package
                    and last[:1].isupper()
                    and last[1:2].islower()
                    and package.partition(".")[0] not in _TYPES
                ):
                    return Value("instance", ref=entity)
            return UNKNOWN

        return instance

    def _aliased(self, dotted: str) -> Value | None:
        """What a name promises that a module of the project assigns: ``OptTensor = Optional[Tensor]``; None
        for other names."""
        package, _, name = dotted.rpartition(".")
        module = self.project.modules.get(package)
        if module is None or name not in module.globals:
            return None
        known = self._aliases.get(dotted)
        if known is None:
            self._aliases[dotted] = UNKNOWN  # while it is asked: it may name itself
            reader = Evaluator(self, module, None, ast.Module([], []), None)
            known = reader.annotation(alias_of(self.project.trees.globals(module), name))
            self._aliases[dotted] = known
        return known

    def external_instance(self, name: str) -> Value | None:
        """An instance of a class outside the project, if its bases are known."""
        bases = external_ancestry(name)
        if len(bases) > 1:
            for base, kind in INSTANCE_KINDS:
                if base in bases:
                    return Value(kind, device=True if kind == "module" else None, ref=name)
        return None

    def construct(self, ev: Evaluator, class_: ClassRef, arguments: Arguments) -> Value:
        made = self.instance_of(class_)
        if made.kind == "loader":
            pinned = arguments.keywords.get("pin_memory")
            return made._replace(pinned=pinned.value.const is True if pinned is not None else None)
        return made

    def attribute(self, owner: Value, name: str) -> Value:
        """An attribute of an instance whose class is named by ``owner.ref``."""
        ref = owner.ref or ""
        key = (ref, name)
        known = self._attributes.get(key)
        if known is not None:
            return known
        if key in self._open:
            self._cuts += 1
            return self._begun.get(key, UNKNOWN)
        self._open.add(key)
        cuts = self._cuts
        entity = self.project.lookup(ref) if ref else None
        found = self._class_attribute(entity, name) if isinstance(entity, ClassRef) else None
        if found is None:
            found = self._known_attribute(owner, name)
        self._open.discard(key)
        self._begun.pop(key, None)
        if found.kind != "unknown" or not self._busy or self._cuts == cuts:
            self._attributes[key] = found
        return found

    def _known_attribute(self, owner: Value, name: str) -> Value:
        if name == "device":
            return ACCELERATOR
        if name == "dtype":
            return Value("dtype")
        if owner.kind == "module":
            if name == "training":
                return BOOL
            if name in ("global_step", "current_epoch", "global_rank", "local_rank"):
                return INT
            if name in ("weight", "bias") and (owner.ref or "").startswith("torch.nn."):
                return Value("tensor", True, "float", grad=True)
            return by_name(name) if name not in ("logger", "log") else UNKNOWN
        if owner.kind == "dataset":
            return UNKNOWN
        return by_name(name)

    def _class_attribute(self, class_: ClassRef, name: str) -> Value | None:
        method = self.project.method(class_, name)
        if method is not None:
            if _is_property(method):
                return self.returned(method)
            return Value("function", ref=method.dotted)
        found: list[Value] = []
        for ancestor in self.project.ancestry(class_)[0]:
            value = self._class_env(ancestor).get(name)
            if value is not None:
                self._begun[class_.dotted, name] = value
            later = [
                stored
                for storing in self._methods_storing(ancestor).get(name, ())
                if value is None or value.kind in ("unknown", "none") or value.on_device is False
                if (stored := self._stored(storing, name)) is not None
            ]
            if value is not None and value.kind not in ("unknown", "none"):
                moved = value.kind == "tensor" and any(stored.on_device for stored in later)
                return value._replace(device=True, assumed=True) if moved else _if_loader(name, value)
            found += [value, *later] if value is not None else later
        return join_all(found) if found else None

    def _methods_storing(self, class_: ClassRef) -> dict[str, list[FunctionRef]]:
        """The methods of a class, its constructor apart, by the attributes that they store to."""
        known = self._storing.get(class_.dotted)
        if known is None:
            known = self._storing[class_.dotted] = {}
            for method in class_.record.methods:
                record = class_.module.functions.get(f"{class_.record.qualname}.{method}")
                if record is not None and method != "__init__":
                    for name in record.stores:
                        known.setdefault(name, []).append(FunctionRef(class_.module, record))
        return known

    def _class_env(self, class_: ClassRef) -> dict[str, Value]:
        """Attributes set in the class body and by ``__init__``."""
        key = class_.dotted
        env = self._class_envs.get(key)
        if env is not None:
            self._cuts += key in self._open
            return env
        self._class_envs[key] = env = dict(self._class_body(class_))
        init = class_.module.functions.get(f"{class_.record.qualname}.__init__")
        if init is not None:
            ref = FunctionRef(class_.module, init)
            if ref.dotted not in self._busy and len(self._busy) < _DEPTH:
                self._open.add(key)
                run = self.evaluate(ref)
                self._open.discard(key)
                if run is not None:
                    env.update(_of_self(run))
            else:
                self._cuts += 1
                del self._class_envs[key]
        return env

    def _class_body(self, class_: ClassRef) -> Env:
        """Attributes set in the class body."""
        key = class_.dotted
        env = self._class_bodies.get(key)
        if env is None:
            self._class_bodies[key] = env = {}
            body = self.project.trees.attributes(class_.module, class_.record)
            if body:
                evaluator = Evaluator(self, class_.module, None, ast.Module(body, []), None)
                evaluator.run()
                self._class_bodies[key] = env = evaluator.env
        return env

    def _stored(self, function: FunctionRef, name: str) -> Value | None:
        if function.dotted in self._busy or len(self._busy) >= _DEPTH:
            self._cuts += 1
            return None
        run = self.evaluate(function)
        return None if run is None else run.env.get(f"{run.self_name}.{name}")

    def is_host_side(self, function: FunctionRef) -> bool:
        return is_host_side(self.project, function)

    # ---- parameters -----------------------------------------------------------------------------

    def parameter(self, ev: Evaluator, parameter: ast.arg, default: ast.expr | None) -> Value:
        """What a function may take a parameter to be: by itself, and by what its callers hand to it."""
        presumed = self._parameter(ev, parameter, default)
        given = ev.context.get(parameter.arg)
        return presumed if given is None else _informed(presumed, given)

    def _parameter(self, ev: Evaluator, parameter: ast.arg, default: ast.expr | None) -> Value:
        """By annotation, default, use, name."""
        name = parameter.arg
        origin = frozenset((name,))
        host = ev.on_host
        given = ev.annotation(parameter.annotation) if parameter.annotation is not None else UNKNOWN
        function = ev.function.record.name if ev.function is not None else ""
        constructs = function == "__init__"
        in_module = ev.class_ is not None and self.instance_of(ev.class_).kind == "module"
        if given.kind != "unknown":
            if constructs and given.kind == "tensor":
                given = given._replace(device=None)  # models are moved after they are made
            if given.kind == "dict" and function == "forward" and in_module and not host:
                given = _on_device(given)
            given = _if_loader(name, given)
            return _with_origin(given, origin, host)
        if isinstance(default, ast.Constant) and default.value is not None and default.value is not Ellipsis:
            value = ev.expr(default)
            return value._replace(const=UNKNOWN.const, origin=origin)
        if isinstance(default, (ast.Tuple, ast.List)) and name not in ev.evidence:
            return Value("list", origin=origin)
        if name in ev.evidence and not _is_plain(parameter.annotation):
            device = False if host else None if constructs else True
            return Value("tensor", device, origin=origin, assumed=True)
        named = by_name(name)
        if named.kind != "unknown":
            return named._replace(origin=origin)
        if host:
            return Value(device=False, origin=origin)
        return Value(device=True if in_module and not constructs else None, origin=origin)

    def knows_arrays(self, module: ModuleRecord) -> bool:
        """Does the file import NumPy, pandas or the like, or not even torch?"""
        known = self._knows_arrays.get(module.path)
        if known is None:
            roots = {target.partition(".")[0] for target in module.imports.values()}
            known = self._knows_arrays[module.path] = bool(roots & _ARRAY_LIBRARIES) or "torch" not in roots
        return known

    # ---- grad mode ------------------------------------------------------------------------------

    @staticmethod
    def switches_grad_off(name: str | None) -> bool:
        return name in ("torch.no_grad", "torch.inference_mode", "torch.autograd.no_grad")

    def called_without_grad(self, name: str) -> bool:
        """Is the name used where autograd is switched off, by a decorator or anywhere in the same
        function?"""
        if self._without_grad is None:
            found: set[str] = set()
            for function in self.project.functions():
                if self.touches_grad_mode(function):
                    found |= function.record.names
            self._without_grad = frozenset(found)
        return name in self._without_grad

    @staticmethod
    def touches_grad_mode(function: FunctionRef) -> bool:
        """Does a function, or its decorator, name ``no_grad`` or the like?"""
        record = function.record
        words = {d.rpartition(".")[2] for d in record.decorators} | record.names
        return not words.isdisjoint(_GRAD_SWITCHES)

    def runs_without_grad(self, function: FunctionRef | None) -> bool:
        if function is None:
            return False
        for decorator in function.record.decorators:
            if self.switches_grad_off(self.dotted_name(function.module, decorator)):
                return True
        return False


_TYPES = frozenset(
    {
        "typing",
        "typing_extensions",
        "collections",
        "builtins",
        "torch",
        "jaxtyping",
        "torchtyping",
        "types",
        "abc",
    }
)
_PRIVATE = ("torch.utils.data.dataloader.", "torch.optim.", "torch.nn.modules.", "torch.distributions.")
"""Modules whose classes are known by the names of the package above."""

_GRAD_SWITCHES = frozenset({"no_grad", "inference_mode", "set_grad_enabled"})


def _is_plain(annotation: ast.expr | None) -> bool:
    """``bool | Literal["warn"]``: nothing but Python's own types, whatever the body does with it."""
    if annotation is None:
        return False
    names = {
        n.id if isinstance(n, ast.Name) else n.attr
        for n in ast.walk(annotation)
        if isinstance(n, (ast.Name, ast.Attribute))
    }
    return bool(names) and names <= _PLAIN_TYPES


_PLAIN_TYPES = frozenset(
    {"bool", "str", "int", "float", "Optional", "Union", "Literal", "typing", "None", "bytes"}
)
_ARRAY_LIBRARIES = frozenset(
    {"numpy", "pandas", "jax", "tensorflow", "cupy", "scipy", "sklearn", "polars", "pyarrow", "sympy"}
)
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


def _of_self(run: Evaluator) -> dict[str, Value]:
    prefix = run.self_name + "."
    return {key[len(prefix) :]: value for key, value in run.env.items() if key.startswith(prefix)}


def _is_property(function: FunctionRef) -> bool:
    return any(
        d.rpartition(".")[2] in ("property", "cached_property", "lazy_property", "lazyproperty")
        for d in function.record.decorators
    )


def _is_abstract(node: ast.AST) -> bool:
    """Has a function no body of its own: a docstring, ``raise NotImplementedError``, ``pass``, ``...``?"""
    body: list[ast.stmt] = getattr(node, "body", [])
    return all(
        isinstance(statement, (ast.Pass, ast.Raise))
        or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
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


def _informed(presumed: Value, given: Value) -> Value:
    """A parameter, by what is given for it where nothing but convention speaks otherwise."""
    given = _with_origin(given, presumed.origin, False)._replace(const=UNKNOWN.const)
    if presumed.kind == "unknown" or (presumed.kind == given.kind in ("list", "tuple", "dict")):
        return given if given.kind != "none" else presumed
    if presumed.kind == given.kind == "tensor" and presumed.assumed and given.device is not None:
        return given._replace(dtype=presumed.dtype or given.dtype)
    return presumed


def _if_loader(name: str, value: Value) -> Value:
    """``loader_iter: Iterator[dict[str, Any]]``: where the items may be anything, the name tells more."""
    if value.kind != "list" or value.items is not None or elements(value).kind not in ("unknown", "dict"):
        return value
    named = by_name(name)
    return named if named.kind == "loader" else value


def _on_device(value: Value) -> Value:
    """What a model's ``forward`` is handed in a dictionary, as what it is handed one by one."""
    held = value.element
    if held is None or held.kind != "tensor" or held.device is not None:
        return value
    return value._replace(element=held._replace(device=True, assumed=True))


def _with_origin(value: Value, origin: frozenset[str], host: bool) -> Value:
    if value.kind == "tensor":
        return value._replace(origin=origin, device=False if host else value.device)
    if value.kind in ("list", "tuple", "dict"):
        return value._replace(
            origin=origin,
            element=None if value.element is None else _with_origin(value.element, origin, host),
            items=None if value.items is None else tuple(_with_origin(i, origin, host) for i in value.items),
        )
    return value._replace(origin=origin)


def _bound(function: FunctionRef, arguments: Arguments, skip: int) -> dict[str, Value]:
    params = function.record.params[skip:]
    bound = {name: argument.value for name, argument in zip(params, arguments.positional)}
    for name, argument in arguments.keywords.items():
        bound[name] = argument.value
    return bound


def _substitute(value: Value, bound: dict[str, Value]) -> Value:
    """A summary in terms of parameters, made one in terms of arguments."""
    if value.origin:
        given = [bound[name] for name in value.origin if name in bound]
        if value.kind == "unknown":
            if given and len(given) == len(value.origin):
                return join_all(given)
            known = [g for g in given if g.kind != "none"]
            return (
                join_all(known)._replace(const=UNKNOWN.const) if known else value._replace(origin=frozenset())
            )
        if value.kind == "tensor":
            if value.assumed and given and all(g.kind == "number" for g in given):
                return NUMBER
            return value._replace(
                device=_given_device(value, given),
                origin=_origins(given),
                assumed=value.assumed and not given,
            )
        value = value._replace(origin=_origins(given))
    if value.items is not None:
        value = value._replace(items=tuple(_substitute(item, bound) for item in value.items))
    if value.element is not None:
        value = value._replace(element=_substitute(value.element, bound))
    return value


def _given_device(value: Value, given: list[Value]) -> Truth:
    facts: list[Truth] = []
    for argument in given:
        inside = elements(argument) if argument.kind in ("list", "tuple", "dict") else argument
        if inside.kind == "tensor" or inside.kind == "device":
            facts.append(inside.device)
        elif isinstance(inside.const, str) and inside.const.startswith(("cpu", "meta")):
            facts.append(False)
        elif inside.kind == "unknown":
            facts.append(inside.device if inside.device is not None else value.device)
    if not facts:
        return value.device
    if True in facts:
        return True if value.device else None  # one way out of the function may lead to the host
    return None if None in facts else any_of(facts)


def _origins(given: list[Value]) -> frozenset[str]:
    return frozenset().union(*(g.origin for g in given)) if given else frozenset()
