"""Threads, data loaders and other processes."""

import threading
from typing import Any

import torch
import torch.utils.data

from perfcheck.emulated import recording
from perfcheck.emulated.dispatch import MODE
from perfcheck.emulated.patching import Patches

_COUNT = "_num_yielded"
_worker_loop = torch.utils.data._utils.worker._worker_loop
_bootstrap = threading.Thread._bootstrap_inner  # type: ignore[attr-defined]


def install(patches: Patches) -> None:
    """Let the device reach all threads; record nothing in a data loader's workers."""
    patches.set(threading.Thread, "_bootstrap_inner", _with_device)
    patches.set(torch.utils.data._utils.worker, "_worker_loop", load_data)
    iterator = torch.utils.data.dataloader._SingleProcessDataLoaderIter
    patches.set(iterator, _COUNT, _Waits())


def _with_device(thread: Any) -> None:
    """``Thread._bootstrap_inner``: modes and settings of autograd belong to a thread."""
    torch._C._set_multithreading_enabled(False)
    with MODE:
        _bootstrap(thread)


def load_data(*args: Any, **kwargs: Any) -> None:
    """The main function of a data loader's worker, in which there is no device."""
    recording.current = None
    _worker_loop(*args, **kwargs)


class _Waits:
    """In the place of the attribute in which a loader's iterator counts its batches, so that no frame of ours
    stands in the traceback of a data set that fails.

    A loader without workers makes each batch while the step waits for it.
    """

    def __get__(self, iterator: Any, owner: type | None = None) -> int:
        return int(vars(iterator)[_COUNT])

    def __set__(self, iterator: Any, value: int) -> None:
        counter = vars(torch.utils.data.dataloader._BaseDataLoaderIter).get(_COUNT)
        if counter is None:
            vars(iterator)[_COUNT] = value
        else:  # whoever follows the steps is told first: the wait belongs to the step that it begins
            counter.__set__(iterator, value)
        if value:
            recording.occurred("loader-wait", "torch.utils.data.DataLoader")
