"""What torch's C++ side must know before it accepts CUDA tensors on a machine without CUDA.

Two things, and no compiler is needed for either:

*A device guard.* Autograd aborts the process when no guard is registered for CUDA. torch brings one that does
nothing, and ``torch._C._ensureCUDADeviceGuardSet()`` registers it, but only where a guard that counts no
devices stands already (builds with CUDA); on CPU builds such a one is put there first.

*An accelerator.* The autograd engine asks ``at::getAccelerator()``, which asks the CUDA hooks whether CUDA is
built, available and has a context. The hooks get a copy of the table of virtual functions that CPU builds
have, in which these three answer yes; so that in builds with CUDA, too, no layer goes to cuDNN and nobody
asks the driver. Source: ``torch/include/ATen/detail/AcceleratorHooksInterface.h`` of the wheels (destructors
in slots 0 and 1, then isBuilt, isAvailable, hasPrimaryContext).
"""

import ctypes
import sys
from pathlib import Path
from typing import Any

import torch

_IS_BUILT, _HAS_PRIMARY_CONTEXT = 2, 4  # slots of at::AcceleratorHooksInterface, with what lies between
_SLOTS = 126  # more than the hooks have
_REGISTER = "_ZN3c104impl19registerDeviceGuardENS_10DeviceTypeEPKNS0_24DeviceGuardImplInterfaceE"
_HOOKS = "_ZN2at6detail12getCUDAHooksEv"
_TABLE = "_ZTVN2at18CUDAHooksInterfaceE"
_TIMERS = "_ZN4c10d13TimerRegistryEv"
_TIMER_OF = (  # std::unordered_map<c10::DeviceType, …>::operator[]
    "_ZNSt8__detail9_Map_baseIN3c1010DeviceTypeESt4pairIKS2_St8functionIFSt10unique_ptrIN4c10d5TimerE"
    "St14default_deleteIS8_EENS1_6DeviceEEEESaISF_ENS_10_Select1stESt8equal_toIS2_ESt4hashIS2_E"
    "NS_18_Mod_range_hashingENS_20_Default_ranged_hashENS_20_Prime_rehash_policyE"
    "NS_17_Hashtable_traitsILb1ELb0ELb1EEELb1EEixERS4_"
)
_FUNCTION = 4 * ctypes.sizeof(ctypes.c_void_p)  # bytes of a std::function of libstdc++
_CPU, _CUDA = 0, 1  # c10::DeviceType

BUILT_WITH_CUDA = torch.version.cuda is not None


class UnknownLayout(RuntimeError):
    """This torch is not laid out as the ones the bridge was written for."""


class Bridge:
    """The bridge; a process has one, which may be closed and opened again."""

    def __init__(self) -> None:
        self._has_guard = False
        self._hooks: Any = None  # the pointer to the table of virtual functions
        self._before = 0

    def open(self) -> None:
        """Make torch accept CUDA tensors. Raises UnknownLayout; a layout that only looks right may crash."""
        if not self._has_guard:
            self._register_guard()
        self._answer_yes()
        if str(torch._C._get_accelerator()) != "cuda":
            self.close()
            raise UnknownLayout(f"torch {torch.__version__} orders its CUDA hooks in another way")

    def close(self) -> None:
        """No accelerator any more; the guard, which does nothing, stays."""
        if self._hooks is not None:
            self._hooks[0], self._hooks = self._before, None

    def _register_guard(self) -> None:
        if not BUILT_WITH_CUDA:
            no_devices = ctypes.CFUNCTYPE(ctypes.c_int8, ctypes.c_void_p)(lambda _: 0)
            functions = (ctypes.c_void_p * 64)(*[ctypes.cast(no_devices, ctypes.c_void_p).value] * 64)
            guard = ctypes.c_void_p(ctypes.addressof(functions))
            _keep(no_devices, functions, guard)
            register = _symbol("c10", _REGISTER)
            register.argtypes, register.restype = (ctypes.c_int8, ctypes.c_void_p), None
            register(_CUDA, ctypes.addressof(guard))
        torch._C._ensureCUDADeviceGuardSet()
        self._has_guard = True

    def _answer_yes(self) -> None:
        get_hooks = _symbol("torch_cpu", _HOOKS)
        get_hooks.restype = ctypes.c_void_p
        pointer = ctypes.cast(get_hooks(), ctypes.POINTER(ctypes.c_void_p))
        # In front of the functions lie the table's offset and type; both belong to the copy.
        table = ctypes.cast(_symbol("torch_cpu", _TABLE), ctypes.POINTER(ctypes.c_void_p))
        copy = (ctypes.c_void_p * (_SLOTS + 2))(*table[: _SLOTS + 2])
        # A C function without arguments that says yes as long as Python runs; any thread may call it.
        yes = ctypes.cast(ctypes.pythonapi.Py_IsInitialized, ctypes.c_void_p).value
        for slot in range(_IS_BUILT, _HAS_PRIMARY_CONTEXT + 1):
            copy[slot + 2] = yes
        _keep(copy)
        self._hooks, self._before = pointer, pointer[0]
        pointer[0] = ctypes.addressof(copy) + 2 * ctypes.sizeof(ctypes.c_void_p)


def time_by_the_host() -> None:
    """Let the reducer of DistributedDataParallel take the CPU's timer for modules on CUDA.

    It times what it does for its own log; in builds with CUDA by CUDA events, which want a driver. Timers are
    made by what stands in a map from the kind of a device to a ``std::function``
    (``torch/include/c10/util/Registry.h``); those that call a plain function, as here, can be copied.
    """
    timers, timer_of = _symbol("torch_cpu", _TIMERS), _symbol("torch_cpu", _TIMER_OF)
    timers.restype = timer_of.restype = ctypes.c_void_p
    timer_of.argtypes = (ctypes.c_void_p, ctypes.POINTER(ctypes.c_int8))
    host, device = (timer_of(timers(), ctypes.c_int8(kind)) for kind in (_CPU, _CUDA))
    ctypes.memmove(device, host, _FUNCTION)


def _keep(*objects: Any) -> None:
    """Never free what C++ points to: it looks there after Python has ended, too."""
    for kept in objects:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))


def _symbol(library: str, name: str) -> Any:
    """A function of one of torch's libraries."""
    pattern = {"darwin": f"lib{library}.dylib"}.get(sys.platform, f"lib{library}.so*")
    found = sorted(Path(torch.__file__).with_name("lib").glob(pattern))
    if not found:
        raise UnknownLayout(f"torch {torch.__version__} has no {pattern} beside {torch.__file__}")
    try:
        return getattr(ctypes.CDLL(str(found[0])), name)
    except AttributeError:
        raise UnknownLayout(f"torch {torch.__version__} exports no {name} from {found[0].name}") from None
