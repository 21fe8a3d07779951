"""Which line of the user's code is running: the innermost frame that no library owns."""

import os
import sys
import sysconfig
from collections.abc import Iterable
from types import CodeType, FrameType
from typing import NamedTuple


class CallSite(NamedTuple):
    """Where something happens.

    ``path`` is absolute; ``library_line`` is ``"transformers/trainer.py:2412"``, the innermost line of an
    installed package beneath the user's line (of torch only where no other package takes part), or None
    where the user's line does it itself.
    """

    path: str
    line: int
    library_line: str | None = None


UNKNOWN = CallSite("", 0)
"""No Python frame is known, as for work that a library's own native thread does."""

_USER, _LIBRARY, _TORCH, _HIDDEN = range(4)  # whose code a frame runs; hidden: stdlib, generated, perfcheck


_PACKAGES = ("/site-packages/", "/dist-packages/")  # wherever they lie, with "/"


class CallSites:
    """Finds call sites; remembers for each code object whose it is, and each site.

    ``own``: files that count as the user's although they lie among installed packages (the script of
    ``perfcheck trace -m package.module``).
    """

    def __init__(self, own: Iterable[str] = ()) -> None:
        self._own = frozenset(os.path.realpath(path) for path in own)
        self._stdlib = os.path.realpath(sysconfig.get_path("stdlib")) + os.sep
        self._perfcheck = os.path.dirname(os.path.realpath(__file__)) + os.sep
        self._codes: dict[CodeType, tuple[int, str]] = {}  # whose; path, or path within packages
        self._sites: dict[tuple[str, int, str | None, int], CallSite] = {}

    def here(self, frame: FrameType | None = None) -> CallSite:
        """The call site of ``frame``, by default of the caller."""
        codes = self._codes
        frame = frame or sys._getframe(1)
        library: FrameType | None = None
        of_torch = False
        while frame is not None:
            code = frame.f_code
            whose, path = codes.get(code) or self._classify(code)
            if whose == _USER:
                return self._site(path, frame.f_lineno, library)
            if whose == _LIBRARY:
                if library is None or of_torch:
                    library, of_torch = frame, False
            elif whose == _TORCH and library is None:
                library, of_torch = frame, True
            frame = frame.f_back
        if library is None:
            return UNKNOWN
        return self._site(os.path.realpath(library.f_code.co_filename), library.f_lineno, library)

    def file(self, code: CodeType) -> str | None:
        """The absolute path of the user's file that the code stands in; None for a library's."""
        whose, path = self._codes.get(code) or self._classify(code)
        return path if whose == _USER else None

    def _site(self, path: str, line: int, library: FrameType | None) -> CallSite:
        inside = None if library is None else self._codes[library.f_code][1]
        key = (path, line, inside, 0 if library is None else library.f_lineno)
        site = self._sites.get(key)
        if site is None:
            site = CallSite(path, line, None if inside is None else f"{inside}:{key[3]}")
            self._sites[key] = site
        return site

    def _classify(self, code: CodeType) -> tuple[int, str]:
        found = self._codes[code] = self._owner(code.co_filename)
        return found

    def _owner(self, filename: str) -> tuple[int, str]:
        if filename.startswith("<") and not filename.startswith("<ipython-input"):
            return _HIDDEN, ""
        path = filename if filename.startswith("<") else os.path.realpath(filename)
        if path in self._own:
            return _USER, path
        if path.startswith(self._perfcheck):
            return _HIDDEN, ""
        plain = path.replace(os.sep, "/")
        for packages in _PACKAGES:
            _, found, inside = plain.rpartition(packages)
            if found:
                return (_TORCH if inside.startswith("torch/") else _LIBRARY), inside
        if path.startswith(self._stdlib):
            return _HIDDEN, ""
        return _USER, path
