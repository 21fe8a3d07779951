"""Holding what a run has shown to a budget."""

import hashlib
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from perfcheck.config.budgets import LIMITS, Budget
from perfcheck.findings import Finding, Place

Verdict = Literal["kept", "over", "not measured"]

_MOST_LINES: Final = 20


@dataclass(frozen=True, slots=True)
class Line:
    """A source line's part in what a step costs."""

    path: str
    line: int
    per_step: float


@dataclass(frozen=True, slots=True)
class Check:
    """One limit of one script."""

    limit: str
    allowed: float
    measured: float | None  # a step, or the share; None: this device does not show it
    lines: tuple[Line, ...] = ()  # those that cost most first

    @property
    def verdict(self) -> Verdict:
        if self.measured is None:
            return "not measured"
        return "over" if self.measured > self.allowed else "kept"


@dataclass(frozen=True, slots=True)
class Held:
    """A script and its limits; where it could not be judged, why."""

    command: str
    checks: tuple[Check, ...] = ()
    run: Mapping[str, Any] | None = None  # "run" of its JSON document
    failure: str | None = None


def held(budget: Budget, document: Mapping[str, Any]) -> Held:
    """``document`` is what ``perfcheck trace --output-format json`` writes."""
    run = document["run"]
    steps = run["counted_steps"]
    if not steps:
        return Held(
            budget.command,
            run=run,
            failure="it took no steps: budgets are kept by the step, which ends where an optimizer steps, a "
            "loader gives the next batch, or perfcheck.step() is called",
        )
    checks = [_check(name, allowed, document, steps) for name, allowed in budget.limits]
    return Held(budget.command, tuple(checks), run)


def _check(name: str, allowed: float, document: Mapping[str, Any], steps: int) -> Check:
    if name == "idle-share":
        idle = document["run"].get("idle")
        return Check(name, allowed, idle["idle_ns"] / idle["window_ns"] if idle else None)
    lines = _lines(document["events"], name, steps)
    return Check(name, allowed, sum(line.per_step for line in lines), tuple(lines[:_MOST_LINES]))


def _lines(events: Iterable[Mapping[str, Any]], limit: str, steps: int) -> list[Line]:
    """What each line has cost a step."""
    ranked = sorted(costs_of(events, limit).items(), key=lambda cost: (-cost[1], cost[0]))
    return [Line(*place, cost / steps) for place, cost in ranked if cost]


def costs_of(
    events: Iterable[Mapping[str, Any]], limit: str, *, with_set_up: bool = False
) -> dict[tuple[str, int], int]:
    """What each line (path and number) has cost in all steps together; ``limit`` says of what."""
    costs: dict[tuple[str, int], int] = {}
    count, set_up = ("bytes", "set_up_bytes") if limit == "bytes" else ("count", "set_up")
    for event in events:
        if event["event"] in LIMITS[limit]:
            place = (event["path"], event["line"])
            costs[place] = costs.get(place, 0) + event[count] - (0 if with_set_up else event[set_up])
    return costs


def exceeded(scripts: Iterable[Held], url: str) -> tuple[Finding, ...]:
    """A finding for each limit that was not kept, for formats that know nothing but findings."""
    return tuple(
        _finding(script, check, url)
        for script in scripts
        for check in script.checks
        if check.verdict == "over"
    )


def _finding(script: Held, check: Check, url: str) -> Finding:
    costly = check.lines[0] if check.lines else Line(_script(script.command), 1, 0)
    others = {line.line for line in check.lines[1:] if line.path == costly.path}
    mark = f"budget\0{script.command}\0{check.limit}".encode(errors="surrogatepass")
    return Finding(
        rule=f"budget-{check.limit}",
        name=f"over-budget-{check.limit}",
        severity="error",
        confidence="high",
        path=costly.path,
        place=Place(costly.line, 1, costly.line, 1),
        message=f"a step of `{script.command}` costs {check.measured:.10g} {check.limit}, and its budget is "
        f"{check.allowed:.10g}; this line's part is {costly.per_step:.10g}",
        help="Mend the lines that cost most, or raise the budget if the cost is meant.",
        url=url,
        function="",
        hotness="step",
        fingerprint=hashlib.sha256(mark).hexdigest()[:16],
        places=tuple(Place(line, 1, line, 1) for line in sorted(others)),
        evidence={"kind": "counted", "per_step": check.measured, "budget": check.allowed},
    )


def _script(command: str) -> str:
    words = shlex.split(command)
    return words[0] if words[0] != "-m" else words[1].replace(".", "/") + ".py"
