"""Recordings for tests: those beside the checkout, and small ones written event by event."""

import gzip
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest


def _traces() -> Path:
    """The folder beside the checkout, or beside a folder above it; another by ``PERFCHECK_SHARED``."""
    beside = [parent / "shared" for parent in Path(__file__).parents[2:]]
    named = os.environ.get("PERFCHECK_SHARED")
    found = (
        [Path(named)] if named else [shared for shared in beside if (shared / "traces").is_dir()] or beside
    )
    return found[0] / "traces"


TRACES = _traces()

needs_recordings = pytest.mark.skipif(
    not (TRACES / "reference.json").is_file(),
    reason="the recordings are not beside the checkout (../shared/traces, or PERFCHECK_SHARED)",
)


def recorded() -> list[str]:
    """The names of the recordings beside the checkout; none where there are none."""
    return sorted(path.name for path in TRACES.glob("*.json.gz"))


def event(name: str, category: str, start: Any, duration: Any, **fields: Any) -> dict[str, Any]:
    """A complete event; times in microseconds. ``args`` are its arguments; other fields replace these."""
    return {
        "ph": "X",
        "cat": category,
        "name": name,
        "pid": 1,
        "tid": 1,
        "ts": start,
        "dur": duration,
        **fields,
    }


def kernel(
    name: str, start: Any, duration: Any, correlation: int = 0, stream: int = 7, device: int = 0
) -> dict[str, Any]:
    arguments = {"device": device, "stream": stream, "correlation": correlation}
    return event(name, "kernel", start, duration, pid=device, tid=stream, args=arguments)


def copy(name: str, start: Any, duration: Any, correlation: int, bytes: int = 4) -> dict[str, Any]:
    arguments = {"device": 0, "stream": 7, "correlation": correlation, "bytes": bytes}
    return event(name, "gpu_memcpy", start, duration, pid=0, tid=7, args=arguments)


def call(name: str, start: Any, duration: Any, correlation: int = 0, thread: int = 1) -> dict[str, Any]:
    return event(name, "cuda_runtime", start, duration, tid=thread, args={"correlation": correlation})


def launch(start: Any, correlation: int, duration: Any = 5, thread: int = 1) -> dict[str, Any]:
    return call("cudaLaunchKernel", start, duration, correlation, thread)


def step(number: int, start: Any, duration: Any) -> dict[str, Any]:
    return event(f"ProfilerStep#{number}", "user_annotation", start, duration)


def written(path: Path, events: Iterable[Any], **metadata: Any) -> str:
    """Write a recording, packed if its name says so; its path."""
    text = json.dumps({**metadata, "traceEvents": list(events)}).encode()
    path.write_bytes(gzip.compress(text, 1) if path.suffix == ".gz" else text)
    return str(path)
