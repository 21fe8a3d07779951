"""A run as it lies on disk, joined with what lint says of its files."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from perfcheck import conditions
from perfcheck.cli.linting import Options, Outcome, lint_paths
from perfcheck.config.lookup import Lookup
from perfcheck.confirm import Seen, Verdict, judged
from perfcheck.counted import Counted
from perfcheck.events import Event
from perfcheck.run.results import ResultsError, Run, read
from perfcheck.source.files import shown

if TYPE_CHECKING:
    from perfcheck.capture.recording import OperatorLine

_EMULATED: Final[frozenset[Event]] = frozenset(
    {"host-sync", "h2d-copy", "d2h-copy", "pageable-copy", "hidden-copy", "kernel-launch", "cpu-op"}
)
_MEASURED: Final[frozenset[Event]] = frozenset({"host-sync", "h2d-copy", "d2h-copy", "pageable-copy"})
"""Which kinds of events each device shows at their lines."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What all processes of a run have shown together; paths as they are told."""

    run: Run
    seen: Seen
    notes: tuple[str, ...] = ()
    operators: tuple["OperatorLine", ...] = ()  # of the deep window
    idle: Mapping[str, Any] | None = None  # of a real GPU

    @property
    def kind(self) -> str:
        """Of a finding's evidence."""
        return "counted" if self.run.plan.device == "emulated" else "observed"

    def document(self) -> dict[str, Any]:
        """ "run" of the JSON document; the first process speaks for all."""
        first = self.run.processes[0]
        document: dict[str, Any] = {
            "device": self.run.plan.device,
            "torch": first.torch,
            "gpu": first.gpu,
            "steps": first.steps,
            "steps_from": first.steps_from,
            "counted_steps": self.seen.steps,  # in which events were counted: on a GPU those of its window
            "processes": [process.name for process in self.run.processes],
        }
        if self.idle is not None:
            document["idle"] = dict(self.idle)
        if self.operators:
            document["operators"] = [row._asdict() for row in self.operators]
        return document

    def events(self) -> list[dict[str, Any]]:
        """ "events" of the JSON document: a row for each event, line and operator."""
        rows: dict[tuple[str, int, str, str, str], list[Counted]] = {}
        for one in self.seen.counted:
            key = (one.path, one.line, one.event, one.operator, one.library_line or "")
            rows.setdefault(key, []).append(one)
        return [_row(rows[key]) for key in sorted(rows)]


def joined(evidence: Evidence, overrides: Mapping[str, Any]) -> tuple[Outcome, tuple[Verdict, ...]]:
    """Lint the files that ran, and judge its findings. Raises ConfigError and InternalError."""
    files: set[str] = set()
    for process in evidence.run.processes:
        files.update(process.lines)
    directory = evidence.run.plan.directory
    files.update(os.path.join(directory, one.path) for one in evidence.seen.counted)
    paths = sorted(path for path in files if os.path.isfile(path))
    lookup = Lookup(overrides={"tier": overrides["tier"]} if overrides.get("tier") else {})
    outcome = lint_paths(paths, lookup, Options(events=True), lambda done, total: None)
    return outcome, verdicts(outcome, evidence.seen)


def verdicts(outcome: Outcome, seen: Seen) -> tuple[Verdict, ...]:
    """What a run says of lint's findings. The outcome must hold the predicted events."""
    result = outcome.result

    @cache
    def asked_at(path: str) -> Mapping[int, int]:
        source = outcome.sources.get(path)
        return conditions.asked_at(source.text) if source is not None else {}

    return judged(result.findings, result.predicted, lambda code: outcome.rules[code].event, seen, asked_at)


def with_verdicts(outcome: Outcome, folder: Path, *, only_confirmed: bool) -> Outcome:
    """The findings with what a run says of them. Raises UsageError where there is no run."""
    try:
        evidence = evidence_of(read(folder))
    except ResultsError as error:
        raise click.UsageError(str(error)) from None
    kind = evidence.kind
    seen = _from_here(evidence)
    said = {id(one.finding): one for one in verdicts(outcome, seen)}
    findings = tuple(
        replace(finding, evidence=said[id(finding)].as_evidence(kind))
        for finding in outcome.result.findings
        if not only_confirmed or said[id(finding)].verdict == "confirmed"
    )
    return outcome.with_findings(findings)


def _from_here(evidence: Evidence) -> Seen:
    """What was seen, with paths as they are told in this working directory rather than in the run's."""
    seen, began, here = evidence.seen, evidence.run.plan.directory, os.getcwd()

    def told(path: str) -> str:
        return shown(os.path.join(began, path), here)

    return replace(
        seen,
        counted=tuple(replace(one, path=told(one.path)) for one in seen.counted),
        lines={told(path): lines for path, lines in seen.lines.items()},
        idle_ns=None
        if seen.idle_ns is None
        else {(told(path), line): idle for (path, line), idle in seen.idle_ns.items()},
    )


def evidence_of(run: Run) -> Evidence:
    """Read what the processes have left. Raises RecordingError."""
    directory = run.plan.directory
    lines: dict[str, set[int]] = {}
    counted: list[Counted] = []
    notes: list[str] = []
    for process in run.processes:
        for path, ran in process.lines.items():
            lines.setdefault(shown(path, directory), set()).update(ran)
        counted += process.counted
        notes += [
            f"{shown(one.path, directory)}:{one.line}: {one.feature} are not emulated: {one.consequence}"
            for one in process.unsupported
        ]
        notes += process.notes
    steps = max((process.steps for process in run.processes), default=0)
    evidence = Evidence(
        run,
        Seen((), {path: frozenset(ran) for path, ran in lines.items()}, steps, _EMULATED),
    )
    if run.plan.device == "cuda":
        evidence = _measured(run, evidence, counted, notes)
    told = tuple(replace(one, path=shown(one.path, directory)) for one in counted)
    return replace(evidence, seen=replace(evidence.seen, counted=told), notes=tuple(dict.fromkeys(notes)))


def _measured(run: Run, evidence: Evidence, counted: list[Counted], notes: list[str]) -> Evidence:
    """Adds what recordings show to ``counted`` and ``notes``."""
    from perfcheck.capture import recording
    from perfcheck.capture.measuring import DEEP, LOGS, TRACE
    from perfcheck.stalls.analyse import analyse

    directory = run.plan.directory
    recordings: list[Path] = []
    operators: list[recording.OperatorLine] = []
    for process in run.processes:
        folder = run.folder / process.name
        if not (folder / TRACE).exists():
            why = (
                "the script ended before, see --wait and --warmup"
                if process.steps
                else "the script has no steps, and ended before time told of any; with --wait 0 --warmup 0 "
                "the window opens at its start"
            )
            notes.append(f"{process.name}: no window was recorded: {why}")
            continue
        lined = folder / recording.LINED
        if not lined.exists():
            recording.with_lines(folder / TRACE, recording.read_logs(folder / LOGS), lined)
        recordings.append(lined)
        counted += recording.observed(lined)
        if (folder / f"{DEEP}{TRACE}").exists():
            logs = recording.read_logs(folder / f"{DEEP}{LOGS}")
            operators += recording.operator_lines(folder / f"{DEEP}{TRACE}", logs)
    steps = max((one.last_step - one.first_step + 1 for one in counted if one.phase == "steps"), default=0)
    seen = replace(evidence.seen, shows=_MEASURED, steps=steps)
    told = tuple(row._replace(path=shown(row.path, directory)) for row in operators)
    if not recordings or run.processes[0].gpu is None:
        return replace(evidence, seen=seen, operators=told)
    analysis = analyse([str(path) for path in recordings])
    notes += [f"{one.message} {one.remedy}".strip() for one in analysis.health]
    idle: dict[tuple[str, int], int] = {}
    causes: dict[str, int] = {}
    for device in analysis.devices:
        for row in device.lines:
            place = (shown(row.site.path, directory), row.site.line)
            idle[place] = idle.get(place, 0) + row.idle_ns
        for cause in device.causes:
            causes[cause.cause] = causes.get(cause.cause, 0) + cause.idle_ns
    steps = max((device.step_count for device in analysis.devices), default=0)
    summary = {
        "window_ns": sum(device.window.duration_ns for device in analysis.devices),
        "idle_ns": sum(device.window.idle_ns for device in analysis.devices),
        "unattributed_ns": sum(device.unattributed_ns for device in analysis.devices),
        "causes": dict(sorted(causes.items(), key=lambda item: (-item[1], item[0]))),
    }
    return replace(evidence, seen=replace(seen, idle_ns=idle, steps=steps), operators=told, idle=summary)


def _row(ones: list[Counted]) -> dict[str, Any]:
    first = ones[0]
    in_steps = [one for one in ones if one.phase == "steps"]
    return {
        "event": first.event,
        "path": first.path,
        "line": first.line,
        "operator": first.operator,
        "count": sum(one.count for one in ones),
        "bytes": sum(one.bytes for one in ones),
        "set_up": sum(one.count for one in ones if one.phase == "set-up"),
        "set_up_bytes": sum(one.bytes for one in ones if one.phase == "set-up"),
        "steps": {
            "first": min((one.first_step for one in in_steps), default=0),
            "last": max((one.last_step for one in in_steps), default=0),
        },
        "library_line": first.library_line,
    }
