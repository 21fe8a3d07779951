"""Operators that have a kernel for some kinds of device, and are made of others where there is none.

Those that have one for the CPU and for CUDA run as one on a GPU, but autograd would take them apart before
the device sees them where the build has none for CUDA. So they are given one here, though the device takes
the operator before it gets there.

Those that have one for CUDA alone are taken apart in every build, since gradients are added up in the order
of the parts on the CPU.
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
        aten = torch.ops.aten
        self._library: Any = torch.library.Library("aten", "IMPL")
        for name in ("silu_backward", "mish_backward", "native_channel_shuffle"):
            if not has_kernel(getattr(aten, name).default, "CUDA"):
                self._library.impl(name, _unreached, "CUDA")
        if hasattr(aten, "_fused_rms_norm") and has_kernel(aten._fused_rms_norm.default, "CUDA"):
            self._library.impl("_fused_rms_norm", aten._fused_rms_norm.default.decompose, "AutogradCUDA")

    def remove(self) -> None:
        self._library._destroy()


def _unreached(*_: Any) -> Any:
    raise RuntimeError("a CUDA kernel was called on perfcheck's emulated device: please report this script")
