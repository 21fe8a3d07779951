"""One process of a run, from before the script's first line to its end."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from perfcheck.callsite import CallSites
from perfcheck.counted import Counted, Unsupported
from perfcheck.events import Event
from perfcheck.run.lines import ReachedLines
from perfcheck.run.results import Plan, ProcessResult, ResultsError
from perfcheck.run.steps import Listener, Steps, watch
from perfcheck.run.window import WindowWatch

ON_HOST: Final[frozenset[Event]] = frozenset({"cpu-op", "loader-wait"})
"""Events of a process that need not have used the device."""

OFTEN = 0.5
"""Seconds between two writings of what was seen so far."""

LEAST_SHARE = 50
"""A writing waits this many times as long as the last one took: at most 2 % of the time go into it."""


class Capture(Listener, Protocol):
    """How the device is watched: an emulated one, which counts, or a real one, which measures."""

    @property
    def gpu(self) -> str | None:
        """The name of the real device."""

    def start(self, waited: Callable[[], None], happened: Callable[[], None]) -> None:
        """Before the script runs. ``waited`` is called where the main thread waits for a real device, and
        ``happened``, in any thread, where something came that an emulated one counts.
        """

    def warm(self) -> None:
        """The window is about to open."""

    def open(self) -> None:
        """From now on, what happens is kept."""

    def close(self) -> None: ...

    def counted(self, steps: int) -> tuple[Counted, ...]: ...

    @property
    def is_busy(self) -> bool:
        """Is something still to be done after the window?"""

    def left_out(self) -> tuple[Unsupported, ...]: ...

    def notes(self) -> tuple[str, ...]: ...

    def forked(self) -> None:
        """In a forked child: forget what the parent has seen."""

    def stop(self) -> None:
        """Leave the process as it was found."""


_current: "Session | None" = None


def current() -> "Session | None":
    """The session that watches this process, if one does."""
    return _current


class Session:
    """Watches this process, and writes what it sees into the run's folder: when the window closes, at the
    end, and now and then between, so that a script that is killed loses little.

    A forked child goes on as a process of its own, and writes only if it has used the device.
    """

    def __init__(
        self, plan: Plan, name: str, capture: Capture, sites: CallSites, *, is_child: bool = False
    ) -> None:
        self.plan = plan
        self.name = name
        self.is_child = is_child  # of another process of the run
        self.capture = capture
        self.steps = Steps()
        self._window = WindowWatch(plan.window, capture.open, self._window_closed, capture.warm)
        self._lines = ReachedLines(sites)
        self._children = 0
        self._next_child = ""
        self._saved_at, self._saving_took = time.monotonic(), 0.0
        self._unwatch: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Raises what the capture raises where the device cannot be watched, and RuntimeError where
        another session watches it already.
        """
        global _current
        if _current is not None:
            raise RuntimeError("this process is being traced already")
        _current = self
        self.capture.start(self.steps.waited, self._happened)
        self.steps.listeners = (self._window, self.capture, self)
        self._unwatch = watch(self.steps)
        self._lines.start()
        self._window.start()

    def stop(self) -> None:
        """The end: write the last of it. Raises ResultsError."""
        global _current
        _current = None
        self._lines.stop()
        self._unwatch()
        self._window.close()
        self.capture.stop()
        self.save()

    def new_child(self) -> str:
        """The name of the next process that this one starts."""
        self._children += 1
        return f"{self.name}.{self._children}"

    def fork(self) -> None:
        """This process is about to fork."""
        self._next_child = self.new_child()

    def forked(self) -> None:
        """This process is the forked child: from now on one of its own."""
        self.name, self.is_child, self._children = self._next_child, True, 0
        self.capture.forked()

    def step_begins(self, number: int) -> None:
        if self.plan.stop_after and self._window.is_over and not self.capture.is_busy:
            raise SystemExit(0)
        self._save_now_and_then(at_once=number == 2)  # a step is worth more than all of the set-up before it

    def loop_begins(self) -> None:
        pass

    def steps_restart(self) -> None:
        pass

    def _happened(self) -> None:
        if threading.current_thread() is threading.main_thread():  # whose lines are not added to meanwhile
            self._save_now_and_then()

    def _save_now_and_then(self, *, at_once: bool = False) -> None:
        since = time.monotonic() - self._saved_at
        is_time = at_once or since > max(OFTEN, LEAST_SHARE * self._saving_took)
        if self._window.is_open and is_time:
            try:
                self.save()
            except ResultsError:  # is told at the end: the script has nothing to do with it
                self._saved_at = time.monotonic()

    def _window_closed(self) -> None:
        self.capture.close()
        self.save()

    def save(self) -> None:
        """Raises ResultsError."""
        import torch

        began = time.monotonic()
        steps = self.steps.count
        counted = self.capture.counted(steps)
        if self.is_child and all(one.event in ON_HOST for one in counted):
            return
        result = ProcessResult(
            torch=torch.__version__,
            gpu=self.capture.gpu,
            steps=steps,
            steps_from=self.steps.source,
            counted=counted,
            unsupported=self.capture.left_out(),
            lines=self._lines.reached(),
            notes=self.capture.notes(),
            name=self.name,
        )
        result.write(Path(self.plan.folder))
        self._saved_at = time.monotonic()
        self._saving_took = self._saved_at - began
