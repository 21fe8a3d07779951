"""Join what lint predicts with what a run has shown: each finding gets a verdict, each event a place
among them.

* **confirmed**: the event came at the finding's lines, in the steps of the run.
* **harmless**: it came, and costs nothing: in set-up alone, or the GPU was never idle for it.
* **refuted**: lint expects the event at a line, the line ran, and the event did not come.
* **not reached**: the lines did not run.
* **not measured**: the run could not have shown it: it is of a kind that this device does not show, or the
  finding is about a setting whose consequences come elsewhere.
* **missed**: an event in the steps at a line of which no finding speaks.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from perfcheck.counted import Counted
from perfcheck.events import Event
from perfcheck.findings import Finding, Place, Predicted

Judgement = Literal["confirmed", "harmless", "refuted", "not reached", "not measured", "missed"]

WAITS: Final[tuple[Event, ...]] = ("host-sync", "pageable-copy", "h2d-copy", "d2h-copy", "hidden-copy")
"""Events that are worth telling wherever they come in a step. Launches and operators on the host come
everywhere, and whether a wait for the loader is long a count does not tell.
"""

_COUNTS_AS: Final[Mapping[Event, frozenset[Event]]] = {
    "h2d-copy": frozenset({"h2d-copy", "pageable-copy"}),
    "pageable-copy": frozenset({"pageable-copy"}),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What a run has shown. Paths are as lint's findings name them."""

    counted: tuple[Counted, ...]
    lines: Mapping[str, frozenset[int]]  # that ran
    steps: int  # 0: the run had none, and what came is told as a whole
    shows: frozenset[Event]  # kinds of events that the device can show
    idle_ns: Mapping[tuple[str, int], int] | None = (
        None  # of the GPU, by the line to blame; None: not measured
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run says about one finding, or, where it was missed, about one event at a line."""

    verdict: Judgement
    event: Event
    path: str
    line: int
    count: int = 0  # how often the event came, in the steps if there are any
    bytes: int = 0
    steps: int = 0  # of the run
    idle_ns: int | None = None
    operators: tuple[str, ...] = ()
    finding: Finding | None = field(default=None, compare=False)
    predicted: bool = False  # lint expects the event, whether or not a rule speaks of it

    @property
    def cost(self) -> tuple[float, ...]:
        """What to rank by, the greatest first: idle time where it was measured, then how often it came."""
        return (self.idle_ns or 0, self.event == "host-sync", self.count, self.bytes)

    def as_evidence(self, kind: str) -> dict[str, Any]:
        """For a finding's ``evidence``; ``kind`` is "counted" or "observed"."""
        steps = max(self.steps, 1)
        evidence: dict[str, Any] = {
            "kind": kind,
            "verdict": self.verdict,
            "event": self.event,
            "count": self.count,
            "steps": self.steps,
            "per_step": round(self.count / steps, 3),
        }
        if self.bytes:
            evidence["bytes_per_step"] = self.bytes // steps
        if self.idle_ns is not None:
            evidence["idle_ns_per_step"] = self.idle_ns // steps
        return evidence

    def as_document(self) -> dict[str, Any]:
        """For the JSON document's ``verdicts``."""
        finding = self.finding
        return {
            "verdict": self.verdict,
            "rule": finding and finding.rule,
            "event": self.event,
            "path": self.path,
            "line": self.line,
            "confidence": finding and finding.confidence,
            "fingerprint": finding and finding.fingerprint,
            "operators": list(self.operators),
            "predicted": self.predicted,
            "count": self.count,
            "bytes": self.bytes,
            "steps": self.steps,
            "per_step": round(self.count / max(self.steps, 1), 3),
            "idle_ns": self.idle_ns,
        }


def judged(
    findings: Iterable[Finding],
    predicted: Iterable[Predicted],
    event_of: Callable[[str], Event],
    seen: Seen,
    asked_at: Callable[[str], Mapping[int, int]] = lambda path: {},
) -> tuple[Verdict, ...]:
    """A verdict on each finding, and those that were missed, sorted by place; ``event_of`` a rule's code,
    ``asked_at`` the lines at which conditions of several lines are decided, of a file.
    """
    at_line: dict[tuple[str, int], list[Counted]] = {}
    for counted in seen.counted:
        at_line.setdefault((counted.path, counted.line), []).append(counted)
    expected: dict[tuple[str, int], set[Event]] = {}
    for event in predicted:
        for line in range(event.line, event.end_line + 1):
            expected.setdefault((event.path, line), set()).add(event.event)
    verdicts: list[Verdict] = []
    spoken_of: set[tuple[str, int]] = set()
    for finding in findings:
        lines = _lines(finding)
        elsewhere = asked_at(finding.path)
        lines += sorted({elsewhere[line] for line in lines if line in elsewhere}.difference(lines))
        spoken_of.update((finding.path, line) for line in lines)
        verdicts.append(_on(finding, lines, event_of(finding.rule), at_line, expected, seen))
    for (path, line), came in at_line.items():
        if (path, line) not in spoken_of:
            verdicts += _missed(path, line, came, expected.get((path, line), set()), seen)
    return tuple(sorted(verdicts, key=lambda one: (one.path, one.line, one.event, one.verdict)))


def with_evidence(verdicts: Sequence[Verdict], kind: str) -> tuple[Finding, ...]:
    """The confirmed findings with what the run has shown of them, the most expensive first."""
    confirmed = [one for one in verdicts if one.verdict == "confirmed"]
    confirmed.sort(key=lambda one: tuple(-part for part in one.cost))
    return tuple(
        replace(one.finding, evidence=one.as_evidence(kind)) for one in confirmed if one.finding is not None
    )


def _on(
    finding: Finding,
    lines: Sequence[int],
    event: Event,
    at_line: Mapping[tuple[str, int], Sequence[Counted]],
    expected: Mapping[tuple[str, int], set[Event]],
    seen: Seen,
) -> Verdict:
    path = finding.path
    kinds = _COUNTS_AS.get(event, frozenset({event}))
    came = [one for line in lines for one in at_line.get((path, line), ()) if one.event in kinds]
    is_expected = any(event in expected.get((path, line), ()) for line in lines)
    in_steps = [one for one in came if one.phase == "steps"] if seen.steps else came
    idle_ns = None if seen.idle_ns is None else sum(seen.idle_ns.get((path, line), 0) for line in lines)
    judgement: Judgement
    if in_steps:
        judgement = "harmless" if idle_ns == 0 else "confirmed"
    elif came:
        judgement = "harmless"
    elif not seen.lines.get(path, frozenset()).intersection(lines):
        judgement = "not reached"
    elif event in seen.shows and is_expected:
        judgement = "refuted"
    else:
        judgement = "not measured"
    told = in_steps or came
    return Verdict(
        judgement,
        event,
        path,
        finding.place.line,
        sum(one.count for one in told if one.event == event) or sum(one.count for one in told),
        sum(one.bytes for one in told),
        seen.steps,
        idle_ns,
        tuple(sorted({one.operator for one in told})),
        finding,
        is_expected,
    )


def _missed(
    path: str, line: int, came: Iterable[Counted], expected: set[Event], seen: Seen
) -> Iterable[Verdict]:
    by_event: dict[Event, list[Counted]] = {}
    for one in came:
        if one.event in WAITS and (one.phase == "steps" or not seen.steps):
            by_event.setdefault(one.event, []).append(one)
    if by_event.keys() == {"h2d-copy"}:  # pinned, and nobody waits: as a batch should be copied
        return
    for event, ones in by_event.items():
        yield Verdict(
            "missed",
            event,
            path,
            line,
            sum(one.count for one in ones),
            sum(one.bytes for one in ones),
            seen.steps,
            None if seen.idle_ns is None else seen.idle_ns.get((path, line), 0),
            tuple(sorted({one.operator for one in ones})),
            predicted=event in expected,
        )


def _lines(finding: Finding) -> list[int]:
    """The lines that a finding speaks of."""
    places: tuple[Place, ...] = (finding.place, *finding.places)
    return sorted({line for place in places for line in range(place.line, place.end_line + 1)})
