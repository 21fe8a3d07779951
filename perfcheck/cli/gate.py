"""``perfcheck gate``: what a project lets through."""

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from perfcheck import __version__
from perfcheck.cli import narrowing
from perfcheck.cli.linting import Options, Outcome, lint_paths
from perfcheck.cli.output import OutputError, colors, complain, write
from perfcheck.cli.progress import ProgressBar
from perfcheck.config.lookup import Lookup
from perfcheck.config.settings import ConfigError, Settings
from perfcheck.findings import INTERNAL

if TYPE_CHECKING:
    from perfcheck.gate.budget import Held
    from perfcheck.report.gate import Gate

FAILED = 1
"""The exit code of new findings and of budgets that were not kept."""

WRONG = 2
"""The exit code where something could not be judged."""

BUDGETS = "https://perfcheck.readthedocs.io/ci/#budgets"


@click.command(
    short_help="Hold the code against its baseline and scripts against their budgets.",
    epilog="Exit codes: 0 passed, 1 new findings or budgets exceeded, 2 wrong use, or it cannot be judged.",
)
@click.argument("paths", nargs=-1, metavar="[PATHS]...", type=click.Path())
@click.option("--baseline", metavar="FILE", type=click.Path(), help="Findings that are let through.")
@click.option("--since", metavar="REV", help="Lint only lines that changed since this revision of git.")
@click.option(
    "--device",
    type=click.Choice(("emulated", "cuda")),
    default="emulated",
    show_default=True,
    help="Where scripts run: emulated counts the same everywhere, cuda measures idle time too.",
)
@click.option("--json", metavar="FILE", type=click.Path(), help="Write a JSON document.")
@click.option("--sarif", metavar="FILE", type=click.Path(), help="Write SARIF, for code scanning.")
@click.option("--junit", metavar="FILE", type=click.Path(), help="Write JUnit's XML, for what shows tests.")
@click.option(
    "--markdown",
    metavar="FILE",
    type=click.Path(),
    help="Write a summary. Where $GITHUB_STEP_SUMMARY is set, the job's page gets it in any case.",
)
@click.option("-q", "--quiet", is_flag=True, help="Show no progress, and the table only where it fails.")
@click.option("-v", "--verbose", is_flag=True, help="Show tracebacks of internal errors.")
def gate(paths: tuple[str, ...], **given: Any) -> int:
    """Lint PATHS against the baseline, run the scripts of [tool.perfcheck.budget], and tell in one table.

    Without PATHS the working directory is linted. Scripts run where their configuration lies.
    """
    from perfcheck.report import gate as report

    overrides = {} if given["baseline"] is None else {"baseline": os.path.abspath(given["baseline"])}
    lookup = Lookup(overrides=overrides)
    settings = lookup.settings(os.getcwd())
    _check(settings)
    for path in paths:
        if not os.path.lexists(path):
            raise click.UsageError(f"there is no file or directory {click.format_filename(path)}")
    outcome, known, vanished = _lint(paths or (".",), lookup, settings.baseline, given)
    scripts = _run(settings, given)
    result = report.Gate(outcome.result, known, vanished, scripts)
    _write(result, outcome, given)
    unread = any(error.message.startswith(INTERNAL) for error in outcome.result.errors)
    return WRONG if result.broken or unread else FAILED if result.failed else 0


def _check(settings: Settings) -> None:
    from perfcheck.gate.running import missing

    for budget in settings.budget:
        wrong = missing(budget, settings.root)
        if wrong is not None:
            raise ConfigError(f"{settings.source}: budget of {budget.command!r}: {wrong}")


def _lint(
    paths: tuple[str, ...], lookup: Lookup, baseline: str | None, given: dict[str, Any]
) -> tuple[Outcome, int, int]:
    """What is new, with how many places the baseline has, and how many of them in vain."""
    changes = None if given["since"] is None else narrowing.changed_lines(given["since"], paths)
    options = Options(only=None if changes is None else frozenset(changes))
    with ProgressBar(shown=not given["quiet"]) as progress:
        outcome = lint_paths(paths, lookup, options, progress)
    if changes is not None:
        outcome = outcome.with_findings(narrowing.on_changed_lines(outcome, changes))
    if baseline is None:
        return outcome, 0, 0
    comparison = narrowing.compare(outcome, baseline)
    vanished = 0 if changes is not None else sum(comparison.vanished.values())
    return outcome.with_findings(comparison.new), comparison.known, vanished


def _run(settings: Settings, given: dict[str, Any]) -> "tuple[Held, ...]":
    from perfcheck.gate.running import measured

    scripts = []
    device = "an emulated device" if given["device"] == "emulated" else "the GPU"
    for budget in settings.budget:
        if not given["quiet"]:
            complain(f"running {budget.command} on {device}")
        scripts.append(measured(budget, settings.root, given["device"]))
    return tuple(scripts)


def _write(result: "Gate", outcome: Outcome, given: dict[str, Any]) -> None:
    from perfcheck.gate.budget import exceeded
    from perfcheck.report import gate as report
    from perfcheck.report import render
    from perfcheck.report.context import Context
    from perfcheck.report.gate import junit, markdown, text

    context = Context(
        __version__,
        outcome.sources,
        outcome.rules,
        color=colors(sys.stdout),
        quiet=True,
        gate=report.document(result),
    )
    if given["json"]:
        write(render("json", outcome.result, context), given["json"])
    if given["sarif"]:
        both = (*outcome.result.findings, *exceeded(result.scripts, BUDGETS))
        write(render("sarif", replace(outcome.result, findings=both), context), given["sarif"])
    if given["junit"]:
        write(junit.render(result), given["junit"])
    if given["markdown"]:
        write(markdown.render(result), given["markdown"])
    if job := os.environ.get("GITHUB_STEP_SUMMARY"):
        _append(markdown.render(result), job)
    if given["quiet"] and result.verdict == "passed":
        return
    parts = (render("text", outcome.result, context), text.render(result, color=context.color))
    write("\n".join(part for part in parts if part))


def _append(text: str, path: str) -> None:
    try:
        with open(path, "a", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
            stream.write(text)
    except OSError as error:
        raise OutputError(f"$GITHUB_STEP_SUMMARY: {path} cannot be written: {error.strerror}") from None
