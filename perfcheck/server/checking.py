"""Linting the text that an editor holds. Knows nothing of the protocol."""

import os
from pathlib import Path

from perfcheck.cli.linting import Memory, Options, Outcome, lint_text
from perfcheck.config.lookup import Lookup

_OPTIONS = Options()


class Checker:
    """Lints texts as the files that they will be; settings and rules are read once, and again after
    :meth:`forget`.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        # One process: a server has threads, and does not fork.
        self._lookup = Lookup(overrides={"jobs": 1, "force_exclude": True})
        self._memory = Memory()

    def check(self, text: str, path: str) -> Outcome:
        """Raises ConfigError, BaselineError and InternalError."""
        data = text.encode("utf-8", "surrogatepass")
        outcome = lint_text(data, path, self._lookup, _OPTIONS, lambda done, total: None, self._memory)
        baseline = self._lookup.settings(os.path.dirname(path)).baseline
        if baseline is None:
            return outcome
        from perfcheck.gate.baseline import Looked, compared, read

        file = Path(baseline)
        looked = Looked(file, outcome.sources, frozenset())
        return outcome.with_findings(compared(outcome.result.findings, looked, read(file)).new)
