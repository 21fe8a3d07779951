"""Watch an emulated device: every event is counted at its line."""

from collections.abc import Iterable

from perfcheck.counted import Counted, Tally, Unsupported
from perfcheck.emulated import Installed, install


class Counting:
    """Counts what the emulated device sees while the window is open.

    ``own``: files that are the user's although they lie among installed packages.
    """

    gpu: str | None = None
    is_busy = False

    def __init__(self, own: Iterable[str] = ()) -> None:
        self._own = tuple(own)
        self._tally = Tally()
        self._tally.counting = False
        self._device: Installed | None = None

    def start(self) -> None:
        """Raises CannotEmulate."""
        self._device = install(self._tally, self._own)

    def warm(self) -> None:
        pass

    def open(self) -> None:
        self._tally.counting = True

    def close(self) -> None:
        self._tally.counting = False

    def step_begins(self, number: int) -> None:
        self._tally.step = number

    def loop_begins(self) -> None:
        self._tally.begin_loop()

    def steps_restart(self) -> None:
        self._tally.restart()

    def counted(self, steps: int) -> tuple[Counted, ...]:
        return self._tally.counted(steps)

    def left_out(self) -> tuple[Unsupported, ...]:
        return self._tally.left_out()

    def notes(self) -> tuple[str, ...]:
        return ()

    def forked(self) -> None:
        self._tally.clear()

    def stop(self) -> None:
        self._tally.counting = False
        if self._device is not None:
            self._device.uninstall()
