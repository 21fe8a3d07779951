"""Calling an ``nn.Module``, and its methods."""

from __future__ import annotations

import ast
from functools import partial
from typing import TYPE_CHECKING

from perfcheck.lint.conditions import Argument
from perfcheck.lint.evaluation.arguments import Arguments, device_of_arguments, moved, surely_on_host
from perfcheck.lint.evaluation.binding import rebind
from perfcheck.lint.project import ClassRef
from perfcheck.lint.values import STR, UNKNOWN, Value

if TYPE_CHECKING:
    from perfcheck.events import Truth
    from perfcheck.lint.evaluation.evaluator import Evaluator


def call_module(ev: Evaluator, target: Value, arguments: Arguments) -> Value:
    found = _called(ev, target, arguments)
    return _placed(found, False, surely=True) if target.device is False else found


def _called(ev: Evaluator, target: Value, arguments: Arguments) -> Value:
    grad = not ev.no_grad
    if target.ref is not None:
        entity = ev.engine.project.lookup(target.ref)
        if isinstance(entity, ClassRef):
            forward = ev.engine.project.method(entity, "forward") or ev.engine.project.method(
                entity, "__call__"
            )
            if forward is not None:
                found = ev.engine.call(ev, forward, arguments, 1)
                found = _placed(found, device_of_arguments(arguments))
                return found._replace(grad=grad) if found.kind == "tensor" and found.grad is None else found
        last = target.ref.rpartition(".")[2]
        if target.ref.startswith("torch.nn."):
            return _builtin_module(last, arguments, grad)
    device = False if surely_on_host(arguments) else device_of_arguments(arguments)
    return Value(device=device, grad=grad if device else None)


def _placed(value: Value, device: Truth, surely: bool = False) -> Value:
    """What a module returns, of which nothing says where it is, is where its arguments are; ``surely``:
    whatever else is said, as the module itself is there."""
    if value.kind in ("unknown", "tensor"):
        return value._replace(device=device) if surely or value.device is None else value
    if value.kind not in ("list", "tuple", "dict") or device is None:
        return value
    place = partial(_placed, device=device, surely=surely)
    return value._replace(
        items=None if value.items is None else tuple(map(place, value.items)),
        element=None if value.element is None else place(value.element),
        keys=None if value.keys is None else tuple((key, place(held)) for key, held in value.keys),
    )


def _builtin_module(name: str, arguments: Arguments, grad: bool) -> Value:
    device = device_of_arguments(arguments)
    first = arguments.value(0, "input")
    if device is True and first is not None and first.kind == "tensor" and first.device is not None:
        device = first.device
    plain = Value(
        "tensor", device, "float", grad=grad, origin=first.origin if first is not None else frozenset()
    )
    if name in ("LSTM",):
        return Value("tuple", items=(plain, Value("tuple", items=(plain, plain))))
    if name in ("GRU", "RNN", "LSTMCell"):
        return Value("tuple", items=(plain, plain))
    if name == "MultiheadAttention":
        return Value("tuple", items=(plain, plain))
    if name.endswith("Loss"):
        return plain
    if name in ("ModuleList", "ModuleDict", "ParameterList"):
        return UNKNOWN
    if name in (
        "Sequential",
        "Module",
        "DataParallel",
        "parallel.DistributedDataParallel",
        "DistributedDataParallel",
        "Identity",
    ):
        return Value(device=device, grad=grad)
    rank = first.rank if first is not None and name not in ("Flatten", "Unflatten", "Embedding") else None
    if name == "Embedding" and first is not None and first.rank is not None:
        rank = first.rank + 1
    return plain._replace(rank=rank)


def module_method(ev: Evaluator, owner: Value, name: str, arguments: Arguments, node: ast.Call) -> Value:
    if name in (
        "to",
        "cuda",
        "cpu",
        "eval",
        "train",
        "half",
        "float",
        "double",
        "bfloat16",
        "requires_grad_",
        "apply",
        "share_memory",
        "compile",
    ):
        ev.operate(
            node,
            f"Module.{name}",
            Argument(owner, None),
            arguments.positional,
            arguments.keywords,
            arguments.spread,
        )
        if name in ("to", "cuda", "cpu"):
            owner = owner._replace(device=moved(name, arguments, owner.device))
            if isinstance(node.func, ast.Attribute):
                rebind(ev, node.func.value, owner)
        return owner
    if name in ("parameters", "buffers"):
        return Value("list", element=Value("tensor", True, "float", grad=name == "parameters"))
    if name in ("named_parameters", "named_buffers"):
        return Value(
            "list",
            element=Value(
                "tuple", items=(STR, Value("tensor", True, "float", grad=name == "named_parameters"))
            ),
        )
    if name in ("modules", "children"):
        return Value("list", element=Value("module"))
    if name in ("named_modules", "named_children"):
        return Value("list", element=Value("tuple", items=(STR, Value("module"))))
    if name == "state_dict":
        return Value("dict", element=Value("tensor", True))
    if name == "forward":
        return call_module(ev, owner, arguments)
    if name in (
        "generate",
        "predict",
        "sample",
        "encode",
        "decode",
        "encode_image",
        "encode_text",
        "compute_loss",
        "loss",
    ):
        return Value(device=True, grad=None)
    return Value(device=True if True in [a.device for a in arguments.all] else None)
