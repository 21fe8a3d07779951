"""What is wrong with a recording, and what that forbids to conclude from it."""

from typing import TYPE_CHECKING, Final

import numpy as np

from perfcheck.stalls.analysis import Health
from perfcheck.stalls.host import Host
from perfcheck.timeline import NONE
from perfcheck.timeline.names import CODES

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEFECTS: Final = {
    "no-time": "have no time that can be used",
    "no-duration": "have no duration, or none that is a number",
    "negative-duration": "have a negative duration",
    "endless": "last for more than a day",
    "far-away": "lie more than a day from all others",
    "no-device": "ran on a device that is not named",
}

_GRAPHS: Final = 0.1
"""Share of graph launches without kernels from which on idle time cannot be told from unrecorded work."""

_EARLY: Final = 0.01
"""Share of GPU events that begin before their launch from which on the clocks cannot be compared."""

_UNLINKED: Final = 0.1
"""Share of GPU events without a launch from which on it is worth a warning."""


def forbids_blame(item: Health) -> bool:
    return item.severity == "error"


def health(host: Host) -> tuple[Health, ...]:
    """All there is to say, in the order of reading."""
    return (*_file(host), *_graphs(host), *_clocks(host), *_launches(host))


def _file(host: Host) -> "Iterator[Health]":
    timeline = host.timeline
    if timeline.cut:
        yield Health(
            "cut-file",
            "warning",
            f"the end is missing: {timeline.cut}; what is whole was used, and the last step may be "
            f"incomplete",
            timeline.path,
            remedy="export the recording again, and let the process end by itself",
        )
    damaged = timeline.defects.get("damaged", 0)
    if damaged:
        yield Health(
            "damaged-file",
            "warning",
            f"{_count(damaged, 'place')} could not be read and {'is' if damaged == 1 else 'are'} left out: "
            "idle time next to lost GPU events is too long",
            timeline.path,
            damaged,
            "export the recording again",
        )
    for code, reason in _DEFECTS.items():
        count = timeline.defects.get(code, 0)
        if count:
            yield Health(
                code, "warning", f"{_count(count, 'event')} left out: they {reason}", timeline.path, count
            )
    if _stopped_early(host):
        yield Health(
            "dropped-records",
            "error",
            "the profiler says that it stopped early or dropped records: what looks idle may be work that "
            "was lost, "
            "and no cause is concluded",
            timeline.path,
            remedy="record fewer steps, or without shapes, stacks and memory",
        )


def _stopped_early(host: Host) -> bool:
    for key in ("INFO", "WARNING", "ERROR"):
        notes = host.timeline.metadata.get(key)
        for note in notes if isinstance(notes, list) else ():
            if isinstance(note, str) and (
                "stopped early? = 1" in note
                or ("dropped" in note.lower() and "dropped 0" not in note.lower())
            ):
                return True
    return False


def _graphs(host: Host) -> "Iterator[Health]":
    launches = np.flatnonzero(host.kind == "graph-launch")
    if not len(launches):
        return
    counts = np.bincount(host.launch[host.launch != NONE], minlength=len(host.rows))[launches]
    without = int((counts == 0).sum())
    if without:
        forbidding = without >= _GRAPHS * len(launches)
        yield Health(
            "graph-without-kernels",
            "error" if forbidding else "warning",
            f"{without} of {_count(len(launches), 'graph launch')} have no kernel recorded: the device was "
            f"busier "
            "than it looks" + (", and no cause is concluded" if forbidding else ""),
            host.timeline.path,
            without,
            "record with a newer driver and profiler, or without graphs",
        )


def _clocks(host: Host) -> "Iterator[Health]":
    launched = host.device_rows[host.launch[host.device_rows] != NONE]
    early = (
        int((host.timeline.start[launched] < host.start[host.launch[launched]]).sum()) if len(launched) else 0
    )
    if early:
        forbidding = early >= _EARLY * len(launched)
        yield Health(
            "kernel-before-launch",
            "error" if forbidding else "warning",
            f"{early} of {_count(len(launched), 'GPU event')} begin before the call that launched them: "
            f"the clocks "
            "of host and device disagree" + (", and no cause is concluded" if forbidding else ""),
            host.timeline.path,
            early,
        )


def _launches(host: Host) -> "Iterator[Health]":
    timeline = host.timeline
    events = len(host.device_rows)
    without = int((host.launch[host.device_rows] == NONE).sum())
    if without == events:
        calls = "none of the calls that launched them" if host.is_call.any() else "no runtime calls"
        yield Health(
            "no-launches",
            "error",
            f"{calls} recorded: which host work a gap waited for is not known, and no cause is concluded",
            timeline.path,
            events,
            "record with ProfilerActivity.CPU too",
        )
    elif without >= _UNLINKED * events:
        yield Health(
            "missing-launches",
            "warning",
            f"{without} of {_count(events, 'GPU event')} have no launch recorded (they were queued before "
            f"the "
            "recording began, or their calls are lost): gaps that they end are not blamed on the host",
            timeline.path,
            without,
        )
    if not (host.is_step & (host.category == CODES["annotation"])).any():
        yield Health(
            "no-steps",
            "note",
            "no steps are marked: numbers are for the time from the first GPU event to the last",
            timeline.path,
            remedy="call prof.step() after each step",
        )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 'es' if noun.endswith('ch') else 's'}"
