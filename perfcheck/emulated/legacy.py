"""Tensor types by name, from before tensors had devices: ``torch.cuda.FloatTensor``."""

from typing import Any

import torch

from perfcheck.emulated.patching import Patches
from perfcheck.emulated.tensor import DEVICE, DEVICE_TYPES

_DTYPES = {
    "FloatTensor": torch.float32,
    "DoubleTensor": torch.float64,
    "HalfTensor": torch.float16,
    "BFloat16Tensor": torch.bfloat16,
    "LongTensor": torch.int64,
    "IntTensor": torch.int32,
    "ShortTensor": torch.int16,
    "CharTensor": torch.int8,
    "ByteTensor": torch.uint8,
    "BoolTensor": torch.bool,
}


class _TensorType(type):
    """A type that makes device tensors of one dtype."""

    dtype: torch.dtype

    def __call__(cls, *args: Any, device: Any = None) -> Any:
        if len(args) == 1 and not isinstance(args[0], int):
            data = args[0]
            if isinstance(data, torch.Size):
                return torch.empty(data, dtype=cls.dtype, device=DEVICE)
            if isinstance(data, torch.Tensor):
                return data.to(DEVICE, cls.dtype)
            return torch.tensor(data, dtype=cls.dtype, device=DEVICE)
        return torch.empty(args or (0,), dtype=cls.dtype, device=DEVICE)

    def __instancecheck__(cls, instance: Any) -> bool:
        return type(instance) in DEVICE_TYPES and instance.dtype is cls.dtype

    def __str__(cls) -> str:
        return f"torch.cuda.{cls.__name__}"


_TYPES = {name: _TensorType(name, (), {"dtype": dtype}) for name, dtype in _DTYPES.items()}


def install(patches: Patches) -> None:
    """Make the types of ``torch.cuda`` usable."""
    for name, kind in _TYPES.items():
        patches.set(torch.cuda, name, kind)
    convert = torch.Tensor.type
    default = torch.set_default_tensor_type

    def type_(self: Any, dtype: Any = None, non_blocking: bool = False, **kwargs: Any) -> Any:
        if dtype is None:
            return convert(self)
        kind = _device_type(dtype)
        if kind is not None:
            return self.to(DEVICE, kind.dtype, non_blocking=non_blocking)
        if type(self) in DEVICE_TYPES and not isinstance(dtype, torch.dtype):
            name = dtype if isinstance(dtype, str) else f"{dtype.__module__}.{dtype.__name__}"
            return self.to("cpu", _DTYPES[name.rpartition(".")[2]], non_blocking=non_blocking)
        return convert(self, dtype, non_blocking, **kwargs)

    def set_default_tensor_type(kind: Any) -> None:
        of_device = _device_type(kind)
        if of_device is None:
            default(kind)
        else:
            torch.set_default_dtype(of_device.dtype)
            torch.set_default_device(DEVICE)

    patches.set(torch.Tensor, "type", type_)
    patches.set(torch, "set_default_tensor_type", set_default_tensor_type)


def _device_type(kind: Any) -> _TensorType | None:
    if isinstance(kind, _TensorType):
        return kind
    if isinstance(kind, str) and kind.startswith("torch.cuda."):
        return _TYPES.get(kind.rpartition(".")[2])
    return None
