"""Watch an emulated device: every event is counted at its line."""

from collections.abc import Callable, Iterable

from perfcheck.callsite import CallSite
from perfcheck.counted import Counted, Recorder, Tally, Unsupported
from perfcheck.emulated import Installed, install
from perfcheck.events import Event


class _Listeners:
    """Hands what the device of this process tells to everybody who listens: a run, and a budget within it."""

    def __init__(self) -> None:
        self.all: tuple[Recorder, ...] = ()
        self.device: Installed | None = None

    def occurred(self, event: Event, operator: str, site: CallSite, nbytes: int = 0) -> None:
        for recorder in self.all:
            recorder.occurred(event, operator, site, nbytes)

    def unsupported(self, feature: str, consequence: str, site: CallSite) -> None:
        for recorder in self.all:
            recorder.unsupported(feature, consequence, site)


_listeners = _Listeners()


def is_emulated() -> bool:
    """Does this process have an emulated device?"""
    return _listeners.device is not None


def listen(recorder: Recorder, own: Iterable[str] = ()) -> None:
    """Tell the recorder of events; the first to listen gets the process its device. Raises CannotEmulate."""
    if _listeners.device is None:
        _listeners.device = install(_listeners, own)
    _listeners.all += (recorder,)


def leave(recorder: Recorder) -> None:
    """Tell it no more; with the last who listens the device goes."""
    _listeners.all = tuple(one for one in _listeners.all if one is not recorder)
    if not _listeners.all and _listeners.device is not None:
        device, _listeners.device = _listeners.device, None
        device.uninstall()


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
        self._happened: Callable[[], None] = lambda: None

    def start(
        self, waited: Callable[[], None] = lambda: None, happened: Callable[[], None] = lambda: None
    ) -> None:
        """Raises CannotEmulate."""
        self._happened = happened
        listen(self, self._own)

    def occurred(self, event: Event, operator: str, site: CallSite, nbytes: int = 0) -> None:
        self._tally.occurred(event, operator, site, nbytes)
        if event != "kernel-launch":  # of those there are too many
            self._happened()

    def unsupported(self, feature: str, consequence: str, site: CallSite) -> None:
        self._tally.unsupported(feature, consequence, site)

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
        leave(self)
