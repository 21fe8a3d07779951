"""Putting the emulated device into this process, and taking it out again."""

import threading
from collections.abc import Iterable

import torch
import torch._dynamo  # finds torch's functions by identity: before any is replaced

from perfcheck.counted import Recorder
from perfcheck.emulated import (
    collectives,
    compiling,
    conversion,
    data,
    driver,
    legacy,
    opaque,
    optimizers,
    pinned,
    processes,
    recording,
    serialization,
)
from perfcheck.emulated.bridge import Bridge
from perfcheck.emulated.dispatch import MODE
from perfcheck.emulated.kernels import Kernels
from perfcheck.emulated.patching import Patches
from perfcheck.emulated.recording import Recording

_bridge = Bridge()
_PARTS = (
    collectives,
    conversion,
    data,
    driver,
    legacy,
    opaque,
    optimizers,
    pinned,
    processes,
    serialization,
    compiling,
)


class Installation:
    """The emulated device of this process."""

    def __init__(self, recorder: Recorder, own: Iterable[str] = ()) -> None:
        if recording.current is not None:
            raise RuntimeError("this process has an emulated device already")
        self._patches = Patches()
        self._thread = threading.get_ident()
        self._only_lift = torch._C._only_lift_cpu_tensors()
        self._threads = torch.autograd.is_multithreading_enabled()
        self._fuses = torch._C._jit_can_fuse_on_gpu()
        _bridge.open()
        self._kernels = Kernels()
        torch._C._set_only_lift_cpu_tensors(True)  # torch.tensor(v, device="cuda"): on the CPU, then moved
        torch._C._set_multithreading_enabled(False)  # backward in the calling thread, below the user's frames
        torch._C._jit_override_can_fuse_on_gpu(False)  # TorchScript would compile kernels of its own
        for part in _PARTS:
            part.install(self._patches)
        recording.current = Recording(recorder, own)
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
        torch._C._jit_override_can_fuse_on_gpu(self._fuses)
        self._kernels.remove()
        _bridge.close()
