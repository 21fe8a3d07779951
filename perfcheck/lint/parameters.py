"""What a function may take its parameters to be: by annotation, default, use and name."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from perfcheck.lint.evidence import by_name
from perfcheck.lint.values import UNKNOWN, Value, elements

if TYPE_CHECKING:
    from perfcheck.lint.evaluation.evaluator import Evaluator


def parameter(ev: Evaluator, node: ast.arg, default: ast.expr | None) -> Value:
    """By itself, and by what its callers hand to it."""
    presumed = _presumed(ev, node, default)
    given = ev.context.get(node.arg)
    return presumed if given is None or node.arg in _OF_HOST else _informed(presumed, given)


def _presumed(ev: Evaluator, node: ast.arg, default: ast.expr | None) -> Value:
    name = node.arg
    origin = frozenset((name,))
    host = ev.on_host or name in _OF_HOST or name.endswith("_cpu")
    given = ev.annotation(node.annotation) if node.annotation is not None else UNKNOWN
    function = ev.function.record.name if ev.function is not None else ""
    constructs = function == "__init__"
    in_module = ev.in_module
    if given.kind != "unknown":
        if constructs and given.kind == "tensor":
            given = given._replace(device=None)  # models are moved after they are made
        if given.kind == "dict" and function == "forward" and in_module and not host:
            given = _on_device(given)
        given = if_loader(name, given)
        return _with_origin(given, origin, host)
    if isinstance(default, ast.Constant) and default.value is not None and default.value is not Ellipsis:
        value = ev.expr(default)
        return value._replace(const=UNKNOWN.const, origin=origin)
    if isinstance(default, (ast.Tuple, ast.List)) and name not in ev.evidence:
        return Value("list", origin=origin)
    if name in ev.evidence and not _is_plain(node.annotation):
        device = False if host else None if constructs else True
        return Value("tensor", device, origin=origin, assumed=True)
    named = by_name(name)
    if named.kind != "unknown":
        return named._replace(origin=origin)
    if host:
        return Value(device=False, origin=origin)
    return Value(device=True if in_module and not constructs else None, origin=origin)


_OF_HOST = frozenset({"state_steps", "batch_sizes"})
"""Counters of optimizers that are not to be captured (torch.optim), and the sizes in a ``PackedSequence``."""


def _is_plain(annotation: ast.expr | None) -> bool:
    """``bool | Literal["warn"]``: nothing but Python's own types, whatever the body does with it."""
    if annotation is None:
        return False
    names = {
        n.id if isinstance(n, ast.Name) else n.attr
        for n in ast.walk(annotation)
        if isinstance(n, (ast.Name, ast.Attribute))
    }
    return bool(names) and names <= _PLAIN_TYPES


_PLAIN_TYPES = frozenset(
    {"bool", "str", "int", "float", "Optional", "Union", "Literal", "typing", "None", "bytes"}
)


def may_be_informed(presumed: Value) -> bool:
    """Could what callers hand over change what a parameter is taken to be?"""
    return presumed.kind in ("unknown", "list", "tuple", "dict") or presumed.assumed


def _informed(presumed: Value, given: Value) -> Value:
    """A parameter, by what is given for it where nothing but convention speaks otherwise."""
    given = _with_origin(given, presumed.origin, False)._replace(const=UNKNOWN.const)
    if presumed.kind == "unknown" or (presumed.kind == given.kind in ("list", "tuple", "dict")):
        return given if given.kind != "none" else presumed
    if presumed.kind == "tensor" and presumed.assumed:
        if given.kind in ("list", "tuple", "array", "number"):  # whatever the annotation says
            return given
        if given.kind == "tensor" and given.device is not None:
            return given._replace(dtype=presumed.dtype or given.dtype)
    return presumed


def if_loader(name: str, value: Value) -> Value:
    """``loader_iter: Iterator[dict[str, Any]]``: where the items may be anything, the name tells more."""
    if value.kind != "list" or value.items is not None or elements(value).kind not in ("unknown", "dict"):
        return value
    named = by_name(name)
    return named if named.kind == "loader" else value


def _on_device(value: Value) -> Value:
    """What a model's ``forward`` is handed in a dictionary, as what it is handed one by one."""
    held = value.element
    if held is None or held.kind != "tensor" or held.device is not None:
        return value
    return value._replace(element=held._replace(device=True, assumed=True))


def _with_origin(value: Value, origin: frozenset[str], host: bool) -> Value:
    if value.kind == "tensor":
        return value._replace(origin=origin, device=False if host else value.device)
    if value.kind in ("list", "tuple", "dict"):
        return value._replace(
            origin=origin,
            element=None if value.element is None else _with_origin(value.element, origin, host),
            items=None if value.items is None else tuple(_with_origin(i, origin, host) for i in value.items),
        )
    return value._replace(origin=origin)
