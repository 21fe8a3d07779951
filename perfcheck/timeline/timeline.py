"""A recording as columns."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from perfcheck.timeline.chrome import Arguments, Document, Event
from perfcheck.timeline.clock import INVALID, LATEST, nanoseconds
from perfcheck.timeline.names import CATEGORIES, CODES, DEVICE_CODES, GPU_CODES, LEGACY, RANGES, category_of
from perfcheck.timeline.source import RecordingError, Source

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Column = NDArray[Any]

_COLUMNS: Final = {
    "start": np.int64,
    "end": np.int64,
    "category": np.int8,
    "name": np.int32,
    "thread": np.int32,
    "device": np.int16,
    "stream": np.int32,
    "correlation": np.int64,
    "bytes": np.int64,
    "stack": np.int32,
}

NONE: Final = -1
"""In a column: does not apply, or is not recorded."""

_LONGEST: Final = 86_400_000_000_000  # ns: a day
"""Recordings take seconds. What is longer, or farther from all else, is no measurement."""

_DEVICES: Final = 1 << 12
_STREAMS: Final = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class Thread:
    """A host thread as the recording names it."""

    process: str
    number: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.number})" if self.name else f"thread {self.number}"


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """All events of a recording that say where time went, sorted by start, longest first.

    Columns are arrays of one length, :data:`NONE` where something does not apply: ``start``, ``end``
    (nanoseconds on the recording's clock), ``category`` (index into :data:`CATEGORIES`), ``name`` and
    ``stack`` (indices into ``names`` and ``stacks``), ``thread`` (index into ``threads``; for what runs on
    the host), ``device`` and ``stream`` (for what runs there), ``correlation`` (the same number for a call
    and the work that it launched), ``bytes``.
    """

    path: str
    start: "Column"
    end: "Column"
    category: "Column"
    name: "Column"
    thread: "Column"
    device: "Column"
    stream: "Column"
    correlation: "Column"
    bytes: "Column"
    stack: "Column"
    names: tuple[str, ...]
    stacks: tuple[str, ...]  # "path(line): function;…", innermost first, of the operators of old recordings
    threads: tuple[Thread, ...]
    legacy: bool  # recorded before 2022: lines in ``stacks`` are those of calls
    metadata: Mapping[str, Any]
    defects: Mapping[str, int]  # events that could not be used, by what is wrong with them
    cut: str  # why the end is missing, "" if it is not

    def __len__(self) -> int:
        return len(self.start)

    @property
    def calls(self) -> bool:
        """Are the lines of Python functions those of calls, as ``perfcheck trace`` writes them?"""
        return self.metadata.get("perfcheck_lines") == "call"

    @property
    def rank(self) -> int | None:
        return self._distributed("rank")

    @property
    def world_size(self) -> int | None:
        return self._distributed("world_size")

    def _distributed(self, key: str) -> int | None:
        info = self.metadata.get("distributedInfo")
        value = info.get(key) if isinstance(info, dict) else None
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def device_name(self, device: int) -> str:
        """What a device is, "" if the recording does not tell."""
        properties = self.metadata.get("deviceProperties")
        for item in properties if isinstance(properties, list) else ():
            if isinstance(item, dict) and item.get("id") == device and isinstance(item.get("name"), str):
                return str(item["name"])
        return ""

    def frame(self) -> "pd.DataFrame":
        """The events as a DataFrame of the columns that docs/analyze.md lists."""
        import pandas as pd

        def pooled(codes: "Column", pool: Iterable[str]) -> pd.Categorical:
            return pd.Categorical.from_codes(codes, pd.Index(list(pool), dtype=object))

        processes = [thread.process for thread in self.threads]
        known = list(dict.fromkeys(processes))
        process = np.append(np.array([known.index(process) for process in processes], np.int32), NONE)
        numbers = [f"{thread.process}/{thread.number}" for thread in self.threads]
        frame: pd.DataFrame = pd.DataFrame(
            {
                "name": pooled(self.name, self.names),
                "category": pooled(self.category, CATEGORIES),
                "start_ns": self.start,
                "end_ns": self.end,
                "duration_ns": self.end - self.start,
                "process": pooled(process[self.thread], known),
                "thread": pooled(self.thread, numbers),
                "device": self.device,
                "stream": self.stream,
                "correlation": self.correlation,
                "bytes": self.bytes,
                "call_stack": pooled(self.stack, self.stacks),
            },
            copy=False,
        )
        return frame


def read(path: str) -> Timeline:
    """Read a recording: Chrome JSON as PyTorch's profiler writes it, plain or gzip, a file or an fsspec URL.

    Raises :class:`RecordingError` for what is no recording. Of damaged ones, what is whole is used, and
    ``defects`` and ``cut`` say what is missing.
    """
    document = Document(Source(path))
    builder = _Builder()
    for batch in document.batches():
        builder.add(batch)
    if not builder.events:
        raise RecordingError(f"{path} holds no events: record with torch.profiler, and export_chrome_trace()")
    return builder.timeline(document)


_NO_ARGUMENTS: Final = Arguments()


class _Pool(dict[Any, int]):
    """Numbers for values, in the order in which they come."""

    def __missing__(self, value: Any) -> int:
        number = self[value] = len(self)
        return number

    def numbers(self, values: Sequence[Any]) -> "Column":
        return np.array([self[value] for value in values], np.int32)


class _Builder:
    """Columns under construction, a batch of events at a time."""

    def __init__(self) -> None:
        self.events = 0
        self._names = _Pool()
        self._stacks = _Pool()
        self._threads = _Pool()
        self._thread_names: dict[tuple[str, str], str] = {}
        self._parts: dict[str, list[Column]] = {name: [] for name in _COLUMNS}
        self._defects: Counter[str] = Counter()
        self._legacy = False

    def add(self, batch: list[Event]) -> None:
        self.events += len(batch)
        complete = [event for event in batch if event.ph == "X"]
        if len(complete) < len(batch):
            for event in batch:
                if event.ph == "M" and event.name == "thread_name" and event.args is not None:
                    self._thread_names[str(event.pid), str(event.tid)] = event.args.name
        recorded = [event.cat for event in complete]
        category = np.fromiter(map(category_of, recorded), np.int8, len(recorded))
        useful = category >= 0
        if not useful.all():
            complete, category = list(compress(complete, useful)), category[useful]
        if not complete:
            return
        if LEGACY in recorded:
            self._legacy = True
            ranges = np.array([event.name.startswith(RANGES) for event in complete])
            category[ranges & (category == CODES["operator"])] = CODES["annotation"]
        self._append(complete, category)

    def _append(self, events: list[Event], category: "Column") -> None:
        given = [event.args or _NO_ARGUMENTS for event in events]
        on_host = ~np.isin(category, DEVICE_CODES)
        device = _integers([one.device for one in given], _DEVICES)
        stream = _integers([one.stream for one in given], _STREAMS)
        for row in np.flatnonzero(~on_host & (device < 0)).tolist():
            device[row] = _integers([events[row].pid], _DEVICES)[0]
        device[on_host] = stream[on_host] = NONE
        threads = np.full(len(events), NONE, np.int32)
        threads[on_host] = self._threads.numbers(
            [(event.pid, event.tid) for event in compress(events, on_host.tolist())]
        )
        start = nanoseconds([event.ts for event in events])
        duration = nanoseconds([event.dur for event in events])
        stacks = np.full(len(events), NONE, np.int32)
        stacked = [row for row, one in enumerate(given) if one.stack]
        if stacked:
            stacks[stacked] = self._stacks.numbers([given[row].stack for row in stacked])
        columns: dict[str, Column] = {
            "start": start,
            "end": start + np.maximum(duration, 0),
            "category": category,
            "name": self._names.numbers([event.name for event in events]),
            "thread": threads,
            "device": device,
            "stream": stream,
            "correlation": _integers([one.correlation for one in given], LATEST),
            "bytes": _integers([one.bytes for one in given], LATEST),
            "stack": stacks,
        }
        usable = np.ones(len(events), bool)
        for code, wrong in (
            ("no-time", start == INVALID),
            ("no-duration", duration == INVALID),
            ("negative-duration", duration < 0),
            ("endless", duration > _LONGEST),
            ("no-device", np.isin(category, GPU_CODES) & (device < 0)),
        ):
            self._defects[code] += int(np.count_nonzero(usable & wrong))
            usable &= ~wrong
        for column, values in columns.items():
            self._parts[column].append(values[usable].astype(_COLUMNS[column], copy=False))

    def timeline(self, document: Document) -> Timeline:
        columns = {
            name: np.concatenate(self._parts.pop(name)) if self._parts[name] else np.empty(0, kind)
            for name, kind in _COLUMNS.items()
        }
        start, end = columns["start"], columns["end"]
        order = np.lexsort((-end, start))
        if len(start):
            near = np.abs(start[order] - start[order[len(order) // 2]]) <= _LONGEST
            self._defects["far-away"] = int(len(order) - np.count_nonzero(near))
            order = order[near]
        for name in columns:
            columns[name] = columns[name][order]
        self._defects["damaged"] = document.damaged
        return Timeline(
            path=document.path,
            **columns,
            names=tuple(self._names),
            stacks=tuple(self._stacks),
            threads=tuple(
                Thread(str(process), str(number), self._thread_names.get((str(process), str(number)), ""))
                for process, number in self._threads
            ),
            legacy=self._legacy,
            metadata=document.metadata,
            defects={code: count for code, count in self._defects.items() if count},
            cut=document.cut,
        )


def _integers(values: Sequence[Any], most: int) -> "Column":
    """Whole numbers from 0 to ``most``; :data:`NONE` for everything else."""
    try:
        column = np.array(values, np.int64)
    except (OverflowError, ValueError, TypeError):  # too large, or a process with a name
        numbers = [value if type(value) is int and 0 <= value <= most else NONE for value in values]
        column = np.array(numbers, np.int64)
    column[(column < 0) | (column > most)] = NONE
    return column
