"""``perfcheck lint --fix``, ``--fix-only`` and ``--diff``."""

import difflib
import sys
from collections.abc import Callable, Mapping
from typing import Any

from perfcheck.cli.linting import Outcome
from perfcheck.cli.output import complain, write
from perfcheck.config.settings import ConfigError
from perfcheck.findings import Finding, Mend
from perfcheck.fix.edits import Refused
from perfcheck.fix.files import replace_file
from perfcheck.fix.rounds import Change, Mended, mend
from perfcheck.report.summary import plural
from perfcheck.rulebook.selection import SelectionError, select
from perfcheck.source.text import decode

NOTHING_DONE = 2
"""The exit code where there was something to mend and every file was left alone."""


def fix(
    lint: Callable[[Mapping[str, bytes], bool], Outcome], given: Mapping[str, Any], stdin: bytes | None
) -> int | None:
    """Mend what the options ask for. The exit code where that is all there is to do, None where what is left
    is to be reported. What came from standard input goes to standard output."""
    choice = Choice(given)

    def linted(texts: Mapping[str, bytes], everywhere: bool) -> Outcome:
        outcome = lint(texts, everywhere)
        choice.learn(outcome)
        return outcome

    mended = mend(linted, choice.wanted, stdin)
    if given["diff"]:
        write("".join(diff_of(name, change) for name, change in sorted(mended.changes.items())))
    elif stdin is not None:
        _print(next((change.after for change in mended.changes.values()), stdin))
    else:
        mended = _written(mended)
    for name, reason in sorted(mended.refused.items()):
        complain(f"{name}: not mended: {reason}")
    would = "would be mended" if given["diff"] else "mended"
    if mended.mends and not given["quiet"]:
        complain(f"{plural(mended.mends, 'place')} {would} in {plural(len(mended.changes), 'file')}")
    if mended.refused and not mended.changes:
        return NOTHING_DONE
    if given["diff"]:
        return 1 if mended.changes else 0
    return 0 if given["fix_only"] or stdin is not None else None


def _print(data: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.flush()


class Choice:
    """Which mends the options ask for."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self._codes: frozenset[str] = frozenset()

    def learn(self, outcome: Outcome) -> None:
        """The rules that there are."""
        rules = list(outcome.rules.values())
        try:
            chosen = select(rules, self._given["fixable"], self._given["unfixable"], tier="heuristic")
        except SelectionError as error:
            raise ConfigError(f"the command line: {error}") from None
        self._codes = frozenset(rule.code for rule in chosen)

    def wanted(self, finding: Finding, mend: Mend) -> bool:
        return finding.rule in self._codes and (mend.safety == "safe" or self._given["unsafe_fixes"])


def _written(mended: Mended) -> Mended:
    """Puts the changes on disk, each file by itself; what does not go is refused."""
    changes, refused = dict(mended.changes), dict(mended.refused)
    for name, change in mended.changes.items():
        try:
            replace_file(change.path, change.before, change.after)
        except Refused as reason:
            refused[name] = str(reason)
            del changes[name]
    return mended._replace(changes=changes, refused=refused)


def diff_of(name: str, change: Change) -> str:
    """What changes in a file, in the unified format; a notebook's is that of its JSON."""
    before, after = (decode(data).splitlines(keepends=True) for data in (change.before, change.after))
    lines = difflib.unified_diff(before, after, name, name)
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )
