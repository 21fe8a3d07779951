from collections.abc import Iterable

from perfcheck.findings import Finding, Place
from perfcheck.rulebook.examples import LintText, check_page
from perfcheck.rulebook.page import parse_page
from tests.rulebook.pages import PAGE, PATH

RULE = parse_page(PATH, PAGE)
BAD, GOOD, FIXED = RULE.examples


def finding(code: str, line: int, *further: int) -> Finding:
    return Finding(
        rule=code,
        name="name",
        severity="error",
        confidence="high",
        path="train.py",
        place=Place(line, 1, line, 2),
        message="slow",
        help="",
        url="",
        function="",
        hotness="step",
        fingerprint="",
        places=tuple(Place(other, 1, other, 2) for other in further),
    )


def linter(findings: dict[str, list[Finding]]) -> LintText:
    def lint(text: str) -> Iterable[Finding]:
        return findings.get(text, [])

    return lint


def test_a_page_that_holds() -> None:
    found = [finding("PC101", 2, 3), finding("PC102", 3)]
    assert check_page(RULE, linter({BAD.code: found})) == []


def test_lines_that_are_missed_and_lines_that_are_wrong() -> None:
    errors = check_page(RULE, linter({BAD.code: [finding("PC101", 1, 2), finding("PC102", 3)]}))
    assert [(error.line, error.message) for error in errors] == [
        (BAD.line + 2, "PC101 does not flag this line of the bad example"),
        (BAD.line, "PC101 flags this line of the bad example (slow)"),
    ]


def test_other_rules_count_too() -> None:
    found = [finding("PC101", 2, 3), finding("PC102", 3), finding("PC201", 2)]
    (error,) = check_page(RULE, linter({BAD.code: found}))
    assert error.message.startswith("PC201 flags this line")
    assert "`# PC201`" in error.remedy


def test_good_and_fixed_examples_are_silent() -> None:
    found = {
        BAD.code: [finding("PC101", 2, 3), finding("PC102", 3)],
        GOOD.code: [finding("PC201", 1)],
        FIXED.code: [finding("PC101", 2)],
    }
    assert [(error.path, error.line) for error in check_page(RULE, linter(found))] == [
        (PATH, GOOD.line),
        (PATH, FIXED.line + 1),
    ]


def test_examples_are_python() -> None:
    rule = parse_page(PATH, PAGE.replace("xs.tolist()", "xs.tolist("))
    (error,) = check_page(rule, linter({}))
    assert error.line == rule.examples[1].line
    assert "not Python" in error.message
