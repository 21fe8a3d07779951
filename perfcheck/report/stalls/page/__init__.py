"""An analysis as one HTML page that needs nothing else: no server, no network, no other file.

The page is ``page.html`` with its style, its script, the charting library (``vendor/``) and the data put in.
Names from a recording reach it as JSON only, and the script writes them as text; besides, a content security
policy lets no other script run and nothing be loaded.
"""

import base64
import hashlib
import json
import re
from collections import Counter
from dataclasses import fields, is_dataclass
from importlib.resources import files
from typing import Any, Final

import numpy as np

from perfcheck.report.printable import printable
from perfcheck.report.stalls import words
from perfcheck.stalls.analysis import CAUSES, Analysis, CauseIdle, DeviceAnalysis, Site, Stall

PIECES: Final = 40_000
"""How many idle stretches a page holds one by one, all devices together; the shorter ones are summed up."""

_CELLS: Final = 2_000, 40_000
"""Into how many cells of equal width a window is cut to sum them up: of one device, and of all together."""

_STEPS: Final = 500, 4_000
"""How many steps; where there are more, neighbours are put together."""

_ROWS: Final = 500, 4_000
"""How long a table is."""

_TABLES: Final = (
    "lines",
    "stalls",
    "launch_bound",
    "copies",
    "kernels",
    "operators",
    "runtime",
    "loader_waits",
)
_INSTANTS: Final = ("start_ns", "end_ns", "launch_ns")


def render(analysis: Analysis, version: str) -> str:
    """The page, to be written in UTF-8."""
    library, style, script, page = (
        files(__name__).joinpath(name).read_text(encoding="utf-8")
        for name in ("vendor/echarts.min.js", "page.css", "page.js", "page.html")
    )
    parts = {
        "policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        f"form-action 'none'; script-src {_hash(library)} {_hash(script)}",
        "style": style,
        "library": library,
        "data": _inert(document(analysis, version)),
        "script": script,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], page)


def _hash(script: str) -> str:
    """By which a content security policy knows a script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _inert(document: dict[str, Any]) -> str:
    """JSON in which nothing ends a script element or begins a comment, tag or entity."""
    text = json.dumps(document, separators=(",", ":"))  # ASCII: other characters are escaped
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def document(analysis: Analysis, version: str) -> dict[str, Any]:
    """What the page's script works on: the analysis by the names of its fields, made small and safe to show.

    Instants count from the begin of their device's window; sites are told in words, ``""`` if not known.
    """
    names = [recording.path for recording in analysis.recordings]
    return {
        "version": version,
        "title": printable(names[0]) if len(names) == 1 else f"{len(names)} recordings",
        "causes": [
            {"name": cause, "meaning": words.MEANINGS[cause], "nowhere": words.nowhere(cause)}
            for cause in CAUSES
        ],
        "health": [
            {"severity": row.severity, "message": printable(words.told(row, others, len(names) > 1))}
            for row, others in words.grouped(analysis.health)
        ],
        "findings": [
            {
                "rule": finding.rule,
                "severity": finding.severity,
                "place": printable(f"{finding.path}:{finding.place.line}"),
                "message": printable(finding.message),
                "help": printable(finding.help),
            }
            for finding in analysis.findings
        ],
        "devices": [_device(analysis, device) for device in analysis.devices],
        "ranks": _plain(analysis.ranks),
    }


def _device(analysis: Analysis, device: DeviceAnalysis) -> dict[str, Any]:
    origin = device.window.start_ns
    devices = len(analysis.devices)
    rows = _bound(_ROWS, devices)
    return {
        "label": printable(words.who(analysis, device)),
        "name": printable(device.name),
        "window": _plain(device.window, origin),
        "concluded": device.concluded,
        "step_count": device.step_count,
        "step_ns": device.step_ns,
        "spread": _plain(device.spread),
        "steps": _steps(device, _bound(_STEPS, devices)),
        "causes": _causes(device.causes),
        "unattributed_ns": device.unattributed_ns,
        "communication": _plain(device.communication),
        "totals": {name: len(getattr(device, name)) for name in _TABLES},
        **{name: _plain(getattr(device, name)[:rows], origin) for name in _TABLES},
        "stalls": [_stall(device, stall) for stall in device.stalls[:rows]],
        **_pieces(device, PIECES // devices, _bound(_CELLS, devices)),
    }


def _bound(limits: tuple[int, int], devices: int) -> int:
    """How much there may be of one device, by what there may be of one and of all; never next to nothing."""
    each, together = limits
    return max(20, min(each, together // devices))


def _plain(value: Any, origin: int = 0) -> Any:
    """Any value of an analysis as JSON has it."""
    if isinstance(value, Site):
        ran = value.operator or value.annotation
        return {
            "where": printable(words.known(value)),
            "place": printable(words.place(value)),
            "ran": printable(ran),
        }
    if is_dataclass(value):
        return {
            field.name: _since(getattr(value, field.name), origin)
            if field.name in _INSTANTS
            else _plain(getattr(value, field.name), origin)
            for field in fields(value)
        }
    if isinstance(value, tuple):
        return [_plain(item, origin) for item in value]
    return printable(value) if isinstance(value, str) else value


def _since(instant: int | None, origin: int) -> int | None:
    return None if instant is None else instant - origin


def _causes(rows: tuple[CauseIdle, ...]) -> dict[str, int]:
    return {row.cause: row.idle_ns for row in rows}


def _steps(device: DeviceAnalysis, most: int) -> list[dict[str, Any]]:
    """The steps, or as many neighbours together as it takes; times are sums."""
    rows, origin = device.step_rows, device.window.start_ns
    size = -(-len(rows) // most)
    found = []
    for group in (rows[at : at + size] for at in range(0, len(rows), size)) if rows else ():
        first, last = group[0], group[-1]
        causes = Counter[str]()
        for step in group:
            causes.update(_causes(step.causes))
        found.append(
            {
                "name": printable(
                    first.name if size == 1 else f"{first.name} to {last.name.rpartition('#')[2]}"
                ),
                "count": len(group),
                "start_ns": first.start_ns - origin,
                "end_ns": last.end_ns - origin,
                "busy_ns": sum(step.busy_ns for step in group),
                "idle_ns": sum(step.idle_ns for step in group),
                "causes": causes,
            }
        )
    return found


def _stall(device: DeviceAnalysis, stall: Stall) -> dict[str, Any]:
    step = device.step_rows[stall.step].name.rpartition("#")[2] if stall.step >= 0 else "–"
    doing = printable(words.doing(stall))
    return {**_plain(stall, device.window.start_ns), "step": printable(step), "doing": doing}


def _pieces(device: DeviceAnalysis, most: int, cells: int) -> dict[str, Any]:
    """The idle time: its longest stretches one by one, the others summed up by cell and cause."""
    shares, window = device.shares, device.window
    length = shares.end_ns - shares.start_ns
    alone = np.ones(len(shares), bool)
    if len(shares) > most:
        alone[np.argsort(-length, kind="stable")[most:]] = False
    start = shares.start_ns - window.start_ns
    width = max(1, -(-window.duration_ns // cells))
    # A short stretch belongs to the cell in which it begins: it is off by less than its own length.
    cell = np.minimum(start[~alone] // width, cells - 1) * (len(CAUSES) + 1) + shares.cause[~alone] + 1
    idle = np.zeros(cells * (len(CAUSES) + 1), np.int64)
    np.add.at(idle, cell, length[~alone])
    filled = np.flatnonzero(idle)
    sites, site = np.unique(shares.site[alone], return_inverse=True)
    return {
        "sites": [printable(words.known(device.sites[number])) for number in sites],
        "pieces": {
            "start": start[alone].tolist(),
            "length": length[alone].tolist(),
            "cause": shares.cause[alone].tolist(),
            "site": site.tolist(),
        },
        "cells": {
            "width": width,
            "number": (filled // (len(CAUSES) + 1)).tolist(),
            "cause": (filled % (len(CAUSES) + 1) - 1).tolist(),
            "idle": idle[filled].tolist(),
            "pieces": int((~alone).sum()),
        },
    }
