"""Calling operators of the table for real, and asking its conditions of real arguments.

There is no accelerator here: every tensor of a sample counts as one in device memory.
"""

import ast
import builtins
import importlib
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from perfcheck.operators import Operator, Result, find

TENSOR_OPERATORS = ("torch", "Tensor", "torch.nn.functional", "torch.linalg", "torch.fft", "torch.special")


class Sample(NamedTuple):
    """``operator(*arguments)``, as ``samples.txt`` writes it."""

    name: str
    arguments: str

    def __str__(self) -> str:
        return f"{self.name}{self.arguments}"


def samples() -> Iterator[Sample]:
    """All samples, every spelling of their operators in turn."""
    text = (Path(__file__).parent / "samples.txt").read_text(encoding="utf-8")
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("    "):
            lines[-1] += line
        elif line and not line.startswith("#"):
            lines.append(line)
    written = [(end, line) for line in lines for end in [_closing(line)]]
    named = {name.lstrip("=") for end, line in written for name in line[end:].split()}
    for end, line in written:
        for name in line[end:].split():
            for spelling in spellings(name):
                if spelling == name.lstrip("=") or spelling not in named:
                    yield Sample(spelling, line[:end])


def _closing(line: str) -> int:
    """Where the parenthesis that opens the line is closed."""
    depth = 0
    for position, character in enumerate(line):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0:
            return position + 1
    raise ValueError(f"samples.txt: {line!r} does not close its parenthesis")


def spellings(name: str) -> Iterator[str]:
    """The name, the other names of the operator, and those of its in-place form; "=name": that one alone."""
    operator = find(name.lstrip("="))
    if operator is None:
        raise ValueError(f"samples.txt: {name} is not in the table")
    if name.startswith("=") or name.rpartition(".")[0] not in TENSOR_OPERATORS:
        yield name.lstrip("=")
        return
    yield from operator.names if name in operator.names else (name,)
    for owner in () if name.endswith("_") else TENSOR_OPERATORS:
        found = find(inplace := f"{owner}.{name.rpartition('.')[2]}_")
        if found is not None and inplace in found.names and found.params == operator.params:
            yield inplace


def _symmetric() -> torch.Tensor:
    square = torch.rand(3, 3)
    return square @ square.T + torch.eye(3)  # and positive definite


OPERANDS: dict[str, Callable[[], Any]] = {
    "f": lambda: torch.rand(3, 4) + 0.1,
    "g": lambda: torch.rand(3, 4) * 0.8 + 0.1,
    "i": lambda: torch.randint(1, 4, (3, 4)),
    "b": lambda: torch.rand(3, 4) > 0.5,
    "c": lambda: torch.randn(3, 4, dtype=torch.complex64),
    "v": lambda: torch.rand(4) * 0.8 + 0.1,
    "r": lambda: torch.rand(3),
    "n": lambda: torch.tensor([0, 1, 2, 1]),
    "s": lambda: torch.tensor(0.5),
    "k": lambda: torch.tensor(1),
    "m": _symmetric,
    "p": lambda: _with_gradient(torch.nn.Parameter(torch.rand(3, 4))),
    "x": lambda: torch.rand(2, 3, 8, 8),
    "seq": lambda: torch.rand(2, 3, 8),
    "vol": lambda: torch.rand(2, 3, 4, 4, 4),
}


def operands(arguments: str, replaced: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """What the arguments of a sample name; made anew for each call, because some write into them."""
    torch.manual_seed(0)
    named = {name: OPERANDS[name]() for name in re.findall(r"\w+", arguments) if name in OPERANDS}
    return {"torch": torch, "io": io} | named | {n: t.clone() for n, t in replaced.items()}


def _with_gradient(parameter: torch.nn.Parameter) -> torch.nn.Parameter:
    parameter.grad = torch.ones_like(parameter)
    return parameter


class Call:
    """A sample with its arguments evaluated."""

    def __init__(self, sample: Sample, replaced: Mapping[str, torch.Tensor] | None = None) -> None:
        found = find(sample.name)
        if found is None:
            raise ValueError(f"{sample.name} is not in the table")
        self.name = sample.name
        self.operator: Operator = found
        names = operands(sample.arguments, replaced or {})
        self.arguments, self.keywords = eval(f"(lambda *a, **k: (a, k)){sample.arguments}", names)
        self.bound = bind(found, self.arguments, self.keywords)

    def __call__(self) -> Any:
        owner, _, last = self.name.rpartition(".")
        if owner in ("Tensor", "Distribution") or owner.startswith("torch.distributions."):
            member = getattr(self.arguments[0], last)
            return member(*self.arguments[1:], **self.keywords) if callable(member) else member
        return resolve(self.name)(*self.arguments, **self.keywords)

    @property
    def tensors(self) -> list[torch.Tensor]:
        return [t for value in (*self.arguments, *self.keywords.values()) for t in _tensors(value)]

    def holds(self, condition: str) -> bool:
        """The condition about these arguments; always known here."""
        if not condition:
            return bool(self.tensors)
        return bool(eval(condition, {name: getattr(self, f"_{name}") for name in _predicates(condition)}))

    def result(self, alternatives: Sequence[Result]) -> Result:
        return next(found for found in alternatives if not found.when or self.holds(found.when))

    def reads_number(self) -> bool:
        """Is a tensor passed where the operator wants a number?"""
        return any(_tensors(self.bound.get(name)) for name in self.operator.numbers)

    # Predicates, as reader.py describes them.

    def _given(self, name: str) -> bool:
        return self.bound.get(name) is not None

    def _missing(self, name: str) -> bool:
        return not self._given(name)

    def _is_true(self, name: str) -> bool:
        return self.bound.get(name) is True

    def _is_false(self, name: str) -> bool:
        return self.bound.get(name) is False

    def _equals(self, name: str, value: object) -> bool:
        found = self.bound.get(name)
        return type(found) is type(value) and found == value

    def _tensor(self, name: str) -> bool:
        return isinstance(self.bound.get(name), torch.Tensor)

    _device = _tensor

    def _host(self, name: str) -> bool:
        return isinstance(self.bound.get(name), list)

    def _number(self, name: str) -> bool:
        return isinstance(self.bound.get(name), int | float | complex)

    def _scalar(self, name: str) -> bool:
        return self._tensor(name) and self.bound[name].dim() == 0

    _surely_scalar = _scalar

    def _surely_host(self, name: str) -> bool:
        return False  # all tensors of these calls are on the device

    def _contains_device(self, name: str) -> bool:
        found = self.bound.get(name)
        return isinstance(found, list | tuple) and bool(_tensors(found))

    def _bool_dtype(self, name: str) -> bool:
        return self._tensor(name) and self.bound[name].dtype is torch.bool

    def _complex_dtype(self, name: str) -> bool:
        return self._tensor(name) and bool(self.bound[name].dtype.is_complex)

    def _same_shape(self, name: str, other: str) -> bool:
        return bool(self.bound[name].shape == self.bound[other].shape)

    def _always(self) -> bool:
        return True

    def _count(self, number: int) -> bool:
        return len(self.arguments) + len(self.keywords) == number

    def _to_device(self) -> bool:
        return False

    _to_host = _to_device

    def _changes_layout(self) -> bool:
        return not self.arguments[0].is_contiguous()

    def _unpinned(self, name: str) -> bool:
        return not self._tensor(name)

    def _index(self, name: str) -> list[Any]:
        found = self.bound[name]
        parts = list(found) if isinstance(found, tuple | list) else [found]
        return [
            p for part in parts for p in ((part.start, part.stop) if isinstance(part, slice) else (part,))
        ]

    def _has_mask(self, name: str) -> bool:
        return any(isinstance(p, torch.Tensor) and p.dtype is torch.bool for p in self._index(name))

    def _has_masks(self, name: str) -> bool:
        tensors = [p for p in self._index(name) if isinstance(p, torch.Tensor) and p.dim()]
        return self._has_mask(name) and len(tensors) > 1

    def _has_device_scalar(self, name: str) -> bool:
        parts = [] if "indices" in self.operator.params else self._index(name)
        return any(isinstance(p, torch.Tensor) and p.dim() == 0 and p.dtype is not torch.bool for p in parts)

    def _has_device_index(self, name: str) -> bool:
        return any(
            isinstance(p, torch.Tensor) and p.dtype is not torch.bool and p.dim() for p in self._index(name)
        )

    def _has_host_index(self, name: str) -> bool:
        return any(isinstance(p, list) for p in self._index(name))

    def _selects_element(self, name: str) -> bool:
        parts = self._index(name)
        return all(isinstance(p, int) for p in parts) and len(parts) == self.arguments[0].dim()

    def _validates(self) -> bool:
        return self.bound.get("validate_args") is not False


def _predicates(condition: str) -> set[str]:
    return {
        node.func.id
        for node in ast.walk(ast.parse(condition, mode="eval"))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


def _tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, list | tuple):
        return [t for item in value for t in _tensors(item)]
    if isinstance(value, torch.distributions.Distribution):
        return [t for item in vars(value).values() for t in _tensors(item)]
    return []


def bind(operator: Operator, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> dict[str, Any]:
    """Arguments by parameter name; what a starred parameter takes, as a tuple."""
    bound: dict[str, Any] = {}
    for position, value in enumerate(arguments):
        name = operator.parameter(position)
        if name is None:
            raise TypeError(f"{operator.names[0]} takes fewer than {len(arguments)} arguments")
        if f"*{name}" in operator.params.split():
            bound[name] = (*bound.get(name, ()), value)
        else:
            bound[name] = value
    return bound | keywords


def resolve(name: str) -> Any:
    """The object of that dotted name."""
    owner, _, last = name.rpartition(".")
    if owner == "builtins":
        return getattr(builtins, last)
    if owner == "Tensor":
        return getattr(torch.Tensor, last)
    try:
        return getattr(importlib.import_module(owner), last)
    except ModuleNotFoundError:
        return getattr(resolve(owner), last)
