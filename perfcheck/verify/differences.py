"""How two runs differ: in numbers, in lines of text, in tensors, in files."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
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


class Number(NamedTuple):
    """A number in a line, before and after; ``at`` counts those of the line."""

    at: int
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
    numbers: tuple[Number, ...] = ()  # of a line

    def with_numbers(self, numbers: tuple[Number, ...]) -> "Difference":
        pairs = ((number.before, number.after) for number in numbers)
        return replace(self, numbers=numbers, largest=largest(pairs))

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


class LinesDiffer(NamedTuple):
    """Two lines that are not the same. One is "" where the other is gone or new."""

    number: int  # of the line before; of a new line, of the one that it follows
    before: str
    after: str
    numbers: tuple[Number, ...] = ()  # those that differ, where all the rest is the same


def in_lines(before: Sequence[str], after: Sequence[str], tolerance: Tolerance) -> Iterator[LinesDiffer]:
    """The lines that differ, numbers in them by more than is tolerated."""
    if len(before) == len(after):
        yield from _side_by_side(before, after, 1, tolerance)
        return
    for kind, i, j, k, m in SequenceMatcher(None, before, after).get_opcodes():
        if kind != "equal":
            yield from _unequal(before[i:j], after[k:m], i + 1, tolerance)


def _unequal(
    before: Sequence[str], after: Sequence[str], first: int, tolerance: Tolerance
) -> Iterator[LinesDiffer]:
    """Stretches without a line in common; lines that are alike but for their numbers are the same ones."""
    one_masked, other_masked = ([_NUMBER.sub("#", line) for line in lines] for lines in (before, after))
    for kind, i, j, k, m in SequenceMatcher(None, one_masked, other_masked).get_opcodes():
        if kind == "equal" or j - i == m - k:
            yield from _side_by_side(before[i:j], after[k:m], first + i, tolerance)
        else:
            for number, one in enumerate(before[i:j], start=first + i):
                yield LinesDiffer(number, one, "")
            for other in after[k:m]:
                yield LinesDiffer(first + i - 1, "", other)


def _side_by_side(
    before: Sequence[str], after: Sequence[str], first: int, tolerance: Tolerance
) -> Iterator[LinesDiffer]:
    for number, (one, other) in enumerate(zip(before, after), start=first):
        if one == other:
            continue
        numbers: tuple[Number, ...] = ()
        if _NUMBER.sub("#", one) == _NUMBER.sub("#", other):
            pairs = zip(_NUMBER.findall(one), _NUMBER.findall(other))
            found = (Number(at, float(a), float(b)) for at, (a, b) in enumerate(pairs))
            numbers = tuple(pair for pair in found if not tolerance.allows(pair.before, pair.after))
            if not numbers and not tolerance.is_exact:
                continue
        yield LinesDiffer(number, one, other, numbers)


def not_by_itself(
    differences: Iterable[Difference], by_itself: Iterable[Difference]
) -> tuple[Difference, ...]:
    """What differs between versions, without what differs from run to run of one version as well: of a line
    in which a time and a loss stand, the time.
    """
    unstable = {one.key: {number.at for number in one.numbers} for one in by_itself}
    left: list[Difference] = []
    for one in differences:
        varying = unstable.get(one.key)
        if varying and one.numbers:
            one = one.with_numbers(tuple(number for number in one.numbers if number.at not in varying))
            if not one.numbers:
                continue
        elif varying is not None and not varying:
            continue
        left.append(one)
    return tuple(left)
