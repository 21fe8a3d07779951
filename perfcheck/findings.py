"""What perfcheck says: findings, predicted events, and the files it could not read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from perfcheck.events import Event

Severity = Literal["error", "warning", "info"]
Confidence = Literal["high", "medium", "heuristic"]
Safety = Literal["safe", "unsafe"]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A stretch of source; lines and columns count from 1, the end column is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the text at ``place`` by ``content``."""

    place: Place
    content: str


@dataclass(frozen=True, slots=True)
class Fix:
    safety: Safety
    message: str
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause in one function; ``places`` are its further lines there."""

    rule: str
    name: str
    severity: Severity
    confidence: Confidence
    path: str  # relative to the working directory, with "/"
    place: Place
    message: str  # the reason, about this code
    help: str  # the remedy
    url: str
    function: str  # qualified name in the module; "" at module level
    hotness: str  # cold, epoch, step, element
    fingerprint: str
    places: tuple[Place, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=lambda: {"kind": "predicted"})
    fix: Fix | None = None
    cell: int | None = None  # notebooks: the code cell, counted from 1; lines then count within it

    @property
    def all_places(self) -> tuple[Place, ...]:
        return (self.place, *self.places)

    def only_at(self, places: Sequence[Place]) -> "Finding":
        """The finding at some of its places, of which there is at least one. A fix belongs to the first."""
        if len(places) == 1 + len(self.places):
            return self
        first, *others = places
        fix = self.fix if first == self.place else None
        return replace(self, place=first, places=tuple(others), fix=fix)


@dataclass(frozen=True, slots=True)
class Predicted:
    """An event the engine expects at a line, whether or not a rule speaks of it."""

    event: Event
    path: str
    line: int
    end_line: int
    operator: str
    certainty: Literal["yes", "maybe"]
    hotness: str


INTERNAL = "internal error"
"""How the message of an error begins that is perfcheck's own fault."""


@dataclass(frozen=True, slots=True)
class LintError:
    """A file that could not be read or understood; never a crash, never a silent skip."""

    path: str
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class LintResult:
    findings: tuple[Finding, ...] = ()
    predicted: tuple[Predicted, ...] = ()
    errors: tuple[LintError, ...] = ()
    files: int = 0
    lines: int = 0
