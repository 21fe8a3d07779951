"""The children of syntax nodes, by type: what every walk over a tree spends its time on."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

Children = Callable[[Any], Sequence[ast.AST]]


def _none(node: ast.AST) -> tuple[()]:
    return ()


def _others(node: ast.AST) -> list[ast.AST]:
    return [child for child in ast.iter_child_nodes(node) if not isinstance(child, _MARKS)]


_MARKS = (ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop)

CHILDREN: dict[type[ast.AST], Children] = {
    **{
        getattr(ast, name): _others
        for name in dir(ast)
        if isinstance(getattr(ast, name), type) and issubclass(getattr(ast, name), ast.AST)
    },
    # expressions
    ast.Name: _none,
    ast.Constant: _none,
    ast.Attribute: lambda n: (n.value,),
    ast.Call: lambda n: (n.func, *n.args, *n.keywords),
    ast.keyword: lambda n: (n.value,),
    ast.BinOp: attrgetter("left", "right"),
    ast.UnaryOp: lambda n: (n.operand,),
    ast.BoolOp: attrgetter("values"),
    ast.Compare: lambda n: (n.left, *n.comparators),
    ast.Subscript: attrgetter("value", "slice"),
    ast.Slice: lambda n: (*filter(None, (n.lower, n.upper, n.step)),),
    ast.Tuple: attrgetter("elts"),
    ast.List: attrgetter("elts"),
    ast.Set: attrgetter("elts"),
    ast.Dict: lambda n: (*filter(None, n.keys), *n.values),
    ast.IfExp: attrgetter("test", "body", "orelse"),
    ast.Starred: lambda n: (n.value,),
    ast.JoinedStr: attrgetter("values"),
    ast.FormattedValue: lambda n: (n.value,) if n.format_spec is None else (n.value, n.format_spec),
    ast.ListComp: lambda n: (n.elt, *n.generators),
    ast.SetComp: lambda n: (n.elt, *n.generators),
    ast.GeneratorExp: lambda n: (n.elt, *n.generators),
    ast.DictComp: lambda n: (n.key, n.value, *n.generators),
    ast.comprehension: lambda n: (n.target, n.iter, *n.ifs),
    ast.Lambda: attrgetter("args", "body"),
    ast.NamedExpr: attrgetter("target", "value"),
    ast.Await: lambda n: (n.value,),
    ast.Yield: lambda n: () if n.value is None else (n.value,),
    ast.YieldFrom: lambda n: (n.value,),
    ast.arguments: lambda n: (
        *n.posonlyargs,
        *n.args,
        *((n.vararg,) if n.vararg else ()),
        *n.kwonlyargs,
        *filter(None, n.kw_defaults),
        *((n.kwarg,) if n.kwarg else ()),
        *n.defaults,
    ),
    ast.arg: lambda n: () if n.annotation is None else (n.annotation,),
    # statements
    ast.Expr: lambda n: (n.value,),
    ast.Assign: lambda n: (*n.targets, n.value),
    ast.AugAssign: attrgetter("target", "value"),
    ast.AnnAssign: lambda n: (
        (n.target, n.annotation) if n.value is None else (n.target, n.annotation, n.value)
    ),
    ast.Return: lambda n: () if n.value is None else (n.value,),
    ast.If: lambda n: (n.test, *n.body, *n.orelse),
    ast.For: lambda n: (n.target, n.iter, *n.body, *n.orelse),
    ast.While: lambda n: (n.test, *n.body, *n.orelse),
    ast.With: lambda n: (*n.items, *n.body),
    ast.withitem: lambda n: (
        (n.context_expr,) if n.optional_vars is None else (n.context_expr, n.optional_vars)
    ),
    ast.Try: lambda n: (*n.body, *n.handlers, *n.orelse, *n.finalbody),
    ast.ExceptHandler: lambda n: n.body if n.type is None else (n.type, *n.body),
    ast.Raise: lambda n: (*filter(None, (n.exc, n.cause)),),
    ast.Assert: lambda n: (n.test,) if n.msg is None else (n.test, n.msg),
    ast.Delete: attrgetter("targets"),
    ast.Import: attrgetter("names"),
    ast.ImportFrom: attrgetter("names"),
    ast.alias: _none,
    ast.Global: _none,
    ast.Nonlocal: _none,
    ast.Pass: _none,
    ast.Break: _none,
    ast.Continue: _none,
}
"""For a node of the type its children in the order of the source's grammar, without what marks contexts and
operators (``ast.Load``, ``ast.Add``)."""

BLOCKS: dict[type[ast.AST], tuple[str, ...]] = {
    ast.FunctionDef: ("body",),
    ast.AsyncFunctionDef: ("body",),
    ast.ClassDef: ("body",),
    ast.If: ("body", "orelse"),
    ast.For: ("body", "orelse"),
    ast.AsyncFor: ("body", "orelse"),
    ast.While: ("body", "orelse"),
    ast.With: ("body",),
    ast.AsyncWith: ("body",),
    ast.Try: ("body", "handlers", "orelse", "finalbody"),
    ast.ExceptHandler: ("body",),
    ast.Match: ("cases",),
    ast.match_case: ("body",),
}
if hasattr(ast, "TryStar"):
    BLOCKS[ast.TryStar] = BLOCKS[ast.Try]
"""Where statements stand in others, in the order of the source."""


def walk(node: ast.AST) -> list[ast.AST]:
    """The node and all below it in the order of :func:`ast.walk`, without marks of contexts and operators."""
    found = [node]
    for below in found:  # which grows
        found += CHILDREN[type(below)](below)
    return found


def block_in(parent: ast.AST | None, statement: ast.stmt) -> list[ast.stmt]:
    """The statements of a parent that run one after the other, this one among them; none if it has none."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(parent, name, None)
        if isinstance(block, list) and statement in block:
            return block
    return []
