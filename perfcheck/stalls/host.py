"""What the host's threads were doing: nesting, and for each event what it means to a device that waits."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from perfcheck.stalls.analysis import CAUSES, Cause, Site
from perfcheck.stalls.nesting import Nesting, nest
from perfcheck.timeline import NONE, Timeline
from perfcheck.timeline.names import (
    CALL_CODES,
    CODES,
    GPU_CODES,
    HOST_CODES,
    LOADER,
    STEP,
    call_kind,
    copy_kind,
    python_function,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perfcheck.stalls.analysis import Codes, Flags, Nanoseconds

CODE: Final[dict[Cause, int]] = {cause: code for code, cause in enumerate(CAUSES)}

_BLOCKING: Final = tuple(CODE[cause] for cause in ("host-sync", "blocking-copy", "pageable-copy"))

_ITEM: Final = "aten::_local_scalar_dense"
"""What reads one element: its copy is the means, and waiting the point."""

_ETERNITY: Final = np.iinfo(np.int64).max

_COLLECTIVE: Final = re.compile(r"nccl:|record_param_comms|c10d::")
_OWN: Final = re.compile(r"(^|/)torch/|torchinductor_|^<")
"""Paths of PyTorch itself, of code that it generates, and of what has no file."""


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """Disjoint stretches of time, sorted; ``event`` has the thread in each (-1: none), ``part`` is what it is
    a part of."""

    start: "Nanoseconds"
    end: "Nanoseconds"
    event: "Codes"
    part: "Codes"


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """Event ``innermost[k]`` has the thread from ``times[k]`` to ``times[k + 1]``; -1: none.

    The first time is that before all, the last that after all.
    """

    times: "Nanoseconds"
    innermost: "Codes"

    @classmethod
    def of(cls, nesting: Nesting, events: "Codes") -> "Track":
        """The track of events that were nested under the numbers of their places."""
        named = np.append(events, NONE)[nesting.innermost]  # -1: the last
        return cls(
            np.concatenate([[-_ETERNITY], nesting.times, [_ETERNITY]]),
            np.concatenate([[NONE], named]).astype(np.int32),
        )

    def within(self, start: "Nanoseconds", end: "Nanoseconds", part: "Codes") -> Segments:
        """What is innermost in each of the disjoint, sorted stretches ``[start, end)``."""
        bounds = self.times
        first = np.searchsorted(bounds, start, side="right") - 1
        counts = np.maximum(np.searchsorted(bounds, end, side="left") - first, 0)
        row = np.repeat(np.arange(len(start)), counts)
        at = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts) + first[row]
        starts = np.maximum(bounds[at], start[row])
        ends = np.minimum(bounds[at + 1], end[row])
        some = ends > starts
        return Segments(starts[some], ends[some], self.innermost[at[some]], part[row[some]])


class Host:
    """The host's events of a recording, by thread. An event is named by its place in :attr:`rows`."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        rows = np.flatnonzero(np.isin(timeline.category, HOST_CODES))
        rows = rows[np.argsort(timeline.thread[rows], kind="stable")]
        self.rows = rows
        self.start = timeline.start[rows]
        self.end = timeline.end[rows]
        self.name = timeline.name[rows]
        self.thread = timeline.thread[rows]
        self.category = timeline.category[rows]
        self.parent = np.full(len(rows), NONE, np.int32)
        self.tracks: dict[int, Track] = {}
        threads, firsts = np.unique(self.thread, return_index=True)
        for thread, first, last in zip(threads.tolist(), firsts, np.append(firsts[1:], len(rows))):
            nesting = nest(self.start[first:last], self.end[first:last])
            self.parent[first:last] = np.where(nesting.parent == NONE, NONE, nesting.parent + first)
            self.tracks[thread] = Track.of(nesting, np.arange(first, last))
        self.is_call = np.isin(self.category, CALL_CODES)
        self.is_operator = self.category == CODES["operator"]
        self.is_python = self.category == CODES["python"]
        self.kind = self._by_name(call_kind, self.is_call)  # of calls
        self.is_step = self.named(lambda name: name.startswith(STEP), self.category == CODES["annotation"])
        self._link()
        self._explain()

    def named(self, test: Callable[[str], bool], among: "Flags") -> "Flags":
        """Which of some events have a name that passes a test."""
        names = self.timeline.names
        codes = np.unique(self.name[among])
        passing = codes[[test(names[code]) for code in codes]]
        return among & np.isin(self.name, passing)

    def _by_name(self, function: Callable[[str], str], among: "Flags") -> "NDArray[np.str_]":
        """A word for each of some events, by their names; "" for the others."""
        result = np.full(len(self.rows), "", dtype="U12")
        codes, inverse = np.unique(self.name[among], return_inverse=True)
        if len(codes):
            result[among] = np.array([function(self.timeline.names[code]) for code in codes])[inverse]
        return result

    def nearest(self, own: "Flags") -> "Codes":
        """For each event the innermost of the marked ones that holds it, itself included; -1: none."""
        found = np.where(own, np.arange(len(own), dtype=np.int32), np.int32(NONE))
        up = self.parent
        while True:
            open_ = np.flatnonzero((found == NONE) & (up != NONE))
            if not len(open_):
                return found
            found[open_] = found[up[open_]]
            up = np.where(up == NONE, NONE, up[up])

    def _holding(self, events: "Codes") -> "Flags":
        """Which events are among the given ones, or hold one of them."""
        marked = np.zeros(len(self.rows), bool)
        while len(events):
            marked[events] = True
            events = np.unique(self.parent[events])
            events = events[events != NONE]
            events = events[~marked[events]]
        return marked

    def _link(self) -> None:
        """Join each GPU event to the call that launched it, by correlation."""
        timeline = self.timeline
        self.device_rows = np.flatnonzero(np.isin(timeline.category, GPU_CODES))
        calls = np.flatnonzero(self.is_call & (timeline.correlation[self.rows] >= 0))
        keys = timeline.correlation[self.rows[calls]]
        # Of several calls with one number, the last that makes work for the device.
        makes = np.isin(self.kind[calls], ("launch", "graph-launch", "copy"))
        order = np.lexsort((self.start[calls], makes, keys))
        calls, keys = calls[order], keys[order]
        wanted = timeline.correlation[self.device_rows]
        at = np.searchsorted(keys, wanted, side="right") - 1
        found = (at >= 0) & (wanted >= 0)
        found[found] = keys[at[found]] == wanted[found]
        self.launch = np.full(len(timeline), NONE, np.int32)  # by the timeline's rows: an event of the host
        self.launch[self.device_rows[found]] = calls[at[found]]

    def _explain(self) -> None:
        timeline = self.timeline
        count = len(self.rows)
        launched = self.launch[self.device_rows]
        self.launches = self._holding(np.unique(launched[launched != NONE]))
        self.operator = self.nearest(self.is_operator)
        annotation = (self.category == CODES["annotation"]) & ~self.is_step
        self.annotation = self.nearest(annotation)
        self.function = self.nearest(self.named(_is_own_function, self.is_python))
        self.stacked = self.nearest(timeline.stack[self.rows] != NONE)
        ranges = annotation | self.is_operator
        self.loader = self.nearest(self.named(lambda name: name.startswith(LOADER), ranges))
        collective = self.nearest(self.named(lambda name: _COLLECTIVE.search(name) is not None, ranges))
        self.waits = ~self.is_call & ~self.is_operator
        self.waits &= ~self.is_python | self.named(lambda name: "run_backward" in name, self.is_python)
        cause = np.full(count, NONE, np.int8)
        cause[collective != NONE] = CODE["collective-wait"]
        cause[self.loader != NONE] = CODE["data-loader"]
        for kind, named in (
            ("graph-launch", "graph-launch"),
            ("allocation", "allocation"),
            ("sync", "host-sync"),
        ):
            cause[self.kind == kind] = CODE[named]  # type: ignore[index]
        copies = np.flatnonzero(self.kind == "copy")
        self.copied = np.full(count, NONE, np.int64)
        """By call: the timeline's row of the copy that it, or the copy call before it, made; -1: none."""
        meant = self._copies(copies)
        cause[copies] = np.where(meant == NONE, cause[copies], meant)
        syncs = np.flatnonzero(self.kind == "sync")
        if len(copies) and len(syncs):  # of a copy, where both belong to one operator
            before = copies[np.maximum(np.searchsorted(copies, syncs) - 1, 0)]
            same = (
                (before < syncs) & (self.parent[before] == self.parent[syncs]) & (self.parent[syncs] != NONE)
            )
            same &= self.is_operator[self.parent[syncs]] & np.isin(cause[before], _BLOCKING)
            cause[syncs[same]] = cause[before[same]]
            self.copied[syncs[same]] = self.copied[before[same]]
        self.cause = cause
        """The cause (a code) that an event is as long as it is innermost; -1: that depends on the gap."""
        self.blocks = np.isin(self.kind, ("sync", "copy")) & np.isin(cause, _BLOCKING)
        """Calls in which the host is held until the device is done."""

    def _copies(self, calls: "Codes") -> "Codes":
        """What copy calls mean, by the copies that they made."""
        timeline = self.timeline
        done = self.device_rows[timeline.category[self.device_rows] == CODES["copy"]]
        done = done[self.launch[done] != NONE]
        self.copied[self.launch[done]] = done
        causes = np.full(len(calls), NONE, np.int8)
        rows = self.copied[calls]
        kinds = {code: copy_kind(timeline.names[code]) for code in np.unique(timeline.name[done]).tolist()}
        names = timeline.names
        for place, (call, row) in enumerate(zip(calls.tolist(), rows.tolist())):
            direction, memory = kinds[int(timeline.name[row])] if row != NONE else ("", "")
            if row == NONE:
                if "Async" not in names[self.name[call]]:
                    causes[place] = CODE["blocking-copy"]
            elif direction in ("HtoD", "DtoH"):
                operator = self.operator[call]
                if operator != NONE and names[self.name[operator]] == _ITEM:
                    causes[place] = CODE["host-sync"]
                elif memory == "pageable":
                    causes[place] = CODE["pageable-copy"]
                elif self.end[call] >= timeline.end[row]:
                    causes[place] = CODE["blocking-copy"]
        return causes

    def sites(self, events: "Codes", causes: "Codes") -> tuple[tuple[Site, ...], "Codes"]:
        """The sites of events (-1: none) as innermost ones under causes, and which of them each one has."""
        known = events != NONE
        event = np.where(known, events, 0)

        def code(holder: "Codes") -> "Codes":
            at = holder[event]
            return np.where(known & (at != NONE), self.name[at], NONE)

        if not len(self.rows):
            return (Site(),), np.zeros(len(events), np.int32)
        function = code(self.function)
        stacked = self.stacked[event]
        stack = np.where(
            known & (stacked != NONE) & (function == NONE), self.timeline.stack[self.rows[stacked]], NONE
        )
        framed = (function != NONE) | (stack != NONE)
        in_loader = causes == CODE["data-loader"]
        in_call = np.isin(causes, _CALLING)
        operator = code(self.operator)
        called = known & self.is_call[event] & (operator == NONE)
        operator = np.where(called, self.name[event], operator)
        operator[in_loader | (framed & ~in_call)] = NONE
        annotation = np.where(in_loader, code(self.loader), code(self.annotation))
        annotation[~in_loader & (framed | (operator != NONE))] = NONE
        # One number for each combination: of function and stack, and of operator and annotation, one is none.
        names, stacks = len(self.timeline.names), len(self.timeline.stacks)
        frame = np.where(function != NONE, function, np.where(stack != NONE, names + stack, names + stacks))
        ran = np.where(
            operator != NONE, operator, np.where(annotation != NONE, names + annotation, 2 * names)
        )
        keys = frame.astype(np.int64) * (2 * names + 1) + ran
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        columns = (column[first].tolist() for column in (function, stack, operator, annotation))
        known_sites: dict[Site, int] = {}
        merged = [known_sites.setdefault(self._site(*key), len(known_sites)) for key in zip(*columns)]
        return tuple(known_sites), np.array(merged, np.int32)[inverse]

    def _site(self, function: int, stack: int, operator: int, annotation: int) -> Site:
        names = self.timeline.names
        path, line, called = "", 0, ""
        if function != NONE:
            path, line, called = python_function(names[function])
        elif stack != NONE:
            path, line, called = self._own_frame(self.timeline.stacks[stack])
        return Site(
            path=path,
            line=line,
            line_kind=(
                "call" if self.timeline.calls or (function == NONE and self.timeline.legacy) else "definition"
            )
            if line
            else None,
            function=called,
            operator=names[operator] if operator != NONE else "",
            annotation=names[annotation] if annotation != NONE else "",
        )

    def _own_frame(self, stack: str) -> tuple[str, int, str]:
        """The innermost frame of a stack that is not PyTorch's own."""
        frames = (python_function(frame) for frame in stack.split(";") if frame)
        return next((frame for frame in frames if frame[0] and not _OWN.search(frame[0])), ("", 0, ""))

    def stack(self, event: int) -> tuple[str, ...]:
        """The names of what holds an event, outermost first, itself last."""
        names: list[str] = []
        while event != NONE:
            names.append(self.timeline.names[self.name[event]])
            event = int(self.parent[event])
        return tuple(reversed(names))


_CALLING: Final = tuple(
    CODE[cause]
    for cause in (
        "host-sync",
        "blocking-copy",
        "pageable-copy",
        "allocation",
        "collective-wait",
        "graph-launch",
        "host-operator",
    )
)
"""Causes for which the operator, or the call, says more than the function around it."""


def _is_own_function(name: str) -> bool:
    path, _, _ = python_function(name)
    return bool(path) and not _OWN.search(path)
