"""Tables of what ran in a window: kernels, copies, collectives, operators, calls, batches, graphs."""

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from perfcheck.stalls.analysis import (
    Communication,
    CopyKind,
    GraphLaunches,
    Intervals,
    KernelRow,
    LoaderWait,
    OperatorRow,
    RuntimeRow,
    Shares,
    Window,
)
from perfcheck.stalls.host import CODE, Host
from perfcheck.stalls.intervals import clip, covered, intersection, total, union
from perfcheck.timeline import NONE
from perfcheck.timeline.names import CODES, copy_kind, is_collective

if TYPE_CHECKING:
    from perfcheck.stalls.analysis import Codes, Flags, Nanoseconds


def _within(host: Host, events: "Codes", window: Window) -> tuple["Codes", "Nanoseconds"]:
    """Those GPU events that run in a window, and for how long they do."""
    timeline = host.timeline
    start = np.maximum(timeline.start[events], window.start_ns)
    end = np.minimum(timeline.end[events], window.end_ns)
    inside = (end > start) | ((end == start) & (end < window.end_ns))
    return events[inside], (end - start)[inside]


def _sums(keys: "Codes", values: "Nanoseconds") -> "dict[int, int]":
    """The sum of the values of each key, exactly."""
    unique, inverse = np.unique(keys, return_inverse=True)
    sums = np.zeros(len(unique), np.int64)
    np.add.at(sums, inverse, values)
    return dict(zip(unique.tolist(), sums.tolist()))


def _collectives(host: Host, events: "Codes") -> "Flags":
    timeline = host.timeline
    kernel = timeline.category[events] == CODES["kernel"]
    names = np.unique(timeline.name[events[kernel]])
    communicating = names[[is_collective(timeline.names[name]) for name in names]]
    found: Flags = kernel & np.isin(timeline.name[events], communicating)
    return found


def kernels(host: Host, events: "Codes", window: Window) -> tuple[KernelRow, ...]:
    """Everything that ran on a device, by name."""
    timeline = host.timeline
    events, lengths = _within(host, events, window)
    names, first, inverse, counts = np.unique(
        timeline.name[events], return_index=True, return_inverse=True, return_counts=True
    )
    totals = np.zeros(len(names), np.int64)
    np.add.at(totals, inverse, lengths)
    longest = np.zeros(len(names), np.int64)
    np.maximum.at(longest, inverse, lengths)
    shortest = np.full(len(names), np.iinfo(np.int64).max)
    np.minimum.at(shortest, inverse, lengths)
    category = timeline.category[events[first]]
    rows = [
        KernelRow(
            timeline.names[name],
            "copy"
            if category[row] == CODES["copy"]
            else "set"
            if category[row] == CODES["set"]
            else "collective"
            if is_collective(timeline.names[name])
            else "kernel",
            int(counts[row]),
            int(totals[row]),
            int(longest[row]),
            int(shortest[row]),
        )
        for row, name in enumerate(names.tolist())
    ]
    return tuple(sorted(rows, key=lambda row: (-row.total_ns, row.name)))


def communication(host: Host, events: "Codes", window: Window) -> Communication | None:
    """The collectives, and how much of them other kernels hide."""
    timeline = host.timeline
    collective = _collectives(host, events)
    if not collective.any():
        return None

    def runs(rows: "Codes") -> Intervals:
        return clip(union(timeline.start[rows], timeline.end[rows]), window.start_ns, window.end_ns)

    own = runs(events[collective])
    others = runs(events[~collective & (timeline.category[events] == CODES["kernel"])])
    overlapped = total(intersection(own, others))
    rows = kernels(host, events[collective], window)
    return Communication(
        sum(row.count for row in rows), total(own), overlapped, total(own) - overlapped, rows
    )


def copies(
    host: Host, events: "Codes", window: Window, shares: Shares, blamed: "Codes"
) -> tuple[CopyKind, ...]:
    """The copies, by direction and memory. ``blamed`` holds the host's event of each share."""
    timeline = host.timeline
    busy = timeline.category[events] == CODES["kernel"]
    computing = union(timeline.start[events[busy]], timeline.end[events[busy]])
    rows, lengths = _within(host, events[timeline.category[events] == CODES["copy"]], window)
    kinds: dict[tuple[str, str], list[int]] = defaultdict(list)
    by_name = {name: copy_kind(timeline.names[name]) for name in np.unique(timeline.name[rows]).tolist()}
    for row, name in enumerate(timeline.name[rows].tolist()):
        kinds[by_name[name]].append(row)
    idle: dict[tuple[str, str], int] = defaultdict(int)
    asked = np.where(blamed != NONE, host.copied[blamed], NONE) if len(host.rows) else blamed
    asked = np.where(np.isin(shares.cause, _COPYING), asked, NONE)
    for copy, length in _sums(asked, shares.end_ns - shares.start_ns).items():
        if copy != NONE:
            idle[copy_kind(timeline.names[timeline.name[copy]])] += length
    found = []
    for (direction, memory), of_kind in sorted(kinds.items()):
        picked = rows[of_kind]
        sizes = timeline.bytes[picked]
        runs = clip(union(timeline.start[picked], timeline.end[picked]), window.start_ns, window.end_ns)
        found.append(
            CopyKind(
                direction,
                memory,
                len(picked),
                int(sizes[sizes >= 0].sum()) if (sizes >= 0).any() else None,
                int(lengths[of_kind].sum()),
                total(runs) - total(intersection(runs, computing)),
                idle[direction, memory],
            )
        )
    return tuple(sorted(found, key=lambda kind: (-kind.idle_ns, -kind.duration_ns, kind.kind, kind.memory)))


_COPYING = tuple(CODE[cause] for cause in ("host-sync", "blocking-copy", "pageable-copy"))


def operators(
    host: Host, events: "Codes", window: Window, shares: Shares, blamed: "Codes"
) -> tuple[OperatorRow, ...]:
    """The operators that ran on the host, by name."""
    timeline = host.timeline
    inside = (host.start < window.end_ns) & (host.end > window.start_ns)
    picked = np.flatnonzero(host.is_operator & inside)
    length = host.end - host.start
    # An operator's own time is what no operator within it takes; calls belong to it.
    outer = np.where(host.parent != NONE, host.operator[host.parent], NONE) if len(host.rows) else host.parent
    nested = np.zeros(len(host.rows), np.int64)
    held = picked[outer[picked] != NONE]
    np.add.at(nested, outer[held], length[held])
    own = np.maximum(length - nested, 0)
    names, inverse, counts = np.unique(host.name[picked], return_inverse=True, return_counts=True)
    totals = np.zeros(len(names), np.int64)
    np.add.at(totals, inverse, length[picked])
    selves = np.zeros(len(names), np.int64)
    np.add.at(selves, inverse, own[picked])
    ran, lengths = _within(host, events, window)
    launch = host.launch[ran]
    by = np.where(launch != NONE, host.operator[launch], NONE) if len(host.rows) else launch
    known = by != NONE
    named = host.name[by[known]] if len(host.rows) else by[known]
    device = _sums(named, lengths[known])
    launches = _sums(named, np.ones(int(known.sum()), np.int64))
    operator = np.where(blamed != NONE, host.operator[blamed], NONE) if len(host.rows) else blamed
    guilty = operator != NONE
    idle = _sums(
        host.name[operator[guilty]] if len(host.rows) else operator[guilty],
        (shares.end_ns - shares.start_ns)[guilty],
    )
    rows = [
        OperatorRow(
            timeline.names[name],
            int(counts[row]),
            int(totals[row]),
            int(selves[row]),
            device.get(name, 0),
            launches.get(name, 0),
            idle.get(name, 0),
        )
        for row, name in enumerate(names.tolist())
    ]
    return tuple(sorted(rows, key=lambda row: (-row.self_ns, row.name)))


def runtime(host: Host, window: Window, gaps: Intervals) -> tuple[RuntimeRow, ...]:
    """The calls of runtime and driver, by name."""
    calls = np.flatnonzero(host.is_call & (host.start < window.end_ns) & (host.end > window.start_ns))
    idle = covered(gaps, host.start[calls], host.end[calls])
    names, first, inverse, counts = np.unique(
        host.name[calls], return_index=True, return_inverse=True, return_counts=True
    )
    totals = np.zeros(len(names), np.int64)
    np.add.at(totals, inverse, host.end[calls] - host.start[calls])
    idles = np.zeros(len(names), np.int64)
    np.add.at(idles, inverse, idle)
    rows = [
        RuntimeRow(
            host.timeline.names[name],
            "other" if (kind := str(host.kind[calls[first[row]]])) == "event" else kind,  # type: ignore[arg-type]
            int(counts[row]),
            int(totals[row]),
            int(idles[row]),
        )
        for row, name in enumerate(names.tolist())
    ]
    return tuple(sorted(rows, key=lambda row: (-row.total_ns, row.name)))


def loader_waits(host: Host, window: Window, shares: Shares) -> tuple[LoaderWait, ...]:
    """The fetches of a batch, by time."""
    fetches = np.flatnonzero(
        (host.loader == np.arange(len(host.rows)))
        & (host.start < window.end_ns)
        & (host.end > window.start_ns)
    )
    fetches = fetches[np.argsort(host.start[fetches], kind="stable")]
    guilty = shares.cause == CODE["data-loader"]
    idle = covered(
        Intervals(shares.start_ns[guilty], shares.end_ns[guilty]), host.start[fetches], host.end[fetches]
    )
    return tuple(
        LoaderWait(
            host.timeline.names[host.name[fetch]],
            int(host.start[fetch]),
            int(host.end[fetch]),
            int(idle[place]),
        )
        for place, fetch in enumerate(fetches.tolist())
    )


def graphs(host: Host, events: "Codes") -> GraphLaunches | None:
    """The graph launches of the recording, and how many of a device's events each one has."""
    launches = np.flatnonzero(host.kind == "graph-launch")
    if not len(launches):
        return None
    counts = np.bincount(host.launch[events][host.launch[events] != NONE], minlength=len(host.rows))[launches]
    return GraphLaunches(
        len(launches),
        int((counts == 0).sum()),
        int(counts.min()),
        int(counts.max()),
        int((host.end[launches] - host.start[launches]).sum()),
    )
