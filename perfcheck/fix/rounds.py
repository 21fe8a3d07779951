"""Mending in rounds: what overlaps waits for the next one, and the linter looks again in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from perfcheck.findings import Edit, Finding, Fix, LintError, LintResult, Mend
from perfcheck.fix.edits import Refused, compatible
from perfcheck.fix.files import edited
from perfcheck.fix.rewriting import Rewriter, Unfixable
from perfcheck.source.text import SourceFile, decode, read_bytes

ROUNDS: Final = 24
"""More than any file has needed; what is left then stays a finding."""

Wanted = Callable[[Finding, Mend], bool]


class Linted(Protocol):
    """What a linter says of some files; see :class:`perfcheck.cli.linting.Outcome`."""

    @property
    def result(self) -> LintResult: ...

    @property
    def sources(self) -> Mapping[str, SourceFile]: ...


class Change(NamedTuple):
    """A file, before and after; ``mends`` places of it are mended."""

    path: Path
    before: bytes
    after: bytes
    mends: int = 0


class Mended(NamedTuple):
    """What became of the files, by name; ``refused`` are those left alone, with the reason."""

    changes: dict[str, Change]
    refused: dict[str, str]

    @property
    def mends(self) -> int:
        return sum(change.mends for change in self.changes.values())


@dataclass
class _File:
    """A file at work; ``earlier`` is how it was before the last round, which mended for rules ``tried``."""

    change: Change
    earlier: Change
    source: SourceFile
    findings: list[Finding]
    fired: frozenset[str]  # rules that did before anything was mended
    tried: frozenset[str] = frozenset()
    barred: frozenset[str] = frozenset()  # rules whose mends make another rule fire
    careful: bool = False  # one rule a round, to find out which it is

    @property
    def is_mended(self) -> bool:
        return self.change.before != self.change.after

    def renew(self) -> None:
        """Go on as a run would that finds the file as it is now."""
        self.fired = frozenset(finding.rule for finding in self.findings)
        self.barred, self.careful = frozenset(), False

    def look(self, source: SourceFile, findings: list[Finding]) -> None:
        """Take note of a new look at the file; the last round is taken back if it made a rule fire."""
        if self.tried and not {finding.rule for finding in findings} <= self.fired:
            self.change = self.earlier
            if len(self.tried) == 1:
                self.barred |= self.tried
            self.careful = True
        else:
            self.source, self.findings = source, findings
        self.tried = frozenset()

    def mend(self, wanted: Wanted) -> None:
        """Mend what goes together; ``tried`` then names the rules. Raises :class:`Refused`."""
        found = [
            (finding.rule, mend)
            for finding in self.findings
            if finding.fix is not None and finding.rule not in self.barred
            for mend in finding.fix.mends
            if wanted(finding, mend)
        ]
        rules = list(dict.fromkeys(rule for rule, _ in found))
        for tried in [[rule] for rule in rules] if self.careful else [rules]:
            edits, count = chosen(self.source.text, [mend for rule, mend in found if rule in tried])
            after = edited(self.source, self.change.after, edits) if edits else self.change.after
            if after != self.change.after:
                self.earlier, self.tried = self.change, frozenset(tried)
                self.change = self.change._replace(after=after, mends=self.change.mends + count)
                return


def mend(
    lint: Callable[[Mapping[str, bytes], bool], Linted], wanted: Wanted, unsaved: bytes | None = None
) -> Mended:
    """Mend what is wanted until nothing changes any more; nothing is written.

    ``lint`` is given the content of files (by absolute path) that is to be linted instead of what is on disk,
    and whether everything is to be linted with it or those files alone. ``unsaved`` is the content of the
    only file, where that is not on disk.
    No mend stays that makes a rule fire in a file where it did not before.
    """
    files: dict[str, _File] = {}
    refused: dict[str, str] = {}

    def take_up(linted: Linted) -> None:
        """Files at which nothing has been found before."""
        for name, findings in _by_path(linted).items():
            if name in files or name in refused:
                continue
            source = linted.sources[name]
            try:
                change = _on_disk(source) if unsaved is None else Change(source.path, unsaved, unsaved)
            except Refused as reason:
                if any(finding.fix is not None for finding in findings):
                    refused[name] = str(reason)
                continue
            fired = frozenset(finding.rule for finding in findings)
            files[name] = _File(change, change, source, findings, fired)

    take_up(lint({}, True))
    settled = _contents(files)
    for _ in range(ROUNDS):
        for name, file in list(files.items()):
            try:
                file.mend(wanted)
            except Refused as reason:
                refused[name] = str(reason)
                del files[name]
        mending = any(file.tried for file in files.values())
        if not mending:
            if settled == _contents(files):
                break
            settled = _contents(files)  # what was mended in one may have made another one fit to be mended
        # What is mended is not on disk yet, so all of it is linted again: files are seen through each other.
        seen = {name: file for name, file in files.items() if not mending or file.tried or file.is_mended}
        linted = lint({str(file.change.path): file.change.after for file in seen.values()}, not mending)
        by_path = _by_path(linted)
        for name, file in seen.items():
            file.look(linted.sources[name], by_path.get(name, []))
            if not mending:
                file.renew()
        if not mending:
            take_up(linted)
    changes = {name: file.change for name, file in files.items() if file.is_mended}
    return Mended(changes, refused)


def _by_path(linted: Linted) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for finding in linted.result.findings:
        found.setdefault(finding.path, []).append(finding)
    return found


def _contents(files: Mapping[str, _File]) -> dict[str, bytes]:
    return {name: file.change.after for name, file in files.items()}


def _on_disk(source: SourceFile) -> Change:
    data = read_bytes(source.path, source.name)
    if isinstance(data, LintError):
        raise Refused(data.message)
    if source.path.suffix != ".ipynb" and decode(data) != source.text:
        raise Refused("it changed in the meantime")
    return Change(source.path, data, data)


def chosen(text: str, mends: list[Mend]) -> tuple[list[Edit], int]:
    """The edits of as many mends as go together, and how many these are. Raises :class:`Refused`."""
    try:
        rewriter = Rewriter(text)
    except SyntaxError as error:
        raise Refused(f"it is not Python: {error.msg}") from None
    taken: list[Edit] = []
    count = 0
    for mend in mends:
        try:
            edits = rewriter.edits(mend.rewrites)
        except Unfixable:
            continue
        if edits and compatible(edits, taken):
            taken += edits
            count += 1
    return taken, count


def with_edits(result: LintResult, sources: Mapping[str, SourceFile]) -> LintResult:
    """The result with the edits of each fix worked out, for reports that show them.

    Files only: the edits of a notebook's joined code mean nothing to anybody else.
    """
    rewriters: dict[str, Rewriter | None] = {}
    findings = []
    for finding in result.findings:
        if finding.fix is not None and finding.cell is None:
            source = sources[finding.path]
            if finding.path not in rewriters:
                try:
                    rewriters[finding.path] = Rewriter(source.text)
                except SyntaxError:
                    rewriters[finding.path] = None
            finding = replace(finding, fix=_shown(finding.fix, rewriters[finding.path]))
        elif finding.fix is not None:
            finding = replace(finding, fix=None)
        findings.append(finding)
    return replace(result, findings=tuple(findings))


def _shown(fix: Fix, rewriter: Rewriter | None) -> Fix | None:
    edits: list[Edit] = []
    for mend in fix.mends:
        try:
            found = rewriter.edits(mend.rewrites) if rewriter is not None else ()
        except Unfixable:
            continue
        if compatible(found, edits):
            edits += [edit for edit in found if edit not in edits]
    return replace(fix, edits=tuple(sorted(edits, key=lambda edit: edit.place))) if edits else None
