"""Functions of Python's own."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from perfcheck.lint.evaluation.arguments import Arguments
from perfcheck.lint.evaluation.attributes import member
from perfcheck.lint.values import (
    BOOL,
    DICT,
    HOST,
    INT,
    NONE,
    NUMBER,
    STR,
    UNKNOWN,
    Value,
    elements,
    iterated,
    join,
    join_all,
)

if TYPE_CHECKING:
    from perfcheck.lint.evaluation.evaluator import Evaluator


def builtin(ev: Evaluator, name: str, arguments: Arguments, node: ast.Call) -> Value:
    first = arguments.positional[0] if arguments.positional else None
    value = first.value if first is not None else UNKNOWN
    if name in _CASTS:
        if first is not None and first.node is not None:
            ev.dunder(_CASTS[name], value, first.node, node)
        return _CAST_TO.get(name, NUMBER)
    if name in ("str", "repr", "format", "ascii"):
        if first is not None and first.node is not None:
            ev.dunder("__format__" if name == "format" else "__repr__", value, first.node, node)
        return STR
    if name == "print":
        for argument in arguments.positional:
            if argument.node is not None:
                ev.dunder("__repr__", argument.value, argument.node)
                if argument.value.kind in ("list", "tuple", "dict") and elements(argument.value).on_device:
                    ev.dunder("__repr__", elements(argument.value), argument.node)
        return NONE
    if name == "range":
        for argument in arguments.positional:
            if argument.node is not None:
                ev.dunder("__index__", argument.value, argument.node, node)
        return Value("list", element=INT)
    if name == "slice":
        return Value("host", items=tuple(argument.value for argument in arguments.positional), ref="slice")
    if name in ("max", "min"):
        return _extreme(ev, arguments, node)
    if name == "sum":
        start = arguments.value(1, "start")
        inside = iterated(value)
        if inside.kind == "tensor":
            return inside._replace(contiguous=None, rank=inside.rank)
        return (
            join(inside, start)
            if start is not None and start.kind == "tensor"
            else inside
            if inside.kind == "number"
            else UNKNOWN._replace(device=inside.device)
        )
    if name in ("any", "all"):
        inside = iterated(value)
        if inside.kind == "tensor" and first is not None and first.node is not None:
            ev.dunder("__bool__", inside, first.node, node)
        return BOOL
    if name == "sorted":
        if first is not None and first.node is not None:
            order(ev, arguments, iterated(value), first.node)
        return Value("list", element=iterated(value))
    if name in ("list", "tuple", "set", "frozenset", "reversed", "iter"):
        if first is None:
            return Value("set") if "set" in name else Value("list") if name != "tuple" else Value("tuple")
        if value.kind == "loader":
            return value
        if name == "iter" and value.kind == "unknown" and isinstance(node.args[0], (ast.Name, ast.Attribute)):
            return Value("list", element=iterated(value)._replace(batch=True))
        if value.items is not None and name in ("list", "tuple"):
            return value._replace(kind=name)  # type: ignore[arg-type]
        return Value("set" if "set" in name else "list", element=iterated(value))
    if name == "next":
        return iterated(value)
    if name == "enumerate":
        return Value("list", element=Value("tuple", items=(INT, iterated(value))))
    if name == "zip":
        return Value(
            "list", element=Value("tuple", items=tuple(iterated(a.value) for a in arguments.positional))
        )
    if name == "map":
        if arguments.positional[1:]:
            inner = [iterated(a.value) for a in arguments.positional[1:]]
            applied = first.node if first is not None else None
            called = apply_lambda(ev, applied, inner) if isinstance(applied, ast.Lambda) else value
            if called.kind == "python-module" and called.ref in ("builtins.float", "builtins.int"):
                for argument, inside in zip(arguments.positional[1:], inner):
                    if argument.node is not None:
                        ev.dunder("__float__", inside, argument.node, node)
                return Value("list", element=NUMBER)
            if called.kind == "function" and called.element is not None:
                return Value("list", element=called.element)
        return Value("list", element=UNKNOWN)
    if name == "filter":
        return (
            Value("list", element=iterated(arguments.positional[1].value))
            if arguments.positional[1:]
            else UNKNOWN
        )
    if name == "dict":
        if arguments.keywords and not arguments.positional and not arguments.spread:
            keys = tuple((k, a.value) for k, a in arguments.keywords.items())
            return Value("dict", element=join_all([v for _, v in keys]), keys=keys)
        return value if value.kind == "dict" else DICT
    if name in ("len", "id", "hash", "ord"):
        return INT
    if name in ("isinstance", "hasattr", "callable", "issubclass"):
        return BOOL
    if name in ("abs", "round", "divmod"):
        if value.kind == "tensor":
            return value
        return NUMBER if value.kind == "number" else UNKNOWN._replace(device=value.device)
    if name == "pow":
        return value if value.kind == "tensor" else NUMBER
    if name == "getattr":
        attr = arguments.value(1)
        if (
            attr is not None
            and isinstance(attr.const, str)
            and first is not None
            and isinstance(first.node, ast.expr)
        ):
            attribute = ast.Attribute(first.node, attr.const, ast.Load())
            ast.copy_location(attribute, node)
            return member(ev, value, attribute)
        return UNKNOWN
    if name == "super":
        return UNKNOWN
    if name in ("open", "input", "type", "object", "vars", "dir", "globals", "locals"):
        return HOST if name != "input" else STR
    return UNKNOWN


def apply_lambda(ev: Evaluator, node: ast.Lambda, given: Sequence[Value]) -> Value:
    """The function that a ``lambda`` is, as far as it is known what it is given."""
    result = _result_of(ev, node, given)
    return Value("function", element=result if not result.origin else None)


def _result_of(ev: Evaluator, node: ast.Lambda, given: Sequence[Value]) -> Value:
    before = ev.env
    ev.env = dict(before)
    for position, parameter in enumerate((*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)):
        ev.env[parameter.arg] = given[position] if position < len(given) else UNKNOWN
    result = ev.expr(node.body)
    ev.env = before
    return result


def order(ev: Evaluator, arguments: Arguments, inside: Value, subject: ast.expr) -> None:
    """``sorted(scores)``, ``max(scored, key=lambda pair: pair[1])``: whatever two are compared, the host
    asks for the answer."""
    key = arguments.keywords.get("key")
    compared = inside if key is None else UNKNOWN
    if key is not None and isinstance(key.node, ast.Lambda):
        compared = _result_of(ev, key.node, [inside])
    if compared.kind == "tensor":
        ev.dunder("__bool__", compared, subject, arguments.node)


def _extreme(ev: Evaluator, arguments: Arguments, node: ast.Call) -> Value:
    """``max(a, b)`` compares, and asks each comparison for its truth."""
    values = [a.value for a in arguments.positional]
    if len(values) == 1:
        inside = iterated(values[0])
        argument = arguments.positional[0]
        if argument.node is not None:
            order(ev, arguments, inside, argument.node)
        return inside
    for argument in arguments.positional:
        if argument.value.kind == "tensor" and "key" not in arguments.keywords and argument.node is not None:
            ev.dunder("__bool__", argument.value, argument.node, node)
            break
    return join_all(values) if values else UNKNOWN


_CASTS = {"float": "__float__", "int": "__int__", "bool": "__bool__", "complex": "__float__"}
_CAST_TO = {"float": NUMBER._replace(dtype="float"), "int": INT, "bool": BOOL}
