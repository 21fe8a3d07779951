"""``perfcheck lint --watch``: lint again whenever a file changes."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import click

from perfcheck.cli.output import InternalError, OutputError, complain
from perfcheck.config.settings import ConfigError
from perfcheck.source.files import NOT_SOURCE, project_root

_WATCHED: Final = (".py", ".ipynb", ".toml", ".md", ".gitignore")
"""What findings may depend on: sources, settings, rule pages, and what git ignores."""

_AWAY: Final = ("fix", "fix_only", "diff", "write_baseline", "prune_baseline", "show_files", "show_settings")
"""Options of what is done once."""

_WAITING: Final = "watching for changes; Ctrl-C ends it"


def watch(paths: Sequence[str], given: dict[str, Any], lint: Callable[[], int]) -> int:
    """Lint now, and after each change in the projects of the paths, until interrupted; the last exit code."""
    for name in _AWAY:
        if given[name]:
            raise click.UsageError(f"--{name.replace('_', '-')} is done once, and cannot be watched")
    if "-" in paths:
        raise click.UsageError("--watch looks at files, not at standard input")
    try:
        from watchfiles import DefaultFilter, watch
    except ModuleNotFoundError:
        raise click.UsageError("--watch needs watchfiles: pip install 'perfcheck[watch]'") from None

    class Relevant(DefaultFilter):
        ignore_dirs = NOT_SOURCE

        def __call__(self, change: Any, path: str) -> bool:
            return path.endswith(_WATCHED) and super().__call__(change, path)

    roots = {project_root(Path(path).absolute()) for path in paths}
    code = 0
    try:
        code = _once(lint)
        complain(_WAITING)
        for _ in watch(*roots, watch_filter=Relevant(), raise_interrupt=True):
            if sys.stdout.isatty():
                click.clear()
            code = _once(lint)
            complain(_WAITING)
    except KeyboardInterrupt:
        pass  # the way to end it
    return code


def _once(lint: Callable[[], int]) -> int:
    try:
        return lint()
    except click.UsageError as error:
        error.show()
    except click.ClickException as error:
        complain(error.format_message())
    except (ConfigError, InternalError, OutputError) as error:
        complain(str(error))
    return 2
