"""Thin wrappers on the calls of torch that can make the host wait: when each began and ended, and at
which line.

Which ones they are is said by the table of operators. Nothing is done per operator: a call that does not
wait costs a fraction of a microsecond, and only those that take long enough to matter are kept.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, Final, NamedTuple

from perfcheck.callsite import CallSite, CallSites
from perfcheck.operators.reader import operators

LEAST: Final = 5_000
"""Nanoseconds. A shorter call has not waited for a GPU."""

_EVENTS: Final = frozenset({"host-sync", "h2d-copy", "d2h-copy", "pageable-copy"})


class Call(NamedTuple):
    """A call that took long, on the clock of :func:`time.time_ns`."""

    start_ns: int
    end_ns: int
    thread: int  # the system's number of it
    name: str
    site: CallSite


class WatchedCalls:
    """Wraps the calls between :meth:`install` and :meth:`uninstall`; ``on_call`` brackets each, if given
    (NVTX).
    """

    def __init__(
        self,
        sites: CallSites,
        least: int = LEAST,
        mark: tuple[Callable[[str], Any], Callable[[], Any]] | None = None,
    ) -> None:
        self.log: list[Call] = []
        self._sites = sites
        self._least = least
        self._mark = mark
        self._saved: list[tuple[Any, str, Any]] = []

    def install(self) -> None:
        for holder, name, full in _watched():
            own = vars(holder).get(name, _INHERITED)
            setattr(holder, name, self._wrapper(getattr(holder, name), full))
            self._saved.append((holder, name, own))

    def uninstall(self) -> None:
        for holder, name, own in reversed(self._saved):
            if own is _INHERITED:
                delattr(holder, name)
            else:
                setattr(holder, name, own)
        self._saved.clear()

    def _wrapper(self, original: Callable[..., Any], name: str) -> Callable[..., Any]:
        now, thread, frame = time.time_ns, threading.get_native_id, sys._getframe
        here, least, log = self._sites.here, self._least, self.log

        @wraps(original)
        def call(*args: Any, **kwargs: Any) -> Any:
            start = now()
            try:
                return original(*args, **kwargs)
            finally:
                end = now()
                if end - start >= least:
                    log.append(Call(start, end, thread(), name, here(frame(1))))

        if self._mark is None:
            return call
        begin, end = self._mark

        @wraps(original)
        def marked(*args: Any, **kwargs: Any) -> Any:
            site = here(frame(1))
            begin(f"{site.path}:{site.line} {name}")
            try:
                return call(*args, **kwargs)
            finally:
                end()

        return marked


_INHERITED: Final = object()


def _watched() -> Iterator[tuple[Any, str, str]]:
    """Object, attribute and name of each call that can wait."""
    import torch

    holders = {
        "Tensor": torch.Tensor,
        "torch": torch,
        "torch.linalg": torch.linalg,
        "torch.cuda": torch.cuda,
        "torch.cuda.Event": torch.cuda.Event,
        "torch.cuda.Stream": torch.cuda.Stream,
    }
    names = {
        name
        for operator in operators()
        if any(effect.event in _EVENTS for effect in operator.effects)
        for name in operator.names
    }
    for full in sorted(names):
        holder, _, name = full.rpartition(".")
        if holder in holders and callable(getattr(holders[holder], name, None)):
            found = getattr(holders[holder], name)
            if not isinstance(found, type):
                yield holders[holder], name, full
