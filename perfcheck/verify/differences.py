"""How two runs differ: in numbers, in lines of text, in tensors, in files."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final, Literal, NamedTuple

Kind = Literal["exit code", "output", "loss", "state", "file"]

COMPUTED: Final[frozenset[Kind]] = frozenset({"loss", "state"})
"""What a training computes; the rest is what a script tells of it, times and dates among it."""

_NUMBER: Final = re.compile(
    r"(?<![\w.])[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?![\w.])|\bnan\b|[-+]?\binf\b"
)


class Tolerance(NamedTuple):
    """Two numbers are equal where they differ by ``absolute`` and ``relative`` times the one before, at most;
    both 0: where they are the same to the bit, or text for text.
    """

    relative: float = 0.0
    absolute: float = 0.0

    @property
    def is_exact(self) -> bool:
        return not self.relative and not self.absolute

    def allows(self, before: float, after: float) -> bool:
        if before == after or (math.isnan(before) and math.isnan(after)):
            return True
        return abs(after - before) <= self.absolute + self.relative * abs(before)


class Largest(NamedTuple):
    """The largest differences among numbers, and the numbers that differ most absolutely."""

    absolute: float
    relative: float  # to the one before; infinite where that is 0
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not the same in both runs."""

    kind: Kind
    where: str  # "line 3", "step 2", "model.pt"
    before: str  # as it is told; "" where it is not there
    after: str
    largest: Largest | None = None  # where it is numbers that differ
    step: int | None = None

    @property
    def key(self) -> tuple[Kind, str]:
        """What differs, however it does."""
        return self.kind, self.where


def largest(pairs: Iterable[tuple[float, float]]) -> Largest | None:
    """None where no numbers differ."""
    found: Largest | None = None
    relative = 0.0
    for before, after in pairs:
        if before == after or (math.isnan(before) and math.isnan(after)):
            continue
        absolute = abs(after - before)
        absolute = math.inf if math.isnan(absolute) else absolute
        relative = max(relative, absolute / abs(before) if before else math.inf)
        if found is None or absolute > found.absolute:
            found = Largest(absolute, 0.0, before, after)
    return found and found._replace(relative=relative)


def in_lines(
    before: Sequence[str], after: Sequence[str], tolerance: Tolerance
) -> Iterator[tuple[int, str, str, Largest | None]]:
    """The lines that differ: the number of the one before (or after which it is new), both, and by how much
    where only numbers differ.
    """
    one_masked, other_masked = ([_NUMBER.sub("#", line) for line in lines] for lines in (before, after))
    matcher = SequenceMatcher(None, one_masked, other_masked, autojunk=False)
    for kind, i, j, k, m in matcher.get_opcodes():
        if kind == "equal" or j - i == m - k:
            for number, (one, other) in enumerate(zip(before[i:j], after[k:m]), start=i + 1):
                if one != other:
                    pairs = _numbers(one, other)
                    if pairs is None:
                        yield number, one, other, None
                    elif tolerance.is_exact or not all(tolerance.allows(*pair) for pair in pairs):
                        yield number, one, other, largest(pairs)
        else:
            for number, one in enumerate(before[i:j], start=i + 1):
                yield number, one, "", None
            for other in after[k:m]:
                yield i, "", other, None


def _numbers(one: str, other: str) -> list[tuple[float, float]] | None:
    """The numbers of two lines side by side, where all the rest is the same."""
    if _NUMBER.sub("#", one) != _NUMBER.sub("#", other):
        return None
    return [(float(a), float(b)) for a, b in zip(_NUMBER.findall(one), _NUMBER.findall(other))]


def not_by_itself(
    differences: Iterable[Difference], by_itself: Iterable[Difference]
) -> tuple[Difference, ...]:
    """What differs between versions, without what differs from run to run of one version as well."""
    unstable = {one.key for one in by_itself}
    return tuple(one for one in differences if one.key not in unstable)
