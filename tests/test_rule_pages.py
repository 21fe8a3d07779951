"""Every rule page holds what its examples promise."""

import re
from pathlib import Path

import pytest

from perfcheck.cli.rule import example_linter
from perfcheck.fix.examples import check_fix
from perfcheck.lint.detectors import DETECTORS
from perfcheck.rulebook.book import built_in_pages, load_rules, unknown_references
from perfcheck.rulebook.examples import check_page
from perfcheck.rulebook.rule import Rule

RULES = load_rules(detectors=DETECTORS)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.code}-{rule.name}")
def test_examples_hold(rule: Rule, tmp_path: Path) -> None:
    lint_text = example_linter(RULES, tmp_path)
    errors = [*check_page(rule, lint_text), *check_fix(rule, lint_text)]
    assert not errors, "\n".join(map(str, errors))


def test_every_page_is_a_rule() -> None:
    assert len(RULES) == len([page for page in built_in_pages().rglob("*.md") if page.name != "README.md"])


def test_references_between_pages_hold() -> None:
    assert [str(error) for error in unknown_references(RULES)] == []


def test_every_page_says_what_a_fix_would_change() -> None:
    """Many rules have one; the pages of the others say why none can be."""
    assert len([rule for rule in RULES if rule.fix is not None]) >= 30
    silent = [
        rule.page
        for rule in RULES
        if rule.fix is None
        and not re.match(
            r"(No automatic fix|None is offered)[:.] \S+ \S+ \S", dict(rule.sections)["Fix safety"]
        )
    ]
    assert silent == []


def test_sources_are_read_by_people_too() -> None:
    """Each source of the front matter stands among the page's references."""
    missing = [
        f"{rule.page}: {source}"
        for rule in RULES
        for source in rule.sources
        if source not in dict(rule.sections)["References"]
    ]
    assert missing == []
