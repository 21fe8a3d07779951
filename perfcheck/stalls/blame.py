"""Whom the idle time of a device is blamed on: every nanosecond of every gap, once.

A gap ends with a GPU event. Up to the call that launched it, the launching thread was late: it is blamed by
what is innermost on it, moment by moment. From the call's end on, the device had its work, and what is left
is latency or a wait on the device's side. A blocking call is guilty beyond its own time: of what overhead
follows it until the queue fills again, as far as the time that it held the host would have hidden it.

docs/analyze.md explains the rules with their reasons.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from perfcheck.stalls.analysis import UNATTRIBUTED, Intervals, Shares, Site
from perfcheck.stalls.host import CODE, Host, Segments, Track
from perfcheck.stalls.nesting import nest
from perfcheck.timeline import NONE
from perfcheck.timeline.names import CODES, is_collective

if TYPE_CHECKING:
    from perfcheck.stalls.analysis import Codes, Flags, Nanoseconds

ERRAND: Final = 1_000_000
"""Nanoseconds. A host that is late by less, blocking calls aside, is on its way to the next launch; one that
is late by more does something else."""

LATENCY: Final = 20_000
"""Nanoseconds that a device may take to begin what is queued (usually 2 to 10 µs); more has another
reason."""


class ClosingError(Exception):
    """The sums did not close, which is a mistake of perfcheck's."""


@dataclass(frozen=True, slots=True, eq=False)
class Blame:
    """``shares`` with their ``sites``; for each gap, the timeline's row of the GPU event that ends it, and
    the host's event that launched that one (-1: none)."""

    shares: Shares
    sites: tuple[Site, ...]
    event: "Codes"  # of the host, by share
    ender: "Codes"
    launch: "Codes"
    thread: "Codes"


@dataclass(frozen=True, slots=True, eq=False)
class _Gaps:
    """For each gap: what ends it, who launched that, and where in the gap the host's lateness ends."""

    start: "Nanoseconds"
    end: "Nanoseconds"
    ender: "Codes"
    launch: "Codes"
    thread: "Codes"
    launched: "Nanoseconds"  # when the call began, within the gap
    returned: "Nanoseconds"  # when it ended, within the gap


def blame(host: Host, events: "Codes", gaps: Intervals) -> Blame:
    """Blame a device's gaps. ``events`` are the timeline's rows of its GPU events, by start."""
    told = _tell(host, events, gaps)
    late = _late(host, events, told)
    queued, reasons = _queued(host, told)
    segments = _joined([late, queued])
    order = np.argsort(segments.start, kind="stable")
    segments = _chosen(segments, order)
    cause = np.concatenate([_causes(host, len(gaps), late), reasons])[order]
    segments, cause = _aftermath(host, events, told, segments, cause)
    _check(gaps, segments)
    known = ~np.isin(cause, (CODE["device-latency"], UNATTRIBUTED))
    sites, site = host.sites(np.where(known, segments.event, NONE), cause)
    shares = Shares(segments.start, segments.end, segments.part, cause.astype(np.int32), site)
    return Blame(shares, sites, segments.event, told.ender, told.launch, told.thread)


def _tell(host: Host, events: "Codes", gaps: Intervals) -> _Gaps:
    starts = host.timeline.start[events]
    at = np.searchsorted(starts, gaps.end_ns, side="left")
    ended = at < len(events)
    ended[ended] = starts[at[ended]] == gaps.end_ns[ended]
    ender = np.where(ended, events[np.minimum(at, len(events) - 1)], NONE)
    launch = np.where(ended, host.launch[ender], NONE)
    known = launch != NONE
    clipped = [
        np.where(known, np.clip(times[launch], gaps.start_ns, gaps.end_ns), gaps.start_ns)
        for times in ((host.start, host.end) if len(host.rows) else (gaps.start_ns, gaps.start_ns))
    ]
    thread = np.where(known, host.thread[launch], NONE) if len(host.rows) else launch
    # Behind the last launch of the window the host is late until the window's end.
    last = ~ended & (gaps.end_ns > starts[-1])
    thread[last] = _main_thread(host)
    for times in clipped:
        times[last & (thread != NONE)] = gaps.end_ns[last & (thread != NONE)]
    return _Gaps(gaps.start_ns, gaps.end_ns, ender, launch, thread, *clipped)


def _main_thread(host: Host) -> int:
    """The thread that the steps are on, else the one that launches most; -1: none."""
    on = host.thread[host.is_step]
    if not len(on):
        launched = host.launch[host.device_rows]
        on = host.thread[launched[launched != NONE]]
    return int(np.bincount(on).argmax()) if len(on) else NONE


def _late(host: Host, events: "Codes", gaps: _Gaps) -> Segments:
    """The parts of gaps before their launch had returned, by what the launching thread was doing."""
    parts = np.arange(len(gaps.start), dtype=np.int32)
    found: list[Segments] = []
    launched = host.launch[events]
    threads = np.unique(host.thread[launched[launched != NONE]]).tolist()  # those of the program that matter
    for thread in {*threads, *gaps.thread.tolist()} - {NONE}:
        mine = (gaps.thread == thread) & (gaps.returned > gaps.start)
        segments = host.tracks[thread].within(gaps.start[mine], gaps.returned[mine], parts[mine])
        found += _followed(host, segments, [other for other in threads if other != thread])
    return _joined(found)


def _followed(host: Host, segments: Segments, threads: list[int]) -> list[Segments]:
    """Where a thread waits for others (a backward pass runs on threads of its own), look at what they do."""
    done: list[Segments] = []
    nothing = segments.event == NONE
    for anything in (False, True):  # first those that compute; where nothing at all was recorded, any
        for thread in threads:
            waiting = (
                nothing if anything else nothing | host.waits[segments.event] if len(host.rows) else nothing
            )
            done.append(_chosen(segments, ~waiting))
            segments = _chosen(segments, waiting)
            seen = host.tracks[thread].within(
                segments.start, segments.end, np.arange(len(segments.start), dtype=np.int32)
            )
            useful = seen.event != NONE
            if not anything:
                useful &= ~host.waits[seen.event]
            event = np.where(useful, seen.event, segments.event[seen.part])
            replaced = Segments(seen.start, seen.end, event, segments.part[seen.part])
            done.append(_chosen(replaced, useful))
            segments = _chosen(replaced, ~useful)
            nothing = segments.event == NONE
    return [*done, segments]


def _chosen(segments: Segments, rows: "Flags | Codes") -> Segments:
    return Segments(segments.start[rows], segments.end[rows], segments.event[rows], segments.part[rows])


def _joined(pieces: list[Segments]) -> Segments:
    return Segments(
        np.concatenate([_NO_TIMES, *(piece.start for piece in pieces)]),
        np.concatenate([_NO_TIMES, *(piece.end for piece in pieces)]),
        np.concatenate([_NO_CODES, *(piece.event for piece in pieces)]),
        np.concatenate([_NO_CODES, *(piece.part for piece in pieces)]),
    )


_NO_TIMES: Final = np.empty(0, np.int64)
_NO_CODES: Final = np.empty(0, np.int32)


def _causes(host: Host, gaps: int, segments: Segments) -> "Codes":
    """The causes of what a late host was doing; see :data:`ERRAND`."""
    event = segments.event
    none = event == NONE
    if not len(host.rows):
        return np.full(len(event), CODE["host-unrecorded"], np.int8)
    cause = np.where(none, NONE, host.cause[event]).astype(np.int8)
    undecided = cause == NONE
    otherwise = np.zeros(
        gaps, np.int64
    )  # how long in each gap the host was in none of the calls that say why
    np.add.at(otherwise, segments.part[undecided], (segments.end - segments.start)[undecided])
    cause[undecided] = CODE["launch-overhead"]
    undecided &= otherwise[segments.part] >= ERRAND
    python = ~none & host.is_python[event]
    working = ~none & ~python & (host.is_call[event] | (host.operator[event] != NONE))
    # Within an operator or call that launches, moments are overhead, and a millisecond is work of its own.
    operator = np.where(working, host.operator[event], NONE)
    launching = ~none & (host.is_call[event] | ((operator != NONE) & host.launches[operator]))
    brief = working & launching & (segments.end - segments.start < ERRAND)
    cause[undecided & python] = CODE["host-python"]
    cause[undecided & working & ~brief] = CODE["host-operator"]
    cause[undecided & ~python & ~working] = CODE["host-unrecorded"]
    return cause


def _queued(host: Host, gaps: _Gaps) -> tuple[Segments, "Codes"]:
    """The parts of gaps in which work was queued and did not start, and why."""
    parts = np.flatnonzero(gaps.end > gaps.returned).astype(np.int32)
    whole = Segments(gaps.returned[parts], gaps.end[parts], gaps.launch[parts].astype(np.int32), parts)
    brief = (whole.end - whole.start <= LATENCY) & (whole.event != NONE)
    soon, long = _chosen(whole, brief), _chosen(whole, ~brief)
    seen = _copying(host).within(long.start, long.end, np.arange(len(long.start), dtype=np.int32))
    behind = seen.event != NONE
    copied = _chosen(Segments(seen.start, seen.end, seen.event, long.part[seen.part]), behind)
    rest = _chosen(Segments(seen.start, seen.end, long.event[seen.part], long.part[seen.part]), ~behind)
    cause = np.full(len(rest.start), UNATTRIBUTED, np.int8)
    told = _told_to_wait(host, rest.event)
    cause[told] = CODE["stream-wait"]
    cause[told & _after_collective(host, rest.start)] = CODE["collective-wait"]
    latency = np.full(len(soon.start), CODE["device-latency"], np.int8)
    copying = host.cause[copied.event] if len(host.rows) else cause[:0]
    return _joined([soon, copied, rest]), np.concatenate([latency, copying, cause])


def _copying(host: Host) -> Track:
    """When any thread is in a copy call that holds it."""
    calls = np.flatnonzero(host.blocks & (host.kind == "copy"))
    calls = calls[np.lexsort((-host.end[calls], host.start[calls]))]
    return Track.of(nest(host.start[calls], host.end[calls]), calls)


def _told_to_wait(host: Host, launches: "Codes") -> "Flags":
    """Did the thread make a stream wait between a launch and the one before?"""
    waits = np.flatnonzero(host.named(lambda name: "StreamWaitEvent" in name, host.is_call))
    makes = np.flatnonzero(np.isin(host.kind, ("launch", "graph-launch", "copy")))
    if not len(waits) or not len(launches):
        return np.zeros(len(launches), bool)
    at = np.searchsorted(waits, launches) - 1
    before = np.searchsorted(makes, launches) - 1
    wait = np.where(at >= 0, waits[at], NONE)
    last = np.where(before >= 0, makes[before], NONE)
    known = (launches != NONE) & (wait != NONE)
    told: Flags = known & (wait > last) & (host.thread[wait] == host.thread[launches])
    return told


def _after_collective(host: Host, instants: "Nanoseconds") -> "Flags":
    """Did a collective end on a device at, or just before, an instant?"""
    timeline = host.timeline
    kernels = host.device_rows[timeline.category[host.device_rows] == CODES["kernel"]]
    codes = [
        code for code in np.unique(timeline.name[kernels]).tolist() if is_collective(timeline.names[code])
    ]
    ends = np.sort(timeline.end[kernels[np.isin(timeline.name[kernels], codes)]])
    return np.searchsorted(ends, instants, side="right") > np.searchsorted(ends, instants, side="left")


def _aftermath(
    host: Host, events: "Codes", gaps: _Gaps, segments: Segments, cause: "Codes"
) -> tuple[Segments, "Codes"]:
    """Give a blocking call the overhead that follows it.

    The device ran dry during the call. Had the call not held the host, the host would have been ahead by as
    long as it was held while the device worked, and that much of the overhead between the call and the
    refilled queue would have been hidden. What the host did besides (a batch, an allocation, Python for
    milliseconds) stays what it is.
    """
    holder, held = _holders(host, gaps)
    if not (held > 0).any():
        return segments, cause
    late = gaps.launched > gaps.start
    group = np.cumsum((held > 0) | ~late | _refilled(host, events, gaps) | _other_thread(gaps)) - 1
    first = np.flatnonzero(np.append(True, group[1:] != group[:-1]))
    holder, held = holder[first][group], held[first][group]
    overhead = np.isin(cause, (CODE["launch-overhead"], CODE["device-latency"])) & (held[segments.part] > 0)
    length = np.where(overhead, segments.end - segments.start, 0)
    before = np.cumsum(length) - length
    of_group = group[segments.part]
    begins = np.searchsorted(of_group, np.arange(len(first)), side="left")
    before -= np.append(before, 0)[begins][of_group]
    given = np.clip(held[segments.part] - before, 0, length)
    split = segments.start + given
    kept = split < segments.end
    taken = given > 0
    keep, take = _chosen(segments, kept), _chosen(segments, taken)
    keep = Segments(split[kept], keep.end, keep.event, keep.part)
    take = Segments(take.start, split[taken], holder[take.part].astype(np.int32), take.part)
    order = np.argsort(np.concatenate([take.start, keep.start]), kind="stable")
    causes = np.concatenate([host.cause[take.event], cause[kept]])[order]
    return (
        Segments(
            np.concatenate([take.start, keep.start])[order],
            np.concatenate([take.end, keep.end])[order],
            np.concatenate([take.event, keep.event])[order],
            np.concatenate([take.part, keep.part])[order],
        ),
        causes,
    )


def _holders(host: Host, gaps: _Gaps) -> tuple["Codes", "Nanoseconds"]:
    """For each gap the blocking call of its thread during which the device ran dry, and for how long it had
    held it."""
    holder = np.full(len(gaps.start), NONE, np.int32)
    held = np.zeros(len(gaps.start), np.int64)
    blocking = np.flatnonzero(host.blocks)
    for thread in np.unique(host.thread[blocking]).tolist():
        calls = blocking[host.thread[blocking] == thread]
        mine = np.flatnonzero((gaps.thread == thread) & (gaps.launched > gaps.start))
        at = np.searchsorted(host.start[calls], gaps.start[mine], side="left") - 1
        call = calls[np.maximum(at, 0)]
        guilty = (at >= 0) & (host.end[call] >= gaps.start[mine]) & (host.end[call] <= gaps.launched[mine])
        holder[mine[guilty]] = call[guilty]
        held[mine[guilty]] = gaps.start[mine[guilty]] - host.start[call[guilty]]
    return holder, held


def _refilled(host: Host, events: "Codes", gaps: _Gaps) -> "Flags":
    """Did any event between a gap and the one before wait in the queue? Those whose launch is unknown
    count."""
    launch = host.launch[events]
    delay = np.where(launch == NONE, LATENCY + 1, host.timeline.start[events] - host.end[launch])
    waited = np.append(0, np.cumsum(delay > LATENCY))
    starts = host.timeline.start[events]
    at = np.searchsorted(starts, gaps.start, side="left")
    from_ = np.append(0, np.searchsorted(starts, gaps.end[:-1], side="left"))
    refilled: Flags = waited[at] > waited[from_]
    return refilled


def _other_thread(gaps: _Gaps) -> "Flags":
    return np.append(True, gaps.thread[1:] != gaps.thread[:-1])


def _check(gaps: Intervals, segments: Segments) -> None:
    """Are the shares exactly the gaps?"""
    lengths = np.zeros(len(gaps), np.int64)
    np.add.at(lengths, segments.part, segments.end - segments.start)
    inside = (segments.start >= gaps.start_ns[segments.part]) & (segments.end <= gaps.end_ns[segments.part])
    disjoint = segments.start[1:] >= segments.end[:-1]
    if not (inside.all() and disjoint.all() and (lengths == gaps.end_ns - gaps.start_ns).all()):
        raise ClosingError("the idle time blamed is not the idle time measured")
