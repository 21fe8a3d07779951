"""Asking the operator table's conditions of the arguments of a real call.

``perfcheck.operators.reader`` describes the predicates. Those about an index count, because each mask and
each index on the host makes the host wait; any number but zero is true.
"""

import ast
from collections.abc import Callable
from typing import Any

import torch

from perfcheck.emulated.pinned import is_pinned
from perfcheck.emulated.tensor import DEVICE_TYPES

Condition = Callable[["Call"], int]
"""How often the event occurs in a call."""

_MASKS = (torch.bool, torch.uint8)


class Call:
    """The arguments of a call by name, and whether what it reads and what it writes lies on the device."""

    __slots__ = ("arguments", "from_device", "to_device_")

    def __init__(self, arguments: dict[str, Any], from_device: bool, to_device: bool) -> None:
        self.arguments = arguments
        self.from_device = from_device
        self.to_device_ = to_device

    def _all(self, name: str) -> list[Any]:
        """The argument, or what is in it if it is a list."""
        found = self.arguments.get(name)
        return list(found) if isinstance(found, list | tuple) else [found]

    def given(self, name: str) -> bool:
        return self.arguments.get(name) is not None

    def missing(self, name: str) -> bool:
        return self.arguments.get(name) is None

    def is_true(self, name: str) -> bool:
        return self.arguments.get(name) is True

    def is_false(self, name: str) -> bool:
        return self.arguments.get(name) is False

    def equals(self, name: str, value: object) -> bool:
        return bool(self.arguments.get(name) == value)

    def tensor(self, name: str) -> bool:
        return isinstance(self.arguments.get(name), torch.Tensor)

    def number(self, name: str) -> bool:
        return isinstance(self.arguments.get(name), int | float | complex)

    def string(self, name: str) -> bool:
        return isinstance(self.arguments.get(name), str)

    def device(self, name: str) -> bool:
        return any(type(value) in DEVICE_TYPES for value in self._all(name))

    contains_device = device

    def host(self, name: str) -> bool:
        return any(_on_host(value) for value in self._all(name))

    surely_host = host

    def scalar(self, name: str) -> bool:
        found = self.arguments.get(name)
        return isinstance(found, torch.Tensor) and found.dim() == 0

    def bool_dtype(self, name: str) -> bool:
        return any(isinstance(value, torch.Tensor) and value.dtype in _MASKS for value in self._all(name))

    def int_dtype(self, name: str) -> bool:
        found = self.arguments.get(name)
        return isinstance(found, torch.Tensor) and not found.is_floating_point() and not found.is_complex()

    def complex_dtype(self, name: str) -> bool:
        found = self.arguments.get(name)
        return isinstance(found, torch.Tensor) and found.is_complex()

    def pinned(self, name: str) -> bool:
        return any(_on_host(value) and is_pinned(value) for value in self._all(name))

    def unpinned(self, name: str) -> bool:
        return any(_on_host(value) and not is_pinned(value) for value in self._all(name))

    def same_shape(self, name: str, other: str) -> bool:
        return bool(self.arguments[name].shape == self.arguments[other].shape)

    def contiguous(self, name: str) -> bool:
        return bool(self.arguments[name].is_contiguous())

    def to_device(self) -> bool:
        return self.to_device_ and not self.from_device

    def to_host(self) -> bool:
        return self.from_device and not self.to_device_

    def changes_layout(self) -> bool:
        """Whether the same values are laid out anew; what was expanded gets values of its own."""
        tensor, layout = self.arguments["self"], self.arguments.get("memory_format")
        return (
            layout is not torch.preserve_format
            and 0 not in tensor.stride()
            and not tensor.is_contiguous(memory_format=layout or torch.contiguous_format)
        )

    def always(self) -> bool:
        return True

    def count(self, number: int) -> bool:
        return len(self.arguments) == number

    def has_mask(self, name: str) -> int:
        return sum(type(value) in DEVICE_TYPES and value.dtype in _MASKS for value in self._all(name))

    def has_masks(self, name: str) -> int:
        masks = self.has_mask(name)
        return masks if sum(isinstance(value, torch.Tensor) for value in self._all(name)) > 1 else 0

    def has_host_index(self, name: str) -> int:
        return sum(_on_host(value) and value.dtype not in _MASKS for value in self._all(name))

    def has_device_index(self, name: str) -> int:
        return sum(
            type(value) in DEVICE_TYPES and value.dim() > 0 and value.dtype not in _MASKS
            for value in self._all(name)
        )


def _on_host(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and type(value) not in DEVICE_TYPES


class _OfCall(ast.NodeTransformer):
    """``given('p')`` becomes ``call.given('p')``."""

    def visit_Call(self, node: ast.Call) -> ast.Call:
        if not isinstance(node.func, ast.Name) or not hasattr(Call, node.func.id):
            raise ValueError(f"operator table: {ast.unparse(node)} cannot be asked of a real call")
        node.func = ast.Attribute(ast.Name("call", ast.Load()), node.func.id, ast.Load())
        return node


def compiled(condition: str) -> Condition:
    """The condition as a function; raises ValueError where it cannot be asked at run time."""
    tree = _OfCall().visit(ast.parse(f"lambda call: {condition or 'True'}", mode="eval"))
    function: Condition = eval(compile(ast.fix_missing_locations(tree), "<operator table>", "eval"))
    return function
