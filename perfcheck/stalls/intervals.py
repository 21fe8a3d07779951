"""Sets of time: disjoint half-open intervals, sorted, as two arrays of integer nanoseconds."""

from typing import TYPE_CHECKING

import numpy as np

from perfcheck.stalls.analysis import Intervals

if TYPE_CHECKING:
    from perfcheck.stalls.analysis import Nanoseconds


def union(start: "Nanoseconds", end: "Nanoseconds") -> Intervals:
    """What any of the intervals covers. They may overlap and come in any order.

    An empty one, of an event too short for the clock, is kept where nothing else covers it: it still ends a
    gap.
    """
    order = np.argsort(start, kind="stable")
    start, end = start[order], np.maximum.accumulate(end[order])
    first = np.ones(len(start), bool)
    first[1:] = start[1:] > end[:-1]
    last = np.append(first[1:], True)[: len(start)]
    return Intervals(start[first], end[last])


def clip(intervals: Intervals, start: int, end: int) -> Intervals:
    """The part within a window."""
    starts = np.maximum(intervals.start_ns, start)
    ends = np.minimum(intervals.end_ns, end)
    inside = (ends > starts) | ((ends == starts) & (start < starts) & (starts < end))
    return Intervals(starts[inside], ends[inside])


def complement(intervals: Intervals, start: int, end: int) -> Intervals:
    """What is left of a window, which holds all of the intervals."""
    starts = np.append(np.int64(start), intervals.end_ns)
    ends = np.append(intervals.start_ns, np.int64(end))
    some = ends > starts
    return Intervals(starts[some], ends[some])


def total(intervals: Intervals) -> int:
    return int((intervals.end_ns - intervals.start_ns).sum())


def covered(intervals: Intervals, start: "Nanoseconds", end: "Nanoseconds") -> "Nanoseconds":
    """How much of each interval ``[start, end)`` the set covers."""
    lengths = np.append(np.int64(0), np.cumsum(intervals.end_ns - intervals.start_ns))

    def before(instants: "Nanoseconds") -> "Nanoseconds":
        row = np.searchsorted(intervals.start_ns, instants, side="right")
        inside = np.zeros(len(row), np.int64)
        some = row > 0
        inside[some] = np.maximum(intervals.end_ns[row[some] - 1] - instants[some], 0)
        return lengths[row] - inside

    return before(end) - before(start)


def intersection(one: Intervals, other: Intervals) -> Intervals:
    """What both cover."""
    bounds = np.sort(np.concatenate([one.start_ns, one.end_ns, other.start_ns, other.end_ns]))
    start, end = bounds[:-1], bounds[1:]
    both = (covered(one, start, end) > 0) & (covered(other, start, end) > 0)
    return union(start[both], end[both])
