import os
import signal
import time
from collections.abc import Iterator

import pytest

from perfcheck.lint.parallel import WorkerKilled, mapped


@pytest.mark.parametrize("jobs", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 5, 100])
def test_results_come_with_the_items_places(jobs: int, count: int) -> None:
    offset = 7  # of a closure, which cannot be pickled
    results = list(mapped(lambda x: x + offset, range(count), jobs, 4))
    assert sorted(results) == [(place, place + 7) for place in range(count)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
def test_many_items_go_to_other_processes() -> None:
    ids = {process for _, process in mapped(lambda _: os.getpid(), range(100), 2, 4)}
    assert os.getpid() not in ids
    assert {process for _, process in mapped(lambda _: os.getpid(), range(7), 2, 4)} == {os.getpid()}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
def test_neighbours_fall_to_the_same_process() -> None:
    def slow_process(place: int) -> int:
        time.sleep(0.002)
        return os.getpid()

    by_place = dict(mapped(slow_process, range(64), 2, 4))
    changes = sum(by_place[place] != by_place[place + 1] for place in range(63))
    assert changes <= 2  # one stretch each, and what one may take from the other's end


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
def test_whoever_is_done_helps_the_others() -> None:
    def process(place: int) -> int:
        time.sleep(0.01 if place < 32 else 0)
        return os.getpid()

    by_place = dict(mapped(process, range(64), 2, 1))
    assert by_place[31] == by_place[63]


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_exception_comes_through(jobs: int) -> None:
    def fail(item: int) -> int:
        if item == 50:
            raise KeyError(item)
        return item

    results = mapped(fail, range(100), jobs, 4)
    with pytest.raises(KeyError):
        list(results)
    assert dict(mapped(str, range(100), jobs, 4)) == {i: str(i) for i in range(100)}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
def test_a_worker_that_is_killed_is_told() -> None:
    def killed(item: int) -> int:
        if item == 50:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    with pytest.raises(WorkerKilled, match="--jobs 1"):
        list(mapped(killed, range(100), 2, 4))


def test_nothing_is_computed_before_it_is_asked_for() -> None:
    seen: list[int] = []

    def note(item: int) -> int:
        seen.append(item)
        return item

    results: Iterator[tuple[int, int]] = mapped(note, range(3), 1, 1)
    assert seen == []
    next(results)
    assert seen == [0]
