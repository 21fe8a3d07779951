"""What ``owner.attr`` is where it is not called."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from perfcheck.lint.conditions import Argument
from perfcheck.lint.values import ACCELERATOR, ARRAY, BOOL, HOST, INT, NUMBER, SIZE, STR, UNKNOWN, Value

if TYPE_CHECKING:
    from perfcheck.lint.evaluation.evaluator import Evaluator


INSTANCES = frozenset({"module", "instance", "optimizer", "scheduler", "dataset", "loader", "distribution"})

_RECURRENT = frozenset({"torch.nn.LSTM", "torch.nn.GRU", "torch.nn.RNN"})
"""Layers of which ``bias`` says whether they have one."""

_OF_PAIRS = ("values", "indices")
"""Fields of what ``max``, ``sort``, ``topk`` and the like give."""


def member(ev: Evaluator, owner: Value, node: ast.Attribute) -> Value:
    """``owner.attr`` where it is not called."""
    attr, kind = node.attr, owner.kind
    if kind in ("python-module", "class", "function") and owner.ref:
        named = ev.engine.named(f"{owner.ref}.{attr}", ev.module)
        if attr == "device" and owner.ref != "torch" and named.kind in ("unknown", "none", "python-module"):
            return ACCELERATOR  # a setting: flair.device
        return named
    if kind == "tensor":
        if attr == "device":
            return Value(
                "device", device=owner.device if owner.device is not None else True, origin=owner.origin
            )
        found = ev.operate(node, f"Tensor.{attr}", Argument(owner, node.value))
        if found is not None:
            if found.kind == "size" and owner.rank is not None:
                return found._replace(items=(INT,) * owner.rank)
            return found._replace(grad=False) if attr == "data" else found
        return UNKNOWN if attr not in ("grad", "data") else owner
    if attr == "batch_sizes" and kind in ("unknown", "instance"):  # of a PackedSequence
        return Value("tensor", False, "int", 1)
    if attr == "saved_tensors":  # of an autograd.Function's context
        return Value("tuple", element=Value("tensor", True, assumed=True))
    if attr == "device" and kind not in ("host",):
        return ACCELERATOR if owner.device is not False or kind != "array" else UNKNOWN
    if attr in ("dtype",) and kind != "array":
        return Value("dtype", dtype=owner.dtype)
    if attr == "bias" and owner.ref in _RECURRENT:
        return BOOL
    if owner.ref is not None and kind in INSTANCES:
        return ev.attribute(owner, attr)
    if kind == "module":
        if attr == "training":
            return BOOL
        if attr in ("weight", "bias"):
            return Value("tensor", True, "float", grad=True)
        return UNKNOWN._replace(device=True)
    if kind == "tuple" and attr in _OF_PAIRS and owner.items is not None and len(owner.items) == 2:
        return owner.items[_OF_PAIRS.index(attr)]
    if kind == "array":
        if attr == "shape":
            return SIZE
        return (
            ARRAY
            if attr in ("T", "values", "flat", "real")
            else NUMBER
            if attr in ("size", "ndim")
            else UNKNOWN
        )
    if kind == "host" and owner.ref == "torch.finfo":
        return NUMBER
    if kind == "dict" and owner.keys is None and owner.element is not None:
        return owner.element  # ``inputs.input_ids``
    if kind == "device":
        return STR if attr == "type" else INT if attr == "index" else UNKNOWN
    if kind == "unknown":
        if attr == "meta":
            return HOST
        if attr == "shape":
            return SIZE
        if attr in ("is_cuda", "requires_grad", "training"):
            return BOOL
        if attr == "ndim":
            return INT
        return Value(device=owner.device, batch=owner.batch, pinned=owner.pinned, origin=owner.origin)
    if kind == "number" and attr in ("real", "imag"):
        return NUMBER
    return UNKNOWN
