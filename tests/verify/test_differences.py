"""What counts as a difference between two outputs."""

import math

from hypothesis import given
from hypothesis import strategies as st

from perfcheck.verify.differences import (
    Difference,
    LinesDiffer,
    Number,
    Tolerance,
    in_lines,
    largest,
    not_by_itself,
)

EXACT = Tolerance()
LINES = st.lists(
    st.sampled_from(["loss 0.5", "loss 0.25", "epoch 1", "done", "took 1.5 s", "nan"]), max_size=8
)


def test_lines_differ_by_their_numbers() -> None:
    before, after = ["epoch 1", "loss 0.6931 in 1.5 s"], ["epoch 1", "loss 0.6932 in 1.5 s"]
    assert list(in_lines(before, after, EXACT)) == [
        LinesDiffer(2, before[1], after[1], (Number(0, 0.6931, 0.6932),))
    ]
    assert list(in_lines(before, after, Tolerance(relative=1e-3))) == []
    assert list(in_lines(before, after, Tolerance(absolute=1e-5))) != []


def test_lines_that_come_and_go_do_not_shift_the_others() -> None:
    before, after = ["loss 1.0", "loss 2.0", "done"], ["warning: slow", "loss 1.0", "loss 2.5", "done"]
    assert [(one.number, one.before, one.after) for one in in_lines(before, after, EXACT)] == [
        (0, "", "warning: slow"),
        (2, "loss 2.0", "loss 2.5"),
    ]


def test_lines_that_are_left_are_found_among_those_like_them() -> None:
    before, after = ["1 loss 0.5", "2 loss 0.25", "3 loss 0.125"], ["3 loss 0.125"]
    assert [(one.number, one.after) for one in in_lines(before, after, EXACT)] == [(1, ""), (2, "")]


def test_a_text_that_differs_is_no_number() -> None:
    assert list(in_lines(["on cuda:0"], ["on cpu:0"], Tolerance(relative=1.0))) != []
    assert list(in_lines(["v1.2.3 a1"], ["v1.2.4 a1"], Tolerance(relative=9.0))) != []  # a version


@given(LINES, LINES)
def test_all_lines_that_differ_are_told(before: list[str], after: list[str]) -> None:
    differ = list(in_lines(before, after, EXACT))
    assert (not differ) == (before == after)
    gone = sum(1 for one in differ if not one.after)
    new = sum(1 for one in differ if not one.before)
    assert len(after) - len(before) == new - gone


def _line(*numbers: Number) -> Difference:
    return Difference("output", "line 1", "a", "b").with_numbers(numbers)


def test_what_differs_from_run_to_run_is_not_blamed_on_the_change() -> None:
    time, loss = Number(1, 1.0, 2.0), Number(0, 0.5, 0.25)
    assert not_by_itself([_line(time)], [_line(Number(1, 1.0, 3.0))]) == ()
    (left,) = not_by_itself([_line(loss, time)], [_line(Number(1, 1.0, 3.0))])
    assert left.numbers == (loss,)
    assert left.largest is not None and left.largest.absolute == 0.25
    assert not_by_itself([_line(loss)], [_line()]) == ()  # the line's text differs by itself
    assert not_by_itself([_line()], [_line(time)]) == (_line(),)  # its numbers do, and now its text does
    assert len(not_by_itself([_line(loss)], [])) == 1


def test_the_largest_difference() -> None:
    found = largest([(1.0, 1.0), (0.0, 1e-9), (100.0, 101.0), (math.nan, math.nan)])
    assert found is not None
    assert (found.absolute, found.relative, found.before, found.after) == (1.0, math.inf, 100.0, 101.0)
    assert largest([(math.nan, math.nan)]) is None
    broken = largest([(1.0, math.nan)])
    assert broken is not None and broken.absolute == math.inf
