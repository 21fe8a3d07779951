"""Where a comment that silences a finding can stand."""

import re
from collections.abc import Iterator

from perfcheck.findings import Edit, Finding, Place
from perfcheck.source.suppressions import suppressions

REASON = "reason"
"""What stands where people are to say why."""

_OURS = re.compile(r"(#\s*perfcheck:\s*ignore\[)([^\]]*)(\])")


def silencing(finding: Finding, text: str) -> Edit | None:
    """The edit that silences a finding at its first place; None where no comment can stand.

    It adds to a comment of ours that is there, or stands at the end of the last or the first line of the
    place, or on a line of its own above: the first of these that Python takes for a comment, and that speaks
    of the place.
    """
    lines = text.split("\n")
    for edit in _candidates(finding, lines):
        changed = list(lines)
        changed[edit.place.line - 1] = (
            lines[edit.place.line - 1][: edit.place.column - 1]
            + edit.content
            + lines[edit.place.line - 1][edit.place.end_column - 1 :]
        )
        moved = finding.place.line + (edit.content.count("\n") if edit.place.column == 1 else 0)
        found = suppressions("\n".join(changed))
        if any(one.covers(moved) and finding.rule in (one.selectors or ()) for one in found):
            return edit
    return None


def _candidates(finding: Finding, lines: list[str]) -> Iterator[Edit]:
    place = finding.place
    for number in dict.fromkeys((place.end_line, place.line)):
        line = lines[number - 1]
        if there := _OURS.search(line):
            codes = f"{there[2]}, {finding.rule}" if there[2].strip() else finding.rule
            yield Edit(Place(number, there.start(2) + 1, number, there.end(2) + 1), codes)
    for number in dict.fromkeys((place.end_line, place.line)):
        end = len(lines[number - 1].rstrip("\r")) + 1
        yield Edit(Place(number, end, number, end), f"  # perfcheck: ignore[{finding.rule}] {REASON}")
    line = lines[place.line - 1]
    indent = line[: len(line) - len(line.lstrip())]
    above = f"{indent}# perfcheck: ignore[{finding.rule}] {REASON}\n"
    yield Edit(Place(place.line, 1, place.line, 1), above)
