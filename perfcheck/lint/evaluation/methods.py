"""What ``owner.name(...)`` returns, by the kind of the receiver."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from perfcheck.lint.conditions import Argument
from perfcheck.lint.dotted import dotted
from perfcheck.lint.evaluation.arguments import Arguments, moved, unknown_result
from perfcheck.lint.evaluation.attributes import INSTANCES
from perfcheck.lint.evaluation.containers import container_method, fill_entry
from perfcheck.lint.evaluation.modules import module_method
from perfcheck.lint.evaluation.tensors import (
    MAYBE_TENSOR,
    OF_BATCH,
    is_part_of_batch,
    likely_tensor,
    tensor_method,
)
from perfcheck.lint.evidence import TENSOR_LIKE, TENSOR_ONLY, WANT_TWO, along_dimension, by_name
from perfcheck.lint.operations import device_of
from perfcheck.lint.values import ARRAY, INT, NONE, NUMBER, SIZE, STR, UNKNOWN, Value, elements

if TYPE_CHECKING:
    from perfcheck.lint.evaluation.evaluator import Evaluator


def method(ev: Evaluator, owner: Value, func: ast.Attribute, arguments: Arguments, node: ast.Call) -> Value:
    """``owner.name(...)``."""
    name, kind = func.attr, owner.kind
    if name in _PREPARES and _PREPARER.search(dotted(func.value)):
        return _prepared(arguments)
    receiver = Argument(owner, func.value)
    if kind == "unknown" and name in WANT_TWO and len(node.args) + len(node.keywords) < 2:
        return unknown_result(arguments)  # accelerator.gather(x)
    if kind == "unknown" and (
        name in TENSOR_ONLY
        or (owner.device is True and (name in TENSOR_LIKE or name in _OF_MODULES))
        or (name in MAYBE_TENSOR and owner.device is not False and not ev.on_host)
    ):
        return likely_tensor(ev, owner, name, receiver, arguments, node)
    if kind == "unknown" and along_dimension(node):
        device = True if owner.device is None and not owner.batch and not ev.on_host else owner.device
        return likely_tensor(ev, owner._replace(device=device), name, receiver, arguments, node)
    if kind == "unknown" and name == "to" and _is_result(owner, func.value) and not ev.on_host:
        target = arguments.value(0, "device")  # model(x).to("cpu"), out["score"].to("cpu")
        if target is not None and target.kind in ("str", "device") and device_of(target) is False:
            return likely_tensor(ev, owner._replace(device=True), name, receiver, arguments, node)
    movable = kind == "unknown" or (kind == "tensor" and (owner.assumed or isinstance(func.value, ast.Call)))
    if movable and name in ("to", "cuda") and is_part_of_batch(ev, owner, func, arguments):
        part = Value("tensor", False, pinned=owner.pinned, batch=True, assumed=True)
        ev.values[func.value] = part
        return tensor_method(ev, part, name, Argument(part, func.value), arguments, node)
    if kind == "unknown" and owner.batch and name in OF_BATCH:
        return tensor_method(ev, owner._replace(kind="tensor", assumed=True), name, receiver, arguments, node)
    if kind == "tensor":
        return tensor_method(ev, owner, name, receiver, arguments, node)
    if owner.ref is not None and kind in INSTANCES:
        found = ev.engine.call_method(ev, owner, name, arguments)
        if found is not None:
            return found
    if kind == "module":
        return module_method(ev, owner, name, arguments, node)
    if kind in ("list", "tuple", "dict", "set"):
        return container_method(ev, owner, name, func, arguments)
    if kind == "loader" and name in ("next", "__next__"):
        return elements(owner)
    if kind == "array":
        return LIST_OF_NUMBERS if name == "tolist" else NUMBER if name in ("item", "any", "all") else ARRAY
    if kind == "str":
        for argument in arguments.positional + list(arguments.keywords.values()):
            if name == "format":
                ev.dunder("__format__", argument.value, argument.node or func, None)
        return Value("list", element=STR) if name == "split" else STR if name in _STR_TO_STR else UNKNOWN
    if kind == "number":
        return NUMBER  # np.ceil(x).astype("int").item()
    if kind == "size":
        return INT if name == "numel" else UNKNOWN
    if kind == "optimizer":
        found = ev.operate(
            node, f"Optimizer.{name}", receiver, arguments.positional, arguments.keywords, arguments.spread
        )
        return found if found is not None else UNKNOWN
    if kind == "distribution":
        own = f"{owner.ref}.{name}"
        row = own if ev.engine.operator(own) is not None else f"Distribution.{name}"
        found = ev.operate(node, row, receiver, arguments.positional, arguments.keywords, arguments.spread)
        if found is None:
            return Value("tensor", owner.device)
        return (
            found._replace(device=owner.device) if found.kind == "tensor" and found.device is None else found
        )
    if kind in ("stream", "instance", "loader", "host", "scheduler") and owner.ref:
        found = ev.operate(
            node, f"{owner.ref}.{name}", receiver, arguments.positional, arguments.keywords, arguments.spread
        )
        if found is not None:
            return found
    if kind == "unknown":
        return _method_of_unknown(ev, owner, name, arguments, node)
    if kind in ("host", "scheduler"):
        return UNKNOWN
    return unknown_result(arguments)


_PREPARES = frozenset({"prepare", "prepare_data_loader", "prepare_model", "setup", "setup_dataloaders"})
_PREPARER = re.compile(r"(^|[._])(accelerator|fabric)$")


def _prepared(arguments: Arguments) -> Value:
    """``model, loader = accelerator.prepare(model, loader)``, ``fabric.setup_dataloaders(loader)``: the model
    is moved to the device, and so is every batch as it is drawn."""
    given = [_on_device(argument) for argument in arguments.positional]
    if arguments.spread or not given:
        return UNKNOWN
    return given[0] if len(given) == 1 else Value("tuple", items=tuple(given))


def _on_device(argument: Argument) -> Value:
    value = argument.value
    if value.kind == "unknown" and argument.node is not None:
        value = by_name(dotted(argument.node).rpartition(".")[2])
    if value.kind == "loader":
        return Value("loader", element=Value(device=True))
    return value._replace(device=True) if value.kind == "module" else value


_GIVES_MODULE = re.compile(
    r"^[A-Z]|^_*(from_pretrained|load|build|get|create|make|init|eval|train|requires_grad)(_|$)"
)


def _is_result(owner: Value, node: ast.expr) -> bool:
    """Is it what something gave, and no module? Modules, too, are moved by ``to``."""
    if isinstance(node, ast.Call):
        return owner.device is True or not _GIVES_MODULE.match(dotted(node.func).rpartition(".")[2])
    return (
        isinstance(node, ast.Subscript)
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, str)
        and not owner.batch
    )


def _method_of_unknown(ev: Evaluator, owner: Value, name: str, arguments: Arguments, node: ast.Call) -> Value:
    if name in ("parameters",):
        return Value("list", element=Value("tensor", True, "float", grad=True))
    if name == "named_parameters":
        return Value("list", element=Value("tuple", items=(STR, Value("tensor", True, "float", grad=True))))
    if name == "items":
        return Value("list", element=Value("tuple", items=(STR, owner)))
    if name == "values":
        return Value("list", element=owner)
    if name in ("keys",):
        return Value("list", element=STR)
    if name == "append" and arguments.positional and fill_entry(ev, node, arguments.positional[0].value):
        return NONE
    if name in (
        "get",
        "pop",
        "to",
        "cuda",
        "copy",
        "clone",
        "reshape",
        "transpose",
        "squeeze",
        "mean",
        "sum",
        "max",
        "min",
        "view",
        "flatten",
        "float",
        "long",
    ):
        if name in ("to", "cuda"):
            return owner._replace(device=moved(name, arguments, owner.device is not False), batch=None)
        return owner
    if name in ("size",):
        return INT if arguments.positional else SIZE
    if name == "synchronize":
        return ev.operate(node, "torch.cuda.Event.synchronize", Argument(owner, None)) or UNKNOWN
    found_by_name = ev.engine.method_by_name(ev, name, arguments)
    if found_by_name is not None:
        return found_by_name
    return unknown_result(arguments)


_OF_MODULES = frozenset({"all", "any", "min", "max", "sum", "mean", "argmax", "argmin", "nonzero", "cumsum"})
"""Methods of arrays and tensors alone: what a module is handed is not in an array."""

_STR_TO_STR = frozenset(
    {"format", "join", "lower", "upper", "strip", "replace", "rstrip", "lstrip", "title", "ljust", "rjust"}
)


LIST_OF_NUMBERS = Value("list", element=NUMBER)
