"""Which steps of a run are looked at."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """``wait`` steps are let pass, then ``warmup`` steps are run with everything on and nothing kept, then
    ``steps`` steps are kept, at most ``max_seconds`` of them. None: until the script ends.
    """

    wait: int = 0
    warmup: int = 0
    steps: int | None = None
    max_seconds: float | None = None


class WindowWatch:
    """Opens and closes a window as steps pass; a listener of :class:`perfcheck.run.steps.Steps`.

    Without steps to wait for, the window opens at once, and set-up is in it.
    """

    def __init__(
        self,
        window: Window,
        opened: Callable[[], None],
        closed: Callable[[], None],
        warming: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._window = window
        self._opened, self._closed, self._warming = opened, closed, warming
        self._clock = clock
        self._until = float("inf")
        self._warm = False
        self._first = 1
        self.is_open = False
        self.is_over = False

    def start(self) -> None:
        if not self._window.wait + self._window.warmup:
            self._open(1)

    def step_begins(self, number: int) -> None:
        window = self._window
        if self.is_over:
            return
        if self.is_open:
            enough = window.steps is not None and number - self._first >= window.steps
            if enough or self._clock() >= self._until:
                self.close()
        elif number > window.wait + window.warmup:
            self._open(number)
        elif number > window.wait and not self._warm:
            self._warm = True
            self._warming()

    def loop_begins(self) -> None:
        pass

    def steps_restart(self) -> None:
        """Steps are counted anew; a window that is open stays so: what it saw were the steps of another
        loop.
        """
        if self.is_open:
            self._first = 1
        else:
            self.step_begins(1)

    def close(self) -> None:
        """Close the window if it is open, as at the end of the script."""
        if self.is_open:
            self.is_open, self.is_over = False, True
            self._closed()

    def _open(self, number: int) -> None:
        self.is_open, self._first = True, number
        if self._window.max_seconds is not None:
            self._until = self._clock() + self._window.max_seconds
        self._opened()
