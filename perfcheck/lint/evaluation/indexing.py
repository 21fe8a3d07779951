"""``container[index]``."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from perfcheck.lint.conditions import Argument
from perfcheck.lint.dotted import chain
from perfcheck.lint.evaluation.binding import index_name
from perfcheck.lint.evaluation.environment import stored
from perfcheck.lint.loops import names_batch_size
from perfcheck.lint.values import (
    ACCELERATOR,
    ARRAY,
    ARRAY_OR_NUMBER,
    INT,
    NUMBER,
    STR,
    UNKNOWN,
    Value,
    elements,
)

if TYPE_CHECKING:
    from perfcheck.lint.evaluation.evaluator import Evaluator


def subscript(ev: Evaluator, node: ast.Subscript) -> Value:
    container = ev.expr(node.value)
    index = ev.expr(node.slice)
    if container.kind in ("unknown", "dict", "list"):
        name, key = chain(node.value), index_name(node.slice)
        known = stored(ev.env, name, key) if name is not None and key else None
        if (
            known is not None
            and known.kind != "unknown"
            and (container.batch or not _may_be_elsewhere(known))
        ):
            return known
    if container.kind == "unknown" and container.device and _selects(index):
        container = container._replace(kind="tensor", assumed=True)  # nothing else takes such an index
        ev.values[node.value] = container
    kind = container.kind
    if kind == "tensor":
        if _is_old_item(node, container, index):
            ev.operate(node, "Tensor.item", Argument(container, node.value))
            return NUMBER
        result = ev.operate(
            node, "Tensor.__getitem__", Argument(container, node.value), [Argument(index, node.slice)]
        )
        return _indexed(container, index, result)
    if isinstance(node.slice, ast.Slice):
        for bound in (node.slice.lower, node.slice.upper):
            if bound is not None:  # whatever is sliced, the host wants to know from where to where
                ev.dunder("__index__", ev.values[bound], bound)
    if kind in ("list", "tuple"):
        if index.kind == "tensor":
            ev.dunder("__index__", index, node.slice)
        if (
            container.items is not None
            and isinstance(index.const, int)
            and -len(container.items) <= index.const < len(container.items)
        ):
            return container.items[index.const]
        if isinstance(node.slice, ast.Slice):
            return (
                container._replace(items=None, element=elements(container))
                if container.items is None
                else _sliced(container, node.slice)
            )
        return elements(container)
    if kind == "dict":
        if container.keys is not None and isinstance(index.const, str):
            return dict(container.keys).get(index.const, UNKNOWN)
        if container.element is not None:
            return container.element
        return _setting(index)
    if kind == "size":
        return container if isinstance(node.slice, ast.Slice) else INT
    if kind == "array":
        if index.kind == "number":  # of one dimension, or of more
            return ARRAY_OR_NUMBER
        return ARRAY._replace(batch=True) if _is_chunk(node.slice) else ARRAY
    if kind == "str":
        return STR
    if kind == "module":  # of several dimensions has a parameter that a BufferDict held
        return Value("tensor" if isinstance(node.slice, ast.Tuple) else "module", device=True, assumed=True)
    if kind == "unknown":
        setting = _setting(index)
        if setting.kind != "unknown":
            return setting
        return Value(
            device=container.device,
            batch=container.batch or (container.device is None and _is_chunk(node.slice)) or None,
            pinned=container.pinned,
            origin=container.origin,
        )
    return UNKNOWN


def _may_be_elsewhere(stored: Value) -> bool:
    """A tensor that one of two ways has stored, and that may be elsewhere."""
    return stored.kind == "tensor" and stored.device is None and stored.assumed


def _setting(index: Value) -> Value:
    """``config["device"]``"""
    return ACCELERATOR if index.const == "device" else UNKNOWN


def _is_chunk(index: ast.expr) -> bool:
    """``data[start : start + batch_size]``: of data that are gone through one batch at a time."""
    bounds = (index.lower, index.upper) if isinstance(index, ast.Slice) else ()
    return any(bound is not None and names_batch_size(bound) for bound in bounds)


def _is_old_item(node: ast.Subscript, container: Value, index: Value) -> bool:
    """``loss.data[0]``: how a scalar was read before torch 0.4."""
    if not isinstance(node.value, ast.Attribute) or node.value.attr != "data" or index.const != 0:
        return False
    return container.rank == 0 or (container.rank is None and "loss" in (chain(node.value) or "").lower())


def _selects(index: Value) -> bool:
    """Is it a tensor of indices, or a mask? One element of an integer tensor may index a list."""
    return index.kind == "tensor" and (bool(index.rank) or index.dtype == "bool")


def _indexed(container: Value, index: Value, result: Value | None) -> Value:
    parts = list(index.items) if index.kind == "tuple" and index.items is not None else [index]
    rank = container.rank
    if rank is not None:
        for part in parts:
            if part.kind == "number" and part.ref != "ellipsis":
                rank -= 1
            elif part.kind == "none":
                rank += 1
            elif part.kind in ("host",) or (part.kind == "number" and part.ref == "ellipsis"):
                continue
            elif part.kind == "tensor" and part.rank is not None and part.dtype == "int" and len(parts) == 1:
                rank += part.rank - 1
            elif part.kind == "tensor" and part.dtype == "bool" and part.rank == rank and len(parts) == 1:
                rank = 1
            else:
                rank = None
                break
        if rank is not None and rank < 0:
            rank = None
    elif len(parts) == 1 and parts[0].kind == "tensor" and parts[0].dtype == "bool":
        rank = None
    return container._replace(
        rank=rank,
        contiguous=None,
        const=UNKNOWN.const,
        grad=container.grad if result is None else result.grad,
    )


def _sliced(container: Value, node: ast.Slice) -> Value:
    def bound(part: ast.expr | None) -> int | None:
        if part is None:
            return None
        try:
            value = ast.literal_eval(part)
        except (ValueError, TypeError):
            return -1_000_000
        return value if isinstance(value, int) else -1_000_000

    low, high = bound(node.lower), bound(node.upper)
    if -1_000_000 in (low, high) or container.items is None:
        return container._replace(items=None, element=elements(container))
    return container._replace(items=container.items[low:high])
