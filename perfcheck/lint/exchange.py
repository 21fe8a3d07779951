"""What processes that go through one project tell each other: what functions come to, so that not each has to
find it out.

Each writes to a stretch of memory of its own, which all share, and reads what the others have written.
"""

from __future__ import annotations

import mmap
import pickle
from collections.abc import Iterable, Iterator
from io import BytesIO
from multiprocessing import Lock
from typing import Any

_SIZE = 1 << 26  # bytes of each process; those that nobody writes take no memory
_HEAD = 8  # bytes that say how far it is written


class Exchange:
    """Made before the processes are forked, each of which has a number."""

    def __init__(self, processes: int) -> None:
        self._logs = [mmap.mmap(-1, _SIZE) for _ in range(processes)]
        self._read = [_HEAD] * processes
        self._lock = Lock()
        for log in self._logs:
            _write(log, _HEAD, b"")

    def swap(self, process: int, found: Iterable[tuple[str, Any]]) -> dict[str, bytes]:
        """Tell the others what was found, by name, and be told, pickled, what they did since the last time.

        What there is no room for is not told.
        """
        told = pickle.dumps([(name, pickle.dumps(value, -1)) for name, value in found], -1)
        with self._lock:
            _write(self._logs[process], _end(self._logs[process]), told)
            ends = [_end(log) for log in self._logs]
        heard: dict[str, bytes] = {}
        for other, (log, begin, end) in enumerate(zip(self._logs, self._read, ends)):
            if other != process:
                heard.update(_messages(log[begin:end]))
        self._read = ends
        return heard


def _end(log: mmap.mmap) -> int:
    return int.from_bytes(log[:_HEAD], "little")


def _write(log: mmap.mmap, at: int, data: bytes) -> None:
    end = at + len(data)
    if end <= _SIZE:
        log[at:end] = data
        log[:_HEAD] = end.to_bytes(_HEAD, "little")


def _messages(data: bytes) -> Iterator[tuple[str, bytes]]:
    stream = BytesIO(data)
    while stream.tell() < len(data):
        yield from pickle.load(stream)
