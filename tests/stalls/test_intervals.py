"""Sets of time, next to sets of their instants."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from perfcheck.stalls.analysis import Intervals
from perfcheck.stalls.intervals import clip, complement, covered, intersection, total, union
from perfcheck.stalls.nesting import nest

PAIRS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 12)).map(lambda pair: (pair[0], sum(pair))), max_size=12
)


def of(pairs: list[tuple[int, int]]) -> Intervals:
    return union(np.array([one for one, _ in pairs], np.int64), np.array([two for _, two in pairs], np.int64))


def instants(intervals: Intervals) -> set[int]:
    pairs = zip(intervals.start_ns.tolist(), intervals.end_ns.tolist())
    return {instant for start, end in pairs for instant in range(start, end)}


def covering(pairs: list[tuple[int, int]]) -> set[int]:
    return {instant for start, end in pairs for instant in range(start, end)}


@given(PAIRS)
def test_a_union_covers_what_its_parts_cover(pairs: list[tuple[int, int]]) -> None:
    found = of(pairs)
    assert instants(found) == covering(pairs) and total(found) == len(covering(pairs))
    assert (found.start_ns[1:] > found.end_ns[:-1]).all()


@given(PAIRS, PAIRS)
def test_an_intersection_is_what_both_cover(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    assert instants(intersection(of(one), of(other))) == covering(one) & covering(other)


@given(PAIRS, st.integers(0, 70), st.integers(1, 30))
def test_a_window_is_busy_or_idle(pairs: list[tuple[int, int]], start: int, length: int) -> None:
    end = start + length
    inside = clip(of(pairs), start, end)
    gaps = complement(inside, start, end)
    assert instants(inside) == covering(pairs) & set(range(start, end))
    assert instants(gaps) == set(range(start, end)) - covering(pairs)
    assert (gaps.end_ns > gaps.start_ns).all()


@given(PAIRS, PAIRS)
def test_what_is_covered_is_counted(pairs: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    start, end = (np.array(column, np.int64) for column in (zip(*asked) if asked else ([], [])))
    found = covered(of(pairs), start, end).tolist()
    assert found == [len(covering(pairs) & set(range(one, two))) for one, two in asked]


@given(PAIRS)
def test_the_innermost_event_is_the_last_that_began_and_is_open(pairs: list[tuple[int, int]]) -> None:
    ordered = sorted(pairs, key=lambda pair: (pair[0], -pair[1]))
    found = nest(*(np.array(column, np.int64) for column in (zip(*ordered) if ordered else ([], []))))
    ends: list[int] = []
    for event, (parent, (_, end)) in enumerate(zip(found.parent.tolist(), ordered)):
        assert parent < event
        ends.append(end if parent < 0 else min(end, ends[parent]))
    for instant in range(80):
        row = int(np.searchsorted(found.times, instant, side="right")) - 1
        inner = int(found.innermost[row]) if row >= 0 else -1
        open_ = [event for event, (start, _) in enumerate(ordered) if start <= instant < ends[event]]
        assert inner == max(open_, default=-1)
