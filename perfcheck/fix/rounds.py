"""Mending in rounds: what overlaps waits for the next one, and the linter looks again in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from perfcheck.findings import Edit, Finding, Fix, LintError, LintResult, Mend
from perfcheck.fix.edits import compatible
from perfcheck.fix.files import Refused, edited
from perfcheck.fix.rewriting import Rewriter, Unfixable
from perfcheck.source.text import SourceFile, decode, read_bytes

ROUNDS: Final = 12
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


def mend(lint: Callable[[Mapping[str, bytes]], Linted], wanted: Wanted) -> Mended:
    """Mend what is wanted until nothing changes any more; nothing is written.

    ``lint`` is given the content of files (by absolute path) that differs from what is on disk.
    """
    changes: dict[str, Change] = {}
    refused: dict[str, str] = {}
    for _ in range(ROUNDS):
        linted = lint({str(change.path): change.after for change in changes.values()})
        before = dict(changes)
        for name, fixes in _by_file(linted.result, wanted).items():
            source = linted.sources[name]
            if name in refused:
                continue
            try:
                known = changes.get(name) or _on_disk(source)
                edits, count = chosen(source.text, fixes)
                after = edited(source, known.after, edits)
            except Refused as reason:
                refused[name] = str(reason)
                continue
            if after != known.after:
                changes[name] = known._replace(after=after, mends=known.mends + count)
        if changes == before:
            break
    return Mended({name: c for name, c in changes.items() if c.before != c.after}, refused)


def _by_file(result: LintResult, wanted: Wanted) -> dict[str, list[Mend]]:
    found: dict[str, list[Mend]] = {}
    for finding in result.findings:
        if finding.fix is not None:
            mends = [mend for mend in finding.fix.mends if wanted(finding, mend)]
            if mends:
                found.setdefault(finding.path, []).extend(mends)
    return found


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
