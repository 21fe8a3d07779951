"""Which names a stretch of code reads and writes; dotted attributes ("self.total") count as names."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from perfcheck.lint.dotted import chain
from perfcheck.lint.nodes import BLOCKS, CHILDREN, walk

_OPAQUE = frozenset({ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda})


def root(node: ast.AST) -> str | None:
    """The plain name an expression of attributes, subscripts and calls is built on."""
    while True:
        if isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred, ast.Await)):
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return node.id if isinstance(node, ast.Name) else None


def last(node: ast.AST) -> str:
    """The last name of a call's function or of an attribute, "" if there is none."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def variables(node: ast.AST) -> frozenset[str]:
    """The plain names anywhere in it, stored or read, nested functions included."""
    return frozenset(part.id for part in walk(node) if isinstance(part, ast.Name))


def within(*nodes: ast.AST) -> Iterator[ast.AST]:
    """The nodes and all below them, in source order, without nested functions and classes."""
    stack = list(reversed(nodes))
    while stack:
        node = stack.pop()
        yield node
        kind = type(node)
        if kind not in _OPAQUE:
            stack += CHILDREN[kind](node)[::-1]


def statements(*block: ast.stmt) -> Iterator[ast.stmt]:
    """The statements and those in them, in source order, without those of nested functions and classes."""
    stack: list[ast.AST] = list(reversed(block))
    while stack:
        node = stack.pop()
        if isinstance(node, ast.stmt):
            yield node
        if type(node) not in _OPAQUE:
            for name in reversed(BLOCKS.get(type(node), ())):
                stack += reversed(getattr(node, name))


def mentions(node: ast.AST, names: Iterable[str]) -> bool:
    """Does any of the (dotted) names occur in it?"""
    wanted = frozenset(names)
    return any(chain(part) in wanted for part in within(node) if isinstance(part, (ast.Name, ast.Attribute)))


def loads(*nodes: ast.AST) -> Iterator[ast.Name | ast.Attribute]:
    """The plain names, and the whole attribute chains, that are read below the nodes."""
    stack = list(reversed(nodes))
    while stack:
        node = stack.pop()
        if isinstance(node, (ast.Name, ast.Attribute)) and chain(node) is not None:
            if isinstance(node.ctx, ast.Load):
                yield node
            continue
        kind = type(node)
        if kind not in _OPAQUE:
            stack += CHILDREN[kind](node)[::-1]


def targets(statement: ast.AST) -> tuple[ast.expr, ...]:
    """What an assignment, a loop or a ``with`` stores to, tuples taken apart."""
    if isinstance(statement, ast.Assign):
        found = list(statement.targets)
    elif isinstance(statement, (ast.AugAssign, ast.AnnAssign, ast.For, ast.AsyncFor, ast.comprehension)):
        found = [statement.target]
    elif isinstance(statement, (ast.With, ast.AsyncWith)):
        found = [item.optional_vars for item in statement.items if item.optional_vars is not None]
    else:
        return ()
    flat: list[ast.expr] = []
    while found:
        target = found.pop(0)
        if isinstance(target, (ast.Tuple, ast.List)):
            found = list(target.elts) + found
        elif isinstance(target, ast.Starred):
            found.insert(0, target.value)
        else:
            flat.append(target)
    return tuple(flat)


def derived(names: Iterable[str], statements: Iterable[ast.stmt]) -> frozenset[str]:
    """The names, and all that is assigned from them anywhere in the statements."""
    reached = set(names)
    assignments = [
        node
        for node in within(*statements)
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.For)) and _source(node) is not None
    ]
    grew = True
    while grew:
        grew = False
        for node in assignments:
            source = _source(node)
            new = {name for target in targets(node) if (name := chain(target))} - reached
            if new and source is not None and mentions(source, reached):
                reached |= new
                grew = True
    return frozenset(reached)


def _source(node: ast.AST) -> ast.expr | None:
    if isinstance(node, ast.For):
        return node.iter
    return getattr(node, "value", None)


def words(node: ast.AST) -> Iterator[str]:
    """The names and attributes in a statement or an expression, nested functions apart."""
    for part in within(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr


def default_of(arguments: ast.arguments, name: str) -> ast.expr | None:
    """What a parameter is where nobody gives it; None where it must be given, and of other names."""
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
    for argument, default in [
        *zip(positional, defaults, strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]:
        if argument.arg == name:
            return default
    return None
