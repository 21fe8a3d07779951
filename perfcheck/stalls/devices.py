"""One recording: its devices, one after the other."""

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import numpy as np

from perfcheck.stalls import tables
from perfcheck.stalls.analysis import (
    CAUSES,
    UNATTRIBUTED,
    Activity,
    Cause,
    CauseIdle,
    DeviceAnalysis,
    Health,
    Intervals,
    LineIdle,
    Recording,
    Shares,
    Site,
    Stall,
    Step,
    Window,
)
from perfcheck.stalls.blame import Blame, ClosingError, blame
from perfcheck.stalls.health import forbids_blame, health
from perfcheck.stalls.host import Host
from perfcheck.stalls.intervals import covered
from perfcheck.stalls.stretches import launch_bound
from perfcheck.stalls.windows import busy, spread, steps, window
from perfcheck.timeline import NONE, RecordingError
from perfcheck.timeline.names import CATEGORIES, copy_kind

if TYPE_CHECKING:
    from perfcheck.stalls.analysis import Codes, Nanoseconds

LONGEST: Final = 50
"""Gaps that are told in full."""


def analyse(host: Host) -> tuple[Recording, tuple[DeviceAnalysis, ...], tuple[Health, ...]]:
    """Everything that one recording tells. Devices name the recording as number 0.

    Raises :class:`RecordingError` if no device did anything, :class:`ClosingError` if the sums do not close.
    """
    timeline = host.timeline
    if not len(host.device_rows):
        raise RecordingError(
            f"{timeline.path} holds no GPU events: record with ProfilerActivity.CUDA, on a machine with a GPU"
        )
    found = health(host)
    concluded = not any(forbids_blame(item) for item in found)
    marks = steps(host)
    on = timeline.device[host.device_rows]
    devices = tuple(
        _device(host, int(device), host.device_rows[on == device], marks, concluded)
        for device in np.unique(on)
    )
    return _recording(host), devices, found


def _recording(host: Host) -> Recording:
    timeline = host.timeline
    base = timeline.metadata.get("baseTimeNanoseconds")
    version = timeline.metadata.get("pytorch_version")
    return Recording(
        path=timeline.path,
        rank=timeline.rank,
        world_size=timeline.world_size,
        events=len(timeline),
        gpu_events=len(host.device_rows),
        dropped=sum(timeline.defects.values()),
        start_ns=int(timeline.start.min()),
        end_ns=int(timeline.end.max()),
        base_ns=base if isinstance(base, int) else 0,
        has_python=bool(host.is_python.any()),
        has_lines=bool((host.function != NONE).any() or (timeline.stack != NONE).any()),
        torch_version=version if isinstance(version, str) else "",
        complete=not timeline.cut and "damaged" not in timeline.defects,
    )


def _device(host: Host, device: int, events: "Codes", marks: "Codes", concluded: bool) -> DeviceAnalysis:
    timeline = host.timeline
    runs = busy(host, events)
    span, _, _ = window(runs, int(runs.start_ns[0]), int(runs.end_ns[-1]))
    over = None
    if len(marks):
        over, _, _ = window(runs, int(host.start[marks].min()), int(host.end[marks].max()))
    chosen, inside, gaps = window(runs, (over or span).start_ns, (over or span).end_ns)
    if concluded:
        blamed = blame(host, events, gaps)
    else:
        blamed = _unblamed(gaps)
    shares = blamed.shares
    length = shares.end_ns - shares.start_ns
    causes, unattributed = _causes(shares, length)
    lines = _lines(host, blamed, length)
    rows = _steps(host, marks, inside, shares)
    _close(chosen, causes, lines, unattributed)
    return DeviceAnalysis(
        device=device,
        name=timeline.device_name(device),
        recording=0,
        streams=tuple(np.unique(timeline.stream[events]).tolist()),
        span=span,
        steps=over,
        window=chosen,
        step_rows=rows,
        spread=spread([row.end_ns - row.start_ns for row in rows]),
        causes=causes,
        lines=lines,
        unattributed_ns=unattributed,
        concluded=concluded,
        sites=blamed.sites,
        busy=inside,
        gaps=gaps,
        shares=shares,
        stalls=_stalls(host, events, gaps, blamed, rows),
        launch_bound=launch_bound(gaps, shares, blamed.sites, timeline.start[events]),
        copies=tables.copies(host, events, chosen, shares, blamed.event),
        communication=tables.communication(host, events, chosen),
        kernels=tables.kernels(host, events, chosen),
        operators=tables.operators(host, events, chosen, shares, blamed.event),
        runtime=tables.runtime(host, chosen, gaps),
        loader_waits=tables.loader_waits(host, chosen, shares),
        graphs=tables.graphs(host, events),
    )


def _unblamed(gaps: Intervals) -> Blame:
    """What is left where nothing may be concluded."""
    none = np.full(len(gaps), NONE, np.int32)
    each = np.arange(len(gaps), dtype=np.int32)
    shares = Shares(gaps.start_ns, gaps.end_ns, each, np.full(len(gaps), UNATTRIBUTED, np.int32), none + 1)
    return Blame(shares, (Site(),), none, none, none, none)


def _pairs(one: "Codes", other: "Codes") -> tuple["Codes", "Codes", "Codes"]:
    """The different pairs of two columns of codes, sorted; and which of them each row has."""
    width = int(other.max(initial=NONE)) + 2
    keys, rows = np.unique(one.astype(np.int64) * width + other + 1, return_inverse=True)
    return keys // width, keys % width - 1, rows


def _causes(shares: Shares, length: "Nanoseconds") -> tuple[tuple[CauseIdle, ...], int]:
    sums = np.zeros(len(CAUSES) + 1, np.int64)
    np.add.at(sums, shares.cause + 1, length)
    of, _, _ = _pairs(shares.cause + 1, shares.gap)
    counts = np.bincount(of, minlength=len(CAUSES) + 1)
    rows = [
        CauseIdle(cause, int(sums[code]), int(counts[code]))
        for code, cause in enumerate(CAUSES, start=1)
        if sums[code]
    ]
    return tuple(sorted(rows, key=lambda row: -row.idle_ns)), int(sums[0])


def _lines(host: Host, blamed: Blame, length: "Nanoseconds") -> tuple[LineIdle, ...]:
    shares = blamed.shares
    known = np.flatnonzero(shares.cause != UNATTRIBUTED)
    causes, sites, line = _pairs(shares.cause[known], shares.site[known])
    sums = np.zeros(len(causes), np.int64)
    np.add.at(sums, line, length[known])
    of, _, _ = _pairs(line, shares.gap[known])
    gaps = np.bincount(of, minlength=len(causes))
    greatest = _greatest(host, line, blamed.event[known], length[known], len(causes))
    rows = [
        LineIdle(blamed.sites[site], CAUSES[cause], idle, count, event, copied)
        for cause, site, idle, count, (event, copied) in zip(
            causes.tolist(), sites.tolist(), sums.tolist(), gaps.tolist(), greatest
        )
    ]
    return tuple(sorted(rows, key=lambda row: (-row.idle_ns, row.cause, row.site)))


def _greatest(
    host: Host, line: "Codes", event: "Codes", length: "Nanoseconds", count: int
) -> list[tuple[str, tuple[str, str] | None]]:
    """For each line the name of the innermost event with the greatest part, and what it copied."""
    names = host.timeline.names
    name = np.where(event != NONE, host.name[event], NONE) if len(host.rows) else event
    copied = np.where(event != NONE, host.copied[event], NONE) if len(host.rows) else event
    lines, codes, pair = _pairs(line, name)
    sums = np.zeros(len(lines), np.int64)
    np.add.at(sums, pair, length)
    first = np.full(len(lines), len(pair))
    np.minimum.at(first, pair, np.arange(len(pair)))
    found: list[tuple[str, tuple[str, str] | None]] = [("", None)] * count
    for row in np.argsort(sums, kind="stable").tolist():
        code, copy = int(codes[row]), int(copied[first[row]])
        kind = copy_kind(names[host.timeline.name[copy]]) if copy != NONE else None
        found[int(lines[row])] = (names[code] if code != NONE else "", kind)
    return found


def _steps(host: Host, marks: "Codes", runs: Intervals, shares: Shares) -> tuple[Step, ...]:
    start, end = host.start[marks], host.end[marks]
    working = covered(runs, start, end).tolist()
    per_cause = {
        cause: covered(
            Intervals(shares.start_ns[shares.cause == code], shares.end_ns[shares.cause == code]), start, end
        ).tolist()
        for code, cause in enumerate(CAUSES)
        if (shares.cause == code).any()
    }
    rows = []
    for row, mark in enumerate(marks.tolist()):
        causes = [
            CauseIdle(cause, amounts[row], _touched(shares, cause, int(start[row]), int(end[row])))
            for cause, amounts in per_cause.items()
            if amounts[row]
        ]
        rows.append(
            Step(
                host.timeline.names[host.name[mark]],
                int(start[row]),
                int(end[row]),
                working[row],
                int(end[row] - start[row]) - working[row],
                tuple(sorted(causes, key=lambda cause: -cause.idle_ns)),
            )
        )
    return tuple(rows)


def _touched(shares: Shares, cause: Cause, start: int, end: int) -> int:
    low = np.searchsorted(shares.end_ns, start, side="right")
    high = np.searchsorted(shares.start_ns, end, side="left")
    part = slice(low, high)
    return len(np.unique(shares.gap[part][shares.cause[part] == CAUSES.index(cause)]))


def _close(
    chosen: Window, causes: tuple[CauseIdle, ...], lines: tuple[LineIdle, ...], unattributed: int
) -> None:
    """The self-check of every run."""
    if (
        sum(row.idle_ns for row in causes) + unattributed != chosen.idle_ns
        or sum(row.idle_ns for row in lines) + unattributed != chosen.idle_ns
        or chosen.busy_ns + chosen.idle_ns != chosen.duration_ns
    ):
        raise ClosingError(f"idle time of {chosen.idle_ns} ns is not what its causes and lines add up to")


def _stalls(
    host: Host, events: "Codes", gaps: Intervals, blamed: Blame, rows: tuple[Step, ...]
) -> tuple[Stall, ...]:
    timeline = host.timeline
    names = timeline.names
    length = gaps.end_ns - gaps.start_ns
    ends = np.maximum.accumulate(timeline.end[events])
    last = np.maximum.accumulate(np.where(timeline.end[events] == ends, np.arange(len(events)), 0))
    shares = blamed.shares
    found = []
    for gap in np.lexsort((gaps.start_ns, -length))[:LONGEST].tolist():
        start, end = int(gaps.start_ns[gap]), int(gaps.end_ns[gap])
        low, high = np.searchsorted(shares.gap, [gap, gap + 1])
        parts = _parts(shares, slice(low, high), blamed.sites)
        greatest = max(range(low, high), key=lambda share: int(shares.end_ns[share] - shares.start_ns[share]))
        ender, launch, thread = int(blamed.ender[gap]), int(blamed.launch[gap]), int(blamed.thread[gap])
        before = int(np.searchsorted(timeline.start[events], start, side="right")) - 1
        earlier = before >= 0 and int(ends[before]) <= start
        found.append(
            Stall(
                start_ns=start,
                end_ns=end,
                step=next(
                    (row for row, step in enumerate(rows) if step.start_ns <= start < step.end_ns), NONE
                ),
                cause=parts[0][0],
                site=parts[0][1],
                before=names[timeline.name[events[last[before]]]] if earlier else "",
                after=names[timeline.name[ender]] if ender != NONE else "",
                launch=names[host.name[launch]] if launch != NONE else "",
                launch_ns=int(host.start[launch]) if launch != NONE else None,
                thread=str(timeline.threads[thread]) if thread != NONE else "",
                shares=parts,
                host=_activities(host, thread, start, end),
                stack=host.stack(int(blamed.event[greatest])),
            )
        )
    return tuple(found)


def _parts(
    shares: Shares, part: slice, sites: tuple[Site, ...]
) -> tuple[tuple[Cause | None, Site, int], ...]:
    sums: dict[tuple[int, int], int] = defaultdict(int)
    for cause, site, start, end in zip(
        shares.cause[part].tolist(),
        shares.site[part].tolist(),
        shares.start_ns[part].tolist(),
        shares.end_ns[part].tolist(),
    ):
        sums[cause, site] += end - start
    rows = [
        (CAUSES[cause] if cause != UNATTRIBUTED else None, sites[site], amount)
        for (cause, site), amount in sums.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row[2], row[0] or "", row[1])))


def _activities(host: Host, thread: int, start: int, end: int) -> tuple[Activity, ...]:
    """What a thread did in a stretch, by self time, longest first."""
    if thread == NONE:
        return ()
    one = np.zeros(1, np.int32)
    seen = host.tracks[thread].within(np.array([start]), np.array([end]), one)
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for event, amount in zip(seen.event.tolist(), (seen.end - seen.start).tolist()):
        if event == NONE:
            sums["", ""] += amount
        else:
            sums[host.timeline.names[host.name[event]], CATEGORIES[host.category[event]]] += amount
    rows = [Activity(name, category, amount) for (name, category), amount in sums.items()]
    return tuple(sorted(rows, key=lambda row: (-row.duration_ns, row.name))[:20])
