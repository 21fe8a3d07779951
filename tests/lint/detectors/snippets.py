"""Linting small sources under the built-in rules."""

import tempfile
import textwrap
from functools import cache
from pathlib import Path

from perfcheck.findings import Finding
from perfcheck.lint.check import LintOptions, lint
from perfcheck.rulebook.book import load_rules
from perfcheck.rulebook.rule import Rule
from perfcheck.source.text import SourceFile


@cache
def _rules() -> tuple[Rule, ...]:
    return load_rules()


def flagged(source: str, *codes: str) -> set[tuple[str, int]]:
    """(rule, line) for all places of the findings of the rules, lines counted from the source's first."""
    return {
        (finding.rule, place.line)
        for finding in found(source, *codes)
        for place in (finding.place, *finding.places)
    }


def messages(source: str, code: str) -> list[str]:
    """What the findings of the rule say."""
    return [finding.message for finding in found(source, code)]


def found(source: str, *codes: str) -> list[Finding]:
    """The findings of the rules, whatever their confidence."""
    text = textwrap.dedent(source).lstrip("\n")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "module.py")
        path.write_text(text)
        result = lint(
            [SourceFile(path, "module.py", text)], root=Path(folder), rules=_rules(), options=LintOptions()
        )
    assert not result.errors
    return [finding for finding in result.findings if finding.rule in codes]
