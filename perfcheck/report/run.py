"""What is told of a run beside its findings."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perfcheck.confirm import Verdict
from perfcheck.report.printable import printable
from perfcheck.report.style import Paint
from perfcheck.report.summary import plural

MOST_LINES = 20
"""Lines told of each kind on a terminal; the JSON document has them all."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """What reports need to know of a run."""

    document: Mapping[str, Any]  # "run" of the JSON document
    events: Sequence[Mapping[str, Any]]
    verdicts: Sequence[Verdict]
    notes: Sequence[str] = ()


def text(report: RunReport, style: Paint, *, quiet: bool) -> str:
    """For people: what lint missed, what it said in vain, and what ran."""
    blocks = [
        _lines(
            "Not found by lint",
            [one for one in report.verdicts if one.verdict == "missed"],
            style,
        )
    ]
    if not quiet:
        for judgement, title in (
            ("refuted", "Refuted: the line ran, and the event did not come"),
            ("harmless", "Harmless: it came, and cost nothing"),
        ):
            blocks.append(_lines(title, [one for one in report.verdicts if one.verdict == judgement], style))
        notes = [f"{style('note', 'cyan')}: {printable(note)}\n" for note in report.notes]
        blocks += ["".join(notes), _summary(report, style)]
    return "\n".join(block for block in blocks if block)


def _lines(title: str, verdicts: Sequence[Verdict], style: Paint) -> str:
    if not verdicts:
        return ""
    ranked = sorted(verdicts, key=lambda one: (*(-part for part in one.cost), one.path, one.line))
    rows = [
        (printable(f"{one.path}:{one.line}"), _what(one), cost(one), ", ".join(one.operators[:3]))
        for one in ranked[:MOST_LINES]
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [style(title, "bold") + ":"]
    for place, what, how_much, operators in rows:
        row = f"{place:<{widths[0]}}  {what:<{widths[1]}}  {how_much:<{widths[2]}}  {operators}"
        lines.append(f"  {row.rstrip()}")
    if len(ranked) > MOST_LINES:
        lines.append(f"  and {len(ranked) - MOST_LINES} more, which the JSON document has")
    return "\n".join(lines) + "\n"


def _what(verdict: Verdict) -> str:
    return verdict.event if verdict.finding is None else f"{verdict.event} [{verdict.finding.rule}]"


def cost(verdict: Verdict) -> str:
    """How often, how much, how long: of a step where there are steps."""
    if not verdict.count and not verdict.idle_ns:
        return ""
    steps = verdict.steps or 1
    per = " a step" if verdict.steps else ""
    parts = [f"{_number(verdict.count / steps)}×{per}"]
    if verdict.bytes:
        parts.append(f"{_bytes(verdict.bytes / steps)}{per}")
    if verdict.idle_ns:
        parts.append(f"GPU idle {_time(verdict.idle_ns / steps)}{per}")
    return ", ".join(parts)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or value >= 100 else f"{value:.2g}"


def _bytes(value: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{_number(value)} {unit}"
        value /= 1024
    return f"{value:.3g} GiB"


def _time(nanoseconds: float) -> str:
    if nanoseconds >= 1e9:
        return f"{nanoseconds / 1e9:.3g} s"
    if nanoseconds >= 1e6:
        return f"{nanoseconds / 1e6:.3g} ms"
    return f"{nanoseconds / 1e3:.3g} µs"


def _summary(report: RunReport, style: Paint) -> str:
    counts = Counter(one.verdict for one in report.verdicts)
    told = ", ".join(
        f"{counts[name]} {name}"
        for name in ("confirmed", "harmless", "refuted", "not reached")
        if counts[name]
    )
    run = report.document
    missed = plural(counts["missed"], "event") + " missed by lint" if counts["missed"] else ""
    where = (
        "an emulated CUDA device: counts, no times" if run["device"] == "emulated" else run["gpu"] or "no GPU"
    )
    result = (
        "; ".join(part for part in (told and f"lint's findings: {told}", missed) if part) or "nothing waits"
    )
    return f"{style(plural(run['steps'], 'step'), 'bold')} on {where} (torch {run['torch']}); {result}.\n"
