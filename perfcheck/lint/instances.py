"""What an instance of a class is, and what an annotation promises."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import partial

from perfcheck.lint.annotations import alias_of, annotated
from perfcheck.lint.external import INSTANCE_KINDS
from perfcheck.lint.index import ModuleRecord
from perfcheck.lint.naming import Names
from perfcheck.lint.project import ClassRef, Project, external_ancestry
from perfcheck.lint.values import UNKNOWN, Kind, Value


class Instances:
    """Answers for one project, from names alone: no body is evaluated."""

    def __init__(self, project: Project, names: Names) -> None:
        self._project = project
        self._names = names
        self._of: dict[str, Value] = {}
        self._aliases: dict[str, Value] = {}
        self._annotated: dict[str, Callable[[ast.expr | None], Value]] = {}

    def of(self, class_: ClassRef) -> Value:
        """An instance of a class of the project."""
        name = class_.dotted
        known = self._of.get(name)
        if known is None:
            outside = self._project.ancestry(class_)[1]
            kind: Kind = next((kind for base, kind in INSTANCE_KINDS if base in outside), "instance")
            device = True if kind == "module" else False if kind == "loader" else None
            known = self._of[name] = Value(kind, device, ref=name)
        return known

    @staticmethod
    def outside(name: str) -> Value | None:
        """An instance of a class outside the project, if its bases are known."""
        bases = external_ancestry(name)
        if len(bases) > 1:
            for base, kind in INSTANCE_KINDS:
                if base in bases:
                    return Value(kind, device=True if kind == "module" else None, ref=name)
        return None

    def annotated(self, module: ModuleRecord) -> Callable[[ast.expr | None], Value]:
        """What annotations written in a module promise."""
        known = self._annotated.get(module.path)
        if known is None:
            resolve, instance = partial(self._names.static, module), partial(self._named, module)
            known = self._annotated[module.path] = partial(annotated, resolve=resolve, instance=instance)
        return known

    def _named(self, module: ModuleRecord, dotted: str) -> Value:
        """An instance of the class of that name, or what an alias of that name promises."""
        entity = self._project.lookup(dotted, module)
        if isinstance(entity, ClassRef):
            plain = self._project.method(entity, "__torch_dispatch__") is None
            if plain and "torch.Tensor" in self._project.ancestry(entity)[1]:
                # ``class Matrix(Tensor)``, for the annotation's sake
                return Value("tensor", True, assumed=True)
            return self.of(entity)
        if isinstance(entity, str):
            for known in (self._aliased(entity), self.outside(entity)):
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

    def _aliased(self, dotted: str) -> Value | None:
        """What a name promises that a module of the project assigns: ``OptTensor = Optional[Tensor]``; None
        for other names."""
        package, _, name = dotted.rpartition(".")
        module = self._project.modules.get(package)
        if module is None or name not in module.globals:
            return None
        known = self._aliases.get(dotted)
        if known is None:
            self._aliases[dotted] = UNKNOWN  # while it is asked: it may name itself
            known = self.annotated(module)(alias_of(self._project.trees.globals(module), name))
            self._aliases[dotted] = known
        return known


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
