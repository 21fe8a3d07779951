"""Findings meet the comments that silence them; comments that silence nothing become findings."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from perfcheck.findings import Finding, Place
from perfcheck.rulebook.rule import Rule
from perfcheck.rulebook.selection import matches, nearest
from perfcheck.source.text import SourceFile

if TYPE_CHECKING:
    from perfcheck.source.suppressions import Suppression

UNUSED = "PC001"
"""The rule about suppressions; no engine finds it, the comments themselves do."""


def unsuppressed(
    source: SourceFile, found: Sequence[Finding], selected: Sequence[Rule], known: Sequence[Rule]
) -> list[Finding]:
    """What is left of a file's findings, with those about its own suppressions.

    ``selected`` are the rules that apply to the file, ``known`` all there are.
    """
    ours = "erfcheck:" in source.text or "PERFCHECK:" in source.text
    if not ours and not (found and re.search("noqa", source.text, re.IGNORECASE)):
        return list(found)
    from perfcheck.source.suppressions import noqa_codes, suppressions

    rules = {rule.code: rule for rule in known}
    told = {finding.rule for finding in found}
    if not ours and not any(
        named is None or any(matches(named, rules[code]) for code in told)
        for named in noqa_codes(source.text)
    ):
        return list(found)  # what is written for other linters is most of it; to read a file takes long
    comments = suppressions(source.text)
    if not comments:
        return list(found)
    used: set[tuple[Suppression, str | None]] = set()
    left = [
        kept
        for finding in found
        if (kept := _without(finding, rules[finding.rule], comments, used)) is not None
    ]
    unused = next((rule for rule in selected if rule.code == UNUSED), None)
    if unused is not None:
        left += _about_comments(source, comments, used, unused, selected, known)
    return left


def _without(
    finding: Finding,
    rule: Rule,
    comments: Sequence[Suppression],
    used: set[tuple[Suppression, str | None]],
) -> Finding | None:
    """The finding at those of its places where no comment silences it; None where all are."""
    places = [place for place in finding.all_places if not _silenced(place, rule, comments, used)]
    return finding.only_at(places) if places else None


def _silenced(
    place: Place,
    rule: Rule,
    comments: Sequence[Suppression],
    used: set[tuple[Suppression, str | None]],
) -> bool:
    silent = False
    for comment in comments:
        if comment.covers(place.line):
            for selector in comment.selectors if comment.selectors is not None else (None,):
                if selector is None or matches(selector, rule):
                    used.add((comment, selector))
                    silent = True
    return silent


def _about_comments(
    source: SourceFile,
    comments: Sequence[Suppression],
    used: set[tuple[Suppression, str | None]],
    rule: Rule,
    selected: Sequence[Rule],
    known: Sequence[Rule],
) -> Iterator[Finding]:
    """A finding for each comment of ours that is mistaken, or of which a part silences nothing."""
    codes = {chosen.code for chosen in selected}
    lines = source.text.split("\n")
    seen: dict[str, int] = {}
    for comment in comments:
        if comment.kind == "noqa" or any(matches(selector, rule) for selector in comment.selectors or ()):
            continue
        complaint = _complaint(comment, used, codes, known)
        if complaint is None:
            continue
        line = lines[comment.line - 1].strip()
        seen[line] = seen.get(line, 0) + 1
        key = f"{rule.code}\0{source.name}\0{line}\0{seen[line]}"
        yield Finding(
            rule=rule.code,
            name=rule.name,
            severity=rule.severity,
            confidence=rule.confidence,
            path=source.name,
            place=Place(comment.line, comment.column, comment.line, comment.end_column),
            message=complaint,
            help=rule.help,
            url=rule.url,
            function="",
            hotness="cold",
            fingerprint=hashlib.sha256(key.encode()).hexdigest()[:16],
        )


def _complaint(
    comment: Suppression,
    used: set[tuple[Suppression, str | None]],
    selected: set[str],
    known: Sequence[Rule],
) -> str | None:
    """What is wrong with a comment; None where it does its work, or this run cannot tell."""
    if comment.kind == "mistaken":
        return "this comment silences nothing; write `perfcheck: ignore[CODE] reason`"
    if comment.selectors is None:
        ours = [rule for rule in known if rule.confidence != "heuristic"]
        if (comment, None) in used or not _all_run(ours, selected):
            return None
        return "nothing is found here that this comment could silence"
    if not comment.selectors:
        return "this comment names no rule; write `perfcheck: ignore[CODE] reason`"
    unknown: list[str] = []
    idle: list[str] = []
    for selector in comment.selectors:
        meant = [rule for rule in known if matches(selector, rule)]
        if not meant:
            unknown.append(f"`{selector}`{_suggestion(selector, known)}")
        elif (comment, selector) not in used:
            if len(meant) > 1:
                meant = [rule for rule in meant if rule.confidence != "heuristic"] or meant
            if _all_run(meant, selected):
                idle.append(f"`{selector}`")
    parts = []
    if unknown:
        parts.append(f"there is no rule {' or '.join(unknown)}")
    if idle:
        parts.append(f"{' and '.join(idle)} would not be reported here")
    return "; ".join(parts) or None


def _all_run(rules: Iterable[Rule], selected: set[str]) -> bool:
    return all(rule.code in selected for rule in rules)


def _suggestion(word: str, known: Sequence[Rule]) -> str:
    near = nearest(word, (name for rule in known for name in (rule.code, rule.name)))
    return f" (did you mean `{near}`?)" if near else ""
