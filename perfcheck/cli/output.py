"""Where reports go: a file, a pipe, or a terminal."""

import os
import sys
from typing import Final, TextIO

import click

from perfcheck import __version__

version_option: Final = click.version_option(
    __version__, prog_name="perfcheck", message="%(prog)s %(version)s"
)


class InternalError(Exception):
    """perfcheck itself failed; the message names the file at hand, the cause is the exception chained."""


class OutputError(Exception):
    """A report that could not be written; the message names where to and why."""


def write(text: str, path: str | None = None, *, as_utf8: bool = False) -> None:
    """Write a report to a file, or to standard output. A reader that has gone away is no error.

    Files and what machines read are UTF-8; for people, what their terminal cannot show is escaped.
    """
    if path is not None:
        begun = False
        try:
            with open(path, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
                begun = True
                stream.write(text)
        except OSError as error:
            if begun and os.path.isfile(path) and not os.path.islink(path):
                os.unlink(path)  # half a report would be taken for one
            raise OutputError(f"{path} cannot be written: {error.strerror}") from None
        return
    encoding = "utf-8" if as_utf8 else sys.stdout.encoding
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode(encoding, "backslashreplace"))
        sys.stdout.flush()
    except BrokenPipeError:
        abandon(sys.stdout)
    except OSError as error:
        abandon(sys.stdout)
        raise OutputError(f"standard output cannot be written: {error.strerror}") from None


def abandon(stream: TextIO) -> None:
    """Let what is still buffered go nowhere, so that the interpreter has nothing to complain of at exit."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        pass  # no file behind it: nothing to let go


def complain(message: str) -> None:
    """Tell people, on standard error, each line under the command's name."""
    from perfcheck.report.printable import printable

    try:
        for line in message.split("\n"):
            print(f"perfcheck: {printable(line)}", file=sys.stderr)
        sys.stderr.flush()
    except OSError:
        abandon(sys.stderr)


def colors(stream: TextIO) -> bool:
    """Does a stream want colours? A terminal does, unless ``NO_COLOR`` is set."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    if sys.platform == "win32" and "WT_SESSION" not in os.environ:
        return False
    return stream.isatty() and os.environ.get("TERM") != "dumb"
