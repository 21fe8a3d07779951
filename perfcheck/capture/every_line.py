"""Each line of the user's files as it runs, for the deep window: what gives every operator its line."""

import sys
import threading
import time
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, NamedTuple

from perfcheck.callsite import CallSites

_TOOL = "perfcheck lines"


class Line(NamedTuple):
    """A line begins, or is come back to, on the clock of :func:`time.time_ns`. Line 0: the user's code is
    left.
    """

    at_ns: int
    thread: int
    path: str
    line: int
    function: str


class EveryLine:
    """Logs lines between :meth:`start` and :meth:`stop`, about a microsecond each; a debugger or a
    coverage tool comes first, and then there are none.
    """

    def __init__(self, sites: CallSites) -> None:
        self.log: list[Line] = []
        self._sites = sites
        self._stop: Callable[[], None] = lambda: None

    def start(self) -> bool:
        """False where somebody else listens to lines."""
        if sys.version_info >= (3, 12):
            return self._monitor()
        before = sys.gettrace()
        if before is not None and not before.__module__.startswith("perfcheck."):
            return False
        sys.settrace(self._called)
        threading.settrace(self._called)
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:  # those that run already
            if self._sites.file(frame.f_code):
                frame.f_trace = self._local
            frame = frame.f_back

        def stop() -> None:
            sys.settrace(before)
            threading.settrace(before)

        self._stop = stop
        return True

    def stop(self) -> None:
        self._stop()
        self._stop = lambda: None

    def _add(self, code: CodeType, path: str, line: int) -> None:
        self.log.append(Line(time.time_ns(), threading.get_native_id(), path, line, code.co_name))

    def _called(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        return self._local if self._sites.file(frame.f_code) else None

    def _local(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        path = self._sites.file(frame.f_code)
        if path is not None and event == "line":
            self._add(frame.f_code, path, frame.f_lineno)
        elif event == "return":
            self._returned(frame.f_back)
        return self._local

    def _returned(self, frame: FrameType | None) -> None:
        """The line of the caller goes on."""
        while frame is not None:
            path = self._sites.file(frame.f_code)
            if path is not None:
                self._add(frame.f_code, path, frame.f_lineno)
                return
            frame = frame.f_back

    if sys.version_info >= (3, 12):

        def _monitor(self) -> bool:
            monitoring = sys.monitoring
            tool = next((free for free in (3, 4, 5) if monitoring.get_tool(free) is None), None)
            if tool is None:
                return False
            events = monitoring.events

            def line(code: CodeType, number: int) -> Any:
                path = self._sites.file(code)
                if path is None:
                    return monitoring.DISABLE
                self._add(code, path, number)
                return None

            def left(code: CodeType, *_: object) -> Any:
                if self._sites.file(code) is None:
                    return monitoring.DISABLE
                self._returned(sys._getframe(1).f_back)
                return None

            def unwound(code: CodeType, *_: object) -> Any:  # cannot be disabled
                if self._sites.file(code) is not None:
                    self._returned(sys._getframe(1).f_back)

            def stop() -> None:
                monitoring.set_events(tool, events.NO_EVENTS)
                monitoring.free_tool_id(tool)

            monitoring.use_tool_id(tool, _TOOL)
            monitoring.register_callback(tool, events.LINE, line)
            monitoring.register_callback(tool, events.PY_RETURN, left)
            monitoring.register_callback(tool, events.PY_YIELD, left)
            monitoring.register_callback(tool, events.PY_UNWIND, unwound)
            monitoring.set_events(tool, events.LINE | events.PY_RETURN | events.PY_YIELD | events.PY_UNWIND)
            self._stop = stop
            return True
