"""Callbacks for training frameworks: they say where steps end, and trace the training."""

from contextlib import ExitStack
from typing import Any


class Training:
    """Traces from the beginning of a training to its end, unless something traces the process already.

    ``options`` are those of :func:`perfcheck.trace`.
    """

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._open = ExitStack()

    def begins(self) -> None:
        from perfcheck.inside import trace
        from perfcheck.run.session import current

        if current() is None:
            self._open.enter_context(trace(**self._options))

    def step_ends(self) -> None:
        from perfcheck.inside import step

        step()

    def ends(self) -> None:
        """Report, if this traced."""
        self._open.close()
