"""The same function over many items, in forked processes where that pays and can be done.

Each process goes through a stretch of its own, so that neighbours, which ask for the same things, fall to the
same one; whoever is done takes from the end of what is left to others.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class WorkerKilled(Exception):
    """A process of ours was ended from outside: what it was at is lost."""


class _Work(NamedTuple):
    """What the forked workers run, and on what: only places and results need to be pickled."""

    work: Callable[[Any], Any]
    items: Sequence[Any]
    chunk: int
    begins: Any  # shared by all: where each worker's stretch of chunks begins,
    ends: Any  # and where it ends
    begun: Any  # how many workers are


_work: _Work | None = None
_own: int | None = None  # the number of this worker, and of its stretch


def worker() -> int | None:
    """The number of this process among the workers; None if it is none."""
    return _own


def mapped(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    jobs: int,
    chunk: int,
    forking: Callable[[int], None] = lambda processes: None,
) -> Iterator[tuple[int, Result]]:
    """The items' places and ``work`` of each, as they become known. ``chunk``: how many are taken at once.
    ``forking`` is called before so many processes are forked.

    Raises what ``work`` does, and :class:`WorkerKilled`.
    """
    global _work
    if jobs < 2 or len(items) < 2 * chunk or not hasattr(os, "fork") or sys.platform == "darwin":
        yield from enumerate(map(work, items))
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool

    context = multiprocessing.get_context("fork")
    chunks = -(-len(items) // chunk)
    cuts = [chunks * worker // jobs for worker in range(jobs + 1)]
    begins, ends = context.Array("l", cuts[:-1]), context.Array("l", cuts[1:])
    _work = _Work(work, items, chunk, begins, ends, context.Value("l", 0))
    forking(jobs)
    gc.freeze()  # what is shared stays shared
    pool = ProcessPoolExecutor(jobs, context, _begin)
    try:
        for done in as_completed({pool.submit(_run) for _ in range(chunks)}):
            first, results = done.result()
            yield from enumerate(results, first)
    except BrokenProcessPool:
        raise WorkerKilled(
            "a worker process was killed, perhaps by the system for lack of memory: try --jobs 1"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)
        _work = None
        gc.unfreeze()


def _here() -> _Work:
    if _work is None:
        raise RuntimeError("a worker was started without work")
    return _work


def _begin() -> None:
    import signal

    global _own
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the parent's to handle
    begun = _here().begun
    with begun.get_lock():
        _own, begun.value = begun.value, begun.value + 1


def _run() -> tuple[int, list[Any]]:
    """One chunk more, whichever; there are as many tasks as chunks."""
    work, items, chunk, begins, ends, _ = _here()
    with begins.get_lock():
        left = [end - begin for begin, end in zip(begins, ends)]
        own = worker() or 0
        if left[own]:
            first = begins[own] * chunk
            begins[own] += 1
        else:
            richest = left.index(max(left))
            ends[richest] -= 1
            first = ends[richest] * chunk
    return first, [work(item) for item in items[first : first + chunk]]
