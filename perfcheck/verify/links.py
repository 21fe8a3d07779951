"""Links of a copied project give way to copies before they are written through.

Python announces what it is about to open, make, rename and remove (PEP 578). What native code opens by itself
is announced by nobody; of that, ``torch.save`` is seen to, and for the rest the files behind the links are
looked at afterwards.
"""

import os
import shutil
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES: Final = ("os.truncate", "os.chmod", "os.chown", "os.utime", "os.setxattr")
_PLACES: Final = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink")
"""What makes or takes away an entry of a directory."""


class Links:
    """``copy`` is where the project was copied to, ``root`` where from; both real paths."""

    def __init__(self, copy: str, root: str) -> None:
        self.trespassed: set[str] = (
            set()
        )  # files of the project itself that are written to by their own paths
        self._copy = copy + os.sep
        self._root = root + os.sep
        self._busy = threading.local()

    def watch(self) -> None:
        """From now to the end of the process."""
        sys.addaudithook(self._announced)
        import torch

        original: Callable[..., Any] = torch.serialization._open_zipfile_writer

        def opened(file: Any) -> Any:
            if isinstance(file, (str, os.PathLike)):
                self._before("open", os.fspath(file), truncates=True)
            return original(file)

        torch.serialization._open_zipfile_writer = opened

    def _announced(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITING:
                self._before(event, path, truncates=bool(flags & os.O_TRUNC))
        elif event in _CHANGES:
            self._before(event, arguments[0])
        elif event in _PLACES:
            for path in arguments[:2]:
                self._before(event, path)
        elif event == "sqlite3.connect":
            self._before(event, arguments[0])

    def _before(self, event: str, path: Any, *, truncates: bool = False) -> None:
        if not isinstance(path, (str, bytes)) or getattr(self._busy, "now", False):
            return
        try:
            absolute = os.path.abspath(os.fsdecode(path))
        except OSError:
            return  # the working directory is gone, and Python will say so
        if not absolute.startswith((self._copy, self._root)):
            return
        self._busy.now = True
        try:
            if absolute.startswith(self._copy):
                self._unfold(absolute, leaf=event not in _PLACES, truncates=truncates)
            elif not absolute.startswith(sys.prefix + os.sep):  # not an environment within the project
                self.trespassed.add(absolute)
        finally:
            self._busy.now = False

    def _unfold(self, path: str, *, leaf: bool, truncates: bool) -> None:
        """Put copies in the place of links on the way to a path; ``leaf``: of the path itself, too."""
        here = self._copy.rstrip(os.sep)
        parts = path[len(self._copy) :].split(os.sep)
        for number, part in enumerate(parts, start=1):
            here = os.path.join(here, part)
            if not os.path.islink(here) or (number == len(parts) and not leaf):
                continue
            target = os.path.realpath(here)
            if target.startswith(self._copy):
                continue  # the project's own, from here to there in the copy
            os.unlink(here)
            if os.path.isdir(target):
                os.mkdir(here)
                for name in os.listdir(target):
                    os.symlink(os.path.join(target, name), os.path.join(here, name))
            elif os.path.exists(target) and not (truncates and number == len(parts)):
                shutil.copy2(target, here)
