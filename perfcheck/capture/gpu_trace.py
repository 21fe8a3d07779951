"""PyTorch tells of each wait for the device before it begins, also of those within C++
(``torch.cuda._gpu_trace``).

The callbacks run on the waiting thread, with its Python frames still there: the line is exact where no
wrapper knows it, as in the backward pass or below a library's operator. Waits that other libraries make
(NCCL) tell nothing. Once switched on, PyTorch cannot switch it off, and calls into Python on allocations
too, about a microsecond each.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from perfcheck.callsite import CallSite, CallSites


class Wait(NamedTuple):
    """A wait is about to begin, on the clock of :func:`time.time_ns`."""

    at_ns: int
    thread: int
    site: CallSite


class GpuWaits:
    """Keeps where waits begin while ``keeping``; calls ``told`` before each wait of the main thread."""

    def __init__(self, sites: CallSites) -> None:
        self.log: list[Wait] = []
        self.keeping = False
        self.told: Callable[[], None] = lambda: None
        self._main = threading.main_thread().ident
        self._here: Callable[[], CallSite] = sites.here

    def install(self) -> None:
        import torch
        import torch.cuda._gpu_trace as trace  # which torch.cuda does not import, and the C++ side needs

        torch._C._activate_gpu_trace()
        trace.register_callback_for_stream_synchronization(self._waits)
        trace.register_callback_for_event_synchronization(self._waits)
        trace.register_callback_for_device_synchronization(self._waits)

    def _waits(self, *_: Any) -> None:
        if threading.get_ident() == self._main:
            self.told()
        if self.keeping:
            self.log.append(Wait(time.time_ns(), threading.get_native_id(), self._here()))
