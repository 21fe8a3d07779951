"""What calls what: the nesting of a thread's events, and which is innermost at each time."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from perfcheck.stalls.analysis import Codes, Nanoseconds


@dataclass(frozen=True, slots=True, eq=False)
class Nesting:
    """The events of one thread. From ``times[k]`` on, until ``times[k + 1]``, event ``innermost[k]`` has
    the thread.

    Events are named by their place in the arrays given; -1: none. ``times`` do not decrease.
    """

    parent: "Codes"
    times: "Nanoseconds"
    innermost: "Codes"


def nest(start: "Nanoseconds", end: "Nanoseconds") -> Nesting:
    """The nesting of a thread's events, sorted by start, longest first.

    An event that outlasts the one that it began in, as rounded clocks make them, is cut to that one's end.
    """
    parent: list[int] = []
    times: list[int] = []
    innermost: list[int] = []
    open_: list[int] = [-1]
    ends: list[int] = [(1 << 63) - 1]
    for event, (begin, finish) in enumerate(zip(start.tolist(), end.tolist())):
        while ends[-1] <= begin:
            times.append(ends.pop())
            open_.pop()
            innermost.append(open_[-1])
        parent.append(open_[-1])
        times.append(begin)
        innermost.append(event)
        open_.append(event)
        ends.append(min(finish, ends[-1]))
    while len(ends) > 1:
        times.append(ends.pop())
        open_.pop()
        innermost.append(open_[-1])
    return Nesting(np.array(parent, np.int32), np.array(times, np.int64), np.array(innermost, np.int32))
