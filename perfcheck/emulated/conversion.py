"""An object becomes a tensor of another kind: ``.data`` assigned across devices, subclasses of Tensor."""

from inspect import getattr_static
from types import new_class
from typing import Any

import torch
from torch.nn.parameter import UninitializedTensorMixin  # type: ignore[attr-defined]

from perfcheck.emulated.patching import Patches
from perfcheck.emulated.tensor import DEVICE_TYPES, DeviceTensor, wrap


def install(patches: Patches) -> None:
    """Let Tensor's methods convert device tensors too."""
    tensors = torch.Tensor
    patches.set(tensors, "data", property(get_data, set_data))
    patches.set(tensors, "as_subclass", _as_subclass(tensors.as_subclass))
    patches.set(tensors, "_make_subclass", staticmethod(_make_subclass(tensors._make_subclass)))


def get_data(tensor: Any) -> Any:
    """``tensor.data``."""
    return torch._C.TensorBase.data.__get__(tensor)


def set_data(tensor: Any, new: Any) -> None:
    """``tensor.data = new``, across devices too."""
    to_device, from_device = type(new) in DEVICE_TYPES, type(tensor) in DEVICE_TYPES
    if to_device and from_device:
        tensor._held = new._held
        torch._C.TensorBase.data.__set__(tensor, new)
    elif to_device or from_device:
        _become(tensor, new.detach())
    else:
        torch._C.TensorBase.data.__set__(tensor, new)


def _become(tensor: Any, new: Any) -> None:
    """Make the same Python object a tensor of the other kind. Unlike torch.utils.swap_tensors this minds
    neither weak references nor graphs that hold the old values: assigning ``.data`` does not either."""
    to_device = type(new) in DEVICE_TYPES
    kind = (device_class if to_device else host_class)(type(tensor))
    parameter = isinstance(tensor, torch.nn.Parameter)
    if parameter and kind is torch.Tensor:
        kind = torch.nn.Parameter
    with torch._C.DisableTorchFunctionSubclass():
        gradient, tensor.grad = tensor.grad, None
        attributes = {
            name: value for name, value in vars(tensor).items() if name not in ("_held", "_is_param")
        }
        if kind is not torch.Tensor:
            new = torch.Tensor._make_subclass(kind, new)
        new.requires_grad_(tensor.requires_grad)
        if to_device and parameter:
            new._is_param = True
        tensor.__class__, new.__class__ = new.__class__, tensor.__class__
        tensor.__dict__, new.__dict__ = new.__dict__, tensor.__dict__
        torch._C._swap_tensor_impl(tensor, new)
        tensor.__dict__.update(attributes)
        if gradient is not None:  # autograd wants it beside its tensor
            values = gradient.detach()
            _become(gradient, wrap(values) if to_device else values._held)
            tensor.grad = gradient


def device_class(kind: type) -> type:
    """The type of device tensors that stands for a type of host tensors."""
    if kind in DEVICE_TYPES:
        return kind
    if kind in (torch.Tensor, torch.nn.Parameter):
        return DeviceTensor
    found = _device_classes.get(kind)
    if found is None:
        found = _device_classes[kind] = _make_device_class(kind)
        DEVICE_TYPES.add(found)
    return found


_device_classes: dict[type, type] = {}


def _make_device_class(kind: Any) -> type:
    """A script's own subclass of Tensor, on the device: its attributes and ``__torch_function__`` prevail."""
    members: dict[str, Any] = {"__module__": kind.__module__, "host_class": kind}
    if issubclass(kind, UninitializedTensorMixin):
        members["cls_to_become"] = DeviceTensor
    made: Any = new_class(kind.__name__, (kind, DeviceTensor), {}, lambda body: body.update(members))
    # Set afterwards, since torch takes the default one from classes that handle operators; found without
    # asking for it, since torch answers with another one while none is in force.
    made.__torch_function__ = getattr_static(kind, "__torch_function__")
    found: type = made
    return found


def host_class(kind: type) -> type:
    """The type of host tensors for which a type of device tensors stands."""
    if kind in DEVICE_TYPES:
        found: type = getattr(kind, "host_class", torch.Tensor)
        return found
    return kind


def _as_subclass(on_host: Any) -> Any:
    """``Tensor.as_subclass``: a view of another type."""

    def as_subclass(tensor: Any, cls: type) -> Any:
        if type(tensor) not in DEVICE_TYPES:
            return on_host(tensor, host_class(cls))
        wanted = device_class(cls)
        with torch._C.DisableTorchFunctionSubclass():
            view = torch.ops.aten.alias(tensor)
        view.__class__ = wanted
        return view

    return as_subclass


def _make_subclass(on_host: Any) -> Any:
    """``Tensor._make_subclass``: a leaf of another type, with the same values."""

    def make_subclass(cls: type, data: Any, requires_grad: bool = False, **options: Any) -> Any:
        if type(data) not in DEVICE_TYPES:
            return on_host(host_class(cls), data, requires_grad, **options)
        wanted = device_class(cls)
        with torch._C.DisableTorchFunctionSubclass():
            made = data.detach()
            made.__class__ = wanted
            if issubclass(cls, torch.nn.Parameter):
                made._is_param = True
            return made.requires_grad_(requires_grad)

    return make_subclass
