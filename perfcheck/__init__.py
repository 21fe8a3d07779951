"""perfcheck: find, prove and mend the places where PyTorch code makes the GPU wait."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__version__ = "0.1.0"


def read_trace(path: str) -> "pd.DataFrame":
    """The events of a recorded trace: a row each, with times in integer nanoseconds.

    ``path`` is what PyTorch's profiler exported (Chrome JSON, plain or gzip), a file or an fsspec URL.
    Columns: ``name``, ``category``, ``start_ns``, ``end_ns``, ``duration_ns``, ``process``, ``thread``,
    ``device``, ``stream``, ``correlation``, ``bytes`` and ``call_stack``; docs/analyze.md says what they
    mean. Raises :class:`perfcheck.timeline.RecordingError` for what is no recording. Needs
    ``perfcheck[analyze]``.
    """
    from perfcheck.timeline import read  # not before it is wanted: linting needs none of it

    return read(path).frame()
