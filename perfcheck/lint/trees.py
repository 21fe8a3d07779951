"""Syntax trees when they are wanted: to parse a file again, or a part of it, costs less than to keep all."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from perfcheck.lint.dotted import chain
from perfcheck.lint.index import ClassRecord, FunctionNode, FunctionRecord, ModuleRecord
from perfcheck.lint.nodes import BLOCKS

_CHECKING = ("TYPE_CHECKING", "typing.TYPE_CHECKING")
_FILES = 256  # whose lines are kept at hand
_FUNCTIONS = 768  # whose trees are kept at hand


class _AtHand(NamedTuple):
    """A file that was parsed for what is wanted of it; other functions may be empty."""

    path: str
    tree: ast.Module
    whole: bool  # no function is empty
    defined: dict[int, ast.stmt]  # functions that are not empty, and classes, by line


class Trees:
    """Parts of the files of a project, with the positions that they have in the whole.

    ``text`` gives a file's text by its path.
    """

    def __init__(self, text: Callable[[str], str]) -> None:
        self._text = text
        self.lines: Callable[[str], Sequence[str]] = lru_cache(maxsize=_FILES)(
            lambda path: text(path).split("\n")
        )
        """The lines of a file by its path."""
        self._functions: dict[tuple[str, int], FunctionNode] = {}
        self._imports: dict[str, frozenset[str]] = {}
        self._at_hand = _AtHand("", ast.Module([], []), True, {})

    def prepare(self, module: ModuleRecord, wanted: Iterable[FunctionRecord]) -> None:
        """Parse a file once for all the functions that will be wanted of it, and keep it until the next."""
        names = {record.qualname for record in wanted}
        around = {name[:end] for name in names for end, character in enumerate(name) if character == "."}
        lines = list(self.lines(module.path))
        idle = (
            record
            for name, record in module.functions.items()
            if name not in names and name not in around
            if not record.outer
        )
        self._keep(module, lines, {record.line for record in idle if _empty(lines, record)})

    def complete(self, module: ModuleRecord) -> bool:
        """Have the whole file at hand; False if it was."""
        if self._at_hand.path == module.path and self._at_hand.whole:
            return False
        self._keep(module, self.lines(module.path), set())
        return True

    def _keep(self, module: ModuleRecord, lines: Sequence[str], empty: set[int]) -> None:
        tree = ast.parse("\n".join(lines))
        defined = {node.lineno: node for node in _defined(tree.body) if node.lineno not in empty}
        self._at_hand = _AtHand(module.path, tree, not empty, defined)

    def module(self, module: ModuleRecord) -> ast.Module:
        """The file; its functions may be empty."""
        if self._at_hand.path == module.path:
            return self._at_hand.tree
        lines = list(self.lines(module.path))
        for record in module.functions.values():
            if not record.outer:
                _empty(lines, record)
        return ast.parse("\n".join(lines))

    def globals(self, module: ModuleRecord) -> ast.Module:
        """The file; its functions and classes may be empty."""
        if self._at_hand.path == module.path:
            return self._at_hand.tree
        inner = [record for name, record in _definitions(module) if "." not in name]
        return ast.parse("\n".join(_hollow(self.lines(module.path), 1, module.lines, inner)))

    def imported(self, module: ModuleRecord) -> frozenset[str]:
        """The names that imports bind when the file is loaded, whatever functions import besides."""
        if module.path not in self._imports:
            self._imports[module.path] = frozenset(
                (alias.asname or alias.name).partition(".")[0]
                for statement in _loaded(self.globals(module).body)
                if isinstance(statement, (ast.Import, ast.ImportFrom))
                for alias in statement.names
            )
        return self._imports[module.path]

    def attributes(self, module: ModuleRecord, class_: ClassRecord) -> list[ast.stmt]:
        """What the body of a class assigns."""
        if not class_.assigns:
            return []
        found = self._at_hand.defined.get(class_.line) if self._at_hand.path == module.path else None
        if found is None:
            names = [f"{class_.qualname}.{method}" for method in class_.methods]
            inner = [module.functions[name] for name in names if name in module.functions]
            found = _part(_hollow(self.lines(module.path), class_.line, class_.end_line, inner), class_.line)
        body = found.body if isinstance(found, ast.ClassDef) else []
        return [statement for statement in body if isinstance(statement, (ast.Assign, ast.AnnAssign))]

    def function(self, module: ModuleRecord, function: FunctionRecord) -> FunctionNode | None:
        """None if it is not where it was."""
        if self._at_hand.path == module.path and function.line in self._at_hand.defined:
            there = self._at_hand.defined[function.line]
            return there if isinstance(there, (ast.FunctionDef, ast.AsyncFunctionDef)) else None
        key = (module.path, function.line)
        found = self._functions.pop(key, None) or self._function(module, function)
        if found is not None:
            self._functions[key] = found
            if len(self._functions) > _FUNCTIONS:
                del self._functions[next(iter(self._functions))]
        return found

    def _function(self, module: ModuleRecord, function: FunctionRecord) -> FunctionNode | None:
        lines = self.lines(module.path)[function.first - 1 : function.end_line]
        try:
            found = _part(lines, function.first)
        except SyntaxError:  # "@(" begins a line earlier than the decorator in it
            among = ast.walk(ast.parse(self._text(module.path)))
            found = next((n for n in among if isinstance(n, ast.stmt) and n.lineno == function.line), None)
        return found if isinstance(found, (ast.FunctionDef, ast.AsyncFunctionDef)) else None


_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _defined(statements: Iterable[ast.AST]) -> Iterator[ast.stmt]:
    """All functions and classes there, at any depth."""
    pending = list(statements)
    while pending:
        node = pending.pop()
        blocks = BLOCKS.get(type(node))
        if blocks is not None:
            if isinstance(node, _DEFINITIONS):
                yield node
            for block in blocks:
                pending += getattr(node, block)


def _empty(lines: list[str], function: FunctionRecord) -> bool:
    """Leave nothing in a function but ``pass``; only where its body has lines of its own."""
    line, column = function.body
    begin = lines[line - 1]
    if line <= function.line or len(begin) - len(begin.lstrip()) != column:
        return False
    lines[line - 1 : function.end_line] = [begin[:column] + "pass"] + [""] * (function.end_line - line)
    return True


def _loaded(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module's body, with those that come first in its ``if`` and ``try``."""
    for statement in statements:
        yield statement
        if isinstance(statement, ast.Try) or (
            isinstance(statement, ast.If) and chain(statement.test) not in _CHECKING
        ):
            yield from _loaded(statement.body)


def _definitions(module: ModuleRecord) -> Iterable[tuple[str, FunctionRecord | ClassRecord]]:
    yield from ((name, record) for name, record in module.functions.items() if name)
    yield from module.classes.items()


def _part(lines: Sequence[str], first: int) -> ast.stmt | None:
    """The statement that the lines hold, of which the first has the given number."""
    text = "\n".join(lines)
    if text[:1].isspace():
        block = ast.parse("\n" * (first - 2) + "if 1:\n" + text).body[0]
        return block.body[0] if isinstance(block, ast.If) else None
    body = ast.parse("\n" * (first - 1) + text).body
    return body[0] if body else None


def _hollow(
    lines: Sequence[str], first: int, last: int, inner: Iterable[FunctionRecord | ClassRecord]
) -> list[str]:
    """The lines from first to last, nothing in the definitions inside, so that they parse faster."""
    found = list(lines[first - 1 : last])
    for record in inner:
        head = found[record.line - first]
        indent = head[: len(head) - len(head.lstrip())]
        kind = "class {}: pass" if isinstance(record, ClassRecord) else "def {}(): pass"
        end = record.end_line - first + 1
        found[record.line - first : end] = [indent + kind.format(record.name)] + [""] * (
            record.end_line - record.line
        )
    return found
