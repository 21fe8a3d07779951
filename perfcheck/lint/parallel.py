"""The same function over many items, in forked processes where that pays and can be done."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_work: tuple[Callable[[Any], Any], Sequence[Any]] | None = None
"""What the forked workers run, and on what: only places and results need to be pickled."""


def ordered_map(
    work: Callable[[Item], Result], items: Sequence[Item], jobs: int, chunk: int
) -> Iterator[Result]:
    """``work`` of each item in the items' order, whoever computed it."""
    global _work
    if jobs < 2 or len(items) < 2 * chunk or not hasattr(os, "fork") or sys.platform == "darwin":
        yield from map(work, items)
        return
    import multiprocessing

    _work = work, items
    gc.freeze()  # what is shared stays shared
    try:
        with multiprocessing.get_context("fork").Pool(jobs, _begin) as pool:
            yield from pool.imap(_run, range(len(items)), chunk)
    finally:
        _work = None
        gc.unfreeze()


def _begin() -> None:
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the parent's to handle


def _run(place: int) -> Any:
    if _work is None:
        raise RuntimeError("a worker was started without work")
    work, items = _work
    return work(items[place])
