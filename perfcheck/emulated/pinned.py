"""Page-locked host memory: which CPU storages count as pinned."""

from typing import Any

import torch

from perfcheck.emulated.patching import Patches
from perfcheck.emulated.tensor import DEVICE_TYPES

_PINNED: dict[int, Any] = {}  # address of a C++ storage -> a weak reference to it


def install(patches: Patches) -> None:
    """Let host memory be pinned, which CPU builds cannot."""
    patches.set(torch.Tensor, "pin_memory", pin_memory)
    patches.set(torch.Tensor, "is_pinned", is_pinned)


def pin_memory(tensor: Any, device: Any = None) -> Any:
    """``Tensor.pin_memory``: a pinned copy."""
    if type(tensor) in DEVICE_TYPES:
        raise RuntimeError(f"cannot pin '{tensor.type()}' only dense CPU tensors can be pinned")
    if is_pinned(tensor):
        return tensor
    copy = tensor.clone(memory_format=torch.contiguous_format) if tensor.layout is torch.strided else tensor
    mark(copy)
    return copy


def mark(tensor: Any) -> None:
    """The memory of this tensor is pinned from now on."""
    storage = tensor.untyped_storage()
    _PINNED[storage._cdata] = storage._weak_ref()


def is_pinned(tensor: Any, device: Any = None) -> bool:
    """``Tensor.is_pinned``."""
    if not _PINNED or type(tensor) in DEVICE_TYPES or tensor.layout is not torch.strided:
        return False
    key = tensor.untyped_storage()._cdata
    if key in _PINNED and torch.UntypedStorage._expired(_PINNED[key]):  # another storage has this address now
        torch.UntypedStorage._free_weak_ref(_PINNED.pop(key))
    return key in _PINNED
