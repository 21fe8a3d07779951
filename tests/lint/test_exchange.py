import os
import pickle
from copy import copy

import pytest

from perfcheck.lint import exchange
from perfcheck.lint.exchange import Exchange
from perfcheck.lint.parallel import mapped, worker


def test_each_hears_once_what_the_others_told() -> None:
    first, second = _in_two_processes()
    assert first.swap(0, [("f", 1), ("g", None)]) == {}
    heard = second.swap(1, [("h", 3)])
    assert {name: pickle.loads(value) for name, value in heard.items()} == {"f": 1, "g": None}
    assert second.swap(1, []) == {}
    assert list(first.swap(0, [])) == ["h"]


def test_what_has_no_room_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "_SIZE", 4096)
    first, second = _in_two_processes()
    first.swap(0, [("much", bytes(5000))])
    first.swap(0, [("little", 1)])
    assert list(second.swap(1, [])) == ["little"]


def _in_two_processes() -> tuple[Exchange, Exchange]:
    """As they are after a fork: the memory is the same, the rest is not."""
    between = Exchange(2)
    return between, copy(between)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
def test_forked_processes_hear_each_other() -> None:
    between: list[Exchange] = []

    def work(item: int) -> tuple[int, set[str]]:
        process = worker()
        assert process is not None
        heard: set[str] = set()
        while not heard:  # the other goes through the other half
            heard.update(between[0].swap(process, [(str(item), item)]))
        return process, heard

    results = dict(mapped(work, range(2), 2, 1, lambda processes: between.append(Exchange(processes))))
    assert {place: heard for place, (_, heard) in results.items()} == {0: {"1"}, 1: {"0"}}
    assert worker() is None
