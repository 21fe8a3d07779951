"""What only a set of recordings shows: who is slow, and who waits for whom.

The kernel of a collective runs from its own rank's arrival until all have arrived and the data is
exchanged, so the rank that came last has the shortest one, and every other rank waited by as much as its
own is longer. That needs no clock common to the ranks.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Final

import numpy as np

from perfcheck.stalls.analysis import CollectiveWait, DeviceAnalysis, RankRow, Ranks, Recording
from perfcheck.stalls.host import Host
from perfcheck.stalls.windows import steps
from perfcheck.timeline.names import CODES, is_collective

if TYPE_CHECKING:
    pass

_STRAGGLES: Final = 0.05
"""Share of the step time by which the others wait for a rank (each, on average) for longer than it waits
itself, from which on it is a straggler."""

_SLOWER: Final = 0.1
"""Where collectives cannot be compared: how much longer than the median a straggler's steps are."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One collective of one rank."""

    name: str
    step: str
    duration_ns: int


def occurrences(host: Host) -> tuple[Occurrence, ...]:
    """The collectives of a recording, by time; those outside of its steps are left out, where it has any."""
    timeline = host.timeline
    rows = host.device_rows[timeline.category[host.device_rows] == CODES["kernel"]]
    names = np.unique(timeline.name[rows])
    rows = rows[np.isin(timeline.name[rows], names[[is_collective(timeline.names[name]) for name in names]])]
    marks = steps(host)
    step = np.searchsorted(host.start[marks], timeline.start[rows], side="right") - 1
    found = []
    for row, within in zip(rows.tolist(), step.tolist()):
        if len(marks) and (within < 0 or timeline.start[row] >= host.end[marks[within]]):
            continue
        found.append(
            Occurrence(
                timeline.names[timeline.name[row]],
                timeline.names[host.name[marks[within]]] if len(marks) else "",
                int(timeline.end[row] - timeline.start[row]),
            )
        )
    return tuple(found)


def compare(
    recordings: Sequence[Recording],
    devices: Sequence[DeviceAnalysis],
    collectives: Sequence[Sequence[Occurrence]],
) -> Ranks | None:
    """The ranks beside each other; None if the recordings are not those of different ranks of one job."""
    known = [recording.rank for recording in recordings]
    if len(recordings) < 2 or (any(rank is not None for rank in known) and len(set(known)) < len(known)):
        return None
    if len({recording.world_size for recording in recordings}) > 1:
        return None
    ranks = [number if rank is None else rank for number, rank in enumerate(known)]
    waits, matched = _waits(collectives)
    waiting = [0] * len(ranks)
    waited_for = [0] * len(ranks)
    by_name: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for name, durations in waits:
        last = int(np.argmin(durations))
        lost = [duration - durations[last] for duration in durations]
        for place, amount in enumerate(lost):
            waiting[place] += amount
        waited_for[last] += sum(lost)
        by_name[name].append((last, sum(lost), max(lost)))
    rows = []
    for place in range(len(recordings)):
        own = [device for device in devices if device.recording == place]
        device = max(own, key=lambda one: one.window.busy_ns)
        count = max(1, device.step_count)
        rows.append(
            RankRow(
                rank=ranks[place],
                recording=place,
                device=device.device,
                steps=device.step_count,
                step_ns=device.step_ns,
                busy_ns=device.window.busy_ns // count,
                idle_ns=device.window.idle_ns // count,
                communication_ns=device.communication.exposed_ns // count if device.communication else 0,
                collective_wait_ns=waiting[place] // count,
                waited_for_ns=waited_for[place] // count,
                straggler=False,
            )
        )
    slow = _stragglers(rows, bool(waits))
    rows = [replace(row, straggler=row.rank in slow) for row in sorted(rows, key=lambda row: row.rank)]
    return Ranks(
        rows=tuple(rows),
        fastest_step_ns=min(row.step_ns for row in rows),
        slowest_step_ns=max(row.step_ns for row in rows),
        stragglers=tuple(row.rank for row in rows if row.straggler),
        collectives=_collectives(by_name, ranks),
        matched=matched,
    )


def _waits(collectives: Sequence[Sequence[Occurrence]]) -> tuple[list[tuple[str, list[int]]], str]:
    """The durations, by rank, of each collective that all ranks have; and how they were found."""
    tables: list[dict[tuple[str, str, int], int]] = []
    for of_rank in collectives:
        table: dict[tuple[str, str, int], int] = {}
        seen: Counter[tuple[str, str]] = Counter()
        for one in of_rank:
            table[one.name, one.step, seen[one.name, one.step]] = one.duration_ns
            seen[one.name, one.step] += 1
        tables.append(table)
    if not all(tables):
        return [], "not every rank has collectives recorded"
    # Only where all ranks ran a collective equally often within a step is the n-th on one the n-th on the
    # others.
    counts = [Counter((name, step) for name, step, _ in table) for table in tables]
    common = [key for key in tables[0] if all(count[key[:2]] == counts[0][key[:2]] for count in counts)]
    total = max(len(table) for table in tables)
    if not common:
        return [], "the ranks have no step with the same collectives"
    found = [(key[0], [table[key] for table in tables]) for key in common]
    return found, f"{len(found)} of {total} by name and order within the step"


def _stragglers(rows: Sequence[RankRow], compared: bool) -> set[int]:
    typical = median(row.step_ns for row in rows)
    if compared:
        others = len(rows) - 1
        return {
            row.rank
            for row in rows
            if row.waited_for_ns / others - row.collective_wait_ns >= _STRAGGLES * typical
        }
    return {row.rank for row in rows if row.step_ns > (1 + _SLOWER) * typical}


def _collectives(
    by_name: dict[str, list[tuple[int, int, int]]], ranks: Sequence[int]
) -> tuple[CollectiveWait, ...]:
    rows = []
    for name, found in by_name.items():
        last, count = min(
            Counter(last for last, _, _ in found).items(), key=lambda item: (-item[1], ranks[item[0]])
        )
        rows.append(
            CollectiveWait(
                name=name,
                count=len(found),
                waiting_ns=sum(lost for _, lost, _ in found),
                last_rank=ranks[last],
                last_count=count,
                lateness_ns=int(median(late for who, _, late in found if who == last)),
            )
        )
    return tuple(sorted(rows, key=lambda row: (-row.waiting_ns, row.name)))
