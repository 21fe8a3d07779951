"""Writing steps down: places instead of nodes, names as the file spells them."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping
from typing import Final

from perfcheck.findings import Place, Rewrite, RewriteKind, Safety
from perfcheck.lint.detectors.names import variables
from perfcheck.lint.dotted import chain
from perfcheck.lint.nodes import block_in
from perfcheck.lint.places import place_of
from perfcheck.lint.scope import BodyScope
from perfcheck.rulebook.patterns import ONE, REST, mark_metavariables, metavariable_name

_RECEIVERS: Final = frozenset({"self", "cls"})
_ALIASES: Final = {"numpy": "np"}

LoopStatement = ast.For | ast.AsyncFor | ast.While


class GiveUp(Exception):
    """This place cannot be mended in this way."""


class Writer:
    """Collects the steps for one place of a body."""

    def __init__(self, scope: BodyScope, safety: Safety) -> None:
        self.scope = scope
        self.safety = safety
        self.rewrites: list[Rewrite] = []
        self._taken: set[str] | None = None

    def unsafe(self) -> None:
        """Here the page's promise does not hold."""
        self.safety = "unsafe"

    # ---- steps ----------------------------------------------------------------------------------

    def replace(
        self,
        node: ast.AST,
        template: str,
        bindings: Mapping[str, ast.AST] | None = None,
        *,
        of_page: bool = False,
    ) -> str:
        """Put a template with its metavariables filled in where the node stands. All names in the template
        of a page are global; in those of codemods, local ones too."""
        kind: RewriteKind = "replace-statement" if isinstance(node, ast.stmt) else "replace"
        self._add(kind, node, template, bindings, of_page=of_page)
        return f"write `{self._filled(template, bindings or {})}`"

    def keyword(self, call: ast.Call, name: str, value: str, **bindings: ast.AST) -> str:
        """Pass a keyword argument, or with "" leave it out; what is given already is replaced."""
        given = next((k for k in call.keywords if k.arg == name), None)
        if not value and given is None:
            raise GiveUp  # given by position
        if given is None and self.scope.may_pass(call, name):
            raise GiveUp
        self._add("keyword", call, f"{name} = {value}" if value else name, bindings)
        if not value:
            return f"leave out `{name}`"
        return f"pass `{name}={self._filled(value, bindings)}`"

    def _filled(self, template: str, bindings: Mapping[str, ast.AST]) -> str:
        """The template as people read it."""
        for name, bound in bindings.items():
            if f"$...{name}" in template:
                template = template.replace(f"$...{name}", "…" if _elements(bound) else "")
            elif f"${name}" in template:
                template = template.replace(f"${name}", self.scope.text(bound))
        return _short(template)

    def insert_before(self, statement: ast.stmt, text: str, **bindings: ast.AST) -> None:
        self._add("insert-before", statement, text, bindings)

    def insert_after(self, statement: ast.stmt, text: str, **bindings: ast.AST) -> None:
        self._add("insert-after", statement, text, bindings)

    def remove(self, statement: ast.stmt) -> None:
        self._add("remove", statement)

    def guard(self, statement: ast.stmt, header: str, **bindings: ast.AST) -> None:
        """Put the statement under ``header``, such as ``if step % 50 == 0``."""
        self._add("guard", statement, header + ": pass", bindings)

    def decorate(self, function: ast.AST, decorator: str) -> None:
        self._add("decorate", function, decorator)

    def _add(
        self,
        kind: RewriteKind,
        node: ast.AST,
        template: str = "",
        bindings: Mapping[str, ast.AST] | None = None,
        *,
        of_page: bool = False,
    ) -> None:
        text = self._spelled(mark_metavariables(template), of_page) if template else ""
        bound = tuple(
            (name, tuple(self.place(part) for part in _elements(bound)))
            if f"{REST}{name}" in text
            else (name, (self.place(bound),))
            for name, bound in sorted((bindings or {}).items())
            if f"{ONE}{name}" in text or f"{REST}{name}" in text
        )
        self.rewrites.append(Rewrite(kind, self.place(node), text, bound))

    def place(self, node: ast.AST) -> Place:
        if not hasattr(node, "lineno"):
            raise GiveUp  # made up by a detector
        return place_of(node, self.scope.lines)

    # ---- names ----------------------------------------------------------------------------------

    def _spelled(self, text: str, of_page: bool) -> str:
        """The text with global names as the file spells them; what it does not import yet, it will."""
        found: list[tuple[int, int, str]] = []
        for node in _outermost(ast.parse(text)):
            name = chain(node)
            root = (name or "").partition(".")[0]
            if name is None or root == name or metavariable_name(ast.Name(root)) or root in _RECEIVERS:
                continue
            if root not in _IMPORTABLE and not of_page:
                continue
            found.append((node.col_offset, node.end_col_offset or 0, self.spelled(name)))
        if "\n" in text and found:
            raise GiveUp  # columns of one line only
        for begin, end, name in sorted(found, reverse=True):
            text = text[:begin] + name + text[end:]
        return text

    def spelled(self, name: str) -> str:
        """How a global name ("torch.zeros") is to be written at this place."""
        own = self._visible()
        parts = name.split(".")
        for length in range(len(parts), 0, -1):
            prefix = ".".join(parts[:length])
            aliases = [alias for alias, target in own.items() if target == prefix]
            if aliases:
                return ".".join([min(aliases, key=len), *parts[length:]])
        root = parts[0]
        alias = _ALIASES.get(root, root)
        if root not in _IMPORTABLE or alias in self.taken:
            raise GiveUp
        if root == "torch" and not self._uses_torch():
            raise GiveUp  # of another framework
        text = f"import {root}" + (f" as {alias}" if alias != root else "")
        self.rewrites.append(Rewrite("import", Place(1, 1, 1, 1), text))
        return ".".join([alias, *parts[1:]])

    def _uses_torch(self) -> bool:
        """Does the module import some part of torch, or a library that is built on it?"""
        module = self.scope.function.module
        packages = {name.partition(".")[0] for name in (*module.imports.values(), *module.stars)}
        return any(name.startswith("torch") for name in packages) or not packages.isdisjoint(_ON_TORCH)

    def _visible(self) -> dict[str, str]:
        """The imports that the module binds at its top level, but for what the body binds anew."""
        module = self.scope.function.module
        record = self.scope.function.record
        top = self.scope.run.engine.project.trees.imported(module)
        hidden = record.locals | set(record.params) if record.qualname else frozenset()
        return {name: target for name, target in module.imports.items() if name in top and name not in hidden}

    @property
    def taken(self) -> set[str]:
        """Every name that the body, the module or Python itself knows."""
        if self._taken is None:
            module = self.scope.function.module
            given = {node.arg for node in ast.walk(self.scope.node) if isinstance(node, ast.arg)}
            used = variables(self.scope.node)
            self._taken = {*given, *used, *module.globals, *module.imports, *dir(builtins)}
        return self._taken

    def fresh(self, *wishes: str) -> str:
        """A name that nobody uses yet, the first of the wishes that is free."""
        for wish in (*wishes, *(f"{wishes[0]}_{number}" for number in range(2, 9))):
            if wish.isidentifier() and wish not in self.taken:
                return wish
        raise GiveUp

    # ---- structure ------------------------------------------------------------------------------

    def loop(self, node: ast.AST) -> LoopStatement:
        """The innermost loop statement around a place, where no comprehension lies between."""
        loops = self.scope.loops(node)
        if not loops or isinstance(loops[-1], ast.comprehension):
            raise GiveUp
        return loops[-1]

    def block(self, statement: ast.stmt) -> list[ast.stmt]:
        """The statements that run one after the other, this one among them."""
        block = block_in(self.scope.parent(statement) or self.scope.node, statement)
        if not block:
            raise GiveUp
        return block

    def uses(self, name: str, *nodes: ast.AST) -> list[ast.Name | ast.Attribute]:
        """All places below the nodes, nested functions too, where a (dotted) name stands."""
        return [
            part
            for node in nodes
            for part in ast.walk(node)
            if isinstance(part, (ast.Name, ast.Attribute)) and chain(part) == name
        ]

    def is_local(self, name: str) -> bool:
        """Is it a variable of this body alone, which no nested function looks at?"""
        body = self.scope.node
        inner = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
        return not any(
            (isinstance(part, (ast.Global, ast.Nonlocal)) and name in part.names)
            or (part is not body and isinstance(part, inner) and self.uses(name, part))
            for part in ast.walk(body)
        )


def _outermost(tree: ast.AST) -> Iterator[ast.Name | ast.Attribute]:
    """Names and whole chains of attributes."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, (ast.Name, ast.Attribute)) and chain(child) is not None:
            yield child
        else:
            yield from _outermost(child)


def _elements(bound: ast.AST) -> list[ast.expr]:
    """The arguments that ``$...A`` stands for."""
    parts = bound.elts if isinstance(bound, ast.Tuple) else []
    return [part.value if isinstance(part, ast.Starred) else part for part in parts]


def _short(text: str) -> str:
    text = " ".join(text.split()).replace(", )", ")").replace("(, ", "(")
    return text if len(text) <= 80 else text[:77] + "…"


_ON_TORCH: Final = frozenset(
    {"accelerate", "diffusers", "lightning", "pytorch_lightning", "timm", "transformers"}
)
_IMPORTABLE: Final = frozenset({"torch", "numpy", "math"})
