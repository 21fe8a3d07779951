"""Edits: which fit together, what they make of a text, and how two texts differ."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from perfcheck.findings import Edit, Place

_ENDS = re.compile(r"\r\n|\r|\n")


class Refused(Exception):
    """A file that is left alone; says why."""


def compatible(new: Iterable[Edit], taken: Iterable[Edit]) -> bool:
    """Can the edits be applied together with those that are taken already? Equal ones count once."""
    known = set(taken)
    return not any(_meet(edit.place, other.place) for edit in new if edit not in known for other in known)


def _meet(one: Place, other: Place) -> bool:
    """Do two stretches overlap, or touch?"""
    return (one.line, one.column) <= (other.end_line, other.end_column) and (other.line, other.column) <= (
        one.end_line,
        one.end_column,
    )


def apply(text: str, edits: Iterable[Edit]) -> str:
    """The text after all edits, which must be compatible.

    Lines may end in "\\n", "\\r\\n" or "\\r", mixed at will; what is put in takes that of its first line.
    """
    lines = split(text)
    usual = next((end for line in lines if (end := _end(line))), "\n")
    for edit in sorted(set(edits), key=lambda edit: edit.place, reverse=True):
        place = edit.place
        if place.line > len(lines):  # after the last end of line
            lines.append("")
        first, last = lines[place.line - 1], lines[min(place.end_line, len(lines)) - 1]
        after = last[place.end_column - 1 :] if place.end_line <= len(lines) else ""
        content = edit.content.replace("\n", _end(first) or usual)
        lines[place.line - 1 : place.end_line] = split(first[: place.column - 1] + content + after)
    return "".join(lines)


def split(text: str) -> list[str]:
    """The lines with their ends; unlike ``str.splitlines``, as Python's own parser counts them."""
    lines: list[str] = []
    start = 0
    for end in _ENDS.finditer(text):
        lines.append(text[start : end.end()])
        start = end.end()
    if start < len(text):
        lines.append(text[start:])
    return lines


def _end(line: str) -> str:
    found = _ENDS.search(line)
    return found[0] if found else ""


def differences(old: str, new: str, first_line: int = 1) -> list[Edit]:
    """What makes ``new`` of ``old``, the first line of which has the number given."""
    before, after = old.split("\n"), new.split("\n")
    head = 0
    # what follows the last end of line is no line of the text: it stays the last of both
    while head < min(len(before), len(after)) - 1 and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < min(len(before), len(after)) - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    middle = before[head : len(before) - tail], after[head : len(after) - tail]
    return [
        _edit(middle[0][i:j], middle[1][k:m], first_line + head + i)
        for kind, i, j, k, m in SequenceMatcher(None, *middle, autojunk=False).get_opcodes()
        if kind != "equal"
    ]


def _edit(before: Sequence[str], after: Sequence[str], first: int) -> Edit:
    """Some lines, the first of which has the number given, become others; no wider than need be."""
    if not before:
        return Edit(Place(first, 1, first, 1), "".join(line + "\n" for line in after))
    if not after:
        return Edit(Place(first, 1, first + len(before), 1), "")
    old, new = "\n".join(before), "\n".join(after)
    head = _shared(old, new)
    tail = _shared(old[head:][::-1], new[head:][::-1])
    end = len(old) - tail
    return Edit(Place(*_position(old, head, first), *_position(old, end, first)), new[head : len(new) - tail])


def _shared(one: str, other: str) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))


def _position(text: str, offset: int, first: int) -> tuple[int, int]:
    line = text.count("\n", 0, offset)
    return first + line, offset - (text.rfind("\n", 0, offset) + 1) + 1
