"""Running an operator for the device: on the CPU, with its events recorded."""

import sys
import threading
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from perfcheck.emulated import pinned, recording, tensor
from perfcheck.emulated.plans import Plan, bind, plan_of
from perfcheck.emulated.randomness import check_generator
from perfcheck.emulated.standins import STANDINS
from perfcheck.emulated.tensor import CPU, DEVICE, DEVICE_TYPES, held, refresh, wrap

_OWN = (None, DEVICE.index)
_COPIES = ("aten::_to_copy", "aten::copy_", "aten::_foreach_copy_")
_LOW = (torch.half, torch.bfloat16)


class DeviceMode(TorchDispatchMode):
    """Shows operators that no device tensor takes part in yet: factories, copies to the device, host work."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # a wrapper for torch.compile, which would be called for each operator

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return dispatch(func, types, args, kwargs or {})


MODE = DeviceMode()
"""One serves all threads; each has to enter it."""


def dispatch(func: Any, types: Any, args: Any, kwargs: Any) -> Any:
    """Run an operator: where device tensors take part or the device is named, for the device."""
    for kind in types:
        if kind not in _handled and not _is_plain(kind):
            return NotImplemented  # the handler of that type comes back with what its tensors hold
    plan = plan_of(func)
    hosts: list[torch.Tensor] = []
    host_args = []
    on_device = False
    for value in args:
        kind = type(value)
        if kind in DEVICE_TYPES:
            on_device = True
            host_args.append(value._held)
        elif kind is list or kind is tuple:
            unwrapped, some = _unwrap_all(value, hosts)
            on_device = on_device or some
            host_args.append(unwrapped)
        else:
            if isinstance(value, torch.Tensor):
                hosts.append(value)
            host_args.append(value)
    host_kwargs = kwargs
    to_device = on_device
    if kwargs:
        host_kwargs = {}
        for name, value in kwargs.items():
            if type(value) is list or type(value) is tuple:
                value, some = _unwrap_all(value, hosts)
                on_device = on_device or some
            elif type(value) in DEVICE_TYPES:
                on_device, value = True, value._held
            elif isinstance(value, torch.Tensor):
                hosts.append(value)
            host_kwargs[name] = value
        to_device = on_device
        device = kwargs.get("device")
        if device is not None:
            device = torch.device(device)
            to_device = device.type == "cuda"
            if to_device:
                host_kwargs["device"] = CPU
                if device.index not in _OWN:
                    recording.unsupported("several devices", f"{DEVICE} took the place of {device}")
    if not on_device and not to_device:
        return _on_host(plan, func, args, kwargs, hosts)
    if plan.composite:
        return _decomposed(func, args, kwargs)
    if kwargs:
        if kwargs.get("generator") is not None:
            check_generator(kwargs["generator"])
        if to_device and "pin_memory" in kwargs:
            host_kwargs["pin_memory"] = False
    if hosts and on_device and not plan.mixes:
        _refuse_mixture(plan, hosts)
    if recording.current is not None:
        _record(plan, args, kwargs, hosts, on_device, to_device)
    result = _compute(plan, func, host_args, host_kwargs)
    if plan.writes:
        return _written(plan, args, kwargs, result)
    if not to_device:
        return result
    if plan.view and args[0].is_inference() != torch.is_inference_mode_enabled():
        with torch.inference_mode(args[0].is_inference()):  # a view is what its base is
            return _wrap_any(result)
    if isinstance(result, torch.Tensor):
        return wrap(result)
    if isinstance(result, tuple | list):
        return type(result)(
            value if position == plan.on_host else _wrap_any(value) for position, value in enumerate(result)
        )
    return DEVICE if isinstance(result, torch.device) else result


tensor.dispatch = dispatch

_handled: set[Any] = set()


def _is_plain(kind: Any) -> bool:
    """Is this a device tensor, or a subclass of Tensor that leaves operators alone, as Parameter is?"""
    plain = kind in DEVICE_TYPES or bool(kind.__torch_dispatch__ == torch.Tensor.__torch_dispatch__)
    if plain:
        _handled.add(kind)
    return plain


def _unwrap_all(values: Any, hosts: list[torch.Tensor]) -> tuple[Any, bool]:
    """A list or tuple for the CPU, and whether device tensors are in it; host tensors go to ``hosts``."""
    found = []
    on_device = False
    for value in values:
        if type(value) in DEVICE_TYPES:
            on_device = True
            found.append(value._held)
        elif type(value) is list:  # of several ranks, in collectives
            unwrapped, some = _unwrap_all(value, hosts)
            on_device = on_device or some
            found.append(unwrapped)
        else:
            if isinstance(value, torch.Tensor):
                hosts.append(value)
            found.append(value)
    return (found, on_device) if type(values) is list else (tuple(found), on_device)


def _wrap_any(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return wrap(value)
    if isinstance(value, list | tuple):
        return type(value)(_wrap_any(item) for item in value)
    return value


def _on_host(plan: Plan, func: Any, args: Any, kwargs: Any, hosts: list[torch.Tensor]) -> Any:
    """An operator that the device has no part in."""
    if kwargs.get("pin_memory"):
        result = func(*args, **{**kwargs, "pin_memory": False})
        pinned.mark(result)
        return result
    if plan.operator == "aten::is_pinned":  # asked by C++
        return pinned.is_pinned(*args)
    result = func(*args, **kwargs)
    now = recording.current
    if (
        now is not None
        and plan.launches
        and threading.get_ident() == now.main_thread
        and any(host.numel() > 1 for host in hosts)
    ):
        now.recorder.occurred("cpu-op", plan.operator, now.sites.here(sys._getframe(2)))
    return result


def _decomposed(func: Any, args: Any, kwargs: Any) -> Any:
    """Run the operators that an operator is made of, each through here again."""
    with MODE:
        return func.decompose(*args, **kwargs)


def _refuse_mixture(plan: Plan, hosts: list[torch.Tensor]) -> None:
    """A kernel reads device memory alone; only single values are passed by value."""
    if any(host.dim() > 0 for host in hosts):
        raise RuntimeError(
            "Expected all tensors to be on the same device, but found at least two devices, "
            f"{DEVICE} and cpu! (when checking arguments of {plan.operator})"
        )


def _record(
    plan: Plan, args: Any, kwargs: Any, hosts: list[torch.Tensor], on_device: bool, to_device: bool
) -> None:
    now = recording.current
    if now is None:
        return
    site = now.sites.here(sys._getframe(2))
    moved = False
    if plan.effects:
        source: Any = None
        if plan.copies:
            source = args[1]
            on_device = _lies_on_device(source)
            to_device = _lies_on_device(args[0])
        moved = on_device != to_device
        if moved and plan.operator in _COPIES and _is_empty(source if plan.copies else args[0]):
            return  # nothing is copied, and nobody waits (aten/src/ATen/native/Copy.cpp)
        call = bind(plan, args, kwargs, on_device, to_device)
        for event, condition in plan.effects:
            times = int(condition(call))
            nbytes = 0
            if event in recording.COPIES and times:
                read = hosts if event != "d2h-copy" else _device_tensors(source if plan.copies else args[0])
                nbytes = sum(tensor.nbytes for tensor in read)
            for _ in range(times):
                now.recorder.occurred(event, plan.operator, site, nbytes)
                nbytes = 0
    if plan.launches and not moved:
        now.recorder.occurred("kernel-launch", plan.operator, site)


def _is_empty(value: Any) -> bool:
    return all(one.numel() == 0 for one in (value if isinstance(value, list) else [value]))


def _lies_on_device(value: Any) -> bool:
    return (
        any(type(one) in DEVICE_TYPES for one in value)
        if isinstance(value, list)
        else type(value) in DEVICE_TYPES
    )


def _device_tensors(value: Any) -> list[Any]:
    return [one for one in (value if isinstance(value, list) else [value]) if type(one) in DEVICE_TYPES]


def _compute(plan: Plan, func: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Run the operator on the CPU."""
    standin = STANDINS.get(plan.operator)
    if standin is not None:
        return standin(*args, **kwargs)
    try:
        return func._op(*args, **kwargs)
    except NotImplementedError:
        if plan.foreign:
            recording.unsupported(
                f"the custom kernel {plan.operator}", "it has no CPU version, the script was stopped"
            )
        raise
    except RuntimeError as error:
        if "not implemented for" not in str(error):
            raise
        return _in_float(plan, func, args, kwargs, error)


def _in_float(plan: Plan, func: Any, args: list[Any], kwargs: dict[str, Any], error: RuntimeError) -> Any:
    """An operator that the CPU does not have in half precision: computed in single, and rounded."""
    tensors: list[torch.Tensor] = []
    _mapped((args, kwargs), tensors.append)
    low = {value.dtype for value in tensors if value.dtype in _LOW}
    if not low:
        raise error
    dtype = low.pop()
    wide_args, wide_kwargs = _mapped(args, _widen), _mapped(kwargs, _widen)
    result = func._op(*wide_args, **wide_kwargs)
    for position in plan.written:
        if position is not None:
            name = plan.names[position]
            there = (args, wide_args) if position < len(args) else (kwargs, wide_kwargs)
            key: Any = position if position < len(args) else name
            if there[0][key] is not there[1][key]:
                there[0][key].copy_(there[1][key])
    return _mapped(result, lambda value: value.to(dtype) if value.is_floating_point() else value)


def _widen(value: torch.Tensor) -> torch.Tensor:
    return value.float() if value.dtype in _LOW else value


def _mapped(value: Any, change: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, dict):
        return {name: _mapped(item, change) for name, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_mapped(item, change) for item in value)
    return value


def _written(plan: Plan, args: Any, kwargs: Any, result: Any) -> Any:
    """The results, of which some are the arguments that were written into."""
    single = not isinstance(result, tuple | list)
    found = []
    for position, value in zip(plan.written, [result] if single else result):
        if position is None:
            found.append(_wrap_any(value))
            continue
        argument = args[position] if position < len(args) else kwargs.get(plan.names[position])
        if argument is None:  # an optional one
            found.append(_wrap_any(value))
            continue
        if plan.refreshes and type(argument) in DEVICE_TYPES:
            inner = held(argument)
            if argument.shape != inner.shape or argument.stride() != inner.stride():
                refresh(argument)
        found.append(argument)
    return found[0] if single else tuple(found)
