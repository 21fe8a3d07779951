"""A progress bar on a terminal, for runs that take longer than people like to wait in silence."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_PATIENCE = 1.0  # seconds


class ProgressBar:
    """Called with how many files of how many are done; shows itself on standard error when it takes long."""

    def __init__(self, *, shown: bool, doing: str = "linting", what: str = "files") -> None:
        self._doing = doing
        self._what = what
        self._shown = shown and sys.stderr.isatty()
        self._begin = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __call__(self, done: int, total: int) -> None:
        if not self._shown or (self._bar is None and time.monotonic() - self._begin < _PATIENCE):
            return
        if self._bar is None or self._task is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            columns = (TextColumn(self._doing), BarColumn(), MofNCompleteColumn(), TextColumn(self._what))
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(self._doing, total=total)
            self._bar.start()
        self._bar.update(self._task, completed=done, total=total)

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
