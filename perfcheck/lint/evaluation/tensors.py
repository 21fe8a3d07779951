"""Methods of tensors, and of what most likely is one."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from perfcheck.lint.conditions import Argument
from perfcheck.lint.dotted import dotted
from perfcheck.lint.evaluation.arguments import Arguments, unknown_result
from perfcheck.lint.evidence import TENSOR_ONLY, by_name
from perfcheck.lint.host_side import simulates
from perfcheck.lint.operations import device_of
from perfcheck.lint.roles import is_batch_name, steps_on_batch
from perfcheck.lint.values import INT, NUMBER, SIZE, UNKNOWN, Value

if TYPE_CHECKING:
    from perfcheck.lint.evaluation.evaluator import Evaluator


def tensor_method(
    ev: Evaluator, owner: Value, name: str, receiver: Argument, arguments: Arguments, node: ast.Call
) -> Value:
    receiver = Argument(owner, receiver.node)
    found = ev.operate(
        node, f"Tensor.{name}", receiver, arguments.positional, arguments.keywords, arguments.spread
    )
    if found is None:
        return unknown_result(arguments)._replace(device=owner.device)
    if name.endswith("_") and isinstance(receiver.node, ast.Name) and found.kind == "tensor":
        ev.env[receiver.node.id] = owner
        return owner
    if name == "size" and not arguments.positional and not arguments.keywords:
        return SIZE if owner.rank is None else SIZE._replace(items=(INT,) * owner.rank)
    if name in ("size",):
        return INT
    if name in ("detach", "detach_"):
        return found._replace(grad=False)
    if name == "tolist" and owner.rank == 0:
        return NUMBER
    return found


def likely_tensor(
    ev: Evaluator, owner: Value, name: str, receiver: Argument, arguments: Arguments, node: ast.Call
) -> Value:
    """A value of unknown kind is treated as tensors are: it most likely is one."""
    assumed = owner._replace(kind="tensor", assumed=True)
    if name == "cpu" and owner.device is None and not owner.batch and not ev.on_host:
        assumed = assumed._replace(device=True)  # who asks for the host's copy has it elsewhere
    if isinstance(receiver.node, ast.Name) and name in TENSOR_ONLY:
        ev.env[receiver.node.id] = assumed
    if receiver.node is not None:
        ev.values[receiver.node] = assumed
    return tensor_method(ev, assumed, name, Argument(assumed, receiver.node), arguments, node)


def is_part_of_batch(ev: Evaluator, owner: Value, func: ast.Attribute, arguments: Arguments) -> bool:
    """``batch["input_ids"].to(device)``: what is carried over by name comes from the host; and so does what a
    parameter named like a batch holds: ``images, labels = batch``."""
    if ev.class_ is not None and simulates(ev.class_.record.name):
        return False  # what the world it wraps observes, which may lie there already
    given = owner._replace(assumed=True) if isinstance(func.value, ast.Call) else owner
    brought = owner.batch is True and owner.device is None
    if ev.on_host or not (
        brought or _is_item_of_batch(owner, func.value) or _is_of_batch_parameter(ev, given)
    ):
        return False
    target = arguments.value(0, "device")
    if func.attr == "cuda":
        return True
    argument = arguments.positional[0].node if arguments.positional else None
    follows = (
        isinstance(argument, ast.Attribute)
        and argument.attr == "device"
        and ev.values.get(argument.value, UNKNOWN).kind == "tensor"
    )
    names_device = target is not None and (
        target.kind in ("device", "str", "number") or (target.kind == "unknown" and _is_setting(argument))
    )
    return names_device and device_of(target) is not False and not follows


def _is_setting(node: ast.expr | None) -> bool:
    """``args.device``, ``flags.learner_device``"""
    if not isinstance(node, ast.Attribute) or by_name(node.attr).kind != "device":
        return False
    return node.attr != "device" or _SETTINGS.search(dotted(node.value)) is not None


_SETTINGS = re.compile(
    r"(^|[._])(cfg|conf|config|args|opts?|options|hparams|params|settings|flags)$", re.IGNORECASE
)


def _is_item_of_batch(owner: Value, part: ast.expr) -> bool:
    if not isinstance(part, ast.Subscript):
        return False
    if owner.device is not None and not (isinstance(part.value, ast.Name) and "batch" in part.value.id):
        return False
    keys = part.slice.elts if isinstance(part.slice, ast.Tuple) else [part.slice]
    named = all(isinstance(key, ast.Constant) and isinstance(key.value, str) for key in keys)
    return named or (isinstance(part.value, ast.Name) and part.value.id.endswith("batch"))


def _is_of_batch_parameter(ev: Evaluator, value: Value) -> bool:
    """Is it all or part of a parameter named like a batch, or of a step's, of which convention alone tells
    more? By convention, too, what a module is handed lies on the device."""
    if not value.origin or (value.device is not None and not value.assumed):
        return False
    if ev.in_module:
        return False
    name = ev.function.record.name if ev.function is not None else ""
    return steps_on_batch(name) or all(map(is_batch_name, value.origin))


MAYBE_TENSOR = frozenset({"item", "cpu", "detach"})


OF_BATCH = frozenset(
    {
        "to",
        "cuda",
        "type",
        "float",
        "long",
        "half",
        "double",
        "int",
        "bool",
        "view",
        "reshape",
        "unsqueeze",
        "squeeze",
        "transpose",
        "item",
    }
)
