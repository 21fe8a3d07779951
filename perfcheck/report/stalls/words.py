"""How causes, places and times are told to people, the same in every report."""

import re
from collections.abc import Iterable
from typing import Final

from perfcheck.stalls.analysis import Analysis, Cause, DeviceAnalysis, Health, Site, Stall

MEANINGS: Final[dict[Cause, str]] = {
    "host-sync": "the host waited for the device, which ran dry",
    "blocking-copy": "a copy call that returns when the copy is done",
    "pageable-copy": "a copy call for host memory that is not pinned",
    "data-loader": "waiting for the next batch",
    "allocation": "device or pinned memory was allocated or freed",
    "collective-wait": "setting up or waiting for a collective",
    "stream-wait": "queued work waited for another stream",
    "graph-launch": "a CUDA graph was being launched",
    "launch-overhead": "Python, framework and launch calls between kernels",
    "device-latency": "work was queued, and the device had not begun it",
    "host-python": "Python code ran, for 1 ms or more",
    "host-operator": "an operator worked on the host, for 1 ms or more",
    "host-unrecorded": "the host did what nothing recorded, for 1 ms or more",
}
_DEVICE_CAUSES: Final[tuple[Cause, ...]] = ("device-latency", "stream-wait")
_INSTALLED: Final = re.compile(r"^.*/(?:site|dist)-packages/")

UNATTRIBUTED: Final = "unattributed"
"""What idle time is called that no cause was found for."""

_UNITS: Final = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"))


def duration(ns: int) -> str:
    """A time in the unit that suits it, with three digits or more: ``"4.31 ms"``, ``"137 ns"``."""
    for size, unit in _UNITS:
        if abs(ns) >= size:
            return f"{significant(ns / size)} {unit}"
    return f"{ns} ns"


def milliseconds(ns: int) -> str:
    """A time for a column of milliseconds: ``"69.3"``, ``"0.042"``, ``"<0.001"``."""
    return "<0.001" if 0 < ns < 500 else significant(ns / 1e6)


def significant(value: float) -> str:
    """Three significant digits, and all of those before the point."""
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{value:,.{digits}f}" if size else "0"


def percent(share: float) -> str:
    return f"{share * 100:.1f} %"


def grouped(health: Iterable[Health]) -> list[tuple[Health, int]]:
    """What is to know, gravest first; the first row of each kind, and how many more there are of it."""
    kinds: dict[tuple[str, str], list[Health]] = {}
    for row in health:
        kinds.setdefault((row.severity, row.code), []).append(row)
    order = ("error", "warning", "note")
    rows = sorted(kinds.values(), key=lambda rows: order.index(rows[0].severity))
    return [(first, len(others)) for first, *others in rows]


def told(row: Health, others: int, several: bool) -> str:
    """A remark on health in sentences; of one of several recordings, with its name."""
    name = f"{row.recording}: " if several and row.recording else ""
    more = f" (and {others:,} more like this)" if others else ""
    sentences = (f"{part[0].upper()}{part[1:].rstrip('.')}." for part in (row.message, row.remedy) if part)
    return f"{name}{' '.join(sentences)}{more}"


def place(site: Site) -> str:
    """Where, with what kind of line it is: ``train.py:41 (step)`` or ``step (defined at train.py:40)``.

    Paths of installed packages begin with the package. ``""`` if neither a line nor a function is known.
    """
    if not site.path:
        return site.function
    path = _INSTALLED.sub("", site.path)
    at = f"{path}:{site.line}" if site.line else path
    if site.line_kind == "definition":
        return f"{site.function or 'function'} (defined at {at})"
    return f"{at} ({site.function})" if site.function else at


def known(site: Site) -> str:
    """A place and what ran there, ``""`` if neither is known."""
    parts = (place(site), site.operator, site.annotation and f"[{site.annotation}]")
    return " · ".join(part for part in parts if part)


def nowhere(cause: Cause | None) -> str:
    """What is told in place of a site that is not known."""
    return "on the device" if cause in _DEVICE_CAUSES else "nothing recorded"


def label(site: Site, cause: Cause | None = None) -> str:
    """A place and what ran there; where neither is known, what that means for idle time of a cause."""
    return known(site) or nowhere(cause)


def doing(stall: Stall) -> str:
    """The two things that took the launching thread longest during a stall."""
    parts = [
        f"{activity.name or 'nothing recorded'} {duration(activity.duration_ns)}"
        for activity in stall.host[:2]
    ]
    return ", ".join(parts) or "nothing recorded"


def who(analysis: Analysis, device: DeviceAnalysis) -> str:
    """What a device is called beside others: ``"GPU 3, rank 3"``."""
    recording = analysis.recordings[device.recording]
    rank = "" if recording.rank is None else f", rank {recording.rank}"
    alone = len(analysis.recordings) == 1 or rank
    return f"GPU {device.device}{rank}{'' if alone else f', {recording.path}'}"
