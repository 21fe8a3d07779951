"""A recording with tracks of our own beside its events, to be opened in https://ui.perfetto.dev.

The recording's text is copied as it stands, and the new events are put before its first, so that a file of
any size passes through in blocks. Each device gets a process with three threads: steps, gaps, blame.
"""

import errno
import gzip
import json
import math
import os
import re
from collections.abc import Iterator
from itertools import chain
from typing import IO, Any, Final

from perfcheck.report.stalls import words
from perfcheck.stalls.analysis import CAUSES, Analysis, DeviceAnalysis
from perfcheck.timeline.source import RecordingError, Source

_ARRAY: Final = re.compile(rb'"traceEvents"\s*:\s*\[')
_PREAMBLE: Final = 64 << 20  # bytes in which the events have to begin
_TAIL: Final = 4 << 20  # bytes of a cut file in which its last whole event has to end
_NEXT_EVENT: Final = re.compile(rb',(?=\s*\{\s*"(?:ph|name|cat|ts|pid)"\s*:)')

_PROCESS: Final = 2_000_000_000
"""Above what processes, and the devices that Kineto shows as such, have for numbers."""

_TRACKS: Final = ("steps", "gaps", "blame")


def save(analysis: Analysis, recording: int, path: str) -> None:
    """Write to a file, compressed if its name ends in ``.gz``; never over the recording itself.

    Raises :class:`OSError` and what :func:`write` raises.
    """
    read = analysis.recordings[recording].path
    if os.path.exists(path) and os.path.exists(read) and os.path.samefile(path, read):
        raise FileExistsError(errno.EEXIST, "it is the recording itself", path)
    with open(path, "wb") as file:
        if not path.endswith(".gz"):
            write(analysis, recording, file)
            return
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=6, mtime=0) as packed:
            write(analysis, recording, packed)


def write(analysis: Analysis, recording: int, target: IO[bytes] | gzip.GzipFile) -> None:
    """Write one of the analysed recordings (an index) with its devices' tracks, as JSON.

    Of a file that is cut, what is whole is written. Raises :class:`.RecordingError`.
    """
    read = analysis.recordings[recording]
    blocks = Source(read.path).blocks()
    before, after = _split(read.path, blocks)
    own = [device for device in analysis.devices if device.recording == recording]
    texts = (text for device in own for text in events(device, words.who(analysis, device)))
    target.write(before)
    for number, text in enumerate(texts):
        target.write((",\n" if number else "\n").encode() + text.encode())
    closing = b"]}\n" if b"traceEvents" in before else b"]\n"
    rest = chain([after], blocks) if read.complete else _whole(after, blocks, closing)
    first = next(rest)
    if own and not first.lstrip().startswith(b"]"):
        target.write(b",\n")
    target.write(first)
    for block in rest:
        target.write(block)


def _split(path: str, blocks: Iterator[bytes]) -> tuple[bytes, bytes]:
    """What stands before the first event, and the begin of the rest."""
    text = b""
    for block in blocks:
        text += block
        if text.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
            at = text.index(b"[") + 1
            return text[:at], text[at:]
        for found in _ARRAY.finditer(text):
            if _is_object(text[: found.end()] + b"]}"):
                return text[: found.end()], text[found.end() :]
        if len(text) > _PREAMBLE:
            break
    raise RecordingError(f'{path} has no "traceEvents" that tracks could be added to')


def _is_object(text: bytes) -> bool:
    """Not so if what looked like the events stood in a string, or in an object within."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _whole(text: bytes, blocks: Iterator[bytes], closing: bytes) -> Iterator[bytes]:
    """The events of a cut file up to the last one that another follows: that one is whole."""
    for block in blocks:
        text += block
        if len(text) > 2 * _TAIL:
            yield text[:-_TAIL]
            text = text[-_TAIL:]
    ends = [found.start() for found in _NEXT_EVENT.finditer(text)]
    yield (text[: ends[-1]] if ends else b"") + closing


def events(device: DeviceAnalysis, name: str) -> Iterator[str]:
    """The device's tracks as Chrome trace events, one JSON text each; ``args.ns`` is the exact length."""
    process = _PROCESS + 10 * device.device
    # Perfetto finds threads to name by their number alone, so that each has one of its own.
    steps, gaps, blame = threads = [process + number for number in range(1, len(_TRACKS) + 1)]
    yield _metadata(process, steps, "process_name", {"name": f"perfcheck: {name}"})
    yield _metadata(process, steps, "process_sort_index", {"sort_index": -1})
    for thread, track in zip(threads, _TRACKS):
        yield _metadata(process, thread, "thread_name", {"name": track})
        yield _metadata(process, thread, "thread_sort_index", {"sort_index": thread})
    for step in device.step_rows:
        about: dict[str, Any] = {"busy_ns": step.busy_ns, "idle_ns": step.idle_ns}
        about |= {row.cause: row.idle_ns for row in step.causes}
        yield _slice(process, steps, step.name, step.start_ns, step.end_ns, about)
    for number, (start, end) in enumerate(zip(device.gaps.start_ns.tolist(), device.gaps.end_ns.tolist())):
        yield _slice(process, gaps, "idle", start, end, {"gap": number})
    sites = device.sites
    shares = device.shares
    columns = (shares.start_ns, shares.end_ns, shares.gap, shares.cause, shares.site)
    for start, end, gap, code, site in zip(*(column.tolist() for column in columns)):
        cause = CAUSES[code] if code >= 0 else None
        where = {"where": words.label(sites[site], cause), "gap": gap}
        yield _slice(process, blame, cause or words.UNATTRIBUTED, start, end, where)


def _metadata(process: int, thread: int, name: str, args: dict[str, Any]) -> str:
    return json.dumps({"ph": "M", "pid": process, "tid": thread, "ts": 0, "name": name, "args": args})


def _slice(process: int, thread: int, name: str, start_ns: int, end_ns: int, args: dict[str, Any]) -> str:
    """A complete event, in microseconds with all their decimals.

    Perfetto reads times as floats and cuts them to nanoseconds; slices that touch would then overlap, and be
    drawn one below the other. So each is shorter by what that may amount to.
    """
    lost = 2 + int(math.ulp(start_ns / 1000) * 1000 + math.ulp(start_ns))
    shown = max(0, end_ns - start_ns - lost)
    return (
        f'{{"ph": "X", "cat": "perfcheck", "pid": {process}, "tid": {thread}, "name": {json.dumps(name)}, '
        f'"ts": {_microseconds(start_ns)}, "dur": {_microseconds(shown)}, '
        f'"args": {json.dumps({"ns": end_ns - start_ns, **args})}}}'
    )


def _microseconds(ns: int) -> str:
    sign = "-" if ns < 0 else ""
    return f"{sign}{abs(ns) // 1000}.{abs(ns) % 1000:03d}"
