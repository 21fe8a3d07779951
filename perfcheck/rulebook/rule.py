"""What one rule page says."""

from dataclasses import dataclass
from typing import Literal

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


@dataclass(frozen=True, slots=True)
class FixRecipe:
    """``replace`` is a template over the metavariables, ``codemod`` a named rewriting."""

    safety: Safety
    replace: str | None = None
    codemod: str | None = None
    reason: str = ""  # why it is no safer


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
    instead_of: tuple[str, ...]  # codes that stay silent where this rule fires on the same place
    fix: FixRecipe | None
    page: str  # the page's path, for people
    sections: tuple[tuple[str, str], ...]  # heading, Markdown text
    examples: tuple[Example, ...]

    @property
    def url(self) -> str:
        return f"https://perfcheck.readthedocs.io/rules/{self.category}/{self.name}/"
