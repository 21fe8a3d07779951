"""The fixes that ``perfcheck verify`` carries out: those that were asked for, at lines that ran."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from perfcheck.cli.fixing import Choice
from perfcheck.cli.joining import Evidence
from perfcheck.cli.linting import Options, Outcome, lint_paths
from perfcheck.cli.output import OutputError
from perfcheck.config.lookup import Lookup
from perfcheck.findings import Finding, Mend
from perfcheck.fix.rounds import Mended, mend
from perfcheck.verify.reach import LinesThatRan
from perfcheck.verify.running import Place
from perfcheck.verify.verification import Fixed


class Fixing:
    """Which fixes are carried out: those that were asked for, at lines that ran."""

    def __init__(self, given: Mapping[str, Any], place: Place) -> None:
        self.fixes: tuple[Fixed, ...] = ()
        self.left_out: tuple[Fixed, ...] = ()
        self._place = place
        self._choice = Choice(given)
        overrides = {name: given[name] for name in ("select", "ignore") if given[name]}
        self._lookup = Lookup(overrides=overrides)
        self._options = Options(selectors=(*given["select"], *given["ignore"]), cache=False)

    def could_mend(self) -> bool:
        """Is there a fix anywhere in the project, whether or not its line runs?"""
        outcome = self._lint([str(self._place.root)], {})
        return any(self._wanted(finding, mend) for finding, mend in _mends(outcome))

    def mended(self, evidence: Evidence) -> Mended:
        """The files that ran, mended at the lines that ran. Nothing is written."""
        ran = LinesThatRan(
            {
                os.path.realpath(path): frozenset(lines)
                for process in evidence.run.processes
                for path, lines in process.lines.items()
            }
        )
        paths = sorted(path for path in ran.files if Path(path).is_relative_to(self._place.root))
        if not paths:
            return Mended({}, {})
        wanted: dict[bool, list[tuple[Finding, Mend]]] = {}  # by whether their lines ran; of the first look
        left: set[tuple[str, str]] = set()  # findings of the last one

        def linted(texts: Mapping[str, bytes], everywhere: bool) -> Outcome:
            outcome = self._lint(paths, texts, everywhere)
            ran.follow(outcome.sources)
            found = [(finding, one) for finding, one in _mends(outcome) if self._wanted(finding, one)]
            if not wanted:
                for happened in (True, False):
                    wanted[happened] = [pair for pair in found if ran.through(*pair) is happened]
            left.clear()
            left.update((finding.path, finding.fingerprint) for finding, _ in found)
            return outcome

        mended = mend(linted, lambda finding, one: self._wanted(finding, one) and ran.through(finding, one))
        self._check(mended)
        self.fixes = _fixed(pair for pair in wanted[True] if (pair[0].path, pair[0].fingerprint) not in left)
        self.left_out = _fixed(wanted[False])
        return mended

    def _check(self, mended: Mended) -> None:
        """What was linted is what was copied. Raises OutputError."""
        for name, change in mended.changes.items():
            copied = self._place.snapshot / os.path.relpath(os.path.realpath(change.path), self._place.root)
            if copied.read_bytes() != change.before:
                raise OutputError(f"{name} changed while the script ran: verify again")

    def _lint(self, paths: Sequence[str], texts: Mapping[str, bytes], everywhere: bool = True) -> Outcome:
        options = self._options if everywhere else self._options._replace(only=frozenset(texts))
        outcome = lint_paths(paths, self._lookup, options, lambda done, total: None, texts)
        self._choice.learn(outcome)
        return outcome

    def _wanted(self, finding: Finding, mend: Mend) -> bool:
        return finding.cell is None and self._choice.wanted(finding, mend)


def _mends(outcome: Outcome) -> Iterator[tuple[Finding, Mend]]:
    for finding in outcome.result.findings:
        if finding.fix is not None:
            for one in finding.fix.mends:
                yield finding, one


def _fixed(mends: Iterable[tuple[Finding, Mend]]) -> tuple[Fixed, ...]:
    return tuple(
        Fixed(finding.path, one.place.line, finding.rule, finding.fix.message, one.safety)
        for finding, one in mends
        if finding.fix is not None
    )
