"""What one rule page says."""

from dataclasses import dataclass
from typing import Final, Literal

from perfcheck.events import Event
from perfcheck.findings import Confidence, Safety, Severity
from perfcheck.rulebook.patterns import Pattern
from perfcheck.rulebook.predicates import Predicate


@dataclass(frozen=True, slots=True)
class Example:
    """A fenced code block of a page; ``line`` is where its code begins in the page."""

    kind: Literal["bad", "good", "fixed"]
    code: str
    line: int
    flagged: tuple[int, ...] = ()  # bad: the offending lines within the block, from 1


CODEMODS: Final = (
    "collect-and-read-after-loop",
    "device-of-creation",
    "detach",
    "hoist-above-loop",
    "interval-guard",
    "list-and-one-cat",
    "list-before-loop",
    "loader-workers",
    "merge-conversions",
    "no-grad",
    "persistent-workers",
    "register-buffer",
    "remove-statement",
    "stack",
    "unless-compiling",
    "where-for-mask",
    "zero-grad",
)
"""The rewritings that pages may name: functions under ``perfcheck/lint/remedies/``."""


@dataclass(frozen=True, slots=True)
class FixRecipe:
    """How a page mends what it finds: one of ``replace``, ``keywords`` and ``codemod``.

    ``replace`` is a template over the metavariables of the rule's patterns; ``by_pattern`` has a template for
    each of several patterns, which are matched against the place that was found. ``keywords`` are arguments
    of the call found there, and what to give for them; "" leaves the argument out.
    """

    safety: Safety
    replace: str | None = None
    by_pattern: tuple[tuple[Pattern, str], ...] = ()
    keywords: tuple[tuple[str, str], ...] = ()
    codemod: str | None = None
    reason: str = ""  # why it is no safer
    where: tuple[Predicate, ...] = ()  # what else must hold for the fix to be offered
    proven: tuple[Predicate, ...] = ()  # what must hold for it to be safe; elsewhere it is offered as unsafe


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule fires where a pattern (or an event of the named operators, or a detector) matches
    and every predicate holds."""

    code: str
    name: str
    category: str  # the folder of its page
    severity: Severity
    confidence: Confidence
    event: Event
    message: str  # "{T}" stands for the source text of $T, "{operator}" for the operator
    help: str  # the remedy in one or two sentences, the same placeholders
    sources: tuple[str, ...]
    match: tuple[Pattern, ...]
    operators: tuple[str, ...]  # operator-table names or families, for rules without ``match``
    detector: str | None
    where: tuple[Predicate, ...]
    worth: tuple[Predicate, ...]  # what must hold too for the finding to be told unasked
    instead_of: tuple[str, ...]  # codes that stay silent where this rule fires on the same place
    fix: FixRecipe | None
    page: str  # the page's path, for people
    sections: tuple[tuple[str, str], ...]  # heading, Markdown text
    examples: tuple[Example, ...]

    @property
    def url(self) -> str:
        return f"https://perfcheck.readthedocs.io/rules/{self.category}/{self.name}/"
