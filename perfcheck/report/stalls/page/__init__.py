"""An analysis as one HTML page that needs nothing else: no server, no network, no other file.

The page is ``page.html`` with its style, its script, the charting library (``vendor/``) and the data put in.
Names from a recording reach it as JSON only, and the script writes them as text; besides, a content security
policy lets no other script run and nothing be loaded.
"""

import base64
import hashlib
import json
import re
from importlib.resources import files
from typing import Any, Final

import numpy as np

from perfcheck.report.printable import printable
from perfcheck.report.stalls import words
from perfcheck.stalls.analysis import CAUSES, Analysis, Cause, CauseIdle, DeviceAnalysis, Site, Stall, Window

PIECES: Final = 40_000
"""How many idle stretches a page holds one by one, all devices together; the shorter ones are summed up."""

CELLS: Final = 2_000
"""Into how many cells of equal width a device's window is cut to sum them up."""

ROWS: Final = 500
"""The longest table."""


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
    """What the page's script works on. Instants count from the begin of a device's window, in nanoseconds."""
    recordings = analysis.recordings
    budget = PIECES // max(1, len(analysis.devices))
    return {
        "version": version,
        "title": printable(recordings[0].path) if len(recordings) == 1 else f"{len(recordings)} recordings",
        "causes": [{"name": cause, "meaning": words.MEANINGS[cause]} for cause in CAUSES],
        "recordings": [
            {
                "path": printable(recording.path),
                "rank": recording.rank,
                "world": recording.world_size,
                "events": recording.events,
                "gpu_events": recording.gpu_events,
                "torch": printable(recording.torch_version),
            }
            for recording in recordings
        ],
        "health": [
            {
                "severity": row.severity,
                "message": printable(words.sentences(row.message, row.remedy)),
                "recording": printable(row.recording),
            }
            for row in analysis.health
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
        "devices": [_device(analysis, device, budget) for device in analysis.devices],
        "ranks": _ranks(analysis),
    }


def _device(analysis: Analysis, device: DeviceAnalysis, budget: int) -> dict[str, Any]:
    origin = device.window.start_ns
    return {
        "label": printable(words.who(analysis, device)),
        "name": printable(device.name),
        "window": _window(device.window, origin),
        "span": _window(device.span, origin),
        "concluded": device.concluded,
        "step_ns": device.step_ns,
        "spread": None
        if device.spread is None
        else [device.spread.shortest_ns, device.spread.median_ns, device.spread.longest_ns],
        "steps": [
            {
                "name": printable(step.name),
                "start": step.start_ns - origin,
                "length": step.end_ns - step.start_ns,
                "busy": step.busy_ns,
                "idle": step.idle_ns,
                "causes": _causes(step.causes),
            }
            for step in device.step_rows
        ],
        "causes": _causes(device.causes),
        "unattributed": device.unattributed_ns,
        "totals": {
            "lines": len(device.lines),
            "launch_bound": len(device.launch_bound),
            "kernels": len(device.kernels),
            "operators": len(device.operators),
            "runtime": len(device.runtime),
            "loader": len(device.loader_waits),
        },
        "lines": [
            {"cause": row.cause, "idle": row.idle_ns, "gaps": row.gaps, **_site(row.site, row.cause)}
            for row in device.lines[:ROWS]
        ],
        "sites": [printable(words.label(site)) for site in device.sites],
        **_pieces(device, budget),
        "stalls": [_stall(stall, origin) for stall in device.stalls],
        "launch_bound": [
            {
                "start": run.start_ns - origin,
                "length": run.duration_ns,
                "idle": run.idle_ns,
                "kernels": run.kernels,
                "where": printable(words.label(run.site)),
            }
            for run in device.launch_bound[:ROWS]
        ],
        "copies": [
            {
                "kind": printable(copy.kind),
                "memory": printable(copy.memory),
                "count": copy.count,
                "bytes": copy.total_bytes,
                "duration": copy.duration_ns,
                "exposed": copy.exposed_ns,
                "idle": copy.idle_ns,
                "bandwidth": copy.bandwidth,
            }
            for copy in device.copies
        ],
        "communication": None
        if device.communication is None
        else {
            "busy": device.communication.busy_ns,
            "exposed": device.communication.exposed_ns,
            "overlapped": device.communication.overlapped_ns,
        },
        "kernels": [
            {
                "name": printable(row.name),
                "kind": row.kind,
                "count": row.count,
                "total": row.total_ns,
                "longest": row.longest_ns,
            }
            for row in device.kernels[:ROWS]
        ],
        "operators": [
            {
                "name": printable(row.name),
                "count": row.count,
                "total": row.total_ns,
                "self": row.self_ns,
                "device": row.device_ns,
                "launches": row.launches,
                "idle": row.idle_ns,
            }
            for row in device.operators[:ROWS]
        ],
        "runtime": [
            {
                "name": printable(row.name),
                "kind": row.kind,
                "count": row.count,
                "total": row.total_ns,
                "idle": row.idle_ns,
            }
            for row in device.runtime[:ROWS]
        ],
        "loader": [
            {
                "name": printable(wait.name),
                "start": wait.start_ns - origin,
                "length": wait.end_ns - wait.start_ns,
                "idle": wait.idle_ns,
            }
            for wait in device.loader_waits[:ROWS]
        ],
    }


def _window(window: Window, origin: int) -> dict[str, int]:
    return {
        "start": window.start_ns - origin,
        "length": window.duration_ns,
        "busy": window.busy_ns,
        "idle": window.idle_ns,
        "gaps": window.gaps,
    }


def _causes(rows: tuple[CauseIdle, ...]) -> dict[str, int]:
    return {row.cause: row.idle_ns for row in rows}


def _site(site: Site, cause: Cause) -> dict[str, str]:
    return {
        "where": printable(words.label(site, cause)),
        "place": printable(words.place(site)),
        "ran": printable(site.operator or site.annotation),
    }


def _stall(stall: Stall, origin: int) -> dict[str, Any]:
    return {
        "start": stall.start_ns - origin,
        "length": stall.duration_ns,
        "step": stall.step,
        "cause": stall.cause,
        "where": printable(words.label(stall.site, stall.cause)),
        "doing": printable(words.doing(stall)),
        "before": printable(stall.before),
        "after": printable(stall.after),
        "launch": printable(stall.launch),
        "launched": None if stall.launch_ns is None else stall.launch_ns - origin,
        "thread": printable(stall.thread),
        "shares": [[cause, printable(words.label(site, cause)), idle] for cause, site, idle in stall.shares],
        "host": [
            [printable(activity.name or "nothing recorded"), activity.category, activity.duration_ns]
            for activity in stall.host
        ],
        "stack": [printable(frame) for frame in stall.stack],
    }


def _pieces(device: DeviceAnalysis, budget: int) -> dict[str, Any]:
    """The idle time: its longest stretches one by one, the others summed up by cell and cause."""
    shares, window = device.shares, device.window
    length = shares.end_ns - shares.start_ns
    alone = np.ones(len(shares), bool)
    if len(shares) > budget:
        alone[np.argsort(-length, kind="stable")[budget:]] = False
    start = shares.start_ns - window.start_ns
    width = max(1, -(-window.duration_ns // CELLS))
    # A short stretch belongs to the cell in which it begins: it is off by less than its own length.
    cell = np.minimum(start[~alone] // width, CELLS - 1) * (len(CAUSES) + 1) + shares.cause[~alone] + 1
    idle = np.zeros(CELLS * (len(CAUSES) + 1), np.int64)
    np.add.at(idle, cell, length[~alone])
    filled = np.flatnonzero(idle)
    return {
        "pieces": {
            "start": start[alone].tolist(),
            "length": length[alone].tolist(),
            "cause": shares.cause[alone].tolist(),
            "site": shares.site[alone].tolist(),
        },
        "cells": {
            "width": width,
            "number": (filled // (len(CAUSES) + 1)).tolist(),
            "cause": (filled % (len(CAUSES) + 1) - 1).tolist(),
            "idle": idle[filled].tolist(),
            "pieces": int((~alone).sum()),
        },
    }


def _ranks(analysis: Analysis) -> dict[str, Any] | None:
    ranks = analysis.ranks
    if ranks is None:
        return None
    return {
        "matched": printable(ranks.matched),
        "rows": [
            {
                "rank": row.rank,
                "steps": row.steps,
                "step": row.step_ns,
                "busy": row.busy_ns,
                "idle": row.idle_ns,
                "communication": row.communication_ns,
                "waits": row.collective_wait_ns,
                "waited_for": row.waited_for_ns,
                "straggler": row.straggler,
            }
            for row in ranks.rows
        ],
        "collectives": [
            {
                "name": printable(row.name),
                "count": row.count,
                "waiting": row.waiting_ns,
                "last": row.last_rank,
                "last_count": row.last_count,
                "lateness": row.lateness_ns,
            }
            for row in ranks.collectives
        ],
    }
