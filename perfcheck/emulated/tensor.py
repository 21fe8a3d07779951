"""The tensor in emulated device memory."""

import os
from collections import OrderedDict
from copy import deepcopy
from typing import Any

import torch
from torch.utils._python_dispatch import _disable_current_modes

from perfcheck.emulated import recording


def _launched(name: str) -> int:
    """What a launcher such as torchrun has told this process; 0 without one."""
    told = os.environ.get(name, "")
    return int(told) if told.isdigit() else 0


DEVICES = max(_launched("LOCAL_WORLD_SIZE"), 1)
"""How many there are: one for each process of a launch, which is the only one that it uses."""

DEVICE = torch.device("cuda", min(_launched("LOCAL_RANK"), DEVICES - 1))
CPU = torch.device("cpu")

_make = torch.Tensor._make_wrapper_subclass


class DeviceTensor(torch.Tensor):
    """A tensor whose device is DEVICE to all of torch, C++ included, and whose values lie in ``_held``.

    ``_held`` is a CPU tensor of the same sizes, strides and dtype. Views share the storage of what they view.
    """

    _held: torch.Tensor

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return dispatch(func, types, args, kwargs or {})

    # What torch answers without asking the dispatcher.

    def __deepcopy__(self, memo: dict[Any, Any]) -> Any:
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol "
                "at the moment."
            )
        if id(self) in memo:
            return memo[id(self)]
        with torch.no_grad(), _disable_current_modes():
            storages = memo.setdefault(
                "torch", {}
            )  # as Tensor.__deepcopy__ does: what shares memory still does
            storage = self._held.untyped_storage()
            if storage._cdata not in storages:
                storages[storage._cdata] = storage.clone()
            copy = torch.empty(0, dtype=self.dtype).set_(
                storages[storage._cdata], self._held.storage_offset(), self._held.size(), self._held.stride()
            )
            tensor = wrap(copy).requires_grad_(self.requires_grad)
            tensor.__class__ = type(self)
        memo[id(self)] = tensor
        if self.grad is not None:
            tensor.grad = deepcopy(self.grad, memo)
        attributes = {name: value for name, value in vars(self).items() if name != "_held"}
        tensor.__dict__.update(deepcopy(attributes, memo))
        return tensor

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickled as a tensor of a real device is: the file can be read without perfcheck."""
        if isinstance(self, torch.nn.Parameter):
            return torch._utils._rebuild_parameter, (self.data, self.requires_grad, OrderedDict())
        with torch.no_grad(), _disable_current_modes():
            values = self._held.detach()
            values.untyped_storage().on_emulated_device = True
            if self.requires_grad and self.is_leaf:
                values.requires_grad_()
            return values.__reduce_ex__(protocol)

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        shown = super().__repr__(tensor_contents=tensor_contents)
        if type(self) is not DeviceTensor:  # a script's own class
            return shown
        if isinstance(self, torch.nn.Parameter):
            return "Parameter containing:\ntensor" + shown[len("Parameter(Tensor") : -1]
        return "tensor" + shown[len("Tensor") :]

    def __format__(self, spec: str) -> str:
        if self.dim() == 0:
            return format(self.item(), spec)
        return object.__format__(self, spec)

    def tolist(self) -> Any:
        return self.item() if self.dim() == 0 else self.cpu().tolist()

    def numpy(self, *, force: bool = False) -> Any:
        if force:
            return self.detach().cpu().resolve_conj().resolve_neg().numpy()
        raise TypeError(
            f"can't convert {DEVICE} device type tensor to numpy. "
            "Use Tensor.cpu() to copy the tensor to host memory first."
        )

    def __array__(self, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
        return self.numpy()

    def __dlpack__(self, *args: Any, **kwargs: Any) -> Any:
        raise _no_device_memory("DLPack")

    @property
    def __cuda_array_interface__(self) -> Any:
        raise _no_device_memory("__cuda_array_interface__")

    def data_ptr(self) -> int:
        return self._held.data_ptr()

    def untyped_storage(self) -> Any:
        return self._held.untyped_storage()

    def is_shared(self) -> bool:
        return True  # as CUDA tensors are

    def share_memory_(self) -> Any:
        with _disable_current_modes():
            self._held.share_memory_()
        return self


# What people and their logs are shown.
DeviceTensor.__name__ = DeviceTensor.__qualname__ = "Tensor"
DeviceTensor.__module__ = "torch"

DEVICE_TYPES: set[type] = {DeviceTensor}
"""The types of device tensors: this one, and those that conversion.py makes of it and a script's own."""


def _no_device_memory(interface: str) -> Exception:
    recording.unsupported(interface, "there is no device memory that another library could read")
    return RuntimeError(
        f"perfcheck's emulated device has no memory that another library could read through {interface}; "
        "move the tensor with .cpu() first, or trace on a GPU"
    )


def wrap(held: torch.Tensor) -> DeviceTensor:
    """The device tensor with these values; they are shared, not copied."""
    if held.layout is not torch.strided or held.is_nested:
        kind = "nested" if held.is_nested else held.layout
        recording.unsupported(f"{kind} tensors", "the script was stopped")
        raise NotImplementedError(
            f"perfcheck's emulated device has no {kind} tensors: keep them on the CPU, or trace on a GPU"
        )
    tensor: DeviceTensor = _make(
        DeviceTensor, held.shape, held.stride(), held.storage_offset(), dtype=held.dtype, device=DEVICE
    )
    tensor._held = held
    if held.is_conj():  # the dispatcher resolves these bits, above us
        torch._C._set_conj(tensor, True)
    if held.is_neg():
        torch._C._set_neg(tensor, True)
    return tensor


def held(value: Any) -> Any:
    """What a device tensor holds; any other value itself."""
    return value._held if type(value) in DEVICE_TYPES else value


def refresh(tensor: DeviceTensor) -> None:
    """Take over sizes and strides from what the tensor holds, after it was resized."""
    torch._C.TensorBase.data.__set__(tensor, wrap(tensor._held))


# Set by dispatch.py, which needs this module.
def dispatch(func: Any, types: Any, args: Any, kwargs: Any) -> Any:
    raise NotImplementedError
