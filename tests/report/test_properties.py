"""Whatever a path or a message contains, a report stays what its format says."""

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from hypothesis import given
from hypothesis import strategies as st
from pydantic_sarif import model as sarif_schema  # type: ignore[import-untyped]

from perfcheck.findings import Finding, LintError, LintResult, Place
from perfcheck.report import render
from perfcheck.report.printable import printable, width
from perfcheck.source.text import SourceFile
from tests.report.sample import CONTEXT, RESULT, finding

# The characters that formats and terminals treat specially come often.
TEXT = st.text(
    st.one_of(
        st.sampled_from("\n\r\t\0\x1b\x85\u2028\u202e\ufeff\ufffe\ud800%:,;<>&\"'`\\]/ "),
        st.characters(exclude_categories=[]),
    ),
    max_size=30,
)
PLACES = st.builds(
    lambda line, column, lines, columns: Place(line, column, line + lines, column + columns),
    st.integers(1, 6),
    st.integers(1, 40),
    st.integers(0, 2),
    st.integers(0, 40),
)
FINDINGS = st.builds(
    lambda path, message, remedy, function, place, further, cell, severity: finding(
        "PC101",
        path or "x",
        place,
        message=message,
        help=remedy,
        function=function,
        places=further,
        cell=cell,
        severity=severity,
    ),
    TEXT,
    TEXT,
    TEXT,
    TEXT,
    PLACES,
    st.lists(PLACES, max_size=2).map(tuple),
    st.none() | st.integers(1, 3),
    st.sampled_from(["error", "warning", "info"]),
)
RESULTS = st.builds(
    lambda findings, errors: LintResult(findings, errors=errors, files=3),
    st.lists(FINDINGS, max_size=3).map(tuple),
    st.lists(st.builds(LintError, TEXT, st.integers(1, 9), TEXT), max_size=2).map(tuple),
)

# Made by a generator from the official schema: the same properties, types, ranges and choices.
SARIF = sarif_schema.StaticAnalysisResultsFormatSarifVersion210JsonSchema

LINES = re.compile(r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
"""What one reader or other takes for the end of a line."""


@given(RESULTS)
def test_json_is_json_and_says_what_was_found(result: LintResult) -> None:
    document = json.loads(render("json", result, replace(CONTEXT, events=True)))
    assert list(document) == ["version", "tool", "findings", "predicted", "errors", "summary"]
    assert [(each["path"], each["message"]) for each in document["findings"]] == [
        (each.path, each.message) for each in result.findings
    ]
    assert [each["message"] for each in document["errors"]] == [each.message for each in result.errors]
    assert document["summary"]["findings"] == sum(document["summary"]["by_severity"].values())


@given(RESULTS)
def test_github_commands_are_a_line_each(result: LintResult) -> None:
    text = render("github", result, CONTEXT)
    commands = LINES.split(text)
    assert len(commands) == len(result.findings) + len(result.errors) + 1
    assert commands.pop() == ""
    told: list[Finding | LintError] = [*result.findings, *result.errors]
    for command, each in zip(commands, told, strict=True):
        parsed = re.fullmatch(r"::(error|warning|notice) ([^:]*)::(.*)", command)
        assert parsed is not None
        properties = dict(part.split("=", 1) for part in parsed[2].split(","))
        assert unquote(properties["file"]) == printable(each.path)
        assert printable(each.message) in unquote(parsed[3])


@given(RESULTS)
def test_gitlab_issues_are_told_apart(result: LintResult) -> None:
    issues = json.loads(render("gitlab", result, CONTEXT))
    assert len({issue["fingerprint"] for issue in issues}) == len(result.findings) + len(result.errors)
    for issue in issues:
        assert issue["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert issue["location"]["lines"]["begin"] >= 1


@given(RESULTS)
def test_sarif_follows_the_schema(result: LintResult) -> None:
    document = json.loads(render("sarif", result, CONTEXT))
    SARIF.model_validate(document)
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    for each, found in zip(run["results"], result.findings, strict=True):
        assert rules[each["ruleIndex"]]["id"] == each["ruleId"] == found.rule
        uri = each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert uri.isascii()
        parts = urlsplit(uri)
        assert unquote(parts.path) == found.path.encode("utf-8", "backslashreplace").decode()
        assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == (
            "file" if found.path.startswith("/") else "",
            "",
            "",
            "",
        )


@given(RESULTS)
def test_junit_is_xml(result: LintResult) -> None:
    text = render("junit", result, CONTEXT)
    suites = ET.fromstring(text.encode())
    assert len(suites.findall("*/*/failure")) == int(suites.attrib["failures"]) == len(result.findings)
    assert len(suites.findall("*/*/error")) == int(suites.attrib["errors"]) == len(result.errors)
    assert len(suites.findall("*/testcase")) == int(suites.attrib["tests"])
    for suite in suites:
        assert len(suite) == int(suite.attrib["tests"])


@given(RESULTS, TEXT)
def test_nothing_steers_the_terminal(result: LintResult, source: str) -> None:
    sources = {each.path: SourceFile(Path("x"), each.path, source, cells=()) for each in result.findings}
    for output_format in ("text", "concise"):
        text = render(output_format, result, replace(CONTEXT, sources=sources, explain=True, statistics=True))
        assert not re.search(
            r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]", text
        )
        text.encode()


@given(RESULTS)
def test_concise_is_a_line_each(result: LintResult) -> None:
    assert (
        len(LINES.split(render("concise", result, CONTEXT))) == len(result.findings) + len(result.errors) + 1
    )


@given(TEXT)
def test_printable_text_stays_so(text: str) -> None:
    shown = printable(text)
    assert printable(shown) == shown
    assert width(shown) >= 0
    assert len(LINES.split(shown)) == 1


@given(st.text(st.characters(exclude_categories=["C", "Z", "M"]), max_size=20))
def test_plain_text_is_shown_as_it_is(text: str) -> None:
    assert printable(text) == text


def carets(line: str, place: Place) -> tuple[str, str]:
    source = SourceFile(Path("x.py"), "x.py", line + "\n")
    each: Finding = finding("PC101", "x.py", place)
    text = render("text", LintResult((each,)), replace(CONTEXT, sources={"x.py": source}))
    _, shown, caret, *_ = [row.partition("| ")[2] for row in text.split("\n")[1:]]
    return shown, caret


def test_carets_stand_below_what_they_mean() -> None:
    assert carets("\tx.item()", Place(1, 2, 1, 10)) == ("    x.item()", "    ^^^^^^^^")
    assert carets("日本 = f(x)", Place(1, 6, 1, 10)) == ("日本 = f(x)", "       ^^^^")
    assert carets("e\u0301 = f(x)", Place(1, 6, 1, 10)) == ("e\u0301 = f(x)", "    ^^^^")
    assert carets("'\x1b' + f(x)", Place(1, 7, 1, 11)) == (r"'\x1b' + f(x)", "         ^^^^")
    assert carets("f(", Place(1, 1, 3, 2)) == ("f(", "^^")
    assert carets("f(x)", Place(1, 9, 1, 12)) == ("f(x)", "    ^")


def test_long_lines_are_cut_round_the_place() -> None:
    line = "a = 1; " * 100_000 + "x.item(); " + "b = 2; " * 100_000
    begin = line.index("x.item") + 1
    shown, caret = carets(line, Place(1, begin, 1, begin + 8))
    assert len(shown) <= 162
    assert shown[0] == shown[-1] == "…"
    assert shown[caret.index("^") : caret.rindex("^") + 1] == "x.item()"


def test_lines_that_are_not_there_are_not_shown() -> None:
    sources = {"x.py": SourceFile(Path("x.py"), "x.py", "one\x0cline\n")}
    text = render(
        "text",
        LintResult((finding("PC101", "x.py", Place(9, 1, 9, 2)),)),
        replace(CONTEXT, sources=sources),
    )
    assert "|" not in text


def test_the_sample_follows_the_sarif_schema() -> None:
    SARIF.model_validate(json.loads(render("sarif", RESULT, CONTEXT)))
