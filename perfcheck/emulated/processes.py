"""Threads, data loaders and other processes."""

import threading
from typing import Any

import torch
import torch.utils.data

from perfcheck.emulated import recording
from perfcheck.emulated.dispatch import MODE
from perfcheck.emulated.patching import Patches

_worker_loop = torch.utils.data._utils.worker._worker_loop
_bootstrap = threading.Thread._bootstrap_inner  # type: ignore[attr-defined]


def install(patches: Patches) -> None:
    """Let the device reach all threads; record nothing in a data loader's workers."""
    patches.set(threading.Thread, "_bootstrap_inner", _with_device)
    patches.set(torch.utils.data._utils.worker, "_worker_loop", load_data)
    loader = torch.utils.data.dataloader._SingleProcessDataLoaderIter
    patches.set(loader, "_next_data", _waiting(loader._next_data))


def _with_device(thread: Any) -> None:
    """``Thread._bootstrap_inner``: modes and settings of autograd belong to a thread."""
    torch._C._set_multithreading_enabled(False)
    with MODE:
        _bootstrap(thread)


def load_data(*args: Any, **kwargs: Any) -> None:
    """The main function of a data loader's worker, in which there is no device."""
    recording.current = None
    _worker_loop(*args, **kwargs)


def _waiting(next_data: Any) -> Any:
    """A loader without workers makes each batch while the step waits for it."""

    def _next_data(self: Any) -> Any:
        batch = next_data(self)
        recording.occurred("loader-wait", "torch.utils.data.DataLoader")
        return batch

    return _next_data
