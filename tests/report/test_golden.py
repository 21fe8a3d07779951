"""Each format against what it should look like.

After a wanted change, ``PERFCHECK_WRITE_GOLDEN=1 pytest tests/report`` writes the files anew, to be read in
the diff.
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from perfcheck.findings import LintResult
from perfcheck.report import FORMATS, render
from tests.report.sample import CONTEXT, RESULT

GOLDEN = Path(__file__).parent / "golden"

CASES = {
    "text": ("text", RESULT, CONTEXT),
    "text-color": ("text", RESULT, replace(CONTEXT, color=True)),
    "text-narrow": ("text", RESULT, replace(CONTEXT, color=True, columns=44)),
    "text-explain": ("text", RESULT, replace(CONTEXT, explain=True, statistics=True)),
    "text-nothing": ("text", LintResult(files=1, lines=10), CONTEXT),
    "text-quiet": ("text", RESULT, replace(CONTEXT, quiet=True, sources={})),
    "concise": ("concise", RESULT, CONTEXT),
    "concise-statistics": ("concise", RESULT, replace(CONTEXT, statistics=True)),
    "json": ("json", RESULT, CONTEXT),
    "json-events": ("json", RESULT, replace(CONTEXT, events=True)),
    "json-nothing": ("json", LintResult(files=1, lines=10), CONTEXT),
    "github": ("github", RESULT, CONTEXT),
    "gitlab": ("gitlab", RESULT, CONTEXT),
    "sarif": ("sarif", RESULT, CONTEXT),
    "sarif-nothing": ("sarif", LintResult(files=1, lines=10), CONTEXT),
    "junit": ("junit", RESULT, CONTEXT),
    "junit-nothing": ("junit", LintResult(files=1, lines=10), CONTEXT),
}


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str) -> None:
    output_format, result, context = CASES[name]
    text = render(output_format, result, context)
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("PERFCHECK_WRITE_GOLDEN"):
        file.write_text(text, encoding="utf-8", newline="\n")
    assert text == file.read_bytes().decode()


def test_every_format_has_a_case() -> None:
    assert {output_format for output_format, _, _ in CASES.values()} == set(FORMATS)


def test_unknown_formats_are_refused() -> None:
    with pytest.raises(ValueError, match="choose from text, concise, json"):
        render("xml", RESULT, CONTEXT)


@pytest.mark.parametrize("output_format", ["concise", "github"])
def test_nothing_is_nothing(output_format: str) -> None:
    assert render(output_format, LintResult(files=3), CONTEXT) == ""
