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


RewriteKind = Literal[
    "replace", "replace-statement", "keyword", "insert-before", "insert-after", "remove", "guard", "decorate",
    "import",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One step of a fix, as data; :mod:`perfcheck.fix.rewriting` says what each kind does.

    ``text`` is Python in which ``perfcheck_one_X`` and ``*perfcheck_rest_X`` stand for the source at the
    places that ``bound`` gives for X.
    """

    kind: RewriteKind
    place: Place  # of the expression or statement it is about
    text: str = ""
    bound: tuple[tuple[str, tuple[Place, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Mend:
    """How one place of a finding is mended: all its steps, or none."""

    place: Place
    safety: Safety
    rewrites: tuple[Rewrite, ...]


@dataclass(frozen=True, slots=True)
class Fix:
    """``edits`` are those of all ``mends``, worked out where a report shows them."""

    safety: Safety  # of the least safe mend
    message: str
    edits: tuple[Edit, ...] = ()
    mends: tuple[Mend, ...] = ()

    def only_at(self, places: Sequence[Place]) -> "Fix | None":
        """What is left of it where only these places are to be mended."""
        mends = tuple(mend for mend in self.mends if mend.place in places)
        safety: Safety = "unsafe" if any(mend.safety == "unsafe" for mend in mends) else "safe"
        return replace(self, safety=safety, mends=mends) if mends else None


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
        """The finding at some of its places, of which there is at least one."""
        if len(places) == 1 + len(self.places):
            return self
        first, *others = places
        fix = None if self.fix is None else self.fix.only_at(places)
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
    supposed: bool = False
    """"yes" only if tensors of whose place nothing is known are on the device."""


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
