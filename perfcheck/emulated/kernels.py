"""Operators that have a kernel for each kind of device, and are made of others where there is none.

On CPU builds they have no kernel for CUDA, so autograd would take them apart before the device sees them; on
a GPU they run as one. So they are given one here, though the device takes the operator before it gets there.
"""

from typing import Any

import torch


def has_kernel(func: Any, key: str) -> bool:
    """Does an overload have a kernel for a dispatch key?"""
    return bool(torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), key))


def is_composite(func: Any) -> bool:
    """Is the operator made of others wherever it runs?"""
    return has_kernel(func, "CompositeImplicitAutograd") and not has_kernel(func, "CPU")


class Kernels:
    """The registrations of an installation."""

    def __init__(self) -> None:
        self._library: Any = torch.library.Library("aten", "IMPL", "CUDA")
        for name in ("silu_backward", "mish_backward", "native_channel_shuffle"):
            func = getattr(torch.ops.aten, name).default
            if not has_kernel(func, "CUDA"):
                self._library.impl(name, _unreached)

    def remove(self) -> None:
        self._library._destroy()


def _unreached(*_: Any) -> Any:
    raise RuntimeError("a CUDA kernel was called on perfcheck's emulated device: please report this script")
