"""A page's examples are its tests."""

import ast
from collections.abc import Callable, Iterable, Iterator

from perfcheck.findings import Finding
from perfcheck.rulebook.page import PageError, marks
from perfcheck.rulebook.rule import Example, Rule

LintText = Callable[[str], Iterable[Finding]]
"""Lints the text of a file under all rules."""


def check_page(rule: Rule, lint_text: LintText) -> list[PageError]:
    """What the page's examples promise and do not hold.

    A bad example is flagged on exactly its marked lines by exactly the rules that the marks name;
    good and fixed examples are silent.
    """
    errors = check_syntax(rule)
    if not errors:
        for example in rule.examples:
            errors.extend(_check_example(rule, example, lint_text))
    return errors


def check_syntax(rule: Rule) -> list[PageError]:
    """The examples that are not Python."""
    errors = []
    for example in rule.examples:
        try:
            ast.parse(example.code)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            reason, line = (error.msg, error.lineno) if isinstance(error, SyntaxError) else (str(error), 1)
            errors.append(
                PageError(
                    rule.page,
                    example.line + (line or 1) - 1,
                    f"the {example.kind} example is not Python: {reason}",
                    "mend the example",
                )
            )
    return errors


def _check_example(rule: Rule, example: Example, lint_text: LintText) -> Iterator[PageError]:
    expected = {(line, code) for line, codes in marks(example.code).items() for code in codes}
    messages: dict[tuple[int, str], str] = {}
    for finding in lint_text(example.code):
        for place in (finding.place, *finding.places):
            messages[place.line, finding.rule] = finding.message
    for line, code in sorted(expected - messages.keys()):
        yield PageError(
            rule.page,
            example.line + line - 1,
            f"{code} does not flag this line of the {example.kind} example",
            "mend the patterns or the example",
        )
    for line, code in sorted(messages.keys() - expected):
        yield PageError(
            rule.page,
            example.line + line - 1,
            f"{code} flags this line of the {example.kind} example ({messages[line, code]})",
            f"sharpen {code}, or end the line in `# {code}` if it is right"
            if example.kind == "bad"
            else f"sharpen {code}, or mend the example",
        )
