"""``perfcheck diff``: did it get slower, and what for?"""

import os
import re
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from perfcheck import __version__
from perfcheck.cli.output import colors, write

if TYPE_CHECKING:
    from perfcheck.stalls.differences import Profile

WORSE: Final = 1
"""The exit code that tells of a step that takes longer than the threshold allows."""

_OURS: Final = re.compile(rb'\s*\{\s*"(?:version|tool|recordings|devices|ranks|health|findings)"\s*:')
"""How an analysis begins that was saved as JSON, whatever rewrote it; recordings begin otherwise."""


@click.command(
    short_help="Compare two recordings: did a step get slower, and why?",
    epilog="Exit codes: 0 not worse, 1 worse by more than the threshold, 2 wrong use or unreadable files.",
)
@click.argument("before", type=click.Path())
@click.argument("after", type=click.Path())
@click.option(
    "--threshold",
    type=click.FloatRange(min=0),
    default=5.0,
    show_default=True,
    metavar="PERCENT",
    help="By how much a step may take longer and still not count as worse.",
)
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("-o", "--output-file", metavar="FILE", type=click.Path(), help="Write the report there.")
def diff(before: str, after: str, threshold: float, output_format: str, output_file: str | None) -> int:
    """Compare the step time, the idle time by cause and by line of two recordings.

    BEFORE and AFTER are recordings of the PyTorch profiler, folders or patterns of those of several ranks, or
    what `perfcheck analyze --output-format json` wrote.
    """
    from perfcheck.report.stalls import differences as report
    from perfcheck.stalls.differences import IncomparableError, compare

    try:
        difference = compare(_profile(before), _profile(after), threshold / 100)
    except IncomparableError as error:
        raise click.ClickException(str(error)) from None
    if output_format == "json":
        text = report.render_json(difference, __version__)
    else:
        on_terminal = output_file is None and sys.stdout.isatty()
        text = report.render(
            difference,
            columns=os.get_terminal_size(sys.stdout.fileno()).columns if on_terminal else 0,
            color=output_file is None and colors(sys.stdout),
        )
    write(text, output_file, as_utf8=output_format == "json")
    return WORSE if difference.verdict == "worse" else 0


def _profile(name: str) -> "Profile":
    """One side. Raises :class:`click.ClickException` for what cannot be read."""
    from perfcheck.stalls.differences import profile

    saved = _saved(name)
    return profile(_analysed(name) if saved is None else saved, name)


def _analysed(name: str) -> Any:
    from perfcheck.report.stalls.json import document

    try:
        from perfcheck.stalls.analyse import analyse, expand
        from perfcheck.timeline import RecordingError
    except ModuleNotFoundError as missing:
        raise click.ClickException(
            f"reading recordings needs {missing.name}: pip install 'perfcheck[analyze]'"
        ) from None
    try:
        return document(analyse(expand([name])), __version__)
    except RecordingError as error:
        raise click.ClickException(str(error)) from None


def _saved(name: str) -> Any:
    """The document of a saved analysis; ``None`` if it is something else."""
    import json

    try:
        with open(name, "rb") as stream:
            if not _OURS.match(stream.read(4096)):
                return None
            stream.seek(0)
            return json.load(stream)
    except OSError:
        return None  # a folder, a pattern, a URL, or nothing: told by who reads recordings
    except ValueError as error:
        raise click.ClickException(f"{name} is a saved analysis that is damaged: {error}") from None
