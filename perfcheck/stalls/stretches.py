"""Launch-bound stretches: where the device waits for one launch after the other."""

from typing import TYPE_CHECKING, Final

import numpy as np

from perfcheck.stalls.analysis import Intervals, LaunchBound, Shares, Site
from perfcheck.stalls.blame import ERRAND, LATENCY
from perfcheck.stalls.host import CODE

if TYPE_CHECKING:
    from perfcheck.stalls.analysis import Codes, Flags, Nanoseconds

_FEWEST: Final = 20
"""Gaps; fewer are a stumble and no stretch."""

_IDLE: Final = 0.2
"""Share of a stretch that is idle; with less, the device keeps up well enough."""


def launch_bound(
    gaps: Intervals, shares: Shares, sites: tuple[Site, ...], starts: "Nanoseconds"
) -> tuple[LaunchBound, ...]:
    """The stretches, by time. ``starts`` are those of the device's events, sorted.

    In a stretch, gaps that are mostly overhead follow each other with less than a millisecond of work
    between them; gaps that the device takes for itself do not end it, others do.
    """
    if not len(gaps):
        return ()
    length = gaps.end_ns - gaps.start_ns
    overhead = np.zeros(len(gaps), np.int64)
    small = np.isin(shares.cause, (CODE["launch-overhead"], CODE["device-latency"]))
    lost = np.where(small, shares.end_ns - shares.start_ns, 0)
    np.add.at(overhead, shares.gap, lost)
    bound: Flags = (overhead * 2 > length) & (length < 4 * ERRAND)
    counts: Flags = bound & (length > LATENCY // 4)
    ends = ~bound & (length > LATENCY)
    ends[1:] |= gaps.start_ns[1:] - gaps.end_ns[:-1] > ERRAND
    run: Codes = np.cumsum(ends, dtype=np.int64)
    found = []
    for first, last in _runs(run, counts):
        inside = slice(first, last + 1)
        start, end = int(gaps.start_ns[first]), int(gaps.end_ns[last])
        idle = int(length[inside].sum())
        if int(counts[inside].sum()) < _FEWEST or idle < _IDLE * (end - start):
            continue
        low, high = np.searchsorted(shares.start_ns, [start, end])
        sums = np.bincount(shares.site[low:high], weights=lost[low:high])
        kernels = int(np.diff(np.searchsorted(starts, [start, end], side="right"))[0])
        found.append(LaunchBound(start, end, idle, kernels, sites[int(sums.argmax())]))
    return tuple(found)


def _runs(run: "Codes", counts: "Flags") -> list[tuple[int, int]]:
    """First and last counting gap of each run."""
    rows = np.flatnonzero(counts)
    if not len(rows):
        return []
    bounds = np.flatnonzero(np.append(True, run[rows][1:] != run[rows][:-1]))
    return [
        (int(rows[first]), int(rows[last - 1]))
        for first, last in zip(bounds, np.append(bounds[1:], len(rows)))
    ]
