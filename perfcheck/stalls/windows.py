"""Spans, steps and the windows that idle time is measured in."""

from typing import TYPE_CHECKING

import numpy as np

from perfcheck.stalls.analysis import Intervals, StepSpread, Window
from perfcheck.stalls.host import Host
from perfcheck.stalls.intervals import clip, complement, total, union

if TYPE_CHECKING:
    from perfcheck.stalls.analysis import Codes


def steps(host: Host) -> "Codes":
    """The events of the host that mark steps, by time; of one name, the first alone."""
    found = np.flatnonzero(host.is_step & (host.end > host.start))
    found = found[np.argsort(host.start[found], kind="stable")]
    _, first = np.unique(host.name[found], return_index=True)
    return found[np.sort(first)]


def busy(host: Host, events: "Codes") -> Intervals:
    """When any stream of a device runs one of its events."""
    return union(host.timeline.start[events], host.timeline.end[events])


def window(runs: Intervals, start: int, end: int) -> tuple[Window, Intervals, Intervals]:
    """What a window of a device comes to, with its busy and its idle stretches."""
    inside = clip(runs, start, end)
    gaps = complement(inside, start, end)
    return Window(start, end, total(inside), total(gaps), len(gaps)), inside, gaps


def spread(lengths: list[int]) -> StepSpread | None:
    """How the lengths of steps differ; None if there are none."""
    if not lengths:
        return None
    ordered = sorted(lengths)
    return StepSpread(ordered[0], ordered[len(ordered) // 2], ordered[-1], sum(ordered) // len(ordered))
