"""Putting the emulated device into this process, and taking it out again."""

import threading
from collections.abc import Iterable
from importlib import import_module

import torch
import torch._dynamo  # finds torch's functions by identity: before any is replaced
import torch.utils._foreach_utils

from perfcheck.counted import Recorder
from perfcheck.emulated import (
    compiling,
    data,
    driver,
    legacy,
    opaque,
    processes,
    recording,
    serialization,
    tensor,
)
from perfcheck.emulated.bridge import Bridge
from perfcheck.emulated.dispatch import MODE
from perfcheck.emulated.kernels import Kernels
from perfcheck.emulated.patching import Patches
from perfcheck.emulated.recording import Recording

_bridge = Bridge()


class Installation:
    """The emulated device of this process."""

    def __init__(self, recorder: Recorder, own: Iterable[str] = ()) -> None:
        if recording.current is not None:
            raise RuntimeError("this process has an emulated device already")
        self._patches = Patches()
        _bridge.open()
        self._kernels = Kernels()
        self._only_lift = torch._C._only_lift_cpu_tensors()
        torch._C._set_only_lift_cpu_tensors(True)  # torch.tensor(v, device="cuda"): on the CPU, then moved
        self._threads = torch.autograd.is_multithreading_enabled()
        torch._C._set_multithreading_enabled(False)  # backward in the calling thread, below the user's frames
        for part in (data, driver, legacy, opaque, processes, serialization, compiling):
            part.install(self._patches)
        processes.install_pinning(self._patches)
        self._patches.set(torch.Tensor, "data", property(tensor.get_data, tensor.set_data))
        self._patches.set(torch.Tensor, "record_stream", lambda self, stream: None)
        # Optimizers choose their way by the exact type of the parameters.
        for module in (torch.utils._foreach_utils, import_module("torch.optim.optimizer")):
            types = module._foreach_supported_types
            self._patches.set(module, "_foreach_supported_types", [*types, tensor.DeviceTensor])
        recording.current = Recording(recorder, own)
        self._thread = threading.get_ident()
        MODE.__enter__()

    def uninstall(self) -> None:
        """Put torch back as it was; to be called in the thread that installed."""
        if threading.get_ident() != self._thread:
            raise RuntimeError("an emulated device is taken out by the thread that put it in")
        MODE.__exit__(None, None, None)
        recording.current = None
        self._patches.undo()
        torch._C._set_only_lift_cpu_tensors(self._only_lift)
        torch._C._set_multithreading_enabled(self._threads)
        self._kernels.remove()
        _bridge.close()
