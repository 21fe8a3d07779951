"""What a run shows: events counted per source line, and where an observer of the run leaves them."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from perfcheck.callsite import CallSite
from perfcheck.events import Event

Phase = Literal["set-up", "steps"]  # set-up: outside of the steps, before or after them


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


@dataclass(slots=True)
class _Sum:
    count: int = 0
    bytes: int = 0
    first: int = 0
    last: int = 0
    steps: int = 0

    def add(self, other: "_Sum") -> None:
        self.count += other.count
        self.bytes += other.bytes
        self.first = min(self.first or other.first, other.first)
        self.last = max(self.last, other.last)
        self.steps += other.steps


_Key = tuple[CallSite, Event, str]
_Sums = dict[_Key, _Sum]


class Tally:
    """The recorder of a run: counts per line.

    Whoever follows the steps sets :attr:`step`, 0 during set-up. Nothing is counted while ``counting`` is
    false.
    """

    def __init__(self, on_unsupported: Callable[[Unsupported], None] | None = None) -> None:
        self.counting = True
        self.on_unsupported = on_unsupported
        self._step = 0
        self._starts_unseen = False  # was the beginning of step 1 not told?
        self._now: _Sums = {}
        self._in_set_up: _Sums = {}
        self._in_loops: _Sums = {}  # in steps of earlier loops
        self._in_steps: _Sums = {}
        self._unsupported: set[Unsupported] = set()
        self._lock = threading.Lock()

    @property
    def step(self) -> int:
        return self._step

    @step.setter
    def step(self, number: int) -> None:
        with self._lock:
            _merge(self._in_steps if self._step else self._in_set_up, self._settled())
            self._now = {}
            self._step = number

    def occurred(self, event: Event, operator: str, site: CallSite, nbytes: int = 0) -> None:
        if not self.counting:
            return
        key = (site, event, operator)
        with self._lock:
            found = self._now.get(key)
            if found is None:
                found = self._now[key] = _Sum()
            found.count += 1
            found.bytes += nbytes

    def unsupported(self, feature: str, consequence: str, site: CallSite) -> None:
        what = Unsupported(feature, consequence, site.path, site.line)
        if what not in self._unsupported:
            self._unsupported.add(what)
            if self.on_unsupported is not None:
                self.on_unsupported(what)

    def begin_loop(self) -> None:
        """What has been counted so far belongs to other loops than what comes now."""
        self.step = self._step  # settles
        with self._lock:
            _merge(self._in_loops, self._in_steps)
            self._in_steps = {}

    def restart(self) -> None:
        """Only now do the steps begin: what was counted before this loop is set-up, what came in it is
        step 1.

        If ``step`` was never set, the beginning of step 1 is not known. It is then made of what comes
        again in later steps.
        """
        self.step = self._step
        with self._lock:
            _merge(self._in_set_up, self._in_loops)
            self._now = {key: _Sum(found.count, found.bytes) for key, found in self._in_steps.items()}
            self._in_loops, self._in_steps = {}, {}
            self._starts_unseen = not self._step
            self._step = 1

    def counted(self, steps: int | None = None) -> tuple[Counted, ...]:
        """What has been counted so far, sorted.

        What came after ``steps`` steps belongs to the last of them; but what came there alone, as after a
        loop, is no more part of a step than set-up is.
        """
        with self._lock:
            in_set_up, in_steps = _copy(self._in_set_up), _copy(self._in_steps)
            _merge(in_steps, self._in_loops)
            _merge(in_steps if self._step else in_set_up, self._settled())
        if self._starts_unseen:
            for key in in_set_up.keys() & in_steps.keys():
                began = in_set_up.pop(key)
                in_steps[key].add(_Sum(began.count, began.bytes, 1, 1, 1))
        most = self._step if steps is None else steps
        if min((found.first for found in in_steps.values()), default=most) < most:
            # What comes after the last step, and never before, belongs to none: after it began, where the
            # steps are batches, whose end nothing tells; else after it ended.
            after = most + 1 if self._step > most else most
            for key, found in list(in_steps.items()):
                if found.first >= after:
                    _merge(in_set_up, {key: _Sum(found.count, found.bytes)})
                    del in_steps[key]
        rows = [_row(key, found, "set-up", 0) for key, found in in_set_up.items()]
        rows += [_row(key, found, "steps" if most else "set-up", most) for key, found in in_steps.items()]
        return tuple(sorted(rows, key=_order))

    def left_out(self) -> tuple[Unsupported, ...]:
        """What the script used that was not emulated, sorted."""
        return tuple(sorted(self._unsupported))

    def clear(self) -> None:
        """Start anew, as in a forked child."""
        self._now, self._in_set_up, self._in_loops, self._in_steps = {}, {}, {}, {}
        self._unsupported, self._lock = set(), threading.Lock()

    def _settled(self) -> _Sums:
        """What was counted in the current step, as of that step."""
        step = self._step
        return {
            key: _Sum(found.count, found.bytes, step, step, 1 if step else 0)
            for key, found in self._now.items()
        }


def _merge(into: _Sums, sums: _Sums) -> None:
    for key, found in sums.items():
        if key in into:
            into[key].add(found)
        else:
            into[key] = replace(found)


def _copy(sums: _Sums) -> _Sums:
    return {key: replace(found) for key, found in sums.items()}


def _row(key: _Key, found: _Sum, phase: Phase, most: int) -> Counted:
    site, event, operator = key
    return Counted(
        site.path,
        site.line,
        event,
        operator,
        site.library_line,
        phase,
        found.count,
        found.bytes,
        min(found.first, most),
        min(found.last, most),
        min(found.steps, most),
    )


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
