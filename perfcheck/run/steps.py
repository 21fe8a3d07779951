"""Follow the steps of a training or inference loop that says nothing about them.

Steps come from the optimizer; without one, from the data loader's batches; or from the script itself, if it
calls :func:`perfcheck.step`. Where none of these tells of any, time does, on a real GPU. With an optimizer
and a loader, a step begins with the first batch after an optimizer's step, so that what a loop does after
``optimizer.step()`` (logging, mostly) belongs to the step it follows, and gradient accumulation takes
several batches a step. Of several optimizers (a GAN's), the first that steps counts.
"""

import time
from collections.abc import Callable
from typing import Any, Literal, Protocol
from weakref import ref

Source = Literal["optimizer", "loader", "call", "time"]

QUIET = 2.0
"""Seconds after the first wait for the GPU: if nothing has told of steps by then, time does."""

PERIOD = 0.25
"""Seconds that such a step takes at least; it ends where the host waits."""


class Listener(Protocol):
    """Who wants to know of steps; they count from 1, and before the first is set-up."""

    def step_begins(self, number: int) -> None:
        """Step ``number`` begins; the one before has ended."""

    def loop_begins(self) -> None:
        """Another pass over data begins, and no optimizer has stepped yet."""

    def steps_restart(self) -> None:
        """What passed for steps was set-up; but what came in this loop is step 1."""


class Steps:
    def __init__(self, *listeners: Listener, clock: Callable[[], float] = time.monotonic) -> None:
        self.source: Source | None = None
        self.listeners = listeners
        self._clock = clock
        self._due: float | None = None  # when time tells of the next step
        self._number = 0
        self._worked = False  # has the leading optimizer stepped in this step?
        self._batches = False  # have there been batches before its first step?
        self._leader: ref[Any] | None = None
        self._pass: ref[Any] | None = None  # the iterator of the loader

    @property
    def count(self) -> int:
        """How many steps there have been, without one that has only begun where its end can be told."""
        if self.source == "loader":
            return self._number
        return self._number if self._worked else max(self._number - 1, 0)

    def batch(self, iterator: object) -> None:
        """A data loader has handed over a batch."""
        if self.source == "optimizer":
            if self._worked:
                self._begin()
        elif self.source != "call":
            if self.source == "time":
                self._restart()
                self._number = 0
            self.source, self._batches = "loader", True
            if self._pass is None or self._pass() is not iterator:
                self._pass = ref(iterator)
                for listener in self.listeners:
                    listener.loop_begins()
            self._begin()

    def optimizer_stepped(self, optimizer: object) -> None:
        if self.source == "call":
            return
        if self.source != "optimizer":
            self.source, self._leader = "optimizer", ref(optimizer)
            self._restart()
        elif self._leader is None or self._leader() not in (None, optimizer):
            return
        elif self._batches and self._worked:
            self._begin()  # several steps a batch
        self._worked = True
        if not self._batches:
            self._begin()

    def called(self) -> None:
        """The script says that a step has ended."""
        if self.source != "call":
            self.source = "call"
            self._restart()
        self._worked = True
        self._begin()

    def waited(self) -> None:
        """The main thread waits for the GPU."""
        if self.source in (None, "time"):
            now = self._clock()
            if self._due is None:
                self._due = now + QUIET
            elif now >= self._due:
                self.source, self._due = "time", now + PERIOD
                self._begin()

    def _begin(self) -> None:
        self._number, self._worked = self._number + 1, False
        for listener in self.listeners:
            listener.step_begins(self._number)

    def _restart(self) -> None:
        self._number, self._worked = 1, False
        for listener in self.listeners:
            listener.steps_restart()


def watch(steps: Steps) -> Callable[[], None]:
    """Have torch's optimizers and data loaders tell of steps; returns what ends that."""
    from torch.optim.optimizer import register_optimizer_step_post_hook
    from torch.utils.data.dataloader import _BaseDataLoaderIter

    def stepped(optimizer: object, args: object, kwargs: object) -> None:
        steps.optimizer_stepped(optimizer)

    hook = register_optimizer_step_post_hook(stepped)
    # The iterator counts its batches in this attribute. A descriptor in its place tells of each without a
    # wrapper, whose frame would stand in the tracebacks of data sets.
    _BaseDataLoaderIter._num_yielded = _Counter(steps.batch)

    def unwatch() -> None:
        hook.remove()
        del _BaseDataLoaderIter._num_yielded

    return unwatch


class _Counter:
    """An attribute of a data loader's iterator that tells when it grows."""

    def __init__(self, grew: Callable[[object], None]) -> None:
        self._grew = grew

    def __get__(self, iterator: Any, owner: type | None = None) -> int:
        return int(vars(iterator)["_num_yielded"])

    def __set__(self, iterator: Any, value: int) -> None:
        vars(iterator)["_num_yielded"] = value
        if value:
            self._grew(iterator)
