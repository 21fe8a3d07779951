"""``perfcheck trace``."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from perfcheck.config.settings import OUTPUT_FORMATS, TIERS


@click.command(
    short_help="Run a training script and count, or measure, where the GPU waits.",
    context_settings={"allow_interspersed_args": False, "ignore_unknown_options": False},
    epilog="Exit codes: that of the script; if it succeeds, 0 nothing to report, 1 findings; 2 wrong use.",
)
@click.argument("command", nargs=-1, metavar="SCRIPT [ARGUMENTS]...", type=click.UNPROCESSED)
@click.option("-m", "is_module", is_flag=True, help="SCRIPT is a module, as for python -m.")
@click.option(
    "--device",
    type=click.Choice(("auto", "cuda", "emulated")),
    default="auto",
    show_default=True,
    help="A real GPU measures, an emulated one counts; auto takes a real one if there is one.",
)
@click.option("--wait", type=click.IntRange(0), metavar="N", help="Steps to let pass first.")
@click.option(
    "--warmup", type=click.IntRange(0), metavar="N", help="Steps to run then, before anything is kept."
)
@click.option(
    "--steps", type=click.IntRange(1), metavar="N", help="Steps to keep.  [default: emulated: all; cuda: 10]"
)
@click.option(
    "--max-seconds", type=click.FloatRange(0, min_open=True), metavar="S", help="Keep no more than that."
)
@click.option("--stop-after", is_flag=True, help="End the script when the steps are done.")
@click.option("--deep", is_flag=True, help="cuda: a second window that finds the line of every operator.")
@click.option(
    "--results", metavar="FOLDER", type=click.Path(), help="[default: a new one in .perfcheck_runs]"
)
@click.option(
    "--report", metavar="FOLDER", type=click.Path(), help="Run nothing: report on a run that is there."
)
@click.option(
    "--tier", type=click.Choice(TIERS), help="Least confidence of lint's findings.  [default: medium]"
)
@click.option("--output-format", type=click.Choice(OUTPUT_FORMATS), help="[default: text]")
@click.option(
    "-o",
    "--output-file",
    metavar="FILE",
    type=click.Path(),
    help="Write the report there.  [default: stderr]",
)
@click.option("-e", "--exit-zero", is_flag=True, help="Exit as the script does although there are findings.")
@click.option("-q", "--quiet", is_flag=True, help="Print findings and errors only.")
def trace(command: tuple[str, ...], **given: Any) -> int | Callable[[], int]:
    """Run SCRIPT unchanged, and tell at which lines the GPU waits.

    Options stand before SCRIPT; what follows is its own. What perfcheck says goes to standard error.
    """
    from perfcheck.cli.tracing import prepared, report

    if given["report"] is not None:
        if command:
            raise click.UsageError("--report runs nothing: give either it or a script")
        return report(Path(given["report"]), given)
    if not command:
        raise click.UsageError("name the script that is to be run")
    return prepared(command, given)
