"""The fixed examples of a page are what its fix makes of the bad ones."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from perfcheck.fix.edits import apply
from perfcheck.fix.rounds import ROUNDS, chosen
from perfcheck.rulebook.examples import LintText
from perfcheck.rulebook.page import MARK, PageError
from perfcheck.rulebook.rule import Example, Rule


def check_fix(rule: Rule, lint_text: LintText) -> Iterator[PageError]:
    """What the page says of its fix and does not hold.

    Each fixed example is the bad example above it, mended until nothing is left to mend.
    """
    fixed = [example for example in rule.examples if example.kind == "fixed"]
    if rule.fix is None:
        if fixed:
            yield PageError(rule.page, fixed[0].line, "the page has no [fix]", "tag the block `python good`")
        return
    if not fixed:
        remedy = "add a block tagged `python fixed`: what the fix makes of the bad one"
        yield PageError(rule.page, 1, "the page has no fixed example", remedy)
    for example in fixed:
        bad = [other for other in rule.examples if other.kind == "bad" and other.line < example.line]
        if not bad:
            yield PageError(rule.page, example.line, "no bad example stands above", "put the bad one first")
            continue
        text, safeties = mended(unmarked(bad[-1]), rule, lint_text)
        if text != example.code:
            lines = difflib.unified_diff(
                example.code.split("\n"), text.split("\n"), "page", "fix", lineterm=""
            )
            shown = "\n".join(["the fix makes something else of the bad example:", *lines])
            yield PageError(rule.page, example.line, shown, "mend the fix or the example")
        elif safeties != {rule.fix.safety}:
            found = ", ".join(sorted(safeties))
            yield PageError(
                rule.page, example.line, f"here the fix is {found}", "mend the page or the example"
            )


def unmarked(example: Example) -> str:
    """A bad example without the comments that name the rules."""
    return re.sub(rf"[ \t]*{MARK.pattern}", "", example.code, flags=re.MULTILINE)


def mended(text: str, rule: Rule, lint_text: LintText) -> tuple[str, set[str]]:
    """The text with all that the rule can mend, and how safe it was."""
    safeties: set[str] = set()
    for _ in range(ROUNDS):
        fixes = [found.fix for found in lint_text(text) if found.rule == rule.code and found.fix is not None]
        mends = [mend for fix in fixes for mend in fix.mends]
        edits, _ = chosen(text, mends)
        if not edits:
            break
        safeties |= {mend.safety for mend in mends}
        text = apply(text, edits)
    return text, safeties
