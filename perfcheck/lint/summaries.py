"""What a function's body comes to for those who call it, and what that is at one call."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from perfcheck.lint.evaluation.arguments import Arguments
from perfcheck.lint.evaluation.environment import Env
from perfcheck.lint.nodes import walk
from perfcheck.lint.project import FunctionRef
from perfcheck.lint.values import NUMBER, UNKNOWN, Value, any_of, elements, join_all

if TYPE_CHECKING:
    from perfcheck.events import Truth


class Summary(NamedTuple):
    """``returned`` is told in terms of parameters: see ``Value.origin``."""

    returned: Value
    stored: Env  # attributes of the method's own object, as they are at its end
    variables: Env  # what functions defined in it see
    reads: tuple[tuple[str, str], ...] = ()  # parameters that ``to_numpy(x)`` and its like read, and by what


def bound(function: FunctionRef, arguments: Arguments, skip: int) -> dict[str, Value]:
    """The arguments of a call by the parameters they are given for."""
    params = function.record.params[skip:]
    found = {name: argument.value for name, argument in zip(params, arguments.positional)}
    for name, argument in arguments.keywords.items():
        found[name] = argument.value
    return found


def read_parameters(function: FunctionRef, node: ast.AST) -> tuple[tuple[str, str], ...]:
    """The parameters of which a function brings what it is given to the host, and the operators that do:
    ``x.detach().cpu()``, ``x.item()``."""
    found: dict[str, str] = {}
    for part in walk(node):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr in _READS:
            root: ast.AST = part.func.value
            while isinstance(root, (ast.Call, ast.Attribute)):
                root = root.func if isinstance(root, ast.Call) else root.value
            if isinstance(root, ast.Name) and root.id in function.record.params:
                found.setdefault(root.id, _READS[part.func.attr])
    return tuple(sorted(found.items()))


_READS = {"cpu": "Tensor.cpu", "numpy": "Tensor.cpu", "item": "Tensor.item", "tolist": "Tensor.tolist"}


def substitute(value: Value, given: dict[str, Value]) -> Value:
    """A value in terms of parameters, made one in terms of arguments."""
    if value.origin:
        found = [given[name] for name in sorted(value.origin) if name in given]
        if value.kind == "unknown":
            if found and len(found) == len(value.origin):
                return join_all(found)
            known = [g for g in found if g.kind != "none"]
            return (
                join_all(known)._replace(const=UNKNOWN.const) if known else value._replace(origin=frozenset())
            )
        if value.kind == "tensor":
            if value.assumed and found and all(g.kind == "number" for g in found):
                return NUMBER
            return value._replace(
                device=_given_device(value, found),
                origin=_origins(found),
                assumed=value.assumed and not found,
            )
        value = value._replace(origin=_origins(found))
    if value.items is not None:
        value = value._replace(items=tuple(substitute(item, given) for item in value.items))
    if value.element is not None:
        element = substitute(value.element, given)
        if value.kind == "list" and element.kind == "loader":
            return element  # ``for batch in loader: yield batch``
        if value.element.kind == "unknown" and element.kind in ("list", "tuple"):
            element = UNKNOWN  # the argument itself, or what it holds
        value = value._replace(element=element)
    return value


def _given_device(value: Value, given: list[Value]) -> Truth:
    facts: list[Truth] = []
    for argument in given:
        inside = elements(argument) if argument.kind in ("list", "tuple", "dict") else argument
        if inside.kind == "tensor" or inside.kind == "device":
            facts.append(inside.device)
        elif isinstance(inside.const, str) and inside.const.startswith(("cpu", "meta")):
            facts.append(False)
        elif inside.kind == "unknown":
            facts.append(inside.device if inside.device is not None else value.device)
    if not facts:
        return value.device
    if True in facts:
        return True if value.device else None  # one way out of the function may lead to the host
    return None if None in facts else any_of(facts)


def _origins(given: list[Value]) -> frozenset[str]:
    return frozenset().union(*(g.origin for g in given)) if given else frozenset()
