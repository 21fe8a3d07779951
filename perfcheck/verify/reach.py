"""Which lines of a program ran, while its text changes."""

import os
from collections.abc import Mapping

from perfcheck.findings import Finding, Mend
from perfcheck.source.text import SourceFile
from perfcheck.verify.costs import lines_between


class LinesThatRan:
    """Which lines ran, in files that change: what is put in has run."""

    def __init__(self, lines: Mapping[str, frozenset[int]]) -> None:
        self.lines = lines
        self._now = dict(lines)
        self._names: dict[str, str] = {}
        self._texts: dict[str, str] = {}

    @property
    def files(self) -> list[str]:
        return [path for path in self.lines if os.path.isfile(path)]

    def follow(self, sources: Mapping[str, SourceFile]) -> None:
        """The texts as they are now; the first ones are those that ran."""
        for name, source in sources.items():
            path = os.path.realpath(source.path)
            self._names[name] = path
            first = self._texts.setdefault(path, source.text)
            if first != source.text:
                numbers = {now: line for line, now in lines_between(first, source.text).items()}
                ran, count = self.lines.get(path, frozenset()), source.text.count("\n") + 1
                self._now[path] = frozenset(
                    line for line in range(1, count + 1) if numbers.get(line, -1) in (ran | {-1})
                )

    def through(self, finding: Finding, mend: Mend) -> bool:
        ran = self._now.get(self._names[finding.path], frozenset())
        return not ran.isdisjoint(range(mend.place.line, mend.place.end_line + 1))
