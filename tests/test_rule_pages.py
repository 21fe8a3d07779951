"""Every rule page holds what its examples promise."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from perfcheck.findings import Finding
from perfcheck.lint.check import LintOptions, lint
from perfcheck.lint.detectors import DETECTORS
from perfcheck.rulebook.book import built_in_pages, load_rules, unknown_references
from perfcheck.rulebook.examples import check_page
from perfcheck.rulebook.rule import Rule
from perfcheck.source.text import SourceFile

RULES = load_rules()

LintText = Callable[[str], Sequence[Finding]]


@pytest.fixture
def lint_text(tmp_path: Path) -> LintText:
    """Lints a text as the only file of a project, under all rules of all tiers."""

    def findings(text: str) -> Sequence[Finding]:
        file = tmp_path / "train.py"
        file.write_text(text, encoding="utf-8")
        result = lint(
            [SourceFile(file, "train.py", text)],
            root=tmp_path,
            rules=RULES,
            options=LintOptions(),
            store=None,
            jobs=1,
            progress=None,
        )
        assert not result.errors
        return result.findings

    return findings


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.code}-{rule.name}")
def test_examples_hold(rule: Rule, lint_text: LintText) -> None:
    errors = check_page(rule, lint_text)
    assert not errors, "\n".join(map(str, errors))


def test_every_page_is_a_rule() -> None:
    assert len(RULES) == len([page for page in built_in_pages().rglob("*.md") if page.name != "README.md"])


def test_references_between_pages_hold() -> None:
    assert [str(error) for error in unknown_references(RULES)] == []


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule.detector is not None], ids=lambda rule: rule.code
)
def test_detectors_exist(rule: Rule) -> None:
    assert rule.detector in DETECTORS


def test_sources_are_read_by_people_too() -> None:
    """Each source of the front matter stands among the page's references."""
    missing = [
        f"{rule.page}: {source}"
        for rule in RULES
        for source in rule.sources
        if source not in dict(rule.sections)["References"]
    ]
    assert missing == []
