"""What a verification comes to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from perfcheck.findings import Safety
from perfcheck.verify.costs import Cost, worse
from perfcheck.verify.differences import COMPUTED, Difference, Kind, Tolerance

Verdict = Literal["equal", "worse", "different", "failed", "not reproducible", "nothing to compare"]

CODES: dict[Verdict, int] = {
    "equal": 0,
    "worse": 1,
    "different": 1,
    "failed": 1,
    "not reproducible": 2,
    "nothing to compare": 2,
}
"""The exit code of each."""


class Fixed(NamedTuple):
    """A fix of one finding."""

    path: str
    line: int  # before
    rule: str
    message: str
    safety: Safety


class Times(NamedTuple):
    """Of a step on a real GPU, while it was recorded; in integer nanoseconds."""

    step_ns: int
    idle_ns: int


@dataclass(frozen=True, slots=True)
class Verification:
    """Two versions of a program, run with the same seeds. Paths are as lint tells them."""

    command: str
    before: str  # what the versions are, for people
    after: str
    seed: int
    tolerance: Tolerance
    run: Mapping[str, Any] = field(default_factory=dict)  # "run" of the JSON document, of the version before
    counts: Mapping[Kind, int] = field(default_factory=dict)  # how much was compared
    differences: tuple[Difference, ...] = ()
    unstable: tuple[Difference, ...] = ()  # what the version before does not do twice in the same way
    after_unstable: tuple[Difference, ...] = ()  # the same of the version after
    costs: tuple[Cost, ...] = ()
    times: tuple[Times, Times] | None = None
    fixes: tuple[Fixed, ...] = ()
    left_out: tuple[Fixed, ...] = ()  # fixes at lines that did not run
    failure: str | None = None  # of the version after: how it ended, with its traceback
    notes: tuple[str, ...] = ()
    diff: str = ""

    @property
    def worse(self) -> tuple[Cost, ...]:
        return worse(self.costs)

    @property
    def verdict(self) -> Verdict:
        if self.failure is not None:
            return "failed"
        if any(one.kind in COMPUTED for one in self.unstable):
            return "not reproducible"
        if self.differences:
            return "different"
        told = self.counts.get("output", 0) + self.counts.get("file", 0)
        computed = sum(self.counts.get(kind, 0) for kind in COMPUTED)
        if not computed and told <= len(self.unstable):
            return "not reproducible" if told else "nothing to compare"
        return "worse" if self.worse else "equal"

    @property
    def code(self) -> int:
        return CODES[self.verdict]
