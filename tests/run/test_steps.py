"""Steps found in loops that say nothing of them."""

import importlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch.utils.data import DataLoader, Dataset  # noqa: E402

from perfcheck.callsite import CallSites  # noqa: E402
from perfcheck.capture.gpu_trace import GpuWaits  # noqa: E402
from perfcheck.run.steps import Steps, watch  # noqa: E402
from perfcheck.run.window import Window, WindowWatch  # noqa: E402


class Told:
    """What a listener hears, as one text."""

    def __init__(self) -> None:
        self.text = ""

    def step_begins(self, number: int) -> None:
        self.text += f" {number}"

    def loop_begins(self) -> None:
        self.text += " loop"

    def steps_restart(self) -> None:
        self.text += " restart"


@contextmanager
def watched() -> Iterator[tuple[Steps, Told]]:
    told = Told()
    steps = Steps(told)
    unwatch = watch(steps)
    try:
        yield steps, told
    finally:
        unwatch()


def optimizer() -> Any:
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.grad = torch.ones(2)
    return torch.optim.SGD([parameter], 0.1)


def loader(batches: int = 3) -> Any:
    return DataLoader(range(batches))


class Clock:
    """Shows the times it is given, one at each look."""

    def __init__(self, *times: float) -> None:
        self._times = iter(times)

    def __call__(self) -> float:
        return next(self._times)


def test_time_where_nothing_else_tells_of_steps() -> None:
    told = Told()
    steps = Steps(told, clock=Clock(100.0, 101.9, 102.0, 102.1, 102.3))
    for _ in range(5):
        steps.waited()
    assert (steps.source, steps.count, told.text) == ("time", 1, " 1 2")
    steps.batch(told)  # what came before was set-up
    steps.waited()
    assert (steps.source, steps.count, told.text) == ("loader", 1, " 1 2 restart loop 1")


def test_time_says_nothing_beside_steps() -> None:
    told = Told()
    steps = Steps(told, clock=Clock(10.0, 20.0))
    steps.called()
    steps.waited()
    steps.waited()
    assert (steps.source, told.text) == ("call", " restart 2")


def test_waits_of_the_main_thread_are_told_of() -> None:
    waits = GpuWaits(CallSites())
    heard: list[int | None] = []
    waits.told = lambda: heard.append(threading.get_ident())
    registry = importlib.import_module("torch.cuda._gpu_trace").StreamSynchronizationCallbacks
    before = list(registry.callback_list)
    waits.install()
    try:
        registry.fire_callbacks(0)
        other = threading.Thread(target=registry.fire_callbacks, args=(0,))
        other.start()
        other.join()
    finally:
        registry.callback_list[:] = before
    assert heard == [threading.get_ident()]


def test_an_optimizer_and_a_loader() -> None:
    with watched() as (steps, told):
        leading = optimizer()
        for _ in range(2):
            for _ in loader():
                leading.step()
                told.text += " log"
    assert told.text == " loop 1 restart log 2 log 3 log 4 log 5 log 6 log"
    assert (steps.source, steps.count) == ("optimizer", 6)


def test_gradients_that_accumulate() -> None:
    with watched() as (steps, told):
        leading = optimizer()
        for number, _ in enumerate(loader(4)):
            if number % 2:
                leading.step()
    assert told.text == " loop 1 2 restart 2"
    assert steps.count == 2


def test_an_optimizer_alone() -> None:
    with watched() as (steps, told):
        leading = optimizer()
        for _ in range(3):
            leading.step()
    assert told.text == " restart 2 3 4"
    assert (steps.source, steps.count) == ("optimizer", 3)


def test_of_two_optimizers_the_first_counts() -> None:
    with watched() as (steps, _):
        first, second = optimizer(), optimizer()
        for _ in loader():
            first.step()
            second.step()
    assert steps.count == 3


def test_several_steps_a_batch() -> None:
    with watched() as (steps, _):
        leading = optimizer()
        for _ in loader(2):
            for _ in range(3):
                leading.step()
    assert steps.count == 6


def test_evaluation_between_epochs_makes_no_steps() -> None:
    with watched() as (steps, _):
        leading = optimizer()
        for _ in range(2):
            for _ in loader(2):
                leading.step()
            for _ in loader(5):
                pass
    assert steps.count == 4


def test_a_loader_alone() -> None:
    with watched() as (steps, told):
        for _ in range(2):
            for _ in loader():
                pass
    assert told.text == " loop 1 2 3 loop 4 5 6"
    assert (steps.source, steps.count) == ("loader", 6)


def test_what_the_script_says_wins() -> None:
    with watched() as (steps, told):
        leading = optimizer()
        for _ in loader(2):
            leading.step()
            leading.step()
            steps.called()
    assert steps.source == "call"
    assert steps.count == 2
    assert told.text.endswith("restart 2 3")


def test_watching_leaves_no_frame_in_a_data_sets_traceback() -> None:
    class Failing(Dataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return 1

        def __getitem__(self, index: int) -> int:
            raise KeyError(index)

    with watched(), pytest.raises(KeyError) as caught:
        next(iter(DataLoader(Failing())))
    assert not [
        entry
        for entry in caught.traceback
        if "perfcheck" in str(entry.path) and "tests" not in str(entry.path)
    ]


def test_after_watching_torch_is_as_it_was() -> None:
    with watched() as (steps, _):
        pass
    assert list(loader(2)) != []
    optimizer().step()
    assert (steps.source, steps.count) == (None, 0)


@pytest.mark.parametrize(
    ("window", "kept"),
    [
        (Window(), [1, 2, 3, 4, 5, 6]),
        (Window(wait=2), [3, 4, 5, 6]),
        (Window(wait=1, warmup=1, steps=2), [3, 4]),
        (Window(steps=2), [1, 2]),
        (Window(warmup=3, steps=9), [4, 5, 6]),
        (Window(wait=9), []),
        (Window(wait=1, max_seconds=2.5), [2, 3, 4]),
    ],
)
def test_a_window_keeps_the_steps_asked_for(window: Window, kept: list[int]) -> None:
    seconds = 0.0
    calls: list[str] = []
    watch = WindowWatch(
        window,
        lambda: calls.append("open"),
        lambda: calls.append("close"),
        lambda: calls.append("warm"),
        clock=lambda: seconds,
    )
    watch.start()
    inside = []
    for step in range(1, 7):
        watch.step_begins(step)
        if watch.is_open:
            inside.append(step)
        seconds += 1
    watch.close()
    assert inside == kept
    assert calls.count("open") == calls.count("close") == bool(kept)
    assert calls[:1] == (["warm"] if window.warmup and kept else ["open"] if kept else [])
