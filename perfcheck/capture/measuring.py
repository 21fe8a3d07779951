"""Watch a real GPU: PyTorch's profiler for what ran when, and our own logs for the lines that asked for
it.

In the window: the profiler without stacks, which would double its cost and give the lines of definitions
only; wrappers on the calls that can wait; PyTorch's own word on waits within C++; a sampler. Outside the
window nothing but the step hooks. A second, deep window, if asked for, logs every line of the user's code
beside the profiler.

Everything is written as it is when a window closes; recording and lines are put together afterwards, by
:mod:`perfcheck.capture.recording`, in another process.
"""

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from perfcheck.callsite import CallSites
from perfcheck.capture.calls import LEAST, WatchedCalls
from perfcheck.capture.every_line import EveryLine
from perfcheck.capture.gpu_trace import GpuWaits
from perfcheck.capture.profiler import Busy, Profiler
from perfcheck.capture.sampler import Sampler
from perfcheck.counted import Counted, Unsupported
from perfcheck.run.results import write_whole

TRACE = "trace.json"
LOGS = "logs.json"
DEEP = "deep-"
"""What the names of the deep window's files begin with."""

DEEP_AFTER = 2
"""The deep window begins so many steps after the other has ended. A range that was open when a recording
ended must be closed before the next begins: PyTorch would write its end into the first one's memory,
which is free by then.
"""

DEEP_STEPS = 3
"""Steps of the deep window: one shows every line, more show which of them vary."""


class Step(NamedTuple):
    """A step begins, on the clock of :func:`time.time_ns`; the last entry of a log, number 0, is the end."""

    number: int
    at_ns: int
    thread: int


class Measuring:
    """``folder`` is where this process's results go; calls shorter than ``least`` nanoseconds are not
    kept.
    """

    def __init__(self, folder: Path, sites: CallSites, *, deep: bool = False, least: int = LEAST) -> None:
        self._folder = folder
        self._sites = sites
        self._deep_in = DEEP_AFTER if deep else 0  # steps from the end of the window; 0: not, or not any more
        self._least = least
        self._notes: list[str] = []
        self._waits = GpuWaits(sites)
        self._profiler: Profiler | None = None
        self._window: _Window | None = None
        self._is_child = False
        self._is_over = False
        self._times = _StepTimes()

    @property
    def gpu(self) -> str | None:
        import torch

        return torch.cuda.get_device_name() if torch.cuda.is_available() else None

    @property
    def is_busy(self) -> bool:
        return self._window is not None or self._deep_in > 0

    def start(
        self, waited: Callable[[], None] = lambda: None, happened: Callable[[], None] = lambda: None
    ) -> None:
        import torch

        self._waits.told = waited
        if torch.cuda.is_available():
            self._waits.install()

    def warm(self) -> None:
        self._profiler = Profiler(self._give_way)
        try:
            self._profiler.prepare()
        except Busy as busy:
            self._profiler = None
            self._notes.append(f"nothing was recorded: the script's own profiler was running ({busy})")

    def open(self) -> None:
        if self._profiler is None and not self._notes:
            self.warm()
        if self._profiler is not None and not self._is_child:
            self._window = _Window(self._folder, "", self._profiler, self._sites, self._waits, self._least)
            self._window.open(deep=False)
            self._times.inside = True

    def close(self) -> None:
        if self._window is not None:
            self._end()
            self._is_over = True

    def step_begins(self, number: int) -> None:
        self._times.next()
        if self._window is not None:
            self._window.step_begins(number)
            if self._window.name == DEEP and len(self._window.steps) > DEEP_STEPS:
                self._end()
        elif self._is_over and self._deep_in:
            self._deep_in -= 1
            if not self._deep_in:
                self._open_deep(number)

    def _open_deep(self, number: int) -> None:
        self.warm()
        if self._profiler is not None:
            self._window = _Window(self._folder, DEEP, self._profiler, self._sites, self._waits, 0)
            if not self._window.open(deep=True):
                self._notes.append("--deep: a debugger or a coverage tool follows the lines already")
            self._window.step_begins(number)

    def loop_begins(self) -> None:
        pass

    def steps_restart(self) -> None:
        pass

    def counted(self, steps: int) -> tuple[Counted, ...]:
        return ()  # what the recording shows is read afterwards

    def left_out(self) -> tuple[Unsupported, ...]:
        return ()

    def notes(self) -> tuple[str, ...]:
        slower = self._times.slower
        return (*self._notes, *([slower] if slower else []))

    def forked(self) -> None:
        """A forked child cannot use CUDA; there is nothing to watch."""
        self._is_child, self._window, self._profiler = True, None, None

    def stop(self) -> None:
        if self._window is not None:
            self._end()

    def _end(self) -> None:
        assert self._window is not None
        window, self._window, self._profiler = self._window, None, None
        self._times.inside = False
        window.close()

    def _give_way(self) -> None:
        self._deep_in = 0
        if self._window is not None:
            self._notes.append("the window was cut short: the script started a profiler of its own")
            self._end()
        elif self._profiler is not None:
            self._notes.append("nothing was recorded: the script started a profiler of its own")
            self._profiler.abandon()
            self._profiler = None


class _Window:
    """A stretch of time in which everything is on."""

    def __init__(
        self, folder: Path, name: str, profiler: Profiler, sites: CallSites, waits: GpuWaits, least: int
    ) -> None:
        self.name = name
        self.steps: list[Step] = []
        self._folder = folder
        self._profiler = profiler
        self._waits = waits
        self._nsight = _nvtx()
        self._range: Any = None  # of the step that runs
        marks = (self._nsight.push_range, self._nsight.pop_range) if self._nsight else None
        self._calls = WatchedCalls(sites, least, marks)
        self._sampler = Sampler(sites)
        self._lines = EveryLine(sites)

    def open(self, *, deep: bool) -> bool:
        """False where lines were wanted and cannot be had."""
        self._waits.log, self._waits.keeping = [], True
        self._calls.install()
        self._profiler.start()
        self._sampler.start()
        return self._lines.start() if deep else True

    def step_begins(self, number: int) -> None:
        self.steps.append(Step(number, time.time_ns(), threading.get_native_id()))
        self._mark_step(number)

    def _mark_step(self, number: int) -> None:
        """The range of a step ends, for Nsight Systems, and that of the next begins; 0: none does."""
        if self._nsight is None:
            return
        if self._range is not None:
            self._nsight.end_range(self._range)
        self._range = self._nsight.start_range(f"step {number}") if number else None

    def close(self) -> None:
        """Raises ResultsError."""
        end = time.time_ns()
        self._mark_step(0)
        self._lines.stop()
        self._sampler.stop()
        self._profiler.stop()
        self._calls.uninstall()
        self._waits.keeping = False
        self._folder.mkdir(parents=True, exist_ok=True)
        beside = self._folder / f".{TRACE}"
        self._profiler.write(str(beside))
        beside.replace(self._folder / f"{self.name}{TRACE}")
        logs = {
            "calls": self._calls.log,
            "waits": self._waits.log,
            "samples": self._sampler.log,
            "lines": self._lines.log,
            "steps": [*self.steps, Step(0, end, 0)],
        }
        write_whole(self._folder / f"{self.name}{LOGS}", json.dumps(logs))


class _StepTimes:
    """How long steps take in the window, and how long before it."""

    def __init__(self) -> None:
        self.inside = False
        self._began: int | None = None
        self._of: dict[bool, list[int]] = {False: [], True: []}

    def next(self) -> None:
        now = time.perf_counter_ns()
        if self._began is not None:
            self._of[self.inside].append(now - self._began)
        self._began = now

    @property
    def slower(self) -> str:
        """For people; "" where there is nothing to compare. The first step outside is never like the
        others.
        """
        outside, inside = self._of[False][1:], self._of[True]
        if not outside or not inside:
            return ""
        usual, watched = median(outside), median(inside)
        return (
            f"a step took {watched / 1e6:.3g} ms in the window and {usual / 1e6:.3g} ms outside of it: "
            f"recording made it {watched / usual:.2f} times as long"
        )


def _nvtx() -> Any:
    """What makes ranges for Nsight Systems, where it is listening: it names the library that they are to go
    to. None elsewhere.
    """
    if "NVTX_INJECTION64_PATH" not in os.environ:
        return None
    import nvtx

    return nvtx
