"""What is done when a process ends, however it ends, as long as it can be done at all."""

import atexit
import os
import sys
import threading
from collections.abc import Callable
from typing import NoReturn


class Ending:
    """Calls ``last`` once, in this process alone, after everything the script does at its end.

    That is after its threads and after functions registered with ``atexit``, if it is made before they are
    (before torch is imported: the joining of child processes is such a function); or where the script calls
    ``os._exit``. A signal that kills leaves no time for it.
    """

    def __init__(self) -> None:
        self.last: Callable[[], int] = lambda: 0
        self._process = os.getpid()
        self._code: int | None = None
        self._exit = os._exit
        atexit.register(self._come)
        os._exit = self._leave

    def of_this_process(self) -> None:
        """A forked child has an end of its own."""
        self._process, self._code = os.getpid(), None

    def of_success(self) -> int:
        """End a script that has succeeded; the exit code that ``last`` wants.

        Does what the interpreter is about to do, in its order, so that the report comes after all output and
        can still decide the exit code.
        """
        if os.getpid() == self._process:
            threading._shutdown()  # type: ignore[attr-defined]  # as multiprocessing does it
            atexit._run_exitfuncs()
        return self._code or 0

    def _come(self) -> None:
        if self._code is None and os.getpid() == self._process:
            for stream in (sys.stdout, sys.stderr):  # what the script printed stands before what we print
                try:
                    stream.flush()
                except (AttributeError, OSError, ValueError):
                    pass  # replaced, closed or gone; python will try once more and complain
            self._finish()

    def _leave(self, status: int) -> NoReturn:
        try:
            if self._code is None and os.getpid() == self._process:
                self._finish()  # without flushing: os._exit does not
        finally:
            self._exit(status)

    def _finish(self) -> None:
        self._code = 0  # not again, should it fail
        self._code = self.last()


def say(message: str) -> None:
    """Tell people, past whatever the script has put in the place of ``sys.stderr``."""
    try:
        os.write(2, f"perfcheck: {message}\n".encode(errors="backslashreplace"))
    except OSError:
        pass  # closed: nobody listens
