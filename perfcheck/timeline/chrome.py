"""Chrome's trace format as JSON text: its events, a batch at a time, whatever state the text is in.

Only the fields of :class:`Event` and :class:`Arguments` are decoded, by their types. A batch is cut at a
place that looks like the end of an event, and decoded as an array: if that succeeds, the place *was* the
end of an event, because a prefix of a JSON array that parses when closed can be read in one way only. Where
it fails, each event is looked for by itself, and what cannot be read is left out and counted.

Format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import msgspec

from perfcheck.timeline.source import RecordingError, Source

NOTHING: Final = msgspec.Raw(b"null")

LONGEST: Final = 16 << 20
"""Bytes of one event; what goes on for longer without being JSON is damage."""

_PREAMBLE: Final = 64 << 20  # bytes before the events


class Arguments(msgspec.Struct, gc=False):
    """What is used of an event's ``args``; -1 or "": not there."""

    device: int = -1
    stream: int = -1
    correlation: int = -1
    bytes: int = -1
    name: str = ""  # of a thread, in metadata events
    stack: str = msgspec.field(default="", name="Call stack")


class Event(msgspec.Struct, gc=False):
    """One event as the file has it. Times are JSON text: see :mod:`perfcheck.timeline.clock`."""

    ph: str = ""
    cat: str = ""
    name: str = ""
    pid: int | str = ""
    tid: int | str = ""
    ts: msgspec.Raw = NOTHING
    dur: msgspec.Raw = NOTHING
    args: Arguments | None = None


class _AnyEvent(msgspec.Struct):
    """An event in which any type may come."""

    ph: Any = None
    cat: Any = None
    name: Any = None
    pid: Any = None
    tid: Any = None
    ts: msgspec.Raw = NOTHING
    dur: msgspec.Raw = NOTHING
    args: Any = None

    def typed(self) -> Event:
        """The event without what is of a wrong type."""
        arguments = self.args if isinstance(self.args, dict) else {}

        def number(key: str) -> int:
            value = arguments.get(key)
            return value if type(value) is int else -1

        return Event(
            ph=_text(self.ph),
            cat=_text(self.cat),
            name=_text(self.name),
            pid=self.pid if type(self.pid) is int else _text(self.pid),
            tid=self.tid if type(self.tid) is int else _text(self.tid),
            ts=self.ts,
            dur=self.dur,
            args=Arguments(
                number("device"),
                number("stream"),
                number("correlation"),
                number("bytes"),
                _text(arguments.get("name")),
                _text(arguments.get("Call stack")),
            ),
        )


def _text(value: Any) -> str:
    return value if type(value) is str else ""


_decode_events: Final = msgspec.json.Decoder(list[Event]).decode
_decode_event: Final = msgspec.json.Decoder(_AnyEvent).decode
_encode_exactly: Final = msgspec.json.Encoder(decimal_format="number").encode


def _number(text: str) -> int | Decimal:
    return int(text) if len(text) <= 18 else Decimal(text)


_lenient: Final = json.JSONDecoder(
    strict=False, parse_float=Decimal, parse_int=_number, parse_constant=lambda word: None
)

_EVENTS: Final = re.compile(rb'"traceEvents"\s*:\s*')
_BETWEEN: Final = re.compile(rb"\}\s*,(?=\s*\{)")
_BEGINNING: Final = re.compile(r'\{\s*"(?:ph|name|cat|ts|pid)"\s*:')
_SPACE: Final = re.compile(r"[\s,]*")
_BARE: Final = re.compile(rb"(:\s*)-?(?:inf|nan)(?=\s*[,}\]])")
"""What C++ prints for numbers that are not finite; kineto has written it for the bandwidth of a copy of no
duration."""


class Document:
    """One pass over a recording's JSON: :meth:`batches`, and what is known after it.

    ``metadata`` is what stands beside the events; ``damaged`` counts places that could not be read; ``cut``
    says why the end is missing, if it is.
    """

    def __init__(self, source: Source) -> None:
        self.path = source.path
        self.metadata: dict[str, Any] = {}
        self.damaged = 0
        self.cut = ""
        self._source = source
        self._blocks = source.blocks()
        self._text = b""  # read and not yet used
        self._ended = False
        self._closed = False  # the array of events came to its end

    def batches(self) -> Iterator[list[Event]]:
        """The events, in the file's order. Raises :class:`RecordingError` if it is no recording."""
        array = self._find_events()
        while not self._closed:
            more = self._fill()
            batch = self._quick() if more else self._slow()
            if batch:
                yield batch
            if not more:
                break
        if self._closed and not array:
            self._rest()
        self.cut = self._source.cut or ("" if self._closed else "its JSON ends early")

    def _fill(self) -> bool:
        if not self._ended:
            block = next(self._blocks, b"")
            self._ended = not block
            self._text += block
        return not self._ended

    def _find_events(self) -> bool:
        """Go to the first event; is the document an array of events, rather than an object that holds one?"""
        self._fill()
        self._text = self._text.removeprefix(b"\xef\xbb\xbf").lstrip()
        while not self._text and self._fill():
            self._text = self._text.lstrip()
        if self._text.startswith(b"["):
            self._text = self._text[1:]
            return True
        if not self._text.startswith(b"{"):
            shown = "is empty" if not self._text else "is not JSON"
            raise RecordingError(
                f"{self.path} {shown}: expected a recording of the PyTorch profiler (Chrome JSON)"
            )
        searched = 0
        while True:
            for found in _EVENTS.finditer(self._text, searched):
                if self._begins(found.end()):
                    return False
            if len(self._text) > _PREAMBLE or not self._fill():
                self._refuse()
            searched = max(0, len(self._text) - (1 << 21))

    def _begins(self, at: int) -> bool:
        """Does the value at a place, behind what reads ``"traceEvents":``, hold the events?"""
        before = self._text[:at]
        try:
            self.metadata = json.loads(before + b"[]}", parse_constant=lambda word: None)
        except (ValueError, RecursionError):
            return False  # within a string, or another object
        while at >= len(self._text) - 1 and self._fill():
            pass
        if self._text[at : at + 1] != b"[":
            raise RecordingError(f'{self.path} has no list under "traceEvents": it is no recording')
        self._text = self._text[at + 1 :]
        self.metadata.pop("traceEvents", None)
        return True

    def _refuse(self) -> None:
        found = _EVENTS.search(self._text)
        if found and self._text[found.end() : found.end() + 1] == b"[":  # what precedes is damaged
            self.damaged += 1
            self._text = self._text[found.end() + 1 :]
            return
        try:
            json.loads(self._text)
        except (ValueError, RecursionError) as error:
            reason = self._source.cut or str(error)
            raise RecordingError(f'{self.path} is not JSON up to its "traceEvents": {reason}') from None
        raise RecordingError(f'{self.path} is JSON of another kind: it has no "traceEvents"')

    def _quick(self) -> list[Event]:
        """Decode all whole events at once, if nothing is wrong with them."""
        text = self._text
        end = -1
        for found in _BETWEEN.finditer(text, max(0, len(text) - (1 << 16))):
            end = found.start() + 1
        if end < 0:
            return [] if len(text) < LONGEST else self._slow()
        try:
            batch = _decode_events(b"[" + text[:end] + b"]")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self._slow()
        self._text = text[end:].lstrip().removeprefix(b",")
        return batch

    def _slow(self) -> list[Event]:
        """Decode event by event; what is incomplete is kept for later, while there is more to come."""
        data = _BARE.sub(rb"\1null", self._text)
        text = data.decode("latin-1")  # one character a byte
        batch: list[Event] = []
        at = 0
        while True:
            space = _SPACE.match(text, at)
            at = space.end() if space else at
            if at >= len(text):
                break
            if text[at] == "]":
                self._closed = True
                at += 1
                break
            try:
                value, end = _lenient.raw_decode(text, at)
            except (json.JSONDecodeError, RecursionError):
                if not self._ended and len(text) - at < LONGEST:
                    break
                following = _BEGINNING.search(text, at + 1)
                whole = self._ended and following is None  # the end is missing: that is told by `cut`
                self.damaged += not whole
                at = following.start() if following else len(text)
                continue
            event = self._event(data[at:end], value)
            if event is not None:
                batch.append(event)
            at = end
        self._text = data[at:]
        return batch

    def _event(self, data: bytes, value: Any) -> Event | None:
        if isinstance(value, dict):
            try:
                return _decode_event(data).typed()
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                pass
            try:
                return _decode_event(_encode_exactly(value)).typed()
            except (msgspec.MsgspecError, UnicodeError, OverflowError, RecursionError):
                pass
        self.damaged += 1
        return None

    def _rest(self) -> None:
        """What stands behind the events."""
        while self._fill():
            if len(self._text) > _PREAMBLE:
                raise RecordingError(
                    f"{self.path} goes on for more than {_PREAMBLE >> 20} MiB behind its events"
                )
        rest = self._text.strip()
        if rest == b"}":
            return
        try:
            behind = json.loads(b'{"":0' + rest, parse_constant=lambda word: None)
        except (ValueError, RecursionError):
            self._closed = False
            return
        behind.pop("")
        self.metadata.update(behind)
