"""Findings narrowed to what is new: to changed lines, and to what a baseline does not hold."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from perfcheck.cli.linting import Outcome
from perfcheck.cli.output import complain
from perfcheck.findings import Finding
from perfcheck.report.summary import plural

if TYPE_CHECKING:
    from perfcheck.gate.baseline import Comparison, Counts, Looked
    from perfcheck.gate.changes import Changes

MOST_TOLD: Final = 20
"""Vanished findings told one by one."""

_NARROWING: Final = ("select", "ignore", "tier", "severity", "since")
"""Options under which what is not found may be there all the same."""


def check_use(given: Mapping[str, Any], baseline: str | None, *, from_stdin: bool) -> None:
    """Raises UsageError for options that contradict each other."""
    wrong = [
        ("write_baseline", "since", "a baseline of changed lines alone would forget all others"),
        ("write_baseline", "prune_baseline", "a baseline that is written anew holds nothing to prune"),
        *(("prune_baseline", name, "what is not looked for would be taken out") for name in _NARROWING),
    ]
    for one, other, why in wrong:
        if given[one] and given[other]:
            raise click.UsageError(f"{_option(one)} cannot be used with {_option(other)}: {why}")
    if given["prune_baseline"] and baseline is None:
        raise click.UsageError("--prune-baseline wants a baseline: --baseline FILE, or the configuration's")
    for name in ("since", "write_baseline", "prune_baseline"):
        if from_stdin and given[name]:
            raise click.UsageError(f"{_option(name)} looks at files, not at standard input")


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def changed_lines(revision: str, paths: Sequence[str]) -> "Changes":
    from perfcheck.gate.changes import GitError, changed_since

    try:
        return changed_since(revision, os.getcwd(), paths)
    except GitError as error:
        raise click.ClickException(f"--since: {error}") from None


def on_changed_lines(outcome: Outcome, changes: "Changes") -> tuple[Finding, ...]:
    from perfcheck.gate import changes as gate

    return gate.on_changed_lines(outcome.result.findings, outcome.sources, changes)


def keep(outcome: Outcome, path: str, *, quiet: bool) -> None:
    """Write all that was found to a baseline."""
    from perfcheck.gate.baseline import BaselineError, read, recorded, write

    file = Path(os.path.abspath(path))
    try:
        before = read(file) if file.exists() else {}
        counts = recorded(outcome.result.findings, _looked(outcome, file), before)
        write(counts, file)
    except BaselineError as error:
        raise click.ClickException(str(error)) from None
    for unread in outcome.result.errors:
        complain(f"{unread.path}:{unread.line}: {unread.message}")
    if not quiet:
        complain(f"{path} holds {plural(sum(counts.values()), 'place')} of {plural(_files(counts), 'file')}")


def _files(counts: "Counts") -> int:
    return len({key.path for key in counts})


def compare(outcome: Outcome, path: str, *, prune: bool = False) -> "Comparison":
    """What was found, held against a baseline; ``prune``: what has vanished from it is taken out."""
    from perfcheck.gate.baseline import BaselineError, compared, pruned, read, write

    file = Path(path)
    try:
        counts = read(file)
        comparison = compared(outcome.result.findings, _looked(outcome, file), counts)
        if prune and comparison.vanished:
            write(pruned(counts, comparison.vanished), file)
    except BaselineError as error:
        raise click.ClickException(str(error)) from None
    return comparison


def new_findings(outcome: Outcome, path: str, given: Mapping[str, Any]) -> tuple[Finding, ...]:
    """What the baseline does not hold. What has vanished from it is told, and pruned if that is asked for."""
    comparison = compare(outcome, path, prune=given["prune_baseline"])
    name = os.path.basename(path)
    if not given["quiet"]:
        if comparison.known:
            complain(f"{plural(comparison.known, 'place')} not told: in the baseline {name}")
        if not any(given[option] for option in _NARROWING):
            _tell_vanished(comparison.vanished, name, pruned=given["prune_baseline"])
    return comparison.new


def _tell_vanished(vanished: "Counts", name: str, *, pruned: bool) -> None:
    if not vanished:
        return
    what_now = (
        f"taken out of {name}" if pruned else f"{name} still holds them; --prune-baseline takes them out"
    )
    complain(f"{plural(sum(vanished.values()), 'place')} mended or moved away: {what_now}")
    for key, count in list(vanished.items())[:MOST_TOLD]:
        within = f" in {key.function}" if key.function else ""
        complain(f"  {key.path}: {key.rule}{within}{f' ({count} times)' if count > 1 else ''}")
    if len(vanished) > MOST_TOLD:
        complain(f"  and {len(vanished) - MOST_TOLD} more")


def _looked(outcome: Outcome, baseline: Path) -> "Looked":
    from perfcheck.gate.baseline import Looked

    return Looked(baseline, outcome.sources, frozenset(error.path for error in outcome.result.errors))
