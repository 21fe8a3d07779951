"""Streams, events and graphs: everything runs at once and in order, so waiting is only recorded."""

import time
from typing import Any

from perfcheck.emulated import recording
from perfcheck.emulated.tensor import DEVICE

_CUDA = 1  # c10::DeviceType


class Stream:
    """``torch.cuda.Stream``."""

    device = DEVICE
    device_index = DEVICE.index
    device_type = _CUDA
    _next_id = 1

    def __init__(self, device: Any = None, priority: int = 0, stream_id: int | None = None, **_: Any) -> None:
        self.priority = priority
        if stream_id is None:
            stream_id, Stream._next_id = Stream._next_id, Stream._next_id + 1
        self.stream_id = self.cuda_stream = stream_id

    def synchronize(self) -> None:
        recording.called("torch.cuda.Stream.synchronize")

    def wait_stream(self, stream: Any) -> None:
        """Nothing to wait for."""

    def wait_event(self, event: Any) -> None:
        """Nothing to wait for."""

    def record_event(self, event: Any = None) -> Any:
        event = event or Event()
        event.record(self)
        return event

    def query(self) -> bool:
        return True

    def is_capturing(self) -> bool:
        return False

    def __enter__(self) -> "Stream":
        self._before = current_stream()
        set_stream(self)
        return self

    def __exit__(self, *_: object) -> None:
        set_stream(self._before)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and self.stream_id == other.stream_id

    def __hash__(self) -> int:
        return hash(self.stream_id)

    def __repr__(self) -> str:
        return f"<torch.cuda.Stream device={self.device} cuda_stream={self.cuda_stream:#x}>"


DEFAULT = Stream(stream_id=0)
_current = DEFAULT


def current_stream(device: Any = None) -> Stream:
    """``torch.cuda.current_stream``."""
    return _current


def set_stream(stream: Stream | None) -> None:
    """``torch.cuda.set_stream``."""
    global _current
    if stream is not None:
        _current = stream


class Event:
    """``torch.cuda.Event``; its times are the host's."""

    device = DEVICE

    def __init__(self, *_: Any, **__: Any) -> None:
        self._recorded = 0.0

    def record(self, stream: Any = None) -> None:
        self._recorded = time.perf_counter()

    def wait(self, stream: Any = None) -> None:
        """Nothing to wait for."""

    def query(self) -> bool:
        return True

    def synchronize(self) -> None:
        recording.called("torch.cuda.Event.synchronize")

    def elapsed_time(self, end_event: "Event") -> float:
        """Milliseconds."""
        return (end_event._recorded - self._recorded) * 1e3
