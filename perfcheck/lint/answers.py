"""Questions that are answered on demand, once, although some need their own answer first.

A function may call itself by way of others; a constructor calls methods that read what it sets. Where such a
circle closes, an answer has to do without another. Were it kept, it would depend on which question of the
circle happened to be asked first. So of each circle one question alone, the first in a fixed order, is
answered that way; then its answer is known, and the others are asked anew. What is still a circle is smaller.
Whoever was told nothing else the time before comes to the same: see :meth:`Answers.unchanged`.

Circles are found as strongly connected components (R. Tarjan, "Depth-first search and linear graph
algorithms", 1972), and taken apart as in F. Bourdoncle, "Efficient chaotic iteration strategies with
widenings", 1993.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

Key = tuple[int, str, str, str]
"""What is asked; the least key of a circle is answered first."""

_TIMES = 1  # that questions are asked anew; what is a circle even then is answered as it stands

T = TypeVar("T")


class _Told(NamedTuple):
    """What somebody was told for the time being, and how to ask for it again."""

    value: Any
    ask: Callable[[], Any]


class _Loose(NamedTuple):
    """An answer that does without another, begun earlier; of use until that one is known."""

    value: Any
    needs: int  # which was begun as the how manieth
    ask: Callable[[], Any]
    told: list[_Told]


class Answers:
    """The answers known so far, and the questions that are being answered."""

    def __init__(self) -> None:
        self.known: dict[Key, Any] = {}
        self.circular: set[Key] = set()  # known, but from answers that had to do without it
        self._begun = 0  # how many questions were
        self._open: dict[Key, int] = {}  # and the how manieth each was
        self._needs: list[int] = []  # for each of these: the first begun that it does without
        self._loose: dict[Key, _Loose] = {}  # in the order in which they were answered
        self._times: dict[Key, int] = {}  # that a question was found in a circle
        self._told: list[list[_Told]] = []  # what each of these was
        self._before: dict[Key, tuple[Any, list[_Told]]] = {}  # answers that rest on such
        self.plain: list[Key] | None = None  # known, and in no circle; gathered for those who want to hear

    def ask(self, key: Key, answer: Callable[[], T], meanwhile: Callable[[], T]) -> T:
        """What ``answer`` returns; what ``meanwhile`` does, where ``answer`` itself is asking.

        Both must ask for all they need.
        """
        if key in self.known:
            known: T = self.known[key]
            return known
        if key in self._open:
            self._does_without(self._open[key])
            value = meanwhile()
            snapshot = dict(value) if isinstance(value, dict) else value  # variables of a body that runs
            self._told[-1].append(_Told(snapshot, lambda: self.ask(key, answer, meanwhile)))
            return value
        if key in self._loose:
            return self._loosely(self._loose[key])  # type: ignore[no-any-return]
        before = len(self._loose)
        while key not in self.known:
            place = self._begun = self._begun + 1
            self._open[key] = place
            self._needs.append(place + 1)
            self._told.append([])
            circle: list[tuple[Key, _Loose]] = []
            try:
                value = answer()
            finally:
                del self._open[key]
                told = self._told.pop()
                needs = self._needs.pop()
                if needs >= place:
                    circle = [self._loose.popitem() for _ in range(len(self._loose) - before)]
            if needs < place:
                loose = self._loose[key] = _Loose(
                    value, needs, lambda: self.ask(key, answer, meanwhile), told
                )
                return self._loosely(loose)  # type: ignore[no-any-return]
            for other, loose in circle:
                self._before[other] = loose.value, loose.told
            if told:
                self._before[key] = value, told
            first = min(circle, default=None)
            if first is not None and first[0] < key:
                first[1].ask()
                continue
            self.known[key] = value
            if needs == place:
                self.circular.add(key)
            elif not circle and not told and self.plain is not None:
                self.plain.append(key)
            if circle:
                self._taken_apart(circle)
        return self.known[key]  # type: ignore[no-any-return]

    def unchanged(self, key: Key) -> Any:
        """What a question was answered with before, if whatever was told for the time being would be told
        again; else None. For those who are about to answer it, or come to it once more.
        """
        value, told = self._before.pop(key, (None, []))
        return value if all(was.ask() == was.value for was in told) else None

    def unsettled(self) -> None:
        """What is being answered rests on more than answers: it is not what it would be elsewhere."""
        self._told[-1].append(_Told(None, object))

    def _loosely(self, loose: _Loose) -> Any:
        self._does_without(loose.needs)
        self._told[-1].append(_Told(loose.value, loose.ask))
        return loose.value

    def _taken_apart(self, circle: list[tuple[Key, _Loose]]) -> None:
        """The first question of a circle is answered: so are all that were in too many circles before."""
        times = 1 + max(self._times.get(key, 0) for key, _ in circle)
        for key, loose in circle:
            self._times[key] = times
            if times > _TIMES:
                self.known[key] = loose.value
                self.circular.add(key)

    def _does_without(self, place: int) -> None:
        if self._needs and place < self._needs[-1]:
            self._needs[-1] = place
