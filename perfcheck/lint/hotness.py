"""How often each function runs: by role, by the loops it is called from, through the whole project."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from perfcheck.events import Hotness
from perfcheck.lint.class_attributes import is_property
from perfcheck.lint.engine import Engine
from perfcheck.lint.index import FunctionRecord, ModuleRecord
from perfcheck.lint.project import ClassRef, FunctionRef, Project, is_elsewhere, within_sources
from perfcheck.lint.roles import ends_epoch, is_setup, is_test_path, memoizes, role, tries_out


class Heat(NamedTuple):
    """``sure``: by a role, or a chain of resolved calls from a loop; not by a method's name alone."""

    level: Hotness
    sure: bool
    guess: bool = False  # nothing but the absence of a known rhythm speaks for it
    seldom: bool = False  # a method whose callers are known, none hot nor in a loop, that is handed no batch
    frozen: bool = False  # in tests and benchmarks not even loops are hot
    by: str = ""  # the dotted name of the function that calls it so often, unless a role says it


def _rank(heat: Heat) -> tuple[Hotness, bool, Hotness]:
    """What is surely done on every step is known better than what may be done for every element."""
    return min(heat.level, Hotness.STEP), heat.sure and heat.level > Hotness.COLD, heat.level


Target = tuple[FunctionRef, bool]
"""A function that a call may reach, and whether it surely does."""


class _Ties(NamedTuple):
    """What a function surely calls, and whether that is guarded; and what it hands on; by dotted names."""

    calls: frozenset[tuple[str, bool]]
    hands: frozenset[str]


class _Part(NamedTuple):
    """What is known of a module while no interface changes; of its functions by qualified name."""

    roles: dict[str, tuple[Hotness, bool]]
    ties: dict[str, _Ties]
    words: frozenset[str]


COLD = Heat(Hotness.COLD, True)
FROZEN = Heat(Hotness.COLD, True, frozen=True)


class HotnessMap:
    """The heat of every function of a project, by dotted name.

    ``known`` is the map of the project before the modules of the paths ``changed``, with their interfaces as
    they were; what the others are and call is taken from it.
    """

    def __init__(
        self,
        engine: Engine,
        paths: dict[str, str],
        known: HotnessMap | None = None,
        changed: frozenset[str] = frozenset(),
    ) -> None:
        self.engine = engine
        self._project = engine.project
        self._heat: dict[str, Heat] = {}
        self._frozen: set[str] = set()
        self._rare: frozenset[str] | None = None
        self._callers: dict[str, dict[str, FunctionRef]] | None = None
        self._unnamed: frozenset[str] = frozenset()
        self._paths = paths
        self._parts: dict[str, _Part] = {}
        self._of_self: dict[tuple[str, str], tuple[Target, ...]] = {}
        self._of_name: dict[tuple[str, str], tuple[Target, ...]] = {}
        self._of_method: dict[str, tuple[Target, ...]] = {}
        if known is None:
            self._callable = frozenset(_callables(self._project))
        else:
            self._callable = known._callable
            self._parts = {path: part for path, part in known._parts.items() if path not in changed}
            self._of_self = {key: self._current(found) for key, found in known._of_self.items()}
            self._of_name = {key: self._current(found) for key, found in known._of_name.items()}
            self._of_method = {key: self._current(found) for key, found in known._of_method.items()}
        self._run()

    def _current(self, targets: tuple[Target, ...]) -> tuple[Target, ...]:
        by_path = self._project.by_path
        if all(by_path[function.module.path] is function.module for function, _ in targets):
            return targets
        return tuple((self._project.current(function), sure) for function, sure in targets)

    def _part(self, module: ModuleRecord) -> _Part:
        known = self._parts.get(module.path)
        if known is None:
            known = self._parts[module.path] = _Part({}, {}, _words(module))
        return known

    def of(self, function: FunctionRef) -> Heat:
        return self._heat.get(function.dotted, COLD)

    def heated_by(self, function: FunctionRef) -> tuple[str, ...]:
        """By which functions the heat came to it, the one with the loop or the role first."""
        found: list[str] = []
        name = self.of(function).by
        while name and name not in found:
            found.append(name)
            name = self._heat.get(name, COLD).by
        return tuple(reversed(found))

    def is_dead(self, function: FunctionRef) -> bool:
        """Is it private, and named nowhere in the project?"""
        private = function.record.name.startswith("_")
        return private and self.called_rarely(function) and function.dotted in self._unnamed

    def called_rarely(self, function: FunctionRef) -> bool:
        """Has it callers in the project, all of them cold by role, rarely called themselves, or calling it
        now and then? Or is it no public method, and named nowhere?"""
        if self._rare is None:
            self._rare = self._called_rarely()
        return function.dotted in self._rare

    def callers(self, function: FunctionRef) -> tuple[FunctionRef, ...]:
        """The functions that surely call it, tests apart, in the order of their names."""
        known = self._callers_of(function)
        return tuple(self._project.current(known[name]) for name in sorted(known))

    def count_callers(self, function: FunctionRef) -> int:
        """How many functions surely call it, tests apart."""
        return len(self._callers_of(function))

    def is_called_in_loop(self, function: FunctionRef) -> bool:
        """Does something that surely calls it do so in a loop, or is that called in one?"""
        seen, queue = {function.dotted}, [function]
        while queue:
            callee = queue.pop()
            for caller in self.callers(callee):
                sites = (site for site in caller.record.calls if site.repeated)
                if any(site.target.rpartition(".")[2] == callee.record.name for site in sites):
                    return True
                if caller.dotted not in seen:
                    seen.add(caller.dotted)
                    queue.append(caller)
        return False

    def _callers_of(self, function: FunctionRef) -> dict[str, FunctionRef]:
        if self._callers is None:
            self._callers = {}
            for caller in self._project.functions():
                if self.of(caller).frozen:
                    continue
                for callee, _ in self._ties(caller).calls:
                    self._callers.setdefault(callee, {})[caller.dotted] = caller
        return self._callers.get(function.dotted, {})

    def calls_often(self, caller: FunctionRef, function: FunctionRef) -> bool:
        """Does one surely call the other, and not under a guard alone?"""
        return (function.dotted, False) in self._ties(caller).calls

    def _called_rarely(self) -> frozenset[str]:
        callers: dict[str, list[tuple[str, bool]]] = {}  # callee -> (caller, guarded)
        cold: set[str] = set()
        handed: set[str] = set()
        everything = self._project.functions()
        for caller in everything:
            record = caller.record
            if self.of(caller).frozen:
                continue  # a test calls everything, and says nothing of how often others do
            if (
                caller.dotted in self._frozen
                or (is_setup(caller) and self.of(caller).level == Hotness.COLD)
                or not record.qualname
                or record.name == "__init__"
                or self.of(caller).level == Hotness.EPOCH
            ):
                cold.add(caller.dotted)
            by = caller.dotted
            ties = self._ties(caller)
            for callee, guarded in ties.calls:
                callers.setdefault(callee, []).append((by, guarded))
            handed |= ties.hands  # whoever gets it calls it as often as they like
        imported: set[str] = set()  # modules of which others take something
        for module in self._project.by_path.values():
            for target in map(within_sources, module.imports.values()):
                imported |= {target.rpartition(".")[0], target}
        by_word = {  # classes whose methods may be found by a name that is put together
            (function.module.path, function.record.owner)
            for function in everything
            if function.record.owner and "getattr" in function.record.names
        }
        rare = {
            function.dotted
            for function in everything
            if (function.module.path, function.record.owner) not in by_word
            and (
                function.record.name.startswith("_")
                or (
                    not function.record.owner
                    and function.module.name in imported
                    and function.record.name not in self._mentioned  # ``return mask_ce_loss``
                )
            )
            and not function.record.name.startswith("__")
            and not function.record.decorators
            and function.record.name not in self._named
            and not self._may_override(function)
        }
        self._unnamed = frozenset(name for name in rare if name.rpartition(".")[2] not in self._mentioned)
        changed = True
        while changed:
            found = {
                callee
                for callee, known in callers.items()
                if callee not in rare
                and callee not in handed
                and all(guarded or by in cold or by in rare for by, guarded in known)
            }
            changed = bool(found)
            rare |= found
        return frozenset(rare)

    def _may_override(self, function: FunctionRef) -> bool:
        """Does its class derive from another package's, which may call it?"""
        owner = self._project.owner(function)
        outside = self._project.ancestry(owner)[1] if owner is not None else ()
        return any(not base.startswith(_CALL_NOTHING) for base in outside)

    def _ties(self, function: FunctionRef) -> _Ties:
        ties = self._part(function.module).ties
        known = ties.get(function.record.qualname)
        if known is None:
            record, own = function.record, function.dotted
            known = ties[record.qualname] = _Ties(
                frozenset(
                    (callee.dotted, guarded)
                    for target, guarded in {(site.target, site.guarded) for site in record.calls}
                    for callee, sure in self.targets(function, target)
                    if sure and callee.dotted != own
                ),
                frozenset(
                    callee.dotted
                    for name in record.passed
                    for callee, sure in self.targets(function, name)
                    if sure and callee.dotted != own
                ),
            )
        return known

    def _role(self, function: FunctionRef) -> tuple[Hotness, bool]:
        roles = self._part(function.module).roles
        known = roles.get(function.record.qualname)
        if known is None:
            level, stays_cold = role(self._project, function)
            on_host = self.engine.is_host_side(function)
            known = Hotness.COLD if on_host else level, stays_cold or on_host
            roles[function.record.qualname] = known
        return known

    def _is_unused(self, function: FunctionRef) -> bool:
        """Is it a method of a class that its module does not offer, and nothing in the project names? Or of
        an optimizer that nothing names, beside another that something does: one came along with the other."""
        class_, offered = function.record.owner.partition(".")[0], function.module.offered
        if not class_ or (offered is not None and class_ in offered) or self._is_named(class_):
            return False
        return offered is not None or (
            self._optimizes(function.module, class_)
            and any(
                self._is_named(other) and self._optimizes(function.module, other)
                for other in function.module.classes
            )
        )

    def _is_named(self, class_: str) -> bool:
        return any(class_ in names for names in (self._named, self._mentioned, self._derived_from))

    def _optimizes(self, module: ModuleRecord, class_: str) -> bool:
        record = module.classes.get(class_)  # none where a function makes the class
        owner = None if record is None else ClassRef(module, record)
        return owner is not None and self._project.is_subclass(owner, "torch.optim.Optimizer")

    @cached_property
    def _named(self) -> frozenset[str]:
        """The last names of all that functions call, read as an attribute or hand on, and of imports."""
        modules = self._project.by_path.values()
        imports = (target.rpartition(".")[2] for module in modules for target in module.imports.values())
        return frozenset(imports).union(*(self._part(module).words for module in modules))

    @cached_property
    def _mentioned(self) -> frozenset[str]:
        """All variables that are read, in any module."""
        return frozenset().union(*(module.mentioned for module in self._project.by_path.values()))

    @cached_property
    def _derived_from(self) -> frozenset[str]:
        classes = (class_ for module in self._project.by_path.values() for class_ in module.classes.values())
        return frozenset(base.rpartition(".")[2] for class_ in classes for base in class_.bases)

    def in_tests(self, module: ModuleRecord) -> bool:
        return is_test_path(self._paths.get(module.path, module.path))

    def stays_cold(self, function: FunctionRef) -> bool:
        """Tests, constructors, checkpointing: cold wherever it is called from."""
        return function.dotted in self._frozen

    def _run(self) -> None:
        queue: deque[FunctionRef] = deque()
        remembered: list[FunctionRef] = []
        for module in self._project.by_path.values():
            tests = self.in_tests(module)
            for record in module.functions.values():
                function = FunctionRef(module, record)
                frozen = tests or tries_out(function)
                level, stays_cold = (Hotness.COLD, True) if frozen else self._role(function)
                if ends_epoch(self._project, function):
                    self._frozen.add(function.dotted)
                if stays_cold:
                    self._frozen.add(function.dotted)
                    if "collate" in record.name:  # what it does to the device, it does for every batch
                        level = Hotness.STEP
                if _drives_epochs(record) or (record.name in ("__call__", "forward") and _runs_steps(record)):
                    level = min(level, Hotness.EPOCH)  # a pipeline that drives the steps is none
                if level > Hotness.COLD and self._is_unused(function):
                    level = Hotness.COLD
                    self._frozen.add(function.dotted)
                if frozen:
                    self._heat[function.dotted] = FROZEN
                elif memoizes(function) and not is_property(function):
                    remembered.append(function)
                elif level > Hotness.COLD:
                    self._heat[function.dotted] = Heat(level, True)
                if not frozen and (
                    level > Hotness.COLD
                    or any(site.level > Hotness.COLD for site in record.calls)
                    or self._inferences_in_loops(function)
                ):
                    queue.append(function)
        once = self._only_for(remembered)
        self._frozen |= once
        self._heat.update(dict.fromkeys(once, FROZEN))
        while queue:
            function = queue.popleft()
            heat = self.of(function)
            if heat.frozen:
                continue
            for callee, warmed in self._calls(function, heat):
                if callee.dotted in self._frozen:
                    continue
                if _rank(warmed) > _rank(self.of(callee)):
                    self._heat[callee.dotted] = warmed
                    queue.append(callee)

    def _only_for(self, functions: list[FunctionRef]) -> set[str]:
        """These functions, and the private ones that nothing else calls: where they remember what they
        return, not even loops run again."""
        found = {function.dotted for function in functions}
        while functions:
            called = {callee for callee, _ in self._ties(functions.pop()).calls} - found
            for callee in map(self._project.lookup, called):
                if not isinstance(callee, FunctionRef) or not callee.record.name.startswith("_"):
                    continue
                by = self._callers_of(callee)
                if all(name in found or not caller.record.qualname for name, caller in by.items()):
                    found.add(callee.dotted)
                    functions.append(callee)
        return found

    def _calls(self, function: FunctionRef, heat: Heat) -> Iterator[tuple[FunctionRef, Heat]]:
        base = heat.level
        best: dict[str, Hotness] = {}
        for site in function.record.calls:
            if site.guarded:
                continue
            level = max(base, site.level)
            if base >= Hotness.STEP and (site.level >= Hotness.STEP or site.repeated):
                level = Hotness.ELEMENT
            if function.record.passes and heat.by and site.level < Hotness.STEP:
                level = min(level, Hotness.EPOCH)  # before or after a pass over the data
            if level > Hotness.COLD and level > best.get(site.target, Hotness.COLD):
                best[site.target] = level
        if base > Hotness.COLD:
            for target in sorted(function.record.passed):
                if base > best.get(target, Hotness.COLD):
                    best[target] = base
        for target, level in best.items():
            for callee, sure in self.targets(function, target):
                often = Hotness.STEP if level == Hotness.EPOCH and _is_whole_epoch(callee.record) else level
                yield callee, Heat(often, sure and (heat.sure or base == Hotness.COLD), by=function.dotted)
        for target in self._inferences_in_loops(function) - best.keys():
            for callee, sure in self.targets(function, target):
                if sure and _infers(callee.record) and not self._drives(callee):
                    yield callee, Heat(Hotness.STEP, True, by=function.dotted)

    def _inferences_in_loops(self, function: FunctionRef) -> set[str]:
        """``for image in images: maps = detect(model, image)``, of functions that run without gradients."""
        if not self._inferring:
            return set()
        found = {
            site.target
            for site in function.record.calls
            if site.repeated and not site.guarded and site.target.rpartition(".")[2] in self._inferring
        }
        once = found and (
            function.dotted in self._frozen or function.record.name == "__init__" or is_setup(function)
        )
        return set() if once else found

    def _drives(self, function: FunctionRef) -> bool:
        """Has what it calls steps of its own, as a pass over a whole recording has?"""
        called = (self._project.lookup(name) for name, _ in self._ties(function).calls)
        return any(
            site.level > Hotness.COLD
            for callee in called
            if isinstance(callee, FunctionRef)
            for site in callee.record.calls
        )

    @cached_property
    def _inferring(self) -> frozenset[str]:
        """The names of the functions of the project that run a model without gradients, once a call."""
        return frozenset(f.record.name for f in self._project.functions() if _infers(f.record))

    def targets(self, function: FunctionRef, target: str) -> tuple[Target, ...]:
        """The functions a call may reach, and whether that is by resolved names."""
        if target.rpartition(".")[2] not in self._callable:
            return ()
        head, _, rest = target.partition(".")
        if head in ("self", "cls", "super") and rest:
            key = (f"{function.module.path}:{function.record.owner}", rest)
            known = self._of_self.get(key)
            if known is None:
                known = self._of_self[key] = self._targets_of_self(function, rest)
            return known
        if not head:
            return self._by_method(rest)
        if rest and "." not in rest:
            for name, class_ in function.record.receivers:
                if name == head:
                    held = self._of_class(function.module, class_, rest)
                    if held is not None:
                        return held
        if not rest:
            scope = function.record.qualname
            while scope:
                nested = function.module.functions.get(f"{scope}.{head}")
                if nested is not None:
                    return ((FunctionRef(function.module, nested), True),)
                scope = scope.rpartition(".")[0]
        key = (function.module.path, target)
        known = self._of_name.get(key)
        if known is None:
            known = self._of_name[key] = self._targets_of_name(function.module, target)
        return known

    def _targets_of_self(self, function: FunctionRef, rest: str) -> tuple[Target, ...]:
        owner = self._project.owner(function)
        if owner is not None and "." not in rest:
            found = self._project.method(owner, rest)
            if found is not None:
                overrides = self._project.overrides(owner, rest)
                surely = ((found, True), *((override, True) for override in overrides))
                if not any(d.endswith("abstractmethod") for d in found.record.decorators):
                    return surely
                return (*surely, *self._by_method(rest))
        if owner is not None:
            attribute, _, name = rest.partition(".")
            for ancestor in self._project.ancestry(owner)[0]:
                holds = dict(ancestor.record.holds).get(attribute)
                if holds and "." not in name:
                    module = ancestor.module
                    held = self._of_class(module, holds, name) if name else self._called(module, holds)
                    if held is not None:
                        return held
        return self._by_method(rest.rpartition(".")[2])

    def _of_class(self, module: ModuleRecord, class_: str, name: str) -> tuple[Target, ...] | None:
        """The methods of that name of a class, written as in a module, and of what derives from it; none of
        another package's class, None where the class is not known."""
        dotted = self.engine.names.dotted(module, class_)
        entity = self._project.lookup(dotted, module) if dotted else ""
        if not isinstance(entity, ClassRef):
            return () if isinstance(entity, str) and is_elsewhere(entity) else None
        found = self._project.method(entity, name)
        below = tuple((override, True) for override in self._project.overrides(entity, name))
        if found is None or any(d.endswith("abstractmethod") for d in found.record.decorators):
            return below or None
        return ((found, True), *below)

    def _called(self, module: ModuleRecord, name: str) -> tuple[Target, ...] | None:
        """Of ``self.knn = dense_knn_matrix`` or ``self.propose = Proposals()`` in a constructor, what is
        called as ``self.knn(x)``, ``self.propose(x)``."""
        dotted = self.engine.names.dotted(module, name)
        entity = self._project.lookup(dotted, module) if dotted else ""
        if isinstance(entity, ClassRef):
            return self._of_class(module, name, "__call__")
        return ((entity, True),) if isinstance(entity, FunctionRef) else None

    def _targets_of_name(self, module: ModuleRecord, target: str) -> tuple[Target, ...]:
        project = self._project
        dotted = self.engine.names.dotted(module, target)
        if dotted is None:
            return self._by_method(target.rpartition(".")[2]) if "." in target else ()
        entity = project.lookup(dotted, module)
        if isinstance(entity, FunctionRef):
            return ((entity, True),)
        if isinstance(entity, ClassRef):
            init = project.method(entity, "__init__")
            if init is not None and "torch.nn.Module" not in project.ancestry(entity)[1]:
                return ((init, True),)
        return ()

    def _by_method(self, name: str) -> tuple[Target, ...]:
        known = self._of_method.get(name)
        if known is None:
            known = self._of_method[name] = self._methods(name)
        return known

    def _methods(self, name: str) -> tuple[Target, ...]:
        if name in _TOO_COMMON or name.startswith("__"):
            return ()
        found = [method for method in self._project.methods_named(name) if not _is_attribute(method)]
        family = len(found) == 1 or self._are_one_family(found)
        if family or len(found) <= 4 or len({f.module.path for f in found}) == 1:
            return tuple((function, family) for function in found)
        return ()

    def _are_one_family(self, methods: list[FunctionRef]) -> bool:
        """Does the class of one of the methods stand above those of all the others?"""
        if len(methods) > _FAMILY:
            return False
        owners = [owner for method in methods if (owner := self._project.owner(method)) is not None]
        above = [{c.dotted for c in self._project.ancestry(owner)[0]} for owner in owners]
        return len(owners) == len(methods) and any(
            all(owner.dotted in names for names in above) for owner in owners
        )


def _infers(record: FunctionRecord) -> bool:
    """Does it switch autograd off, by itself or a decorator, and drive no steps?"""
    switches = not record.names.isdisjoint(_SWITCHES) or any(
        decorator.rpartition(".")[2] in _SWITCHES for decorator in record.decorators
    )
    return switches and not record.loops and bool(record.calls) and "backward" not in record.names


_SWITCHES = frozenset({"no_grad", "inference_mode"})


def _is_attribute(method: FunctionRef) -> bool:
    """A property, or what sets one: calls go to its value."""
    return is_property(method) or f"{method.record.name}.setter" in method.record.decorators


def _is_whole_epoch(record: FunctionRecord) -> bool:
    """An epoch that goes backward once, on all of the data, is a step."""
    return not record.loops and {"backward", "step"} <= record.names


def _drives_epochs(record: FunctionRecord) -> bool:
    """Does it hold a loop over epochs, whatever it is called, with steps that learn in it?"""
    return any(site.level == Hotness.EPOCH for site in record.calls) and any(
        site.level >= Hotness.STEP and site.target.endswith("backward") for site in record.calls
    )


def _runs_steps(record: FunctionRecord) -> bool:
    """Does ``__call__`` have a loop of steps, or ``forward`` one that trains?"""
    steps = {site.target.rpartition(".")[2] for site in record.calls if site.level >= Hotness.STEP}
    return bool(steps) if record.name == "__call__" else "backward" in steps


def calling(module: ModuleRecord) -> object:
    """All of a module that these answers rest on, its interface apart."""
    none: frozenset[str] = frozenset()
    return [
        record._replace(
            first=0, line=0, end_line=0, body=(0, 0), stores=none, locals=none, tensors=none, arrays=none,
            calls=tuple(sorted({site._replace(line=0) for site in record.calls})),
        )
        for record in module.functions.values()
    ], module.mentioned  # fmt: skip


def _words(module: ModuleRecord) -> frozenset[str]:
    """The last names of all that a module's functions call, read as an attribute or hand on."""
    functions = module.functions.values()
    handed = (name.rpartition(".")[2] for record in functions for name in record.passed)
    return frozenset(handed).union(*(record.names for record in functions))


def _callables(project: Project) -> Iterator[str]:
    """The names that functions and classes of the project have, or are imported by."""
    modules = project.by_path.values()
    called = {
        class_.name
        for module in modules
        for class_ in module.classes.values()
        if "__call__" in class_.methods
    }
    for module in modules:
        yield from (function.name for function in module.functions.values())
        for class_ in module.classes.values():
            yield class_.name
            yield from (
                attribute
                for attribute, held in class_.holds
                if held.lstrip("_").islower() or held.rpartition(".")[2] in called
            )
        for name, imported in module.imports.items():
            if imported.rpartition(".")[2] != name:
                yield name


_CALL_NOTHING = ("torch.nn.", "builtins.", "object", "abc.", "typing.", "enum.", "collections.")
"""Where bases come from that call none of the private methods of what derives from them."""
_FAMILY = 12  # methods of one name that are compared with each other

_TOO_COMMON = frozenset(
    """get set add append items keys values run call load save close open start stop read write copy to
    cuda cpu eval train
    size shape format apply reshape mean sum min max join split index count sort pop clear update info
    debug warning error
    log parameters named_parameters state_dict load_state_dict zero_grad
    backward item numpy detach view extend remove
    insert""".split()
)
