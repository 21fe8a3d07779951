import os
from collections.abc import Iterator

import pytest

from perfcheck.lint.parallel import ordered_map


@pytest.mark.parametrize("jobs", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 5, 100])
def test_results_come_in_the_items_order(jobs: int, count: int) -> None:
    offset = 7  # of a closure, which cannot be pickled
    assert list(ordered_map(lambda x: x + offset, range(count), jobs, 4)) == list(range(7, count + 7))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
def test_many_items_go_to_other_processes() -> None:
    ids = set(ordered_map(lambda _: os.getpid(), range(100), 2, 4))
    assert os.getpid() not in ids
    assert set(ordered_map(lambda _: os.getpid(), range(7), 2, 4)) == {os.getpid()}


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_exception_comes_through(jobs: int) -> None:
    def fail(item: int) -> int:
        if item == 50:
            raise KeyError(item)
        return item

    results = ordered_map(fail, range(100), jobs, 4)
    with pytest.raises(KeyError):
        list(results)
    assert list(ordered_map(str, range(100), jobs, 4)) == [str(i) for i in range(100)]


def test_nothing_is_computed_before_it_is_asked_for() -> None:
    seen: list[int] = []

    def note(item: int) -> int:
        seen.append(item)
        return item

    results: Iterator[int] = ordered_map(note, range(3), 1, 1)
    assert seen == []
    next(results)
    assert seen == [0]
