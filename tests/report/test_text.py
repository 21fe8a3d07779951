"""What the text for people says beyond the golden files."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from perfcheck.findings import Finding, LintResult, Place
from perfcheck.report import render
from perfcheck.report.context import Context
from perfcheck.report.printable import width
from perfcheck.source.text import SourceFile
from tests.report.sample import CONTEXT, RESULT

FINDING = next(finding for finding in RESULT.findings if finding.path == "src/train.py")


def text(finding: Finding, context: Context = CONTEXT) -> str:
    return render("text", LintResult((finding,), files=1), context)


def test_further_places_on_the_same_line_are_told_by_their_columns() -> None:
    same = Place(6, 30, 6, 34)
    assert "also: column 30\n" in text(replace(FINDING, places=(same,)))
    places = (same, Place(6, 40, 6, 44), Place(13, 1, 13, 4), Place(13, 8, 13, 9), Place(20, 1, 20, 2))
    assert "also: columns 30, 40 and lines 13, 20\n" in text(replace(FINDING, places=places))


@given(
    words=st.lists(st.text("abc`.()", min_size=1, max_size=50), min_size=1, max_size=40),
    columns=st.integers(60, 200),
    begin=st.integers(1, 400),
    length=st.integers(1, 40),
)
def test_a_terminal_breaks_no_line(words: list[str], columns: int, begin: int, length: int) -> None:
    line = "x" * 500
    place = Place(1, begin, 1, begin + length)
    finding = replace(FINDING, place=place, places=(), message=" ".join(words), help=" ".join(words))
    source = SourceFile(CONTEXT.sources[finding.path].path, finding.path, line + "\n")
    context = replace(CONTEXT, columns=columns, sources={finding.path: source})
    shown = text(finding, context).splitlines()
    assert max(map(width, shown)) <= columns
    carets = next(row for row in shown if "^" in row and "x" not in row)
    under = shown[shown.index(carets) - 1][carets.index("^") : carets.rindex("^") + 1]
    assert under == "x" * min(length, 500 - begin + 1)
