"""What differs between two analyses, as text and as JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from perfcheck.report.printable import printable
from perfcheck.report.stalls import words
from perfcheck.report.stalls.text import COLUMNS, columns_of, dim, written
from perfcheck.stalls.analysis import Site
from perfcheck.stalls.differences import Change, Difference, Line, Profile, conclusions

LINES: Final = 8
"""How many of the lines that changed most the text tells; JSON has all of them."""

_COLORS: Final = {"better": "bold green", "same": "bold", "worse": "bold red"}


def render(difference: Difference, *, columns: int = 0, color: bool = False) -> str:
    """For people: the conclusions, then the numbers."""
    first, *others = conclusions(difference)
    verdict = Text(first)
    verdict.stylize(_COLORS[difference.verdict], 0, len(difference.verdict))
    parts: list[RenderableType] = [
        verdict,
        *(Text(printable(said)) for said in others),
        "",
        _numbers(difference),
    ]
    lines = [row for row in difference.lines if row[1].fate != "as before"][:LINES]
    if lines:
        parts += ["", _lines(lines, {**difference.before.sites, **difference.after.sites})]
    return written(parts, columns or COLUMNS, color)


def _numbers(difference: Difference) -> Table:
    table = columns_of("l", "r", "r", "r", "r", "w")
    per = "a step" if difference.before.steps else "in all"
    table.add_row(*map(dim, (f"ms {per}", "before", "now", "change", "of the step", "")))
    rows = [("time", difference.step), ("busy", difference.busy), ("idle", difference.idle)]
    for name, change in (*rows, *((f"  {cause}", change) for cause, change in difference.causes)):
        table.add_row(printable(name), *_cells(change), change.fate)
    return table


def _lines(rows: list[tuple[Line, Change]], sites: Mapping[Line, Site]) -> Table:
    table = columns_of("r", "r", "r", "l", "l", "w")
    table.add_row(*map(dim, ("before", "now", "change", "", "cause", "lines that got better or worse")))
    for line, change in rows:
        before, now, by, _ = _cells(change)
        where = printable(words.label(sites[line]))
        table.add_row(before, now, by, change.fate, printable(line.cause), where)
    return table


def _cells(change: Change) -> tuple[str, str, str, str]:
    sign = "+" if change.change_ns > 0 else ""
    return (
        words.milliseconds(change.before_ns),
        words.milliseconds(change.after_ns),
        f"{sign}{words.milliseconds(change.change_ns)}",
        f"{change.share * 100:+.1f} %",
    )


def render_json(difference: Difference, version: str) -> str:
    """For programs: everything, in nanoseconds; one row a line."""
    sites = {**difference.before.sites, **difference.after.sites}
    document = {
        "version": 1,
        "tool": {"name": "perfcheck", "version": version},
        "verdict": difference.verdict,
        "threshold": difference.threshold,
        "conclusions": list(conclusions(difference)),
        "before": _side(difference.before),
        "after": _side(difference.after),
        "step": _change(difference.step),
        "busy": _change(difference.busy),
        "idle": _change(difference.idle),
        "causes": [{"cause": cause, **_change(change)} for cause, change in difference.causes],
        "lines": [
            {**asdict(sites[line]), "cause": line.cause, **_change(change)}
            for line, change in difference.lines
        ],
    }
    return "{" + ",\n ".join(f"{json.dumps(key)}: {_value(value)}" for key, value in document.items()) + "}\n"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ",".join(f"\n  {json.dumps(item)}" for item in value) + "]"
    return json.dumps(value)


def _side(profile: Profile) -> dict[str, Any]:
    return {
        "name": profile.name,
        "devices": profile.devices,
        "steps": profile.steps,
        "step_ns": profile.step_ns,
        "busy_ns": profile.busy_ns,
        "idle_ns": profile.idle_ns,
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "before_ns": change.before_ns,
        "after_ns": change.after_ns,
        "change_ns": change.change_ns,
        "fate": change.fate,
    }
