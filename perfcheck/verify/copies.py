"""A copy of a project for a script to run in: what is small is copied, what is large is linked.

Nothing of gigabytes is copied, and a data set of a million files is one link. Before a script opens a link
for writing, :mod:`perfcheck.verify.links` puts a copy in its place.
"""

import os
import shutil
import stat
from collections import deque
from pathlib import Path
from typing import Final, NamedTuple

SOURCES: Final = (".py", ".pyi", ".ipynb", ".toml", ".cfg", ".ini", ".yaml", ".yml", ".json")
"""Always copied, unless they are larger than :data:`SMALL`: what a project says and how it is set."""

SMALL: Final = 8 << 20
"""Bytes of a file that is copied."""

MOST_BYTES: Final = 256 << 20
"""Bytes that are copied, sources apart; what comes after is linked."""

MANY: Final = 1000
"""Entries of a directory without sources that is linked as a whole."""

MOST_ENTRIES: Final = 20_000
"""Entries that are looked at; directories without sources that come after are linked as a whole."""

PREFIX: Final = "perfcheck-verify-"
"""Of the names of folders that copies are made in, which may lie in a project."""

LEFT_OUT: Final = frozenset(
    {
        ".bzr", ".git", ".hg", ".svn",
        ".direnv", ".eggs", ".nox", ".pyenv", ".tox", ".venv", "node_modules", "venv",
        ".ipynb_checkpoints", ".mypy_cache", ".perfcheck_cache", ".perfcheck_runs", ".pytest_cache",
        ".ruff_cache", "__pycache__",
    }
)  # fmt: skip
"""Version control, environments and caches; environments by other names are known by their pyvenv.cfg."""


class Copied(NamedTuple):
    """What became of a project; names relative to its root, with "/"."""

    files: int
    bytes: int
    linked: tuple[str, ...]


def copy(root: Path, to: Path) -> Copied:
    """Copy the project into a directory that is made; the nearest to the root comes first.

    Raises OSError where the copy cannot be written. What cannot be read is linked: the script is told so as
    ever.
    """
    copier = _Copier(root, to)
    to.mkdir(parents=True)
    while copier.pending:
        copier.directory(copier.pending.popleft())
    return Copied(copier.files, copier.bytes, tuple(sorted(copier.linked)))


class _Copier:
    def __init__(self, root: Path, to: Path) -> None:
        self.pending = deque([""])
        self.files = self.bytes = 0
        self.linked: list[str] = []
        self._root, self._to = str(root), str(to)
        self._entries = 0

    def directory(self, name: str) -> None:
        with os.scandir(os.path.join(self._root, name)) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
        self._entries += len(entries)
        for entry in entries:
            below = os.path.join(name, entry.name)
            if entry.name in LEFT_OUT or entry.name.startswith(PREFIX):
                continue
            if entry.is_symlink():
                self._symlink(entry, below)
            elif entry.is_dir():
                if os.path.lexists(os.path.join(entry.path, "pyvenv.cfg")):
                    continue
                if self._is_data(entry.path):
                    self._link(entry.path, below)
                else:
                    os.mkdir(os.path.join(self._to, below))
                    self.pending.append(below)
            elif entry.is_file():
                self._file(entry, below)

    def _is_data(self, path: str) -> bool:
        """Is a directory linked as a whole?"""
        try:
            with os.scandir(path) as scan:
                names = [entry.name for entry in scan]
        except OSError:
            return True
        if any(name.endswith(".py") for name in names):
            return False
        return len(names) > MANY or self._entries + len(names) > MOST_ENTRIES

    def _file(self, entry: "os.DirEntry[str]", name: str) -> None:
        size = entry.stat().st_size
        is_source = entry.name.endswith(SOURCES)
        if size > SMALL or (not is_source and self.bytes + size > MOST_BYTES):
            self._link(entry.path, name)
            return
        target = os.path.join(self._to, name)
        try:
            shutil.copy2(entry.path, target)
        except PermissionError:
            Path(target).unlink(missing_ok=True)
            self._link(entry.path, name)
            return
        self.files += 1
        self.bytes += 0 if is_source else size

    def _symlink(self, entry: "os.DirEntry[str]", name: str) -> None:
        """Within the project it leads to the copy; else to where it has always led."""
        real = os.path.realpath(entry.path)
        if real.startswith(os.path.realpath(self._root) + os.sep):
            inside = os.path.relpath(real, os.path.realpath(os.path.dirname(entry.path)))
            os.symlink(inside, os.path.join(self._to, name))
        else:
            self._link(real, name)

    def _link(self, path: str, name: str) -> None:
        os.symlink(path, os.path.join(self._to, name))
        self.linked.append(name.replace(os.sep, "/"))


def again(copied: Path, to: Path) -> None:
    """Copy a copy. Raises OSError."""
    shutil.copytree(copied, to, symlinks=True)


def written(tree: Path, original: Path) -> tuple[str, ...]:
    """Files of a tree that are not in the original copy, or are others there; relative, sorted, with "/"."""
    found: list[str] = []
    for directory, directories, files in os.walk(tree):
        directories[:] = [name for name in directories if name not in LEFT_OUT]
        below = os.path.relpath(directory, tree)
        for name in files:
            relative = os.path.normpath(os.path.join(below, name))
            if _differs(tree / relative, original / relative):
                found.append(relative.replace(os.sep, "/"))
    return tuple(sorted(found))


def _differs(one: Path, other: Path) -> bool:
    """By size and time of writing, which copies share with what they were made of."""
    if one.is_symlink() and other.is_symlink():
        return os.readlink(one) != os.readlink(other)
    try:
        now, before = one.stat(), os.lstat(other)
    except OSError:
        return stat.S_ISREG(one.lstat().st_mode)
    return (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns)
