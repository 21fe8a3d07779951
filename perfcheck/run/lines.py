"""Which lines of the user's files ran: what tells a prediction that was wrong from one that was not put to
the test.

Python 3.12 can be asked for each line once (PEP 669). Before, a trace function follows the functions of the
user's files until their calls have shown nothing new for a while.
"""

import sys
import threading
from collections.abc import Callable, Mapping
from types import CodeType, FrameType
from typing import Any

from perfcheck.callsite import CallSites

QUIET_CALLS = 50
"""A function in which so many calls in a row ran no new line is not followed any more."""

_TOOL = "perfcheck"


class ReachedLines:
    """Lines that ran, of files that are the user's. Gives way to a debugger or a coverage tool."""

    def __init__(self, sites: CallSites) -> None:
        self._sites = sites
        self._reached: dict[CodeType, set[int]] = {}
        self._quiet: dict[
            CodeType, int
        ] = {}  # calls without a new line; of codes that are not followed: QUIET_CALLS
        self._undo: Callable[[], None] = lambda: None

    def start(self) -> None:
        if sys.version_info >= (3, 12):
            self._monitor()
        elif sys.gettrace() is None:
            sys.settrace(self._called)
            threading.settrace(self._called)
            self._undo = self._untrace

    def stop(self) -> None:
        self._undo()
        self._undo = lambda: None

    def reached(self) -> Mapping[str, tuple[int, ...]]:
        """Absolute path -> its lines that ran, sorted."""
        files: dict[str, set[int]] = {}
        for code, lines in self._reached.copy().items():
            path = self._sites.file(code)
            if path is not None:
                files.setdefault(path, set()).update(lines)
        return {path: tuple(sorted(files[path])) for path in sorted(files)}

    def _untrace(self) -> None:
        if sys.gettrace() == self._called:
            sys.settrace(None)
            threading.settrace(None)

    def _called(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        code = frame.f_code
        quiet = self._quiet.get(code)
        if quiet is None:
            quiet = 0 if self._sites.file(code) else QUIET_CALLS
        if quiet >= QUIET_CALLS:
            self._quiet[code] = quiet
            return None
        self._quiet[code] = quiet + 1
        lines = self._reached.setdefault(code, set())

        def ran(frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
            if event == "line" and frame.f_lineno not in lines:
                lines.add(frame.f_lineno)
                self._quiet[code] = 0
            return ran

        return ran

    if sys.version_info >= (3, 12):

        def _monitor(self) -> None:
            monitoring = sys.monitoring
            tool = next((free for free in (3, 4) if monitoring.get_tool(free) is None), None)
            if tool is None:
                return

            def ran(code: CodeType, line: int) -> Any:
                if self._sites.file(code):
                    self._reached.setdefault(code, set()).add(line)
                return monitoring.DISABLE

            def undo() -> None:
                monitoring.set_events(tool, monitoring.events.NO_EVENTS)
                monitoring.free_tool_id(tool)

            monitoring.use_tool_id(tool, _TOOL)
            monitoring.register_callback(tool, monitoring.events.LINE, ran)
            monitoring.set_events(tool, monitoring.events.LINE)
            self._undo = undo
