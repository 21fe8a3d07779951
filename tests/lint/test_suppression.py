from pathlib import Path

import pytest

from perfcheck.findings import Finding, Place
from perfcheck.lint.suppression import unsuppressed
from perfcheck.rulebook.book import load_rules
from perfcheck.source.text import SourceFile

RULES = load_rules()
DEFAULT = [rule for rule in RULES if rule.confidence != "heuristic"]
BY_CODE = {rule.code: rule for rule in RULES}


def finding(line: int, *more: int, code: str = "PC101") -> Finding:
    rule = BY_CODE[code]
    first, *others = (Place(number, 1, number, 2) for number in (line, *more))
    return Finding(
        rule=code,
        name=rule.name,
        severity=rule.severity,
        confidence=rule.confidence,
        path="f.py",
        place=first,
        message="",
        help="",
        url="",
        function="",
        hotness="step",
        fingerprint="",
        places=tuple(others),
    )


def left(text: str, *found: Finding, selected: list[str] | None = None) -> list[tuple[str, tuple[int, ...]]]:
    """Rule and lines of what is left."""
    rules = DEFAULT if selected is None else [BY_CODE[code] for code in selected]
    source = SourceFile(Path("/w/f.py"), "f.py", text)
    remaining = unsuppressed(source, found, rules, RULES)
    return [(one.rule, tuple(place.line for place in (one.place, *one.places))) for one in remaining]


def messages(text: str, *found: Finding) -> list[str]:
    source = SourceFile(Path("/w/f.py"), "f.py", text)
    return [one.message for one in unsuppressed(source, found, DEFAULT, RULES) if one.rule == "PC001"]


@pytest.mark.parametrize(
    "comment",
    [
        "# perfcheck: ignore",
        "# perfcheck: ignore[PC101]",
        "# perfcheck: ignore[item-in-hot-loop]",
        "# perfcheck: ignore[PC1]",
        "# perfcheck: ignore[sync]",
        "# noqa",
        "# noqa: PC101",
        "# NOQA: E501,PC101",
    ],
)
def test_ways_to_silence(comment: str) -> None:
    assert left(f"x  {comment}\n", finding(1)) == []


@pytest.mark.parametrize(
    "comment", ["# noqa: E501", "# noqa: because", "# nothing", "# perfcheck: ignore-me"]
)
def test_what_does_not_silence(comment: str) -> None:
    assert ("PC101", (1,)) in left(f"x  {comment}\n", finding(1))


def test_another_rule_and_another_line_are_reported() -> None:
    text = "x  # perfcheck: ignore[PC101]\ny\n"
    found = (finding(1), finding(1, code="PC106"), finding(2))
    assert left(text, *found) == [("PC106", (1,)), ("PC101", (2,))]


def test_of_a_finding_with_places_only_the_silenced_go() -> None:
    text = "a  # noqa\nb\nc  # perfcheck: ignore[PC101]\nd\n"
    assert left(text, finding(1, 2, 3, 4)) == [("PC101", (2, 4))]
    assert left(text, finding(2, 3)) == [("PC101", (2,))]
    assert left(text, finding(1, 3)) == []


def test_a_file_is_silenced_from_anywhere_in_it() -> None:
    assert left("a\nb\n# perfcheck: ignore-file[PC101]\n", finding(1), finding(2, code="PC106")) == [
        ("PC106", (2,))
    ]


def test_unused_comments_are_told() -> None:
    text = "x  # perfcheck: ignore[PC101, PC106] because\n"
    assert messages(text) == ["`PC101` and `PC106` would not be reported here"]
    assert messages(text, finding(1)) == ["`PC106` would not be reported here"]
    assert messages("x  # perfcheck: ignore\n") == ["nothing is found here that this comment could silence"]
    assert messages("x  # perfcheck: ignore-file[PC1]\n") == ["`PC1` would not be reported here"]


def test_wrong_comments_are_told() -> None:
    assert messages("x  # perfcheck: ignore[item-in-hot-lop]\n") == [
        "there is no rule `item-in-hot-lop` (did you mean `item-in-hot-loop`?)"
    ]
    assert messages("x  # perfcheck: ignore[]\n") == [
        "this comment names no rule; write `perfcheck: ignore[CODE] reason`"
    ]
    assert messages("x  # Perfcheck: Ignore[pc101]\n", finding(1)) == [
        "there is no rule `pc101` (did you mean `PC101`?)"
    ]
    for miswritten in ("ignore[PC101 because", "ignore PC101", "ignore(PC101)"):
        assert left(f"x  # perfcheck: {miswritten}\n", finding(1)) == [("PC101", (1,)), ("PC001", (1,))]
    assert messages("x  # perfcheck: disable=PC101\n") == [
        "this comment silences nothing; write `perfcheck: ignore[CODE] reason`"
    ]


def test_noqa_is_never_told() -> None:
    assert messages("x  # noqa\ny  # noqa: PC101\n") == []


def test_what_a_run_did_not_look_for_is_not_told() -> None:
    text = "a  # perfcheck: ignore[PC106]\nb  # perfcheck: ignore[PC1]\nc  # perfcheck: ignore\n"
    assert left(text, selected=["PC001", "PC101"]) == []
    assert left(text, selected=["PC101", "PC106"]) == []


def test_a_rule_that_is_shown_only_when_asked_for() -> None:
    heuristic = next(rule.code for rule in RULES if rule.confidence == "heuristic")
    text = f"a  # perfcheck: ignore[{heuristic}]\n"
    assert left(text) == []
    assert left(text, selected=["PC001", heuristic]) == [("PC001", (1,))]


def test_naming_the_rule_about_comments_silences_it() -> None:
    assert left("a  # perfcheck: ignore[PC101, PC001]\n") == []
    assert left("a  # perfcheck: ignore[PC101, unused-suppression]\n") == []


def test_the_place_and_mark_of_an_unused_comment() -> None:
    text = "x  # perfcheck: ignore[PC101]\n\nx  # perfcheck: ignore[PC101]\n"
    source = SourceFile(Path("/w/f.py"), "f.py", text)
    first, second = unsuppressed(source, [], DEFAULT, RULES)
    assert (first.place, second.place) == (Place(1, 4, 1, 30), Place(3, 4, 3, 30))
    assert first.fingerprint != second.fingerprint
    moved = SourceFile(Path("/w/f.py"), "f.py", "y = 1\n" + text)
    assert [one.fingerprint for one in unsuppressed(moved, [], DEFAULT, RULES)] == [
        first.fingerprint,
        second.fingerprint,
    ]
