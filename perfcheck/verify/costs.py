"""What a step costs before and after: events by kind, and the lines whose part has changed."""

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, Final, NamedTuple

from perfcheck.gate.budget import costs_of

WAITING: Final = ("host-syncs", "h2d-copies", "d2h-copies", "pageable-copies", "hidden-copies", "bytes")
"""Limits of budgets whose growth is always a loss."""

WORKING: Final = ("kernel-launches", "cpu-ops")
"""Those that may be the price of waiting less."""


class Changed(NamedTuple):
    """A line's part in a step. It has two numbers where it has moved, one where it is new or gone."""

    path: str
    before_line: int | None
    after_line: int | None
    before: float
    after: float


class Cost(NamedTuple):
    what: str  # as a budget names it
    before: float  # of a step, or of the whole run where it has no steps
    after: float
    lines: tuple[Changed, ...] = ()  # those that changed, most first

    @property
    def grew(self) -> bool:
        return self.after > self.before


def costs(
    before: Mapping[str, Any], after: Mapping[str, Any], texts: Mapping[str, tuple[str, str]]
) -> tuple[Cost, ...]:
    """Documents of two runs; ``texts`` has the files that are not the same in both, before and after."""
    moved = {path: lines_between(*both) for path, both in texts.items()}
    return tuple(_cost(what, before, after, moved) for what in (*WAITING, *WORKING))


def worse(found: Sequence[Cost]) -> tuple[Cost, ...]:
    """What grew and is no fair price: more launches and less waiting is what many a fix is about."""
    waiting = [cost for cost in found if cost.what in WAITING]
    pays = any(cost.after < cost.before for cost in waiting)
    working = [cost for cost in found if cost.what in WORKING and not pays]
    return tuple(cost for cost in (*waiting, *working) if cost.grew)


def _cost(
    what: str, before: Mapping[str, Any], after: Mapping[str, Any], moved: Mapping[str, Mapping[int, int]]
) -> Cost:
    one, other = (_by_line(what, document) for document in (before, after))
    lines: dict[tuple[str, int | None, int | None], list[float]] = {}
    for (path, line), cost in one.items():
        now = moved[path].get(line) if path in moved else line
        lines[path, line, now] = [cost, 0.0]
    for (path, line), cost in other.items():
        then = {b: a for a, b in moved[path].items()}.get(line) if path in moved else line
        lines.setdefault((path, then, line), [0.0, 0.0])[1] = cost
    changed = [Changed(*place, *costs) for place, costs in lines.items() if costs[0] != costs[1]]
    changed.sort(
        key=lambda line: (
            -abs(line.after - line.before), line.path, line.before_line or line.after_line or 0,
        )
    )  # fmt: skip
    return Cost(what, sum(one.values()), sum(other.values()), tuple(changed))


def _by_line(what: str, document: Mapping[str, Any]) -> dict[tuple[str, int], float]:
    steps = document["run"]["counted_steps"]
    return {
        place: cost / (steps or 1)
        for place, cost in costs_of(document["events"], what, with_set_up=not steps).items()
    }


def lines_between(before: str, after: str) -> dict[int, int]:
    """The numbers that lines have after, by those they had before; a line that was replaced by one counts
    as that one.
    """
    one, other = before.split("\n"), after.split("\n")
    numbers: dict[int, int] = {}
    for kind, i, j, k, m in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if kind == "equal" or j - i == m - k:
            numbers.update(zip(range(i + 1, j + 1), range(k + 1, m + 1)))
    return numbers
