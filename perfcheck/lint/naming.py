"""What names stand for, seen from inside a module."""

from __future__ import annotations

import ast
import builtins

from perfcheck.lint.dotted import chain
from perfcheck.lint.index import ModuleRecord
from perfcheck.lint.project import Project

BUILTINS = frozenset(dir(builtins))


class Names:
    """Answers that depend on the interfaces of modules alone: imports, functions, classes, variables."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._dotted: dict[tuple[str, str], str | None] = {}
        self._renamed: dict[str, frozenset[str]] = {}

    def dotted(self, module: ModuleRecord, name: str) -> str | None:
        """A name as written in a module, made absolute; None for local things."""
        key = (module.path, name)
        if key in self._dotted:
            return self._dotted[key]
        head, _, rest = name.partition(".")
        found: str | None
        if head in module.imports:
            target = module.imports[head]
            found = f"{target}.{rest}" if rest else target
            entity = self._project.lookup(found, module)
            if not isinstance(entity, str):
                found = entity.name if isinstance(entity, ModuleRecord) else entity.dotted
        elif head in module.functions or head in module.classes:
            found = f"{module.name}.{name}"
        elif head in BUILTINS:
            found = f"builtins.{name}"
        else:
            entity = self._project.member(module, name) if module.stars else ""
            if isinstance(entity, str):
                found = entity or None
                if found is not None and found.startswith(module.name + "."):
                    found = None
            else:
                found = entity.name if isinstance(entity, ModuleRecord) else entity.dotted
        self._dotted[key] = found
        return found

    def static(self, module: ModuleRecord, node: ast.expr) -> str | None:
        """The dotted name of an annotation or a base, whatever local variables are called."""
        name = chain(node)
        if name is not None and name in module.globals:
            return f"{module.name}.{name}"
        return None if name is None else self.dotted(module, name)

    def renamed(self, module: ModuleRecord) -> frozenset[str]:
        """Local names of imports that differ from the imported ones."""
        known = self._renamed.get(module.path)
        if known is None:
            known = self._renamed[module.path] = frozenset(
                local for local, target in module.imports.items() if target.rpartition(".")[2] != local
            )
        return known
