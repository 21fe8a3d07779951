"""Counting by line, phase and step."""

from hypothesis import given
from hypothesis import strategies as st

from perfcheck.callsite import CallSite
from perfcheck.counted import Counted, Tally, Unsupported, total

SITE = CallSite("/train.py", 7)


def sync(tally: Tally, line: int, times: int = 1) -> None:
    for _ in range(times):
        tally.occurred("host-sync", "aten::item", CallSite("/train.py", line))


def rows(tally: Tally, steps: int | None = None) -> list[tuple[int, str, int, int, int, int]]:
    return [
        (one.line, one.phase, one.count, one.first_step, one.last_step, one.steps)
        for one in tally.counted(steps)
    ]


def test_set_up_and_steps_are_told_apart() -> None:
    tally = Tally()
    sync(tally, 1, times=3)
    for step in (1, 2, 3):
        tally.step = step
        sync(tally, 2, times=2)
        if step == 2:
            sync(tally, 3)
    assert rows(tally) == [(1, "set-up", 3, 0, 0, 0), (2, "steps", 6, 1, 3, 3), (3, "steps", 1, 2, 2, 1)]


def test_what_follows_the_last_step_belongs_to_it() -> None:
    tally = Tally()
    for step in (1, 2, 3):
        tally.step = step
        sync(tally, 2)
    assert rows(tally, steps=2) == [(2, "steps", 3, 1, 2, 2)]


def test_steps_that_begin_anew_leave_earlier_loops_to_set_up() -> None:
    tally = Tally()
    tally.begin_loop()
    tally.step = 1
    sync(tally, 1)  # a look at the data before training
    tally.begin_loop()
    tally.step = 2
    sync(tally, 2)
    tally.step = 3
    sync(tally, 2)
    tally.restart()  # an optimizer's first step, after two batches
    tally.step = 2
    sync(tally, 2, times=2)
    assert rows(tally) == [(1, "set-up", 1, 0, 0, 0), (2, "steps", 4, 1, 2, 2)]


def test_where_the_first_step_began_is_told_by_what_comes_again() -> None:
    tally = Tally()
    sync(tally, 1)
    sync(tally, 2)
    tally.restart()
    tally.step = 2
    sync(tally, 2)
    assert rows(tally) == [(1, "set-up", 1, 0, 0, 0), (2, "steps", 2, 1, 2, 2)]


def test_nothing_is_counted_outside_a_window() -> None:
    tally = Tally()
    tally.counting = False
    sync(tally, 1)
    assert tally.counted() == ()


def test_each_unsupported_feature_is_told_once() -> None:
    told: list[Unsupported] = []
    tally = Tally(told.append)
    for _ in range(2):
        tally.unsupported("CUDA graphs", "they ran once", SITE)
    assert told == list(tally.left_out()) == [Unsupported("CUDA graphs", "they ran once", "/train.py", 7)]


def test_a_child_starts_anew() -> None:
    tally = Tally()
    sync(tally, 1)
    tally.clear()
    assert tally.counted() == ()


@given(
    st.lists(
        st.one_of(
            st.integers(1, 4),  # a sync at that line
            st.sampled_from(["step", "loop", "restart"]),
        )
    )
)
def test_every_event_is_counted_once(happenings: list[int | str]) -> None:
    tally, step, syncs = Tally(), 0, 0
    for what in happenings:
        if isinstance(what, int):
            sync(tally, what)
            syncs += 1
        elif what == "step":
            step += 1
            tally.step = step
        elif what == "loop":
            tally.begin_loop()
        else:
            tally.restart()
            step = 1
    counted: tuple[Counted, ...] = tally.counted()
    assert total(counted, "host-sync") == syncs
    assert all(one.first_step <= one.last_step <= max(step, 1) for one in counted)
    assert all(one.steps <= one.count for one in counted)


def test_what_comes_after_the_last_step_alone_is_no_part_of_it() -> None:
    tally = Tally()
    for step in (1, 2):
        tally.step = step
        sync(tally, 2)
    sync(tally, 9)
    assert rows(tally) == [(2, "steps", 2, 1, 2, 2), (9, "set-up", 1, 0, 0, 0)]


def test_what_comes_after_two_steps_of_an_optimizer_came_in_them_too() -> None:
    tally = Tally()
    tally.step = 1
    sync(tally, 1)
    tally.step = 2  # an optimizer has stepped
    sync(tally, 1)
    sync(tally, 2)
    tally.step = 3  # and again: the third step has only begun
    sync(tally, 2)
    sync(tally, 9)
    found = [(one.line, one.phase, one.count) for one in tally.counted(steps=2)]
    assert found == [(1, "steps", 2), (2, "steps", 2), (9, "set-up", 1)]


def test_a_single_step_keeps_what_came_in_it() -> None:
    tally = Tally()
    tally.step = 2
    sync(tally, 2)
    assert rows(tally) == [(2, "steps", 1, 2, 2, 1)]
