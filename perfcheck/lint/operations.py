"""Applying one row of the operator table to the arguments of a call."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import cache
from typing import Final, NamedTuple

from perfcheck.events import Event, Truth
from perfcheck.lint.conditions import Argument, Operands, condition
from perfcheck.lint.supposing import supposed
from perfcheck.lint.values import (
    ARRAY,
    BOOL,
    INT,
    NONE,
    NUMBER,
    SIZE,
    STR,
    UNKNOWN,
    Dtype,
    Value,
    any_of,
    elements,
)
from perfcheck.operators import Operator
from perfcheck.operators.reader import Effect, Result, results


class Happening(NamedTuple):
    """An event that applying an operator raises; ``variant`` tells the ways apart ("mask", "h2d")."""

    event: Event
    certain: Truth
    variant: str
    usual: bool = False  # certain, too, where tensors of unknown place are on the device


_VARIANTS = (
    ("has_mask", "mask"),
    ("bool_dtype('index')", "host-mask"),
    ("has_device_scalar", "index"),
    ("has_host_index", "host-index"),
    ("to_device()", "h2d"),
    ("to_host()", "d2h"),
    ("host('self')", "from-device"),
    ("host('value')", "host-value"),
    ("number('value')", "host-value"),
)

_DTYPES: dict[str, Dtype] = {"bool": "bool", "int": "int", "float": "float", "complex": "float"}


def bind(
    operator: Operator,
    receiver: Argument | None,
    positional: list[Argument],
    keywords: dict[str, Argument],
    spread: bool,
) -> Operands:
    """Give the arguments their parameters' names."""
    everything = ([receiver] if receiver is not None else []) + positional
    by_name: dict[str, Argument] = {}
    for position, argument in enumerate(everything):
        name = operator.parameter(position)
        if name is None:
            break
        known = by_name.get(name)
        if known is None or (known.value.kind != "tensor" and argument.value.kind == "tensor"):
            by_name[name] = argument  # of several, as of ``torch.zeros(4, n)``, a tensor says most
    by_name.update(keywords)
    return Operands(by_name, (*everything, *keywords.values()), spread)


_LAYOUTS = frozenset({"memory_format", "out"})
"""Arguments that decide how the result is laid out."""


def apply(operator: Operator, operands: Operands) -> tuple[Value, list[Happening]]:
    """The result of a call, and what it does to host and device."""
    result = _result(operator, operands)
    if operator.contiguous is not None and result.kind == "tensor":
        receiver = operands.all[0].value if operands.all else UNKNOWN
        fact = operator.contiguous or (False if receiver.contiguous else None)
        result = result._replace(contiguous=fact)
    if not _LAYOUTS.isdisjoint(operands.by_name):
        result = result._replace(contiguous=None)
    if operator.effects:
        operands = operands._replace(result=result, from_data=operator.names[0] == "torch.tensor")
    raised: list[Happening] = []
    for effect in operator.effects:
        certain = _happens(effect, operands)
        if certain is not False:
            variant = next((word for mark, word in _VARIANTS if mark in effect.when), "")
            usual = certain is None and _happens(effect, supposed(operands)) is True
            raised.append(Happening(effect.event, certain, variant, usual))
    for name in operator.numbers:  # a device tensor where a number is wanted
        argument = operands.by_name.get(name)
        if argument is not None and _reads(argument.value):
            raised.append(Happening("host-sync", True, "number"))
    return result, raised


def _happens(effect: Effect, operands: Operands) -> Truth:
    return condition(effect.when)(operands) if effect.when else _on_device(operands)


def _reads(value: Value) -> bool:
    if value.kind in ("list", "tuple"):
        return value.items is not None and any(
            item.kind == "tensor" and item.device is True for item in value.items
        )
    return value.kind == "tensor" and value.device is True


def _tensors(operands: Operands) -> list[Value]:
    found = []
    for argument in operands.all:
        value = argument.value
        if value.kind in ("list", "tuple"):
            inside = elements(value)
            if inside.kind in ("list", "tuple"):
                inside = elements(inside)
            value = inside
        if value.kind == "tensor" or (value.kind == "unknown" and value.batch):
            found.append(value)
    return found


def _on_device(operands: Operands) -> Truth:
    return any_of(
        [t.device for t in _tensors(operands)] or [operands.all[0].value.on_device if operands.all else None]
    )


def device_of(value: Value | None, node: ast.expr | None = None) -> Truth:
    """Does a ``device`` argument name an accelerator?"""
    if value is None:
        return False
    if value.kind == "device":
        return True if value.device is None else value.device
    if value.kind == "str":
        if not isinstance(value.const, str):
            return True
        return not value.const.startswith(("cpu", "meta"))
    if value.kind == "number":
        return True
    if value.kind == "tensor":
        return value.device
    return value.kind != "none"  # a variable that holds a device: what programs for GPUs parametrize


def operand_device(values: Iterable[Value]) -> Truth:
    """The device of a result, given its operands; scalars on the host give way."""
    values = list(values)
    if any(v.device is False and v.rank and not v.assumed for v in values):
        return False  # anything but a scalar must be where its partner is
    found = [v for v in values if not (v.device is False and v.rank == 0)]
    if any(v.device is True for v in found):
        return True
    surely_here = any(v.device is False and not (v.assumed or v.batch) for v in found)
    return False if surely_here or all(v.device is False for v in found) else None


def dtype_of(value: Value) -> Dtype | None:
    if value.kind == "dtype" and value.dtype is not None:
        return value.dtype
    return None


def is_factory(operator: Operator) -> bool:
    """Does it make a tensor where it is told to?"""
    return any(shape.kind == "factory" for shape in results(operator.returns))


def _result(operator: Operator, operands: Operands) -> Value:
    for shape in results(operator.returns):
        if not shape.when:
            return _shape(shape, operands)
        holds = condition(shape.when)(operands)
        if holds:
            return _shape(shape, operands)
    return UNKNOWN


def _shape(shape: Result, operands: Operands) -> Value:
    kind = shape.kind
    simple = _SIMPLE.get(kind)
    if simple is not None:
        return simple
    first = operands.all[0].value if operands.all else UNKNOWN
    if kind in ("tuple", "list"):
        parts = tuple(_shape(item, operands) for item in shape.items)
        if kind == "tuple":
            return Value("tuple", items=parts)
        return Value("list", element=parts[0] if parts else None)
    if kind == "self":
        tensors = _tensors(operands)
        return first if first.kind != "unknown" or not tensors else first._replace(kind="tensor")
    if kind == "same":
        return first
    if kind == "module":
        return first if first.kind == "module" else Value("module")
    if kind == "stream":
        return Value("stream", ref="torch.cuda.Stream")
    if kind in ("optimizer", "loader", "distribution"):
        return Value(kind)  # type: ignore[arg-type]
    if kind in ("tensor", "factory", "like", "host", "device", "to", "pin", "view"):
        return _tensor(shape, operands, first)
    return UNKNOWN


_SIMPLE = {
    "number": NUMBER,
    "int": INT,
    "bool": BOOL,
    "str": STR,
    "none": NONE,
    "array": ARRAY,
    "size": SIZE,
    "dtype": Value("dtype"),
    "context": Value("host", ref="context"),
    "event": Value("instance", ref="torch.cuda.Event"),
    "generator": Value("host"),
    "host-object": Value("host"),
    "torch-device": Value("device", device=True),
    "scheduler": Value("scheduler"),
}


def _tensor(shape: Result, operands: Operands, first: Value) -> Value:
    kind, words = shape.kind, shape.words
    tensors = _tensors(operands)
    dtype, rank = _written(words)
    explicit = operands.by_name.get("dtype")
    origin = frozenset().union(*(t.origin for t in tensors)) if tensors else frozenset()
    grad: Truth = any_of([t.grad for t in tensors]) if tensors else False
    assumed = any(t.assumed for t in tensors)
    if explicit is not None:
        dtype = dtype_of(explicit.value)
        if explicit.value.kind == "none":
            dtype = None
    elif dtype is None and kind not in ("factory",):
        dtype = first.dtype if "own" in words else _widest([t.dtype for t in tensors])
        if "promoted" in words and dtype == "bool":
            dtype = "int"
    if "elementwise" in words:
        rank = elementwise_rank([a.value for a in operands.all])
    elif "reduce" in words:
        along = operands.by_name.get("dim") or operands.by_name.get("axis")
        if (along is None or along.value.kind == "none") and not operands.spread:
            rank = 0
        elif (
            along is not None
            and along.value.kind == "number"
            and first.rank is not None
            and "keepdim" not in operands.by_name
        ):
            rank = max(first.rank - 1, 0)
    given = operands.by_name.get("device")
    if kind == "factory":
        device: Truth = (
            device_of(given.value, given.node) if given is not None else None if operands.spread else False
        )
        rank = _factory_rank(operands) if rank is None else rank
        origin = given.value.origin if given is not None else frozenset()
        pinned_argument = operands.by_name.get("pin_memory")
        pinned: Truth = pinned_argument is not None and pinned_argument.value.const not in (False, None)
        if device is True:
            pinned = None
        source = operands.by_name.get("data") or operands.by_name.get("obj")
        if source is not None and dtype is None:
            inside = _innermost(source.value)
            dtype = inside.dtype if inside.kind in ("number", "tensor", "array") else None
        if source is not None and rank is None and source.value.kind == "number":
            rank = 0
        if (
            source is not None
            and given is None
            and source.value.kind in ("tensor", "unknown")
            and source.value.device is True
        ):
            device = True if source.value.kind == "tensor" and not source.value.assumed else None
        requires = operands.by_name.get("requires_grad")
        grad = requires is not None and requires.value.const is True
        copied = source is not None and source.value.kind not in ("number", "list", "tuple")
        laid_out = None if copied else True  # a tensor or an array may bring its layout along
        batch = source.value.batch if source is not None and device is False else None
        return Value("tensor", device, dtype, rank, pinned, laid_out, grad, batch, origin=origin)
    if kind == "like":
        device = (
            device_of(given.value, given.node)
            if given is not None and given.value.kind != "none"
            else False
            if _innermost(first).kind in ("number", "array", "size")
            else first.device
        )
        return Value(
            "tensor",
            device,
            dtype or first.dtype,
            first.rank if "0d" not in words else 0,
            False if device is False else None,
            first.contiguous or None,
            False,
            origin=first.origin,
            assumed=assumed,
        )
    if kind == "host":
        return Value(
            "tensor",
            False,
            dtype or first.dtype,
            first.rank,
            False,
            first.contiguous,
            first.grad,
            None if first.kind == "tensor" else first.batch,
        )
    if kind == "device":
        return Value("tensor", True, dtype or first.dtype, first.rank, None, first.contiguous, first.grad)
    if kind == "pin":
        return first._replace(kind="tensor", device=False, pinned=True, origin=frozenset())
    if kind == "view":
        if first.kind in ("list", "tuple") and tensors:
            first = tensors[0]
        return Value("tensor", first.device, dtype or first.dtype, rank, first.pinned, None, first.grad,
        first.batch,
                     origin=first.origin, assumed=first.assumed)  # fmt: skip
    if kind == "to":
        return moved(operands, first)
    device = operand_device(tensors) if tensors else first.device if first.kind == "unknown" else None
    batch = True if tensors and not device and all(t.batch for t in tensors) else None
    pinned = None if device else False
    return Value("tensor", device, dtype, rank, pinned, None, grad, batch, origin=origin, assumed=assumed)


_RANKS = ("0d", "1d", "2d")


@cache
def _written(words: frozenset[str]) -> tuple[Dtype | None, int | None]:
    """The dtype and the rank that a row of the table says."""
    dtype = next((_DTYPES[word] for word in words if word in _DTYPES), None)
    return dtype, next((rank for rank, word in enumerate(_RANKS) if word in words), None)


def _innermost(value: Value) -> Value:
    """What lists of lists hold in the end."""
    while value.kind in ("list", "tuple"):
        value = elements(value)
    return value


def _widest(dtypes: list[Dtype | None]) -> Dtype | None:
    if not dtypes or None in dtypes:
        return None
    return max(dtypes, key=("bool", "int", "float").index)


def elementwise_rank(values: list[Value]) -> int | None:
    ranks = [v.rank for v in values if v.kind == "tensor"]
    if not ranks or None in ranks:
        return None
    return max(r for r in ranks if r is not None)


def _factory_rank(operands: Operands) -> int | None:
    size = operands.by_name.get("size")
    if size is None or operands.spread:
        return None
    if size.value.kind in ("tuple", "list", "size"):
        return len(size.value.items) if size.value.items is not None else None
    if size.value.kind == "number":
        return sum(1 for a in operands.all if a not in _keyword_values(operands))
    return None


def _keyword_values(operands: Operands) -> list[Argument]:
    return [a for name, a in operands.by_name.items() if name not in ("size", "self")]


def moved(operands: Operands, first: Value) -> Value:
    """``Tensor.to``: by device, dtype, or the example of another tensor, in any order."""
    device, dtype = first.device, first.dtype
    found_device = False
    for name, argument in operands.by_name.items():
        value = argument.value
        if name in ("non_blocking", "copy", "memory_format", "self") or argument is operands.all[0]:
            continue
        if name == "other" or value.kind == "tensor":
            device, dtype, found_device = value.device, value.dtype, True
        elif (legacy := _LEGACY_CLASS.match(str(value.ref or value.const))) is not None:
            device, found_device = bool(legacy["cuda"]), True
            dtype = _LEGACY_DTYPES.get(legacy["dtype"], "int")
        elif value.kind == "dtype":
            dtype = value.dtype
        elif value.kind in ("device", "str", "number") and name != "dtype":
            device, found_device = device_of(value, argument.node), True
        elif name == "dtype":
            dtype = None
        elif name == "device" and value.kind in ("unknown", "instance"):
            word = _last_word(argument.node)
            if "dtype" in word or "type" in word:
                dtype = None
            elif operands.by_name.get("device") is argument and (
                "device" in word
                or "rank" in word
                or word in ("dev", "gpu")
                or _is_keyword(operands, argument)
            ):
                device, found_device = True, True
            else:
                device = None if device is not True else True
                dtype = None
    if operands.spread and not found_device:
        device = None
    return first._replace(
        kind="tensor", device=device, dtype=dtype, pinned=None if device else first.pinned,
        origin=first.origin if not found_device else frozenset(), assumed=first.assumed and not found_device,
        batch=first.batch if not found_device else None, const=Value().const,
    )  # fmt: skip


_LEGACY_CLASS = re.compile(r"torch\.(?P<cuda>cuda\.)?(?P<dtype>\w*)Tensor$")
_LEGACY_DTYPES: Final[dict[str, Dtype]] = {
    "": "float", "Float": "float", "Double": "float", "Half": "float", "BFloat16": "float", "Bool": "bool"
}  # fmt: skip


def _is_keyword(operands: Operands, argument: Argument) -> bool:
    return argument not in operands.all[1:2]


def _last_word(node: ast.expr | None) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr.lower()
    if isinstance(node, ast.Name):
        return node.id.lower()
    if isinstance(node, ast.Subscript):
        return _last_word(node.value)
    return ""
