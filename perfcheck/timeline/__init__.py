"""Recordings of the PyTorch profiler as columns of integer nanoseconds."""

from perfcheck.timeline.source import RecordingError
from perfcheck.timeline.timeline import NONE, Thread, Timeline, read

__all__ = ["NONE", "RecordingError", "Thread", "Timeline", "read"]
