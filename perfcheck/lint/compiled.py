"""Which functions run under ``torch.compile``: decorated, handed to it, or called from one that does."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from perfcheck.events import Truth
from perfcheck.lint.engine import Engine
from perfcheck.lint.hotness import HotnessMap
from perfcheck.lint.project import ClassRef, FunctionRef

_COMPILERS = frozenset({"torch.compile", "torch._dynamo.optimize", "torch._dynamo.compile"})


class CompiledMap:
    """Answers for every function of a project: yes, no (nothing is ever compiled here), or unknown."""

    def __init__(self, engine: Engine, heat: HotnessMap) -> None:
        self._engine = engine
        self._heat = heat
        self._compiled: set[str] = set()
        self._compiles = False
        queue = deque(self._roots())
        while queue:
            function = queue.popleft()
            if function.dotted in self._compiled:
                continue
            self._compiled.add(function.dotted)
            for target in {site.target for site in function.record.calls}:
                queue.extend(callee for callee, sure in heat.targets(function, target) if sure)

    def of(self, function: FunctionRef) -> Truth:
        if function.dotted in self._compiled:
            return True
        return None if self._compiles else False

    def _roots(self) -> Iterator[FunctionRef]:
        project = self._engine.project
        for function in project.functions():
            record, module = function.record, function.module
            if "compile" in record.names or any("compile" in d or "dynamo" in d for d in record.decorators):
                self._compiles = True
            for decorator in record.decorators:
                if self._engine.dotted_name(module, decorator) in _COMPILERS:
                    yield function
            if any(
                self._engine.dotted_name(module, site.target) in _COMPILERS
                for site in record.calls
                if "compile" in site.target
            ):
                for name in record.passed:
                    yield from self._handed(function, name)

    def _handed(self, function: FunctionRef, name: str) -> Iterator[FunctionRef]:
        project = self._engine.project
        if name.startswith("self."):
            owner = project.owner(function)
            found = project.method(owner, name[5:]) if owner is not None else None
            if found is not None:
                yield found
            return
        dotted = self._engine.dotted_name(function.module, name)
        entity = project.lookup(dotted, function.module) if dotted else None
        if isinstance(entity, FunctionRef):
            yield entity
        elif isinstance(entity, ClassRef):
            forward = project.method(entity, "forward")
            if forward is not None:
                yield forward
