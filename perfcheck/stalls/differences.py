"""What differs between two analyses: step time, idle time by cause and by line, and whether it got worse.

Works on the JSON document of ``perfcheck analyze``: what one build saved can be compared with what the
next one records. Everything is a mean over steps (and over devices, where there are several), in nanoseconds.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from perfcheck.stalls.analysis import Site

NEGLIGIBLE: Final = 0.01
"""Of a step: a cause or line that changes by less is not told as grown or shrunk."""

GONE: Final = 0.05
"""A cause that keeps no more than this part of its idle time has gone away."""

ALIKE: Final = 0.05
"""Busy times that differ by less are of the same work."""

Verdict = Literal["better", "same", "worse"]
Fate = Literal["new", "grew", "as before", "shrank", "gone"]


class IncomparableError(Exception):
    """Two analyses that cannot be compared, or no analysis at all; the message says which and why."""


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """A place by what survives edits above it: its line number is not part of it."""

    path: str
    function: str
    operator: str
    annotation: str
    cause: str


@dataclass(frozen=True, slots=True)
class Profile:
    """One side: means per step and device."""

    name: str
    devices: int
    steps: int  # summed over devices; 0: no steps are marked, the times are of whole windows
    step_ns: int
    busy_ns: int
    idle_ns: int
    causes: Mapping[str, int]  # with "unattributed"
    lines: Mapping[Line, int]
    sites: Mapping[Line, Site]  # with the line number where it is known and only one
    health: tuple[str, ...]  # messages of errors, which forbid conclusions


@dataclass(frozen=True, slots=True)
class Change:
    before_ns: int
    after_ns: int
    share: float  # of the step before, that it changed by

    @property
    def change_ns(self) -> int:
        return self.after_ns - self.before_ns

    @property
    def ratio(self) -> float | None:
        """By which part of itself it grew; ``None`` where there was nothing."""
        return self.change_ns / self.before_ns if self.before_ns else None

    @property
    def fate(self) -> Fate:
        if abs(self.share) < NEGLIGIBLE:
            return "as before"
        if self.after_ns <= GONE * self.before_ns:
            return "gone"
        if self.before_ns <= GONE * self.after_ns:
            return "new"
        return "grew" if self.change_ns > 0 else "shrank"


@dataclass(frozen=True, slots=True)
class Difference:
    """``causes`` and ``lines`` are sorted by how much they changed, most first."""

    before: Profile
    after: Profile
    threshold: float  # part of the step time that it may grow or shrink by and still count as the same
    step: Change
    busy: Change
    idle: Change
    causes: tuple[tuple[str, Change], ...]
    lines: tuple[tuple[Line, Change], ...]

    @property
    def verdict(self) -> Verdict:
        if self.step.change_ns > self.threshold * self.step.before_ns:
            return "worse"
        return "better" if -self.step.change_ns > self.threshold * self.step.before_ns else "same"


def compare(before: Profile, after: Profile, threshold: float) -> Difference:
    """The difference. Raises :class:`IncomparableError` if only one of them has steps."""
    if bool(before.steps) != bool(after.steps):
        without = after if before.steps else before
        raise IncomparableError(
            f"{without.name} marks no steps and the other does: record both with prof.step() after every step"
        )

    def change(one: int, other: int) -> Change:
        return Change(one, other, (other - one) / before.step_ns if before.step_ns else 0.0)

    def changes(one: Mapping[Any, int], other: Mapping[Any, int]) -> tuple[tuple[Any, Change], ...]:
        both = [(key, change(one.get(key, 0), other.get(key, 0))) for key in {**one, **other}]
        return tuple(sorted(both, key=lambda row: (-abs(row[1].change_ns), row[0])))

    return Difference(
        before,
        after,
        threshold,
        change(before.step_ns, after.step_ns),
        change(before.busy_ns, after.busy_ns),
        change(before.idle_ns, after.idle_ns),
        changes(before.causes, after.causes),
        changes(before.lines, after.lines),
    )


def conclusions(difference: Difference) -> tuple[str, ...]:
    """What the numbers say, in sentences; the first is the verdict."""
    before, after, step = difference.before, difference.after, difference.step
    of = "a step takes" if before.steps else "the recording takes"
    by = f" ({step.ratio * 100:+.1f} %)" if step.ratio is not None else ""
    said = [f"{difference.verdict}: {of} {_ms(after.step_ns)} instead of {_ms(before.step_ns)}{by}"]
    busy = difference.busy.ratio
    if busy is not None and abs(busy) < ALIKE and difference.verdict != "same":
        said.append(
            f"the device is as busy as before ({_ms(before.busy_ns)}, now {_ms(after.busy_ns)}): "
            "what changed is how long it waits"
        )
    for cause, change in difference.causes:
        times = f"{_ms(change.before_ns)} before, {_ms(change.after_ns)} now"
        if change.fate == "gone":
            said.append(f"idle time for {cause} went away: {times}")
        elif change.fate == "new":
            said.append(f"idle time for {cause} appeared: {times}")
        elif change.fate != "as before":
            said.append(f"idle time for {cause} {change.fate}: {times}")
    if not before.steps:
        said.append(
            "neither side marks steps: whole recordings are compared, which takes the same work in both"
        )
    if before.devices != after.devices:
        said.append(f"{before.devices} devices before and {after.devices} now: means per device are compared")
    said += [f"{side.name}: {message}" for side in (before, after) for message in side.health]
    return tuple(said)


def _ms(ns: int) -> str:
    return f"{ns / 1e6:,.2f} ms"


def profile(document: Any, name: str) -> Profile:
    """What is compared of an analysis' JSON document. Raises :class:`IncomparableError` for another shape."""
    try:
        return _profile(document, name)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise IncomparableError(
            f"{name} is no analysis of this version: {type(error).__name__} {error}; "
            "write it with `perfcheck analyze --output-format json`"
        ) from None


def _profile(document: Mapping[str, Any], name: str) -> Profile:
    if document["version"] != 1:
        raise ValueError(f"its version is {document['version']!r}, not 1")
    devices = document["devices"]
    if not devices:
        raise IncomparableError(f"{name} has no GPU events to compare")
    marked = [device["steps"]["count"] if device["steps"] else 0 for device in devices]
    if any(marked) and not all(marked):
        raise IncomparableError(f"{name} marks steps on some of its devices only")
    count = sum(marked)
    windows = [device["steps"] or device["span"] for device in devices]
    each = count or len(devices)
    causes = Counter[str]()
    lines = Counter[Line]()
    sites: dict[Line, Site] = {}
    for device in devices:
        causes["unattributed"] += device["unattributed_ns"]
        for row in device["causes"]:
            causes[row["cause"]] += row["idle_ns"]
        for row in device["lines"]:
            path, function, operator, annotation = (
                row.get(part) or "" for part in ("path", "function", "operator", "annotation")
            )
            line = Line(path, function, operator, annotation, row["cause"])
            lines[line] += row["idle_ns"]
            site = Site(path, row["line"] or 0, row["line_kind"], function, operator, annotation)
            if sites.setdefault(line, site) != site:
                sites[line] = replace(site, line=0, line_kind=None)
    return Profile(
        name=name,
        devices=len(devices),
        steps=count,
        step_ns=sum(window["end_ns"] - window["start_ns"] for window in windows) // each,
        busy_ns=sum(window["busy_ns"] for window in windows) // each,
        idle_ns=sum(window["idle_ns"] for window in windows) // each,
        causes={cause: idle // each for cause, idle in causes.items() if idle},
        lines={line: idle // each for line, idle in lines.items()},
        sites=sites,
        health=tuple(row["message"] for row in document["health"] if row["severity"] == "error"),
    )
