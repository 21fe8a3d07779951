"""A run as it lies on disk, joined with what lint says of its files."""

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from perfcheck.cli.linting import Options, Outcome, lint_paths
from perfcheck.config.lookup import Lookup
from perfcheck.confirm import Seen, Verdict, judged
from perfcheck.counted import Counted
from perfcheck.events import Event
from perfcheck.run.results import Run
from perfcheck.source.files import shown

SHOWN_BY_EMULATION: Final[frozenset[Event]] = frozenset(
    {
        "host-sync",
        "h2d-copy",
        "d2h-copy",
        "pageable-copy",
        "hidden-copy",
        "kernel-launch",
        "cpu-op",
        "loader-wait",
    }
)


def joined(run: Run, overrides: Mapping[str, Any]) -> tuple[Outcome, tuple[Verdict, ...]]:
    """Lint the files that ran, and judge its findings. Paths are relative to where the run began.

    Raises ConfigError and InternalError.
    """
    paths = sorted({path for path in _files(run) if os.path.isfile(path)})
    lookup = Lookup(overrides={"tier": overrides["tier"]} if overrides.get("tier") else {})
    outcome = lint_paths(paths, lookup, Options(events=True), lambda done, total: None)
    seen = seen_in(run)
    event_of = {code: rule.event for code, rule in outcome.rules.items()}
    return outcome, judged(outcome.result.findings, outcome.result.predicted, event_of.__getitem__, seen)


def _files(run: Run) -> set[str]:
    files: set[str] = set()
    for process in run.processes:
        files.update(process.lines)
        files.update(one.path for one in process.counted)
    return files


def seen_in(run: Run) -> Seen:
    """What all processes of a run have shown together."""
    directory = run.plan.directory
    lines: dict[str, set[int]] = {}
    for process in run.processes:
        for path, ran in process.lines.items():
            lines.setdefault(shown(path, directory), set()).update(ran)
    return Seen(
        counted=tuple(
            replace(one, path=shown(one.path, directory))
            for process in run.processes
            for one in process.counted
        ),
        lines={path: frozenset(ran) for path, ran in lines.items()},
        steps=max((process.steps for process in run.processes), default=0),
        shows=SHOWN_BY_EMULATION,
    )


def run_document(run: Run) -> dict[str, Any]:
    """ "run" of the JSON document: the first process speaks for all."""
    first = run.processes[0]
    return {
        "device": run.plan.device,
        "torch": first.torch,
        "gpu": first.gpu,
        "steps": first.steps,
        "steps_from": first.steps_from,
        "processes": [process.name for process in run.processes],
    }


def events(run: Run) -> list[dict[str, Any]]:
    """ "events" of the JSON document: those of all processes, a row for each event, line and operator."""
    rows: dict[tuple[str, int, str, str, str], list[Counted]] = {}
    for one in seen_in(run).counted:
        key = (one.path, one.line, one.event, one.operator, one.library_line or "")
        rows.setdefault(key, []).append(one)
    return [_row(rows[key]) for key in sorted(rows)]


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
        "steps": {
            "first": min((one.first_step for one in in_steps), default=0),
            "last": max((one.last_step for one in in_steps), default=0),
        },
        "library_line": first.library_line,
    }
