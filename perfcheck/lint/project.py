"""Names across files: modules, imports, re-exports, classes and their bases."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeVar

from perfcheck.lint.external import bases
from perfcheck.lint.index import SOURCES, ClassRecord, FunctionNode, FunctionRecord, ModuleRecord
from perfcheck.lint.trees import Trees


class FunctionRef(NamedTuple):
    """A function of the project."""

    module: ModuleRecord
    record: FunctionRecord

    @property
    def dotted(self) -> str:
        return self.record.dotted


class ClassRef(NamedTuple):
    """A class of the project."""

    module: ModuleRecord
    record: ClassRecord

    @property
    def dotted(self) -> str:
        return self.record.dotted


Ref = TypeVar("Ref", FunctionRef, ClassRef)

Entity = ModuleRecord | FunctionRef | ClassRef | str
"""What a dotted name stands for; a string is the dotted name of something outside the project."""


_Stars = tuple[list[tuple[str, ModuleRecord | None]], dict[str, list[int]], list[int]]
"""The star imports of a module and what they stand for; by name the places of those that give it; the places
of those that may give anything."""


class Project:
    """All indexed modules and the ways from a name to what it stands for."""

    def __init__(self, modules: Iterable[ModuleRecord], trees: Trees) -> None:
        self.modules: dict[str, ModuleRecord] = {}
        self.by_path: dict[str, ModuleRecord] = {}
        self.trees = trees
        by_tail: dict[str, list[ModuleRecord]] = {}
        for module in modules:
            self.modules.setdefault(module.name, module)
            self.by_path[module.path] = module
            by_tail.setdefault(module.name.rpartition(".")[2], []).append(module)
        self._by_tail = by_tail
        self._entities: dict[str, Entity | None] = {}
        self._near: dict[tuple[str, str], str | None] = {}  # paths, by the package that imports, and the name
        self._stars: dict[str, _Stars] = {}
        self._resolving: set[tuple[str, str]] = set()
        self._found: dict[tuple[str, str], FunctionRef | None] = {}  # methods, by class and name
        self._functions: list[FunctionRef] | None = None
        self._methods: dict[str, list[FunctionRef]] | None = None
        self._subclasses: dict[str, list[ClassRef]] | None = None
        self._defined: dict[tuple[str, str], list[FunctionRef]] | None = None
        self._overrides: dict[str, dict[str, list[FunctionRef]]] = {}
        self._bases: dict[str, tuple[tuple[ClassRef, ...], frozenset[str]]] = {}

    def replace(self, new: ModuleRecord) -> None:
        """Put a module where one of the same path and interface was (:mod:`perfcheck.lint.standing`): names
        stand for what they stood for.
        """
        old = self.by_path[new.path]
        self._stars = {}
        self.by_path[new.path] = new
        self.modules = {name: new if module is old else module for name, module in self.modules.items()}
        for known in self._by_tail.values():
            known[:] = [new if module is old else module for module in known]
        for name, entity in self._entities.items():
            if entity is old:
                self._entities[name] = new
            elif isinstance(entity, (FunctionRef, ClassRef)) and entity.module is old:
                self._entities[name] = self.current(entity)  # type: ignore[type-var]
        for name, (inside, outside) in self._bases.items():
            if any(class_.module is old for class_ in inside):
                self._bases[name] = tuple(map(self.current, inside)), outside
        for methods in (self._methods or {}).values():
            methods[:] = map(self.current, methods)
        self._functions, self._defined, self._overrides, self._found = None, None, {}, {}
        for subclasses in (self._subclasses or {}).values():
            subclasses[:] = map(self.current, subclasses)

    def current(self, ref: Ref) -> Ref:
        """The function or class that stands where one stood before its module was replaced."""
        module = self.by_path[ref.module.path]
        if module is ref.module:
            return ref
        if isinstance(ref, FunctionRef):
            return FunctionRef(module, module.functions[ref.record.qualname])
        return ClassRef(module, module.classes[ref.record.qualname])

    # ---- names ----------------------------------------------------------------------------------

    def find_module(self, name: str, importer: ModuleRecord | None = None) -> ModuleRecord | None:
        """A module by its dotted name; a script's neighbours may be imported by their bare names, and others
        with the folder of sources that their names leave out."""
        module = self.modules.get(name)
        if module is None and name.startswith(_IN_SOURCES):
            module = self.modules.get(within_sources(name))
        if module is not None or importer is None or is_elsewhere(name):
            return module
        package = importer.name if importer.is_package else importer.name.rpartition(".")[0]
        key = (package, name)
        if key not in self._near:
            near = self._find_near(package, name)
            self._near[key] = None if near is None else near.path
        path = self._near[key]
        return None if path is None else self.by_path[path]

    def _find_near(self, package: str, name: str) -> ModuleRecord | None:
        while package:
            module = self.modules.get(f"{package}.{name}")
            if module is not None:
                return module
            package = package.rpartition(".")[0]
        tail = name.rpartition(".")[2]
        fits = [m for m in self._by_tail.get(tail, ()) if m.name.endswith("." + name)]
        return fits[0] if len(fits) == 1 else None

    def lookup(self, dotted: str, importer: ModuleRecord | None = None) -> Entity:
        """What an absolute dotted name stands for, through re-exports."""
        if importer is not None and is_elsewhere(dotted):
            importer = None  # it stands for the same wherever it is imported
        key = dotted if importer is None else f"{importer.name}:{dotted}"
        if key in self._entities:
            known = self._entities[key]
            return dotted if known is None else known
        self._entities[key] = None  # a loop of re-exports ends here
        found = self._lookup(dotted, importer)
        self._entities[key] = found
        return found

    def _lookup(self, dotted: str, importer: ModuleRecord | None) -> Entity:
        head, rest = dotted, ""
        while head:
            module = self.find_module(head, importer)
            if module is not None:
                rest = rest or self._stands_for(module)
                return self.member(module, rest) if rest else module
            head, _, last = head.rpartition(".")
            rest = f"{last}.{rest}" if rest else last
        return dotted

    def _stands_for(self, module: ModuleRecord) -> str:
        """The function or class in it that its package puts in its place: ``from .knn import knn``."""
        package, _, last = module.name.rpartition(".")
        above = self.modules.get(package)
        replaced = above is not None and above.imports.get(last) == f"{module.name}.{last}"
        return last if replaced else ""

    def member(self, module: ModuleRecord, name: str) -> Entity:
        """``name`` ("f", "Class.method", "submodule.f") as seen from inside a module."""
        function = module.functions.get(name)
        if function is not None and name:
            return FunctionRef(module, function)
        class_ = module.classes.get(name)
        if class_ is not None:
            return ClassRef(module, class_)
        key = (module.path, name)
        if key in self._resolving or name.count(".") > _LONGEST:
            return f"{module.name}.{name}"  # re-exported from where it is imported
        self._resolving.add(key)
        try:
            return self._imported(module, name)
        finally:
            self._resolving.discard(key)

    def _imported(self, module: ModuleRecord, name: str) -> Entity:
        head, _, rest = name.partition(".")
        if head in module.classes:
            return self._class_member(ClassRef(module, module.classes[head]), rest) or f"{module.name}.{name}"
        target = module.imports.get(head)
        if target is not None:
            return self.lookup(f"{target}.{rest}" if rest else target, module)
        submodule = self.modules.get(f"{module.name}.{head}")
        if submodule is not None and module.is_package:
            return self.member(submodule, rest) if rest else submodule
        for star, source in self._may_give(module, head) if module.stars else ():
            if source is None:
                if head not in module.globals and star.partition(".")[0] in _STAR_PACKAGES:
                    return f"{star}.{name}"
            else:
                own = f"{source.name}.{name}"
                found = self.lookup(own)
                if found != own or head in source.globals:  # `import torch` there gives `torch` here
                    return found
        return f"{module.name}.{name}"

    def _may_give(self, module: ModuleRecord, name: str) -> list[tuple[str, ModuleRecord | None]]:
        """The star imports of a module that may bring a name along, and the modules they stand for."""
        known = self._stars.get(module.path)
        if known is None:
            found = [(star, self.find_module(star, module)) for star in module.stars]
            found = [(star, source) for star, source in found if source is not module]
            given: dict[str, list[int]] = {}
            for place, (_, source) in enumerate(found):
                if source is not None and not source.stars:
                    for own in {*source.functions, *source.classes, *source.imports, *source.globals}:
                        given.setdefault(own, []).append(place)
            open_ = [place for place, (_, source) in enumerate(found) if source is None or source.stars]
            known = self._stars[module.path] = found, given, open_
        found, given, open_ = known
        return [found[place] for place in sorted((*open_, *given.get(name, ())))]

    def _class_member(self, class_: ClassRef, name: str) -> Entity | None:
        nested = class_.module.classes.get(f"{class_.record.qualname}.{name}")
        if nested is not None:
            return ClassRef(class_.module, nested)
        return self._method(class_, name)  # what it derives from may be being found out

    # ---- classes --------------------------------------------------------------------------------

    def ancestry(self, class_: ClassRef) -> tuple[tuple[ClassRef, ...], frozenset[str]]:
        """The class and its bases within the project, nearest first; and all outside names it derives
        from."""
        key = class_.dotted
        known = self._bases.get(key)
        if known is not None:
            return known
        self._bases[key] = ((class_,), frozenset())
        inside: list[ClassRef] = [class_]
        outside: set[str] = set()
        for base in class_.record.bases:
            entity = self.member(class_.module, base) if base else ""
            if isinstance(entity, ClassRef):
                above, names = self.ancestry(entity)
                inside.extend(a for a in above if a not in inside)
                outside |= names
            elif isinstance(entity, str) and entity:
                outside |= external_ancestry(entity)
        result = (tuple(inside), frozenset(outside))
        self._bases[key] = result
        return result

    def is_subclass(self, class_: ClassRef, base: str) -> bool:
        inside, outside = self.ancestry(class_)
        return base in outside or any(c.dotted == base for c in inside)

    def method(self, class_: ClassRef, name: str) -> FunctionRef | None:
        key = (class_.dotted, name)
        if key not in self._found:
            self._found[key] = self._method(class_, name)
        return self._found[key]

    def _method(self, class_: ClassRef, name: str) -> FunctionRef | None:
        for candidate in self.ancestry(class_)[0]:
            record = candidate.module.functions.get(f"{candidate.record.qualname}.{name}")
            if record is not None:
                return FunctionRef(candidate.module, record)
        return None

    def owner(self, function: FunctionRef) -> ClassRef | None:
        name = function.record.owner
        record = function.module.classes.get(name) if name else None
        return None if record is None else ClassRef(function.module, record)

    def overrides(self, class_: ClassRef, name: str) -> Sequence[FunctionRef]:
        """The definitions of a method in the subclasses of a class."""
        if self._subclasses is None:
            self._subclasses = {}
            for every in self.classes():
                for base in self.ancestry(every)[0][1:]:
                    self._subclasses.setdefault(base.dotted, []).append(every)
        known = self._overrides.get(class_.dotted)
        if known is None:
            known = self._overrides[class_.dotted] = {}
            for below in self._subclasses.get(class_.dotted, ()):
                for method in self._own_methods(below):
                    known.setdefault(method.record.name, []).append(method)
        return known.get(name, ())

    def _own_methods(self, class_: ClassRef) -> Iterator[FunctionRef]:
        if self._defined is None:
            self._defined = {}
            for function in self.functions():
                owner, _, _ = function.record.qualname.rpartition(".")
                if owner:
                    self._defined.setdefault((function.module.path, owner), []).append(function)
        return iter(self._defined.get((class_.module.path, class_.record.qualname), ()))

    def classes(self) -> Iterator[ClassRef]:
        for module in self.by_path.values():
            for record in module.classes.values():
                yield ClassRef(module, record)

    def functions(self) -> Sequence[FunctionRef]:
        """All functions, and the bodies of modules."""
        if self._functions is None:
            self._functions = [
                FunctionRef(module, record)
                for module in self.by_path.values()
                for record in module.functions.values()
            ]
        return self._functions

    def names_setting(self, setting: str) -> bool:
        """Does any of its texts name this one of :data:`~perfcheck.lint.index.SETTINGS`?"""
        return any(setting in module.settings for module in self.by_path.values())

    def methods_named(self, name: str) -> list[FunctionRef]:
        """All methods of that name, for calls on receivers of unknown class."""
        if self._methods is None:
            self._methods = {}
            for function in self.functions():
                if function.record.owner:
                    self._methods.setdefault(function.record.name, []).append(function)
        return self._methods.get(name, [])

    def node(self, function: FunctionRef) -> FunctionNode | ast.Module | None:
        if not function.record.qualname:
            return self.trees.module(function.module)
        return self.trees.function(function.module, function.record)


_LONGEST = 12  # dots in a name that is still looked up: re-exports can go round in circles that lengthen it

_ELSEWHERE = sys.stdlib_module_names | frozenset(
    """torch torchvision torchaudio numpy pandas scipy sklearn transformers diffusers accelerate lightning
    pytorch_lightning
    datasets tokenizers triton apex deepspeed timm einops jax flax tensorflow wandb tqdm yaml PIL cv2
    torchmetrics""".split()
)
"""Packages that no folder of the same name deeper in a project stands for."""


_IN_SOURCES = tuple(f"{folder}." for folder in SOURCES)


def within_sources(name: str) -> str:
    """``models.net`` of ``src.models.net``: the names of modules leave the folder out."""
    head, _, rest = name.partition(".")
    return rest if head in SOURCES and rest else name


def is_elsewhere(name: str) -> bool:
    """Is a dotted name one of a package that is known to be no part of a project?"""
    return name.partition(".")[0] in _ELSEWHERE


_STAR_PACKAGES = frozenset({"torch", "numpy", "math", "jax", "tensorflow"})


@lru_cache(maxsize=4096)
def external_ancestry(name: str) -> frozenset[str]:
    """All that an outside class is known to derive from, itself included."""
    found = {name}
    pending = [name]
    while pending:
        for base in bases(pending.pop()):
            if base not in found:
                found.add(base)
                pending.append(base)
    return frozenset(found)
