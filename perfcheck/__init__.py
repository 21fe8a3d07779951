"""perfcheck: find, prove and mend the places where PyTorch code makes the GPU wait."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from perfcheck.inside import OverBudget as OverBudget
    from perfcheck.inside import budget as budget
    from perfcheck.inside import step as step
    from perfcheck.inside import trace as trace
    from perfcheck.notebook import load_ipython_extension as load_ipython_extension

__version__ = "0.1.0"

_WITHIN = {
    "trace": "inside",
    "step": "inside",
    "budget": "inside",
    "OverBudget": "inside",
    "load_ipython_extension": "notebook",
}
"""Names for use within a program, and their modules, which are loaded when they are wanted."""


def __getattr__(name: str) -> Any:
    if name not in _WITHIN:
        raise AttributeError(f"module 'perfcheck' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"perfcheck.{_WITHIN[name]}"), name)


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
