"""What a run shows: events counted per source line, and where an observer of the run leaves them."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from perfcheck.callsite import CallSite
from perfcheck.events import Event

Phase = Literal["set-up", "steps"]


@dataclass(frozen=True, slots=True, order=True)
class Counted:
    """One event of one operator at one line in one phase."""

    path: str  # absolute
    line: int
    event: Event
    operator: str  # "aten::_local_scalar_dense", "torch.cuda.synchronize"
    library_line: str | None  # "transformers/trainer.py:2412", see CallSite
    phase: Phase
    count: int
    bytes: int  # of copies; 0 for other events
    first_step: int  # steps count from 1; 0 in set-up
    last_step: int
    steps: int  # in how many steps it occurred; 0 in set-up


@dataclass(frozen=True, slots=True, order=True)
class Unsupported:
    """Something the script used that the device it ran on does not do, and what happened instead."""

    feature: str  # "CUDA graphs"
    consequence: str  # "the captured code ran once, replays were not counted"
    path: str
    line: int


class Recorder(Protocol):
    """Where the emulated device leaves what it sees. Called from any thread, often: be quick."""

    def occurred(self, event: Event, operator: str, site: CallSite, nbytes: int = 0) -> None: ...

    def unsupported(self, feature: str, consequence: str, site: CallSite) -> None:
        """Called once for each feature and line."""


@dataclass
class _Sum:
    count: int = 0
    bytes: int = 0
    first: int = 0
    last: int = 0
    steps: int = 0


_Key = tuple[CallSite, Event, str, bool]


@dataclass
class Tally:
    """The recorder of a run: counts per line.

    ``step`` is the current step, 0 during set-up; whoever follows the steps sets it. Nothing is counted
    while ``counting`` is false.
    """

    step: int = 0
    counting: bool = True
    on_unsupported: Callable[[Unsupported], None] | None = None
    _sums: dict[_Key, _Sum] = field(default_factory=dict)
    _unsupported: set[Unsupported] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def occurred(self, event: Event, operator: str, site: CallSite, nbytes: int = 0) -> None:
        if not self.counting:
            return
        step = self.step
        key = (site, event, operator, step > 0)
        with self._lock:
            found = self._sums.get(key)
            if found is None:
                found = self._sums[key] = _Sum(first=step)
            found.count += 1
            found.bytes += nbytes
            if step and (found.last != step or found.steps == 0):
                found.last = step
                found.steps += 1

    def unsupported(self, feature: str, consequence: str, site: CallSite) -> None:
        what = Unsupported(feature, consequence, site.path, site.line)
        if what not in self._unsupported:
            self._unsupported.add(what)
            if self.on_unsupported is not None:
                self.on_unsupported(what)

    def counted(self) -> tuple[Counted, ...]:
        """What has been counted so far, sorted."""
        with self._lock:
            sums = list(self._sums.items())
        return tuple(
            sorted(
                (
                    Counted(
                        site.path,
                        site.line,
                        event,
                        operator,
                        site.library_line,
                        "steps" if stepping else "set-up",
                        found.count,
                        found.bytes,
                        found.first,
                        found.last,
                        found.steps,
                    )
                    for (site, event, operator, stepping), found in sums
                ),
                key=_order,
            )
        )

    def left_out(self) -> tuple[Unsupported, ...]:
        """What the script used that was not emulated, sorted."""
        return tuple(sorted(self._unsupported))

    def clear(self) -> None:
        """Start anew, as in a forked child."""
        self._sums, self._unsupported, self._lock = {}, set(), threading.Lock()


def _order(counted: Counted) -> tuple[str, int, str, str, str, str]:
    return (
        counted.path,
        counted.line,
        counted.event,
        counted.operator,
        counted.library_line or "",
        counted.phase,
    )


def total(counted: Iterable[Counted], event: Event) -> int:
    """How often an event occurred."""
    return sum(one.count for one in counted if one.event == event)
