"""What an expression evaluates to, as far as the source tells.

A :class:`Value` is immutable. Every fact is three-valued: ``True``, ``False`` or ``None`` for unknown.
"""

from __future__ import annotations

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

NO_CONST: Final = object()


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
    ref: str | None = None  # dotted name of the class, function or module
    element: Value | None = None
    items: tuple[Value, ...] | None = None  # tuples and lists of known length
    keys: tuple[tuple[str, Value], ...] | None = None  # dicts: known string keys
    origin: frozenset[str] = frozenset()
    assumed: bool = False  # tensor or device by convention (a parameter of forward), not by proof

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


UNKNOWN: Final = Value()
