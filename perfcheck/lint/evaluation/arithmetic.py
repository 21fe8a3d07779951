"""Operators of Python on values of every kind, and constants."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING

from perfcheck.lint.conditions import Argument
from perfcheck.lint.operations import elementwise_rank, operand_device
from perfcheck.lint.values import (
    ARRAY,
    ARRAY_OR_NUMBER,
    BOOL,
    NONE,
    STR,
    UNKNOWN,
    Dtype,
    Value,
    any_of,
    elements,
    join,
)

if TYPE_CHECKING:
    from perfcheck.lint.evaluation.evaluator import Evaluator


def arithmetic(ev: Evaluator, left: Value, right: Value, op: ast.operator) -> Value:
    if left.kind == "tensor" or right.kind == "tensor":
        pair = [v for v in (left, right) if v.kind == "tensor"]
        other = right if left.kind == "tensor" else left
        if other.kind in ("module", "str", "list"):
            return UNKNOWN
        return _elementwise(ev, pair, [left, right], _result_dtype(left, right, op))
    kinds = {left.kind, right.kind}
    if "array" in kinds:
        whole = any(side.kind == "array" and not side.assumed for side in (left, right))
        return ARRAY if whole else ARRAY_OR_NUMBER
    if kinds == {"number"}:
        return Value(
            "number",
            dtype=None if isinstance(op, ast.Div) else left.dtype if left.dtype == right.dtype else None,
        )
    if "str" in kinds:
        return STR
    if kinds <= {"list", "tuple", "size"} and isinstance(op, ast.Add):
        if left.items is not None and right.items is not None:
            return Value(left.kind, items=left.items + right.items)
        return Value("list" if "list" in kinds else "tuple", element=join(elements(left), elements(right)))
    if isinstance(op, ast.Mult) and "list" in kinds and left.kind != right.kind:
        return Value("list", element=elements(left if left.kind == "list" else right))
    if isinstance(op, ast.Mult) and "tuple" in kinds and left.kind != right.kind:
        return Value("tuple", element=elements(left if left.kind == "tuple" else right))
    if kinds == {"unknown", "number"} or kinds == {"unknown"}:
        batch = left.batch or right.batch
        device = True if True in (left.device, right.device) else False if batch else None
        return Value(
            device=device, batch=batch, pinned=False if batch else None, origin=left.origin | right.origin
        )
    return UNKNOWN


def compare(
    ev: Evaluator,
    left: Value,
    op: ast.cmpop,
    right: Value,
    left_node: ast.expr,
    right_node: ast.expr,
    node: ast.Compare,
) -> Value:
    if isinstance(op, (ast.Is, ast.IsNot)):
        return BOOL
    if isinstance(op, (ast.In, ast.NotIn)):
        if right.kind == "tensor":
            ev.dunder("__contains__", right, right_node, node)
        elif (
            left.kind == "tensor"
            and left.device
            and right.kind in ("list", "tuple", "set")
            and right.kind != "set"
        ):
            ev.operate(node, "Tensor.__bool__", Argument(left, left_node))
        elif (
            right.kind in ("list", "tuple") and elements(right).on_device and left.kind not in ("str", "none")
        ):
            ev.operate(node, "Tensor.__bool__", Argument(elements(right), right_node))
        return BOOL
    tensors = [v for v in (left, right) if v.kind == "tensor"]
    if tensors:
        other = right if left.kind == "tensor" else left
        if other.kind in ("none", "str", "device", "dtype", "size"):
            return BOOL
        return _elementwise(ev, tensors, [left, right], "bool")
    if "array" in (left.kind, right.kind):
        return ARRAY
    if left.kind == "unknown" or right.kind == "unknown":
        places = {side.device for side in (left, right) if side.kind == "unknown"}
        device = True if True in (left.device, right.device) else False if places == {False} else None
        batch = (left.batch or right.batch) if device is False else None
        return Value(device=device, dtype="bool", batch=batch, origin=left.origin | right.origin)
    return BOOL


def _elementwise(ev: Evaluator, tensors: list[Value], operands: list[Value], dtype: Dtype | None) -> Value:
    return Value(
        "tensor",
        operand_device(tensors),
        dtype,
        elementwise_rank(operands) if all(v.kind in ("tensor", "number") for v in operands) else None,
        None,
        None,
        False if ev.no_grad else any_of([t.grad for t in tensors]),
        origin=frozenset().union(*(t.origin for t in tensors)),
        assumed=any(t.assumed for t in tensors),
    )


def _result_dtype(left: Value, right: Value, op: ast.operator) -> Dtype | None:
    if isinstance(op, ast.Div):
        return "float"
    dtypes = {left.dtype, right.dtype}
    if "float" in dtypes:
        return "float"
    if None in dtypes:
        return None
    if dtypes == {"bool"}:
        return "bool" if isinstance(op, (ast.BitAnd, ast.BitOr, ast.BitXor, ast.Mult, ast.Add)) else "int"
    return "int"


@lru_cache(maxsize=4096, typed=True)
def constant(value: object) -> Value:
    if value is None:
        return NONE
    if value is True or value is False:
        return Value("number", dtype="bool", const=value)
    if isinstance(value, int):
        return Value("number", dtype="int", const=value)
    if isinstance(value, (float, complex)):
        return Value("number", dtype="float", const=value)
    if isinstance(value, (str, bytes)):
        return Value("str", const=value)
    return Value("number", ref="ellipsis")
