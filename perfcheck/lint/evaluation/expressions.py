"""What each kind of expression evaluates to."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

from perfcheck.lint.dotted import chain, dotted
from perfcheck.lint.evaluation.arithmetic import arithmetic, compare, constant
from perfcheck.lint.evaluation.attributes import member
from perfcheck.lint.evaluation.binding import believe, bind
from perfcheck.lint.evaluation.builtin_functions import apply_lambda
from perfcheck.lint.evaluation.calls import call
from perfcheck.lint.evaluation.indexing import subscript
from perfcheck.lint.evaluation.narrowing import asks_for_tensor, narrow
from perfcheck.lint.evidence import tensor_of
from perfcheck.lint.nodes import walk
from perfcheck.lint.values import BOOL, NONE, STR, UNKNOWN, Value, elements, iterated, join, join_all

if TYPE_CHECKING:
    from perfcheck.lint.evaluation.evaluator import Evaluator


def _constant(ev: Evaluator, node: ast.Constant) -> Value:
    return constant(node.value)


def _name(ev: Evaluator, node: ast.Name) -> Value:
    name = node.id
    found = ev.env.get(name)
    if found is not None:
        return found
    if name in ev.locals:
        return Value(kind="tensor", assumed=True) if name in ev.evidence else UNKNOWN
    found = ev.closure.get(name)
    if found is not None:
        return found
    return ev.engine.global_value(ev.module, name, isinstance(ev.node, ast.Module))


def _attribute(ev: Evaluator, node: ast.Attribute) -> Value:
    if isinstance(node.value, ast.Name):
        known = ev.env.get(f"{node.value.id}.{node.attr}")
        if known is not None:
            ev.expr(node.value)
            return known
        found = member(ev, ev.expr(node.value), node)
        name = f"{node.value.id}.{node.attr}"
        return believe(ev, name, found) if name in ev.evidence else found
    return member(ev, ev.expr(node.value), node)


def _binary(ev: Evaluator, node: ast.BinOp) -> Value:
    left, right = ev.expr(node.left), ev.expr(node.right)
    if isinstance(node.op, ast.Mod) and left.kind == "str":
        inside = right.items if right.items is not None else (right,)
        nodes = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
        for value, part in zip(inside, nodes):
            ev.dunder("__format__", value, part)
        return STR
    if isinstance(node.op, ast.Mult):  # [False] * length
        for part, value, other in ((node.left, left, node.right), (node.right, right, node.left)):
            if isinstance(other, (ast.List, ast.Tuple)):
                ev.dunder("__index__", value, part, node)
    return arithmetic(ev, left, right, node.op)


def _unary(ev: Evaluator, node: ast.UnaryOp) -> Value:
    if isinstance(node.op, ast.Not):
        ev.truth(node.operand)
        return BOOL
    value = ev.expr(node.operand)
    if isinstance(node.op, ast.Invert) and value.kind == "tensor" and value.dtype is None:
        return value._replace(dtype="bool", contiguous=None)  # what ``~mask`` is written for
    if value.has_const and isinstance(value.const, (int, float)) and isinstance(node.op, ast.USub):
        return constant(-value.const)
    return (
        value._replace(const=NONE.const, contiguous=None)._replace(const=UNKNOWN.const)
        if value.has_const
        else value
    )


def _bool(ev: Evaluator, node: ast.BoolOp) -> Value:
    found: list[Value] = []
    entry = ev.env
    last = len(node.values) - 1
    for position, part in enumerate(node.values):
        value = ev.expr(part)
        if position < last:
            ev.dunder("__bool__", value, part)
            ev.env = dict(ev.env)
            narrow(ev, part, isinstance(node.op, ast.And))
        found.append(value)
    ev.env = entry
    return join_all(found)


def _comparison(ev: Evaluator, node: ast.Compare) -> Value:
    left = ev.expr(node.left)
    result: Value = BOOL
    left_node = node.left
    for op, right_node in zip(node.ops, node.comparators):
        right = ev.expr(right_node)
        result = compare(ev, left, op, right, left_node, right_node, node)
        if len(node.ops) > 1 and result.kind == "tensor":
            ev.dunder("__bool__", result, left_node, node)
        left, left_node = right, right_node
    return result


def _slice(ev: Evaluator, node: ast.Slice) -> Value:
    bounds = tuple(ev.expr(bound) for bound in (node.lower, node.upper, node.step) if bound is not None)
    return Value("host", items=bounds, ref="slice")


def _sequence(ev: Evaluator, node: ast.Tuple | ast.List) -> Value:
    values = [ev.expr(part) for part in node.elts]
    kind = "tuple" if isinstance(node, ast.Tuple) else "list"
    if any(isinstance(part, ast.Starred) for part in node.elts):
        return Value(kind, element=join_all(values))  # type: ignore[arg-type]
    return Value(kind, items=tuple(values))  # type: ignore[arg-type]


def _set(ev: Evaluator, node: ast.Set) -> Value:
    return Value("set", element=join_all([ev.expr(part) for part in node.elts]))


def _dict(ev: Evaluator, node: ast.Dict) -> Value:
    found: list[tuple[str, Value]] = []
    everything: list[Value] = []
    for key, item in zip(node.keys, node.values):
        value = ev.expr(item)
        if key is None:
            everything.append(elements(value))
            continue
        name = ev.expr(key)
        everything.append(value)
        if isinstance(name.const, str):
            found.append((name.const, value))
    complete = len(found) == len(node.keys)
    return Value(
        "dict",
        element=join_all(everything) if everything else None,
        keys=tuple(found) if complete else None,
    )


def _starred(ev: Evaluator, node: ast.Starred) -> Value:
    return iterated(ev.expr(node.value))


def _conditional(ev: Evaluator, node: ast.IfExp) -> Value:
    ev.truth(node.test)
    before = ev.env
    ev.env = dict(before)
    narrow(ev, node.test, True)
    then = ev.expr(node.body)
    ev.env = dict(before)
    narrow(ev, node.test, False)
    otherwise = ev.expr(node.orelse)
    ev.env = before
    if then.kind == "number" and asks_for_tensor(ev, node.test) == (chain(node.orelse) or "-"):
        return then  # x.item() if isinstance(x, Tensor) else x
    return join(then, otherwise)


def _comprehension(
    ev: Evaluator, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
) -> Value:
    before = ev.env
    ev.env = dict(before)
    believed = ev.evidence
    if believed:  # its variables are its own, whatever others of the same name are used for
        own = {n.id for g in node.generators for n in walk(g.target) if isinstance(n, ast.Name)}
        calls = [part for part in walk(node) if isinstance(part, ast.Call)]
        used = {tensor_of(c) for c in calls} | {dotted(c.func).partition(".")[0] for c in calls}
        ev.evidence = believed - (own - used)
    for generator in node.generators:
        iterable = ev.expr(generator.iter)
        bind(ev, generator.target, iterated(iterable), None)
        for test in generator.ifs:
            ev.truth(test)
            narrow(ev, test, True)
    if isinstance(node, ast.DictComp):
        ev.expr(node.key)
        element = ev.expr(node.value)
    else:
        element = ev.expr(node.elt)
    ev.env, ev.evidence = before, believed
    kind = {ast.DictComp: "dict", ast.SetComp: "set"}.get(type(node), "list")
    return Value(kind, element=element)  # type: ignore[arg-type]


def _lambda(ev: Evaluator, node: ast.Lambda) -> Value:
    return apply_lambda(ev, node, ())


def _joined(ev: Evaluator, node: ast.JoinedStr) -> Value:
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            value = ev.expr(part.value)
            if part.format_spec is not None:
                ev.expr(part.format_spec)
            ev.dunder("__format__", value, part.value)
    return STR


def _formatted(ev: Evaluator, node: ast.FormattedValue) -> Value:
    ev.dunder("__format__", ev.expr(node.value), node.value)
    return STR


def _await(ev: Evaluator, node: ast.Await) -> Value:
    return ev.expr(node.value)


def _yield(ev: Evaluator, node: ast.Yield) -> Value:
    ev.yields.append(NONE if node.value is None else ev.expr(node.value))
    return UNKNOWN


def _yield_from(ev: Evaluator, node: ast.YieldFrom) -> Value:
    ev.yields.append(iterated(ev.expr(node.value)))
    return UNKNOWN


def _named(ev: Evaluator, node: ast.NamedExpr) -> Value:
    value = ev.expr(node.value)
    bind(ev, node.target, value, node.value)
    return value


def _other(ev: Evaluator, node: ast.expr) -> Value:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            ev.expr(child)
    return UNKNOWN


EXPRESSIONS: dict[type, Callable[..., Value]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Call: call,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _bool,
    ast.Compare: _comparison,
    ast.Subscript: subscript,
    ast.Slice: _slice,
    ast.Tuple: _sequence,
    ast.List: _sequence,
    ast.Set: _set,
    ast.Dict: _dict,
    ast.Starred: _starred,
    ast.IfExp: _conditional,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.DictComp: _comprehension,
    ast.Lambda: _lambda,
    ast.JoinedStr: _joined,
    ast.FormattedValue: _formatted,
    ast.Await: _await,
    ast.Yield: _yield,
    ast.YieldFrom: _yield_from,
    ast.NamedExpr: _named,
}
for _kind in ("TemplateStr", "Interpolation"):  # Python 3.14
    if hasattr(ast, _kind):
        EXPRESSIONS[getattr(ast, _kind)] = _other
