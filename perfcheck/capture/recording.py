"""What a recording shows, with the lines that our logs know: the events of each line, and the GPU's idle
time by line.

The logs become events of the recording itself, Python functions named ``path(line): function`` as the
profiler names them, but with the line of the call. Whoever reads the recording, ``perfcheck analyze`` or
Perfetto, sees them.
"""

import gzip
import json
import shutil
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from perfcheck.callsite import CallSite
from perfcheck.capture.calls import Call
from perfcheck.capture.every_line import Line
from perfcheck.capture.gpu_trace import Wait
from perfcheck.capture.measuring import Step
from perfcheck.capture.sampler import Sample
from perfcheck.counted import Counted
from perfcheck.events import Event
from perfcheck.stalls.host import Host
from perfcheck.timeline import NONE, RecordingError, Timeline, read
from perfcheck.timeline.names import STEP, copy_kind, python_function

CALLS_KEY: Final = "perfcheck_lines"
"""A key of the recording's JSON: the lines of its Python functions are those of calls."""

LINED: Final = "lines.json.gz"
"""What the recording with lines is called, beside the one without."""

_EVENTS: Final = '"traceEvents": ['
_SOON: Final = 1_000_000
"""Nanoseconds from PyTorch's word that it will wait to the call that waits."""


@dataclass(frozen=True, slots=True)
class Logs:
    """What our own observers wrote down, on the clock of :func:`time.time_ns`."""

    calls: tuple[Call, ...] = ()
    waits: tuple[Wait, ...] = ()
    samples: tuple[Sample, ...] = ()
    lines: tuple[Line, ...] = ()
    steps: tuple[Step, ...] = ()


def read_logs(path: Path) -> Logs:
    stored = json.loads(path.read_text(encoding="utf-8"))
    return Logs(
        tuple(
            Call(start, end, thread, name, CallSite(*site))
            for start, end, thread, name, site in stored["calls"]
        ),
        tuple(Wait(at, thread, CallSite(*site)) for at, thread, site in stored["waits"]),
        tuple(Sample(at, thread, CallSite(*site)) for at, thread, site in stored["samples"]),
        tuple(Line(*one) for one in stored["lines"]),
        tuple(Step(*one) for one in stored["steps"]),
    )


class Stretch(NamedTuple):
    """A line had a thread for a while, on the recording's clock (ns)."""

    start_ns: int
    end_ns: int
    thread: int
    site: CallSite
    what: str


def with_lines(trace: Path, logs: Logs, to: Path) -> None:
    """Write the recording anew, gzipped, with the lines that the logs know among its events.

    Raises RecordingError where the recording cannot be read.
    """
    timeline = read(str(trace))
    host = Host(timeline)
    base = _base(timeline)
    stretches = [
        *(
            Stretch(one.start_ns - base, one.end_ns - base, one.thread, one.site, one.name)
            for one in logs.calls
        ),
        *_of_waits(host, logs.waits, base),
        *_of_samples(host, logs.samples, base),
    ]
    process = timeline.threads[0].process if timeline.threads else "0"
    with (
        open(trace, encoding="utf-8", errors="surrogateescape") as plain,
        gzip.open(to, "wt", encoding="utf-8", errors="surrogateescape", compresslevel=3) as out,
    ):
        head = ""
        while _EVENTS not in head:
            line = plain.readline()
            if not line:
                raise RecordingError(f"{trace} holds no events")
            head += line
        before, found, after = head.partition(_EVENTS)
        out.write(before.replace("{", f'{{\n  "{CALLS_KEY}": "call",', 1) + found)
        out.writelines(_steps(logs.steps, base, process))
        out.writelines(_line_event(one, process) for one in stretches if one.site.line)
        out.write(after)
        shutil.copyfileobj(plain, out)


def _base(timeline: Timeline) -> int:
    """What to take from Unix time to get the recording's."""
    return int(timeline.metadata.get("baseTimeNanoseconds") or 0)


def _line_event(stretch: Stretch, process: str) -> str:
    name = f"{stretch.site.path}({stretch.site.line}): {stretch.what}"
    arguments = {"library line": stretch.site.library_line} if stretch.site.library_line else {}
    return _event(
        "python_function", name, process, stretch.thread, stretch.start_ns, stretch.end_ns, arguments
    )


def _steps(steps: Sequence[Step], base: int, process: str) -> Iterator[str]:
    """Under the name that analysers know."""
    for step, following in pairwise(steps):
        name = f"{STEP}{step.number}"
        yield _event(
            "user_annotation", name, process, step.thread, step.at_ns - base, following.at_ns - base, {}
        )


def _event(
    category: str, name: str, process: str, thread: int, start_ns: int, end_ns: int, arguments: dict[str, str]
) -> str:
    """As kineto writes it, with times that no double has rounded; and a comma."""
    pid = process if process.isdigit() else json.dumps(process)
    return (
        f'{{"ph": "X", "cat": "{category}", "name": {json.dumps(name)}, "pid": {pid}, '
        f'"tid": {thread}, "ts": {_microseconds(start_ns)}, "dur": {_microseconds(end_ns - start_ns)}, '
        f'"args": {json.dumps(arguments)}}},\n'
    )


def _microseconds(nanoseconds: int) -> str:
    return f"{nanoseconds // 1000}.{nanoseconds % 1000:03d}"


def _by_thread(host: Host) -> dict[int, tuple[int, int]]:
    """The system's number of a thread -> first and last of its events."""
    found = {}
    for thread, (first, last) in _bounds(host.thread).items():
        number = host.timeline.threads[thread].number
        if number.lstrip("-").isdigit():
            found[int(number)] = (first, last)
    return found


def _bounds(threads: "np.ndarray[Any, np.dtype[np.int32]]") -> dict[int, tuple[int, int]]:
    numbers, firsts = np.unique(threads, return_index=True)
    lasts = np.append(firsts[1:], len(threads))
    return {int(number): (int(first), int(last)) for number, first, last in zip(numbers, firsts, lasts)}


def _of_waits(host: Host, waits: Iterable[Wait], base: int) -> Iterator[Stretch]:
    """The calls that PyTorch announced."""
    threads = _by_thread(host)
    blocking = np.isin(host.kind, ("sync", "copy"))
    for wait in waits:
        if wait.thread not in threads:
            continue
        first, last = threads[wait.thread]
        at = wait.at_ns - base
        begun = first + int(np.searchsorted(host.start[first:last], at, side="left"))
        for event in range(begun, min(last, begun + 8)):
            if blocking[event] and host.start[event] - at < _SOON:
                yield Stretch(at, int(host.end[event]) + 1, wait.thread, wait.site, "waits")
                break


def _of_samples(host: Host, samples: Iterable[Sample], base: int) -> Iterator[Stretch]:
    """A line that was seen several times in a row had the thread between; what ran when it was seen
    belongs to it.
    """
    threads = _by_thread(host)
    ordered = sorted(samples, key=lambda sample: (sample.thread, sample.at_ns))
    for (thread, site), group in groupby(ordered, key=lambda sample: (sample.thread, sample.site)):
        seen = [sample.at_ns - base for sample in group]
        start, end = seen[0], seen[-1]
        if thread in threads:
            start = min(start, _outermost(host, threads[thread], start)[0])
            end = max(end, _outermost(host, threads[thread], end)[1])
        if end > start:
            yield Stretch(start, end, thread, site, "(sampled)")


def _outermost(host: Host, bounds: tuple[int, int], at: int) -> tuple[int, int]:
    """The outermost operator or call that runs at a time; (at, at) if none does."""
    first, last = bounds
    event = first + int(np.searchsorted(host.start[first:last], at, side="right")) - 1
    found = (at, at)
    while event >= first:
        if host.start[event] <= at < host.end[event] and (host.is_operator[event] or host.is_call[event]):
            found = (int(host.start[event]), int(host.end[event]))
        parent = int(host.parent[event])
        event = parent if parent != NONE else -1
    return found


# ---- what happened at each line


def observed(recording: Path) -> tuple[Counted, ...]:
    """The waits and copies of a recording with lines, counted per line, in its steps (or, without any,
    throughout).
    """
    host = Host(read(str(recording)))
    timeline = host.timeline
    copy_of = {int(call): int(row) for row, call in enumerate(host.launch) if call != NONE}
    tally: dict[tuple[str, int, Event, str], list[tuple[int, int]]] = {}
    has_steps = bool(host.is_step.any())
    for event in np.flatnonzero(np.isin(host.kind, ("sync", "copy", "launch", "graph-launch"))).tolist():
        step = _step(host, event)
        if has_steps and not step:
            continue
        path, line = _line(host, event)
        operator = host.operator[event]
        name = timeline.names[host.name[event if operator == NONE else operator]]
        for kind, nbytes in _kinds(host, event, copy_of):
            tally.setdefault((path, line, kind, name), []).append((step, nbytes))
    return tuple(
        Counted(
            path,
            line,
            kind,
            name,
            None,
            "steps" if has_steps else "set-up",
            len(ones),
            sum(nbytes for _, nbytes in ones),
            min(step for step, _ in ones),
            max(step for step, _ in ones),
            len({step for step, _ in ones}) if has_steps else 0,
        )
        for (path, line, kind, name), ones in sorted(tally.items())
    )


def _kinds(host: Host, event: int, copy_of: dict[int, int]) -> Iterator[tuple[Event, int]]:
    """The events that a call of the runtime is."""
    timeline = host.timeline
    kind = host.kind[event]
    name = timeline.names[host.name[event]]
    if kind == "sync" or (kind == "copy" and "Async" not in name):
        yield "host-sync", 0
    if kind in ("launch", "graph-launch"):
        yield "kernel-launch", 0
    if kind == "copy" and event in copy_of:
        row = copy_of[event]
        direction, memory = copy_kind(timeline.names[timeline.name[row]])
        nbytes = max(int(timeline.bytes[row]), 0)
        if direction == "HtoD":
            yield "h2d-copy", nbytes
            if memory == "pageable":
                yield "pageable-copy", nbytes
        elif direction == "DtoH":
            yield "d2h-copy", nbytes


def _line(host: Host, event: int) -> tuple[str, int]:
    function = host.function[event]
    if function == NONE:
        return "", 0
    path, line, _ = python_function(host.timeline.names[host.name[function]])
    return path, line


def _step(host: Host, event: int) -> int:
    """The number of the step that an event is in, on whatever thread it is; 0: none."""
    steps = np.flatnonzero(host.is_step)
    inside = steps[(host.start[steps] <= host.start[event]) & (host.start[event] < host.end[steps])]
    if not len(inside):
        return 0
    return int(host.timeline.names[host.name[inside[0]]].removeprefix(STEP))


# ---- the deep window


class OperatorLine(NamedTuple):
    """Calls of an operator that one line made, in the deep window."""

    path: str
    line: int
    operator: str  # of a backward pass: the node, "MulBackward0"
    backward: bool  # it ran in the backward pass of what the line computed
    calls: int
    host_ns: int


def operator_lines(trace: Path, logs: Logs) -> tuple[OperatorLine, ...]:
    """The line of every outermost operator, sorted by place; of the backward pass, that of the forward
    operator.
    """
    document = json.loads(trace.read_text(encoding="utf-8", errors="surrogateescape"))
    base = int(document.get("baseTimeNanoseconds") or 0)
    told = _Told(logs.lines)
    rows: dict[tuple[str, int, str, bool], list[int]] = {}
    for operator, (path, line), backward in _lines_of(document["traceEvents"], told, base):
        name = operator["name"].removeprefix(_NODE)
        rows.setdefault((path, line, name, backward), []).append(round(operator["dur"] * 1000))
    return tuple(
        OperatorLine(*key, calls=len(durations), host_ns=sum(durations))
        for key, durations in sorted(rows.items())
    )


def reads(trace: Path, logs: Logs) -> list[int]:
    """The lines at which values were read, in the order of time: for checking the lines of the deep
    window.
    """
    document = json.loads(trace.read_text(encoding="utf-8", errors="surrogateescape"))
    base, told = int(document.get("baseTimeNanoseconds") or 0), _Told(logs.lines)
    found = [one for one in document["traceEvents"] if one.get("name") == "aten::_local_scalar_dense"]
    found.sort(key=lambda one: one["ts"])
    lines = [told.at(one["tid"], base + round(one["ts"] * 1000)) for one in found]
    return [line.line if line else 0 for line in lines]


_NODE: Final = "autograd::engine::evaluate_function: "


class _Told:
    """Which line each thread was at."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._by_thread: dict[int, tuple[list[int], list[Line]]] = {}
        for line in lines:
            times, ones = self._by_thread.setdefault(line.thread, ([], []))
            times.append(line.at_ns)
            ones.append(line)

    def at(self, thread: int, unix_ns: int) -> Line | None:
        times, ones = self._by_thread.get(thread, ([], []))
        found = bisect_right(times, unix_ns)
        return ones[found - 1] if found else None


def _lines_of(
    events: list[dict[str, Any]], told: _Told, base: int
) -> Iterator[tuple[dict[str, Any], tuple[str, int], bool]]:
    """The outermost operators, each with its line and whether it is of a backward pass."""
    operators = [one for one in events if one.get("ph") == "X" and one.get("cat") == "cpu_op"]
    operators.sort(key=lambda one: (one["tid"], one["ts"], -one["dur"]))
    forward: dict[int, list[tuple[float, tuple[str, int]]]] = {}  # sequence number -> when, and where
    end, thread = 0.0, None
    nodes = []
    for one in operators:
        line = told.at(one["tid"], base + round(one["ts"] * 1000))
        place = (line.path, line.line) if line else ("", 0)
        is_node = one["name"].startswith(_NODE)
        arguments = one.get("args", {})
        if not is_node and "Sequence number" in arguments:
            forward.setdefault(arguments["Sequence number"], []).append((one["ts"], place))
        if one["tid"] == thread and one["ts"] < end:
            continue
        end, thread = one["ts"] + one["dur"], one["tid"]
        if is_node:
            nodes.append((one, place))
        else:
            yield one, place, False
    for one, place in nodes:
        number = one.get("args", {}).get("Sequence number", -1)
        before = [found for found in forward.get(number, ()) if found[0] < one["ts"]]
        yield one, max(before)[1] if before else place, True
