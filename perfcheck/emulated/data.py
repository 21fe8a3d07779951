"""Making tensors of data that is, or has in it, device tensors: torch reads those below the dispatcher."""

from collections.abc import Callable
from typing import Any

import torch
from torch.jit._builtins import _find_builtin, _get_builtin_table

from perfcheck.emulated.patching import Patches
from perfcheck.emulated.tensor import DEVICE_TYPES


def install(patches: Patches) -> None:
    constructors = set(torch.utils._device._device_constructors())
    for owner, name in (
        (torch, "tensor"),
        (torch, "as_tensor"),
        (torch, "asarray"),
        (torch.Tensor, "new_tensor"),
    ):
        original = getattr(owner, name)
        reading = _reading(original)
        patches.set(owner, name, reading)
        constructors.add(reading)
        scripted = _find_builtin(original)
        if scripted is not None:  # TorchScript knows its functions by identity
            patches.item(_get_builtin_table(), id(reading), scripted)
    # Those that set_default_device concerns are known by identity.
    patches.set(torch.utils._device, "_device_constructors", lambda: constructors)
    exchange = torch.from_dlpack
    for module in (torch, torch.utils.dlpack):
        patches.set(module, "from_dlpack", _alias(exchange))
    patches.set(torch.utils.dlpack, "to_dlpack", lambda tensor: tensor.__dlpack__())


def _reading(make: Callable[..., Any]) -> Callable[..., Any]:
    """``torch.tensor``, where device tensors are in the list it is given: each is read, as on a GPU."""

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return make(*args, **kwargs)
        except RuntimeError:  # no kernel for the device, or, in builds with CUDA, one that finds no driver
            if not _is_device_data((args, list(kwargs.values()))):
                raise
            return make(*map(_numbers, args), **{name: _numbers(value) for name, value in kwargs.items()})

    call.__name__ = call.__qualname__ = make.__name__
    call.__doc__ = make.__doc__
    return call


def _is_device_data(value: Any) -> bool:
    return type(value) in DEVICE_TYPES or (
        isinstance(value, list | tuple) and any(map(_is_device_data, value))
    )


def _numbers(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [item.tolist() if type(item) in DEVICE_TYPES else _numbers(item) for item in value]
    return value


def _alias(exchange: Callable[..., Any]) -> Callable[..., Any]:
    """``torch.from_dlpack``; between tensors of the device it is a view."""

    def from_dlpack(ext_tensor: Any, **kwargs: Any) -> Any:
        return ext_tensor.detach() if type(ext_tensor) in DEVICE_TYPES else exchange(ext_tensor, **kwargs)

    return from_dlpack
