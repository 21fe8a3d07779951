"""Now and then, which line each thread runs: what tells of Python's own work, data loading and everything
else that no wrapper sees. Blind to calls that hold the interpreter's lock; that samples come late then is
a sign by itself.
"""

import sys
import threading
import time
from typing import Final, NamedTuple

from perfcheck.callsite import UNKNOWN, CallSite, CallSites

PERIOD: Final = 0.010
"""Seconds. Measured: no slowdown to be seen; at 1 ms a loop of small operators runs half as fast."""


class Sample(NamedTuple):
    at_ns: int
    thread: int
    site: CallSite


class Sampler(threading.Thread):
    """Samples all threads from :meth:`start` to :meth:`stop`."""

    def __init__(self, sites: CallSites, period: float = PERIOD) -> None:
        super().__init__(name="perfcheck sampler", daemon=True)
        self.log: list[Sample] = []
        self._sites = sites
        self._period = period
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(self._period):
            self.sample()

    def sample(self) -> None:
        """Look once."""
        now = time.time_ns()
        frames = sys._current_frames()
        for thread in threading.enumerate():
            frame = frames.get(thread.ident or 0)
            if frame is not None and thread is not self and thread.native_id is not None:
                site = self._sites.here(frame)
                if site != UNKNOWN:
                    self.log.append(Sample(now, thread.native_id, site))

    def stop(self) -> None:
        self._over.set()
        self.join()
