"""What a call does in a program that keeps its tensors on the device.

A body alone often does not say where a tensor is, or whether an index is a mask. What is usual was seen
in runs of libraries on a device (``benchmarks/generalization.md``): of reads and copies that are certain
once this is supposed, nineteen in twenty happened.
"""

from __future__ import annotations

import ast

from perfcheck.lint.conditions import Argument, Operands, index_parts, is_called_mask
from perfcheck.lint.values import Value


def supposed(operands: Operands) -> Operands:
    """The same operands, with what is usual in the place of what is unknown."""
    by_name = {name: _usual(argument) for name, argument in operands.by_name.items()}
    index, receiver = by_name.get("index"), operands.by_name.get("self")
    if index is not None and receiver is not None:
        parts = index_parts(index)
        if by_name["self"].value.rank is None and all(part.kind == "number" for part in parts):
            whole = by_name["self"]  # as many numbers as it has dimensions
            by_name["self"] = whole._replace(value=whole.value._replace(rank=len(parts)))
    new = {id(old): by_name[name] for name, old in operands.by_name.items()}
    everything = tuple(new.get(id(argument)) or _usual(argument) for argument in operands.all)
    return operands._replace(by_name=by_name, all=everything)


def _usual(argument: Argument) -> Argument:
    value, node = argument
    if value.kind == "tuple" and value.items and isinstance(node, ast.Tuple):
        items = tuple(_usual_tensor(item, part) for item, part in zip(value.items, node.elts))
        return Argument(value._replace(items=items), node)
    return Argument(_usual_tensor(value, node), node)


def _usual_tensor(value: Value, node: ast.expr | None) -> Value:
    if value.kind != "tensor":
        return value
    device = True if value.device is None else value.device
    return value._replace(device=device, dtype=value.dtype or ("bool" if is_called_mask(node) else "int"))
