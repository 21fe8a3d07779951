"""``perfcheck analyze``."""

import os
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from perfcheck import __version__
from perfcheck.cli.output import InternalError, OutputError, colors, complain, write
from perfcheck.cli.progress import ProgressBar
from perfcheck.config.settings import MOST_JOBS, OUTPUT_FORMATS

if TYPE_CHECKING:
    from perfcheck.stalls.analysis import Analysis

FOUND = 1
"""The exit code that tells of stalls worth telling."""

WRONG = 2
"""The exit code of recordings that cannot be analysed."""

_SHARE = 3.0
"""Percent of the step time that make a stall a finding; the same as in ``stalls/findings.py``."""


@click.command(
    short_help="Find where the GPU's idle time went in a recorded trace.",
    epilog="Exit codes: 0 nothing to report, 1 findings, 2 wrong use, unusable recordings or internal error.",
)
@click.argument("recordings", nargs=-1, required=True, metavar="RECORDINGS...")
@click.option("--output-format", type=click.Choice(OUTPUT_FORMATS), default="text", help="[default: text]")
@click.option("-o", "--output-file", metavar="FILE", type=click.Path(), help="Write the report there.")
@click.option(
    "--html", metavar="FILE", type=click.Path(), help="Write a page to look at in a browser, offline."
)
@click.option(
    "--perfetto",
    metavar="FILE",
    type=click.Path(),
    help="Write the recording with tracks for steps, gaps and blame, for https://ui.perfetto.dev.",
)
@click.option(
    "--share",
    type=click.FloatRange(0, 100),
    default=_SHARE,
    metavar="PERCENT",
    help=f"The part of the step time that makes a stall a finding.  [default: {_SHARE:g}]",
)
@click.option("-e", "--exit-zero", is_flag=True, help="Exit with 0 although there are findings.")
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1, MOST_JOBS),
    help="Processes, for several recordings.  [default: one a processor]",
)
@click.option("--dask", metavar="ADDRESS", help="Analyse on the Dask cluster with this scheduler.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@click.option(
    "-v", "--verbose", is_flag=True, help="Say how long it took; show tracebacks of internal errors."
)
def analyze(recordings: tuple[str, ...], **given: Any) -> int:
    """Find where the GPU's idle time went, why, and which line is to blame.

    RECORDINGS are traces that PyTorch's profiler exported (Chrome JSON, plain or gzip): files, folders,
    patterns or URLs. Several are taken for the ranks of one job.
    """
    begin = time.perf_counter()
    try:
        from perfcheck.stalls.analyse import analyse, expand
        from perfcheck.stalls.blame import ClosingError
        from perfcheck.timeline import RecordingError
    except ModuleNotFoundError as missing:
        complain(f"analyze needs {missing.name}: pip install 'perfcheck[analyze]'")
        return WRONG
    try:
        paths = expand(recordings)
        if given["perfetto"] and len(paths) > 1:
            raise click.UsageError("--perfetto takes one recording")
        with ProgressBar(shown=not given["quiet"], doing="analysing", what="recordings") as progress:
            analysis = analyse(
                paths,
                share=given["share"] / 100,
                jobs=given["jobs"] or _processors(),
                cluster=given["dask"],
                progress=progress,
            )
        _report(analysis, given)
    except RecordingError as error:
        complain(str(error))
        return WRONG
    except ClosingError as error:
        raise InternalError(str(error)) from error
    if given["verbose"]:
        events = sum(recording.events for recording in analysis.recordings)
        complain(f"{events:,} events in {time.perf_counter() - begin:.2f} s")
    return FOUND if analysis.findings and not given["exit_zero"] else 0


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _report(analysis: "Analysis", given: dict[str, Any]) -> None:
    if given["html"]:
        from perfcheck.report.stalls import page

        write(page.render(analysis, __version__), given["html"], as_utf8=True)
    if given["perfetto"]:
        from perfcheck.report.stalls import perfetto

        try:
            perfetto.save(analysis, 0, given["perfetto"])
        except OSError as error:
            raise OutputError(f"{given['perfetto']} cannot be written: {error.strerror}") from None
    output_format, to_file = given["output_format"], given["output_file"]
    write(
        _rendered(analysis, output_format, to_file), to_file, as_utf8=output_format not in ("text", "concise")
    )


def _rendered(analysis: "Analysis", output_format: str, to_file: str | None) -> str:
    color = to_file is None and colors(sys.stdout)
    columns = (
        os.get_terminal_size(sys.stdout.fileno()).columns if to_file is None and sys.stdout.isatty() else 0
    )
    if output_format == "json":
        from perfcheck.report.stalls import json

        return json.render(analysis, __version__)
    if output_format == "text":
        from perfcheck.report.stalls import text

        shows = to_file is not None or (sys.stdout.encoding or "").lower().startswith("utf")
        return text.render(analysis, columns=columns, color=color, ascii_only=not shows)
    from perfcheck.findings import LintError, LintResult
    from perfcheck.report import render
    from perfcheck.report.context import Context

    unread = tuple(
        LintError(row.recording, 1, row.message) for row in analysis.health if row.code == "unreadable"
    )
    result = LintResult(findings=analysis.findings, errors=unread, files=len(analysis.recordings))
    return render(output_format, result, Context(version=__version__, color=color, columns=columns))
