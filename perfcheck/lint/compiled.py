"""Which functions run under ``torch.compile``: decorated, handed to it, or called from one that does."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from perfcheck.events import Truth
from perfcheck.lint.engine import Engine
from perfcheck.lint.hotness import HotnessMap
from perfcheck.lint.project import ClassRef, FunctionRef

_COMPILERS = frozenset({"torch.compile", "torch._dynamo.optimize", "torch._dynamo.compile"})
_KEEPS_OUT = frozenset({"torch.compiler.disable", "torch._dynamo.disable"})


class CompiledMap:
    """Answers for every function of a project: yes, no (nothing is ever compiled here), or unknown.

    ``known`` and ``changed`` are those of :class:`HotnessMap`.
    """

    def __init__(
        self,
        engine: Engine,
        heat: HotnessMap,
        known: CompiledMap | None = None,
        changed: frozenset[str] = frozenset(),
    ) -> None:
        self._engine = engine
        self._heat = heat
        self._compiled: set[str] = set()
        self._compiles = False
        self._parts: dict[str, tuple[bool, tuple[FunctionRef, ...]]] = {}
        if known is not None:
            self._parts = {path: part for path, part in known._parts.items() if path not in changed}
        queue = deque(self._roots())
        while queue:
            function = queue.popleft()
            if function.dotted in self._compiled or self._is_kept_out(function):
                continue
            self._compiled.add(function.dotted)
            if function.record.name == "forward":
                queue.extend(self._submodules(function))
            for target in {site.target for site in function.record.calls}:
                queue.extend(callee for callee, sure in heat.targets(function, target) if sure)

    def _is_kept_out(self, function: FunctionRef) -> bool:
        """``@torch.compiler.disable``"""
        names, module = self._engine.names, function.module
        return any(names.dotted(module, d) in _KEEPS_OUT for d in function.record.decorators)

    def of(self, function: FunctionRef) -> Truth:
        if function.dotted in self._compiled:
            return True
        return None if self._compiles and not self._is_kept_out(function) else False

    def _roots(self) -> Iterator[FunctionRef]:
        project = self._engine.project
        for module in project.by_path.values():
            part = self._parts.get(module.path)
            if part is None:
                functions = [FunctionRef(module, record) for record in module.functions.values()]
                roots = tuple(root for function in functions for root in self._roots_of(function))
                part = self._parts[module.path] = any(map(_speaks_of_compiling, functions)), roots
            self._compiles = self._compiles or part[0]
            yield from map(project.current, part[1])

    def _roots_of(self, function: FunctionRef) -> Iterator[FunctionRef]:
        record, module = function.record, function.module
        for decorator in record.decorators:
            if self._engine.names.dotted(module, decorator) in _COMPILERS:
                yield function
        if record.owner and record.name == "compile":
            return  # offered to who wants it: most instances are never compiled
        if any(
            self._engine.names.dotted(module, site.target) in _COMPILERS
            for site in record.calls
            if "compile" in site.target
        ):
            for name in record.passed:
                yield from self._handed(function, name)
        if record.compiled and not self._heat.in_tests(module):
            for name in record.compiled:
                yield from self._instances(function, name)

    def _instances(self, function: FunctionRef, name: str) -> Iterator[FunctionRef]:
        """``forward`` of the class of what is compiled: ``torch.compile(model)``, ``model.compile()``."""
        project, module = self._engine.project, function.module
        owner = project.owner(function)
        attribute, _, method = name.removeprefix("self.").partition(".")
        if name.startswith("self.") and method in ("", "forward") and owner is not None:
            name = dict(owner.record.holds).get(attribute, "")
        class_ = project.lookup(self._engine.names.dotted(module, name) or "", module) if name else None
        if isinstance(class_, FunctionRef):  # model = build(config)
            class_ = project.lookup(self._engine.returned(class_).ref or "")
        if isinstance(class_, ClassRef):
            yield from self._forward_of_module(class_)

    def _forward_of_module(self, class_: ClassRef) -> Iterator[FunctionRef]:
        forward = self._engine.project.method(class_, "forward")
        if forward is not None and self._engine.project.is_subclass(class_, "torch.nn.Module"):
            yield forward

    def _submodules(self, forward: FunctionRef) -> Iterator[FunctionRef]:
        """``forward`` of the modules that the constructor of a compiled one makes, in lists too."""
        project, owner = self._engine.project, self._engine.project.owner(forward)
        constructor = None if owner is None else project.method(owner, "__init__")
        if constructor is not None:
            module = constructor.module
            for target in sorted({site.target for site in constructor.record.calls}):
                class_ = project.lookup(self._engine.names.dotted(module, target) or "", module)
                if isinstance(class_, ClassRef):  # what functions return is not asked: too many bodies
                    yield from self._forward_of_module(class_)

    def _handed(self, function: FunctionRef, name: str) -> Iterator[FunctionRef]:
        project = self._engine.project
        if name.startswith("self."):
            owner = project.owner(function)
            found = project.method(owner, name[5:]) if owner is not None else None
            if found is not None:
                yield found
            return
        dotted = self._engine.names.dotted(function.module, name)
        entity = project.lookup(dotted, function.module) if dotted else None
        if isinstance(entity, FunctionRef):
            yield entity


def _speaks_of_compiling(function: FunctionRef) -> bool:
    record = function.record
    return "compile" in record.names or any("compile" in d or "dynamo" in d for d in record.decorators)
