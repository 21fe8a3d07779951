"""The ``perfcheck`` command: its sub-commands, loaded when they are wanted, and how failures are told."""

import os
import sys
from importlib import import_module

import click

from perfcheck.cli.output import InternalError, OutputError, abandon, complain, version_option
from perfcheck.config.settings import ConfigError
from perfcheck.lint.parallel import WorkerKilled

COMMANDS = ("lint", "analyze", "diff", "trace", "verify", "gate", "rule", "server", "completion")
"""Each is a module of this package, and the command of that name in it."""

WRONG_USE = 2
"""The exit code of wrong use, a bad configuration, internal errors and interrupts."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"perfcheck.cli.{cmd_name}"), cmd_name)
        return command


@click.group(
    cls=_Commands,
    name="perfcheck",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@version_option
def cli() -> None:
    """Find, prove and mend the places where PyTorch code makes the GPU wait."""


def main() -> None:
    """Run the command and exit: 0 nothing to report, 1 findings, 2 anything wrong."""
    _open_streams()
    try:
        code = cli.main(prog_name="perfcheck", standalone_mode=False)
        sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt):
        complain("interrupted")
        code = WRONG_USE
    except click.UsageError as error:
        error.show()
        code = WRONG_USE
    except click.ClickException as error:
        complain(error.format_message())
        code = WRONG_USE
    except (ConfigError, OutputError, WorkerKilled) as error:
        complain(str(error))
        code = WRONG_USE
    except InternalError as error:
        code = _internal(error, str(error))
    except BrokenPipeError:
        abandon(sys.stdout)
        code = 0
    except Exception as error:
        code = _internal(error, f"{type(error).__name__}: {error}")
    if callable(code):
        code = code()  # a script: what it raises is not ours, and is left to the interpreter
    sys.exit(code if isinstance(code, int) else 0)


def _open_streams() -> None:
    """Standard streams that were closed before the start lead nowhere, not into the next opened file."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - for as long as we run


def _internal(error: Exception, message: str) -> int:
    if {"-v", "--verbose"} & set(sys.argv):
        import traceback

        traceback.print_exception(error)
    complain(f"internal error {message}; this is a mistake of perfcheck's, and -v shows where")
    return WRONG_USE
