"""The analysis as a JSON document, for programs and for ``perfcheck diff``; a row takes one line."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Final

from perfcheck.report.json import finding_document
from perfcheck.stalls.analysis import Analysis, DeviceAnalysis, LineIdle

ROWS: Final = 1000
"""The longest list of kernels, operators and calls; idle time is always told in full."""


def render(analysis: Analysis, version: str) -> str:
    return "".join(_written(document(analysis, version), "")) + "\n"


def document(analysis: Analysis, version: str) -> dict[str, Any]:
    """The whole analysis but for its intervals."""
    return {
        "version": 1,
        "tool": {"name": "perfcheck", "version": version},
        "recordings": [asdict(recording) for recording in analysis.recordings],
        "devices": [_device(device) for device in analysis.devices],
        "ranks": None if analysis.ranks is None else asdict(analysis.ranks),
        "health": [asdict(row) for row in analysis.health],
        "findings": [finding_document(finding) for finding in analysis.findings],
    }


def _device(device: DeviceAnalysis) -> dict[str, Any]:
    return {
        "device": device.device,
        "name": device.name,
        "recording": device.recording,
        "streams": list(device.streams),
        "span": asdict(device.span),
        "steps": None if device.steps is None else {"count": device.step_count, **asdict(device.steps)},
        "spread": None if device.spread is None else asdict(device.spread),
        "concluded": device.concluded,
        "causes": [asdict(row) for row in device.causes],
        "lines": [_line(row) for row in device.lines],
        "unattributed_ns": device.unattributed_ns,
        "step_rows": [asdict(step) for step in device.step_rows],
        "stalls": [asdict(stall) for stall in device.stalls],
        "launch_bound": [asdict(run) for run in device.launch_bound],
        "communication": None if device.communication is None else asdict(device.communication),
        "copies": [{**asdict(copy), "bandwidth": copy.bandwidth} for copy in device.copies],
        "loader_waits": [asdict(wait) for wait in device.loader_waits],
        "graphs": None if device.graphs is None else asdict(device.graphs),
        "kernels": [asdict(row) for row in device.kernels[:ROWS]],
        "operators": [asdict(row) for row in device.operators[:ROWS]],
        "runtime": [asdict(row) for row in device.runtime[:ROWS]],
    }


def _line(row: LineIdle) -> dict[str, Any]:
    """A site's parts beside the numbers; what is not known is ``null``."""
    site = {name: value or None for name, value in asdict(row.site).items()}
    return {**site, "cause": row.cause, "idle_ns": row.idle_ns, "gaps": row.gaps}


def _written(value: Any, margin: str) -> Iterable[str]:
    """Objects that hold lists of objects over several lines, everything below on one."""
    if isinstance(value, Mapping) and _deep(value):
        yield "{"
        for number, (key, item) in enumerate(value.items()):
            yield f"{',' if number else ''}\n{margin} {json.dumps(key)}: "
            yield from _written(item, margin + " ")
        yield "}"
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        yield "["
        for number, item in enumerate(value):
            yield f"{',' if number else ''}\n{margin} "
            yield from _written(item, margin + " ")
        yield "]"
    else:
        yield json.dumps(value)


def _deep(value: Mapping[str, Any]) -> bool:
    return "devices" in value or "span" in value
