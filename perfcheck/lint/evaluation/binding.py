"""Storing to names, attributes, items and patterns of them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from perfcheck.lint.conditions import Argument
from perfcheck.lint.dotted import chain
from perfcheck.lint.evaluation.environment import forget, store
from perfcheck.lint.evidence import by_name
from perfcheck.lint.values import UNKNOWN, Value, elements, join

if TYPE_CHECKING:
    from perfcheck.lint.evaluation.evaluator import Evaluator


def bind(ev: Evaluator, target: ast.expr, value: Value, source: ast.expr | None) -> None:
    if type(target) is ast.Name:
        ev.env[target.id] = believe(ev, target.id, value)
        forget(ev.env, target.id)
        ev.values[target] = value
    elif type(target) is ast.Tuple or type(target) is ast.List:
        _unpack(ev, target, value)
    elif type(target) is ast.Attribute:
        ev.expr(target.value)
        if type(target.value) is ast.Name:
            ev.env[f"{target.value.id}.{target.attr}"] = value
        ev.values[target] = value
    elif isinstance(target, ast.Subscript):
        container = ev.expr(target.value)
        index = ev.expr(target.slice)
        ev.values[target] = value
        if container.kind in ("unknown", "dict", "list"):
            name, key = chain(target.value), index_name(target.slice)
            if name is not None and key:
                store(ev.env, name, key, value, others=isinstance(target.slice, ast.Constant))
        if container.kind == "tensor":
            ev.operate(
                target,
                "Tensor.__setitem__",
                Argument(container, target.value),
                [Argument(index, target.slice), Argument(value, source)],
            )
        elif container.kind == "array":
            ev.dunder("__array__", value, source or target)
            if value.kind == "tensor" and value.device:
                ev.emit(target, "host-sync", "Tensor.__array__", value.device, source)
        elif container.kind in ("list", "dict") and isinstance(target.value, (ast.Name, ast.Attribute)):
            grown = join(container.element, value) if container.element is not None else value
            keys = None
            if container.keys is not None and isinstance(index.const, str):
                keys = tuple({**dict(container.keys), index.const: value}.items())
            rebind(ev, target.value, container._replace(element=grown, items=None, keys=keys))
        if index.kind == "tensor" and index.on_device and container.kind in ("list", "tuple"):
            ev.dunder("__index__", index, target.slice)
    elif isinstance(target, ast.Starred):
        bind(ev, target.value, Value("list", element=elements(value)), source)


def index_name(node: ast.expr) -> str:
    """``key``, ``"key"``, ``0``; "" for an index that has no name."""
    if isinstance(node, ast.Name):
        return node.id
    return repr(node.value) if isinstance(node, ast.Constant) else ""


def rebind(ev: Evaluator, target: ast.expr, value: Value) -> None:
    """A container changed in place."""
    if isinstance(target, ast.Name):
        ev.env[target.id] = value
    elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
        ev.env[f"{target.value.id}.{target.attr}"] = value


def _unpack(ev: Evaluator, target: ast.Tuple | ast.List, value: Value) -> None:
    parts = target.elts
    starred = [i for i, part in enumerate(parts) if isinstance(part, ast.Starred)]
    if value.items is not None and len(value.items) == len(parts) and not starred:
        for part, item in zip(parts, value.items):
            bind(ev, part, item, None)
        return
    element = elements(value)
    for part in parts:
        bind(ev, part, element, None)


def believe(ev: Evaluator, name: str, value: Value) -> Value:
    """An unknown value that is used like a tensor is one, on the host if it is called ``values_cpu``; one
    that is named like a loader is one."""
    named = by_name(name) if value.kind == "unknown" and not value.batch else UNKNOWN
    if named.kind == "loader":  # ``prepare(model, loader)`` may move batches
        return named._replace(device=None) if value.device else named
    if value.kind == "unknown" and (name in ev.evidence or (value.device and name in ev.like_arrays)):
        known = value.device is not None or value.batch or ev.on_host
        device = False if name.endswith("_cpu") else value.device if known else True
        return value._replace(kind="tensor", device=device, assumed=True)
    return value
