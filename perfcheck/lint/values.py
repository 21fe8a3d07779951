"""What an expression evaluates to, as far as the source tells.

A :class:`Value` is immutable. Every fact is three-valued: ``True``, ``False`` or ``None`` for unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any, Final, Literal, NamedTuple

from perfcheck.events import Truth

Kind = Literal[
    "unknown",
    "tensor",  # torch.Tensor, Parameter, buffer
    "number",  # Python int, float, bool, complex
    "str",
    "none",
    "array",  # numpy, pandas, cupy-free host arrays
    "list",
    "tuple",
    "dict",
    "set",
    "size",  # torch.Size and shapes: host integers
    "device",  # torch.device or a string naming one; ``device`` says which
    "dtype",
    "module",  # nn.Module instance; ``ref`` is its class
    "optimizer",
    "scheduler",
    "loader",  # DataLoader-like: iterating it gives batches
    "dataset",
    "distribution",  # torch.distributions
    "stream",
    "instance",  # instance of another class; ``ref`` is its class
    "class",  # ``ref`` is the class
    "function",  # ``ref`` is the function
    "python-module",  # ``ref`` is its dotted name
    "host",  # some host-side object that certainly is no tensor (files, loggers, paths, ...)
]

Dtype = Literal["bool", "int", "float"]


class _Sentinel(Enum):
    """Stays itself when it goes to another process."""

    NO_CONST = "no constant"


NO_CONST: Final = _Sentinel.NO_CONST


class Value(NamedTuple):
    """An abstract value.

    ``device``: True on the accelerator, False on the host (tensors and ``torch.device``).
    ``rank``: number of dimensions where known (0: a scalar tensor).
    ``element``: what iterating or indexing a container gives; for ``items`` known one by one.
    ``origin``: parameters of the current function this value is, or whose device it shares.
    """

    kind: Kind = "unknown"
    device: Truth = None
    dtype: Dtype | None = None
    rank: int | None = None
    pinned: Truth = None
    contiguous: Truth = None
    grad: Truth = None  # part of an autograd graph
    batch: Truth = None  # comes from a data loader
    const: Any = NO_CONST
    ref: str | None = None  # dotted name of the class, function or module; TOKENIZED
    element: Value | None = None
    items: tuple[Value, ...] | None = None  # tuples and lists of known length
    keys: tuple[tuple[str, Value], ...] | None = None  # dicts: known string keys
    origin: frozenset[str] = frozenset()
    assumed: bool = False  # tensor or device by convention, not by proof; an array: or a number

    @property
    def is_tensor(self) -> Truth:
        """Is this a tensor?"""
        if self.kind == "unknown":
            return None
        return self.kind == "tensor"

    @property
    def on_device(self) -> Truth:
        """Is this a tensor in device memory?"""
        if self.kind == "tensor":
            return self.device
        return None if self.kind == "unknown" else False

    @property
    def has_const(self) -> bool:
        return self.const is not NO_CONST


TOKENIZED: Final = "transformers.BatchEncoding"
"""``ref`` of what a tokenizer or a processor of inputs made, and of the tensors in it."""

UNKNOWN: Final = Value()
NONE: Final = Value("none", const=None)
NUMBER: Final = Value("number")
BOOL: Final = Value("number", dtype="bool")
INT: Final = Value("number", dtype="int")
STR: Final = Value("str")
DICT: Final = Value("dict")
ARRAY: Final = Value("array")
ARRAY_OR_NUMBER: Final = Value("array", assumed=True)
HOST: Final = Value("host")
SIZE: Final = Value("size", element=INT)
HOST_TENSOR: Final = Value("tensor", device=False)
DEVICE_TENSOR: Final = Value("tensor", device=True)
ACCELERATOR: Final = Value("device", device=True)


def tensor(device: Truth, dtype: Dtype | None = None, rank: int | None = None) -> Value:
    return Value("tensor", device, dtype, rank)


def either(a: Truth, b: Truth) -> Truth:
    """The fact that holds whichever of two ways was taken."""
    return a if a is b else None


def any_of(facts: list[Truth]) -> Truth:
    if True in facts:
        return True
    return None if None in facts else False


def join(a: Value, b: Value) -> Value:
    """What is known of a value that is ``a`` or ``b``.

    ``None`` and empty containers give way to what else it may be: code that goes on to use the value
    has made sure. A number that may also be a tensor counts as a tensor
    (``total = 0`` before a loop adds to it).
    """
    if a is b or a == b:
        return a
    if a.kind == "none":
        return b
    if b.kind == "none":
        return a
    if a.kind != b.kind:
        kinds = {a.kind, b.kind}
        if kinds == {"tensor", "number"}:
            found = a if a.kind == "tensor" else b
            return found._replace(assumed=True, rank=None)
        if kinds <= {"list", "tuple"}:
            return Value("list", element=join_all([elements(a), elements(b)]), origin=a.origin | b.origin)
        if kinds == {"device", "str"}:
            return a if a.kind == "device" else b
        if "unknown" in kinds and (a.origin or b.origin):
            return Value(device=either(a.device, b.device), origin=a.origin | b.origin)
        return Value(device=either(a.device, b.device), batch=either(a.batch, b.batch))
    if a.kind == "device":
        return a if a.device else b
    same_items = a.items is not None and b.items is not None and len(a.items) == len(b.items)
    element = (
        a.element if a.element == b.element else join(a.element, b.element) if a.element and b.element
        else a.element or b.element
    )  # fmt: skip
    items = tuple(map(join, a.items, b.items)) if same_items else None  # type: ignore[arg-type]
    if items is None and (a.items or b.items):
        element = join_all([elements(a), elements(b)])
    return Value(
        a.kind,
        either(a.device, b.device),
        a.dtype if a.dtype == b.dtype else None,
        a.rank if a.rank == b.rank else None,
        either(a.pinned, b.pinned),
        either(a.contiguous, b.contiguous),
        True if a.grad or b.grad else either(a.grad, b.grad),
        either(a.batch, b.batch),
        a.const
        if a.has_const and b.has_const and type(a.const) is type(b.const) and a.const == b.const
        else NO_CONST,
        a.ref if a.ref == b.ref else _on_accelerator(a.ref, b.ref),
        element,
        items,
        _join_keys(a.keys, b.keys),
        a.origin | b.origin,
        a.assumed or b.assumed,
    )


def _on_accelerator(a: str | None, b: str | None) -> str | None:
    """``torch.cuda.FloatTensor if cuda else torch.FloatTensor``, chosen as a device is."""
    for one, other in ((a, b), (b, a)):
        if one and other and one.endswith("Tensor"):
            plain = "torch.FloatTensor" if other == "torch.Tensor" else other
            if one == plain.replace("torch.", "torch.cuda.", 1):
                return one
    return None


def _join_keys(
    a: tuple[tuple[str, Value], ...] | None, b: tuple[tuple[str, Value], ...] | None
) -> tuple[tuple[str, Value], ...] | None:
    if a == b:
        return a
    if a is None or b is None or [name for name, _ in a] != [name for name, _ in b]:
        return None
    return tuple((name, join(first, second)) for (name, first), (_, second) in zip(a, b))


def join_all(values: Iterable[Value]) -> Value:
    found: Value | None = None
    for value in values:
        found = value if found is None else join(found, value)
    return UNKNOWN if found is None else found


def iterated(container: Value) -> Value:
    """What a loop over a value gets: of a dictionary its keys, else its elements."""
    return STR if container.kind == "dict" else elements(container)


def elements(container: Value) -> Value:
    """What a container holds."""
    if container.items:
        return join_all(container.items)
    if container.element is not None:
        return container.element
    kind = container.kind
    if kind == "tensor":
        rank = None if container.rank is None else max(container.rank - 1, 0)
        return container._replace(rank=rank, const=NO_CONST)
    if kind == "loader":
        return Value(device=container.device, batch=True, pinned=container.pinned)
    if kind == "array":
        return ARRAY
    if kind == "str":
        return STR
    if kind == "unknown":
        return Value(
            device=container.device, batch=container.batch, pinned=container.pinned, origin=container.origin
        )
    return UNKNOWN
