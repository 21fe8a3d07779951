"""From paths to files: which files are linted, and which project they belong to."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from perfcheck.findings import LintError
from perfcheck.source.content import content
from perfcheck.source.gitignore import Patterns

SUFFIXES = (".py", ".ipynb")

PROJECT_MARKERS = ("pyproject.toml", "setup.py", "setup.cfg", "perfcheck.toml", ".git")

NOT_SOURCE: tuple[str, ...] = (
    ".bzr",
    ".direnv",
    ".eggs",
    ".git",
    ".hg",
    ".ipynb_checkpoints",
    ".mypy_cache",
    ".nox",
    ".perfcheck_cache",
    ".pyenv",
    ".pytest_cache",
    ".ruff_cache",
    ".svn",
    ".tox",
    ".venv",
    "__pycache__",
    "__pypackages__",
    "_build",
    "build",
    "dist",
    "node_modules",
    "site-packages",
    "venv",
)
"""Directories that hold no source of the project they lie in."""

_INSTALLED = ("site-packages", "dist-packages")


class Exclusion(NamedTuple):
    """Patterns about paths relative to ``root``; ``named``: also about files that are named one by one."""

    root: str
    patterns: Patterns
    named: bool = False


class Filter(NamedTuple):
    """What is left out below a directory."""

    exclusions: tuple[Exclusion, ...]
    respect_gitignore: bool = True

    def excludes(self, path: str, is_directory: bool) -> bool:
        return any(
            exclusion.patterns.verdict(_below(path, exclusion.root), is_directory)
            for exclusion in self.exclusions
        )

    def excludes_named(self, path: str) -> bool:
        """Is a file left out although somebody named it?"""
        return any(
            exclusion.named and exclusion.patterns.covers(_below(path, exclusion.root))
            for exclusion in self.exclusions
        )


class Found(NamedTuple):
    files: list[str]  # absolute, sorted, each once
    errors: list[LintError]


def shown(path: str, directory: str) -> str:
    """A path as it is reported: relative to the directory where below it, always with "/" and printable."""
    if path.startswith(directory.rstrip(os.sep) + os.sep):
        path = path[len(directory.rstrip(os.sep)) + 1 :]
    return path.replace(os.sep, "/").encode("utf-8", "backslashreplace").decode()


def discover(paths: Sequence[str], filter_of: Callable[[str], Filter], directory: str) -> Found:
    """The Python files and notebooks at and below the paths (absolute).

    ``filter_of`` tells what is left out in a directory; ``directory`` is what names in errors are relative
    to. A file that is named is taken whatever its suffix. Raises ``FileNotFoundError`` for a path that
    does not exist.
    """
    files: set[str] = set()
    errors: list[LintError] = []

    def report(path: str, problem: str) -> None:
        errors.append(LintError(shown(path, directory), 1, problem))

    for path in paths:
        try:
            mode = os.stat(path).st_mode
        except ValueError:
            raise FileNotFoundError(shown(path, directory)) from None
        except OSError as error:
            if not os.path.lexists(path):
                raise FileNotFoundError(shown(path, directory)) from None
            report(path, f"cannot be read: {error.strerror}")
            continue
        if stat.S_ISDIR(mode):
            files.update(_walk(path, filter_of, report))
        elif not stat.S_ISREG(mode):
            report(path, "not a regular file")
        elif not filter_of(os.path.dirname(path)).excludes_named(path):
            files.add(path)
    return Found(sorted(files), errors)


class _Ignored(NamedTuple):
    """A .gitignore file, and the directory it lies in."""

    directory: str
    patterns: Patterns


def _walk(
    start: str, filter_of: Callable[[str], Filter], report: Callable[[str, str], None] | None
) -> Iterator[str]:
    """Files below a directory. Symbolic links to directories are not followed, so there are no loops."""
    pending: list[tuple[str, tuple[_Ignored, ...]]] = [(start, _inherited(start))]
    while pending:
        directory, ignored = pending.pop()
        try:
            with os.scandir(directory) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            if report is not None:
                report(directory, f"cannot be read: {error.strerror}")
            continue
        names = {entry.name for entry in entries}
        if "pyvenv.cfg" in names and directory != start:
            continue  # a virtual environment by another name
        if ".gitignore" in names:
            ignored = (*ignored, *_gitignore(directory, ".gitignore"))
        rules = filter_of(directory)
        for entry in entries:
            name = entry.name
            is_directory = entry.is_dir(follow_symlinks=False)
            if not is_directory and (not name.endswith(SUFFIXES) or name.startswith(".#")):
                continue  # ".#x.py" is an editor's lock, a link to nowhere
            if rules.excludes(entry.path, is_directory):
                continue
            if rules.respect_gitignore and _is_ignored(entry.path, is_directory, ignored):
                continue
            if is_directory:
                pending.append((entry.path, ignored))
                continue
            problem = _problem(entry)
            if problem is None:
                yield entry.path
            elif report is not None and problem:
                report(entry.path, problem)


def _problem(entry: "os.DirEntry[str]") -> str | None:
    """Why an entry that is no directory is no file either; "" for a link to a directory."""
    try:
        if entry.is_file():
            return None
        if entry.is_dir():
            return ""
        mode = os.stat(entry.path).st_mode
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return "not a regular file" if not stat.S_ISREG(mode) else None


def _is_ignored(path: str, is_directory: bool, ignored: Sequence[_Ignored]) -> bool:
    for directory, patterns in reversed(ignored):
        verdict = patterns.verdict(_below(path, directory), is_directory)
        if verdict is not None:
            return verdict
    return False


def _inherited(start: str) -> tuple[_Ignored, ...]:
    """The .gitignore files above a directory, up to the root of its repository."""
    found: list[_Ignored] = []
    directory = start
    while not os.path.exists(os.path.join(directory, ".git")):
        parent = os.path.dirname(directory)
        if parent == directory:
            return ()  # in no repository
        directory = parent
        found[:0] = _gitignore(directory, ".gitignore")
    return (*_gitignore(directory, ".git/info/exclude"), *found)


_LARGEST_LIST = 4 << 20  # bytes of patterns


def _gitignore(directory: str, name: str) -> tuple[_Ignored, ...]:
    try:
        listed = content(os.path.join(directory, name), _LARGEST_LIST)
    except OSError:
        return ()  # git too goes on without
    patterns = Patterns(listed.decode(errors="surrogateescape").split("\n"))
    return (_Ignored(directory, patterns),) if patterns else ()


def _below(path: str, directory: str) -> str:
    """The path relative to a directory above it, with "/"; its last parts where it is not below."""
    if path.startswith(directory) and path != directory:
        path = path[len(directory) :]
    return path.replace(os.sep, "/").lstrip("/")


def project_root(path: Path) -> Path:
    """The directory of the project that a file or directory (absolute) belongs to.

    The nearest ancestor with a project's marker; else the working directory, if it is above and no larger
    than a project; else the parent of the topmost package around it; else its own directory. Installed
    packages have the directory that they are installed in.
    """
    return Path(_root_of(str(path if path.is_dir() else path.parent), os.getcwd()))


@cache
def _root_of(start: str, working: str) -> str:
    directory, above_packages = start, start
    while True:
        if os.path.basename(directory) in _INSTALLED or is_project(directory):
            return directory
        parent = os.path.dirname(directory)
        if os.path.isfile(os.path.join(directory, "__init__.py")):
            above_packages = parent  # folders in between need not be packages themselves
        if parent == directory:
            break
        directory = parent
    if (start + os.sep).startswith(working + os.sep) and _is_like_a_project(working):
        return working
    return above_packages


def is_project(directory: str) -> bool:
    """Does the directory bear a mark of being a project's root?"""
    return any(os.path.exists(os.path.join(directory, marker)) for marker in PROJECT_MARKERS)


_LARGEST = 1000  # Python files, or directories, of a project that nothing marks as one


@cache
def _is_like_a_project(directory: str) -> bool:
    """May a working directory that bears no mark be one? A checkout without its history, say, and no home."""
    if directory == os.path.expanduser("~"):
        return False
    files = 0
    for seen, (path, directories, names) in enumerate(os.walk(directory)):
        if path == directory and any(name.endswith(".dist-info") for name in directories):
            return False  # packages are installed there
        directories[:] = [name for name in directories if name not in NOT_SOURCE]
        files += sum(name.endswith(".py") for name in names)
        if max(seen, files) > _LARGEST:
            return False
    return True


def python_files(root: Path, targets: Iterable[Path] = ()) -> list[Path]:
    """The Python files of a project (absolute, sorted), without what git ignores or others installed.

    Where the root bears no project's marker and is not worked in, as a directory of installed packages, only
    those of its packages are read that hold the ``targets``. What cannot be read is left out.
    """
    start = str(root)
    starts = [start]
    if not is_project(start) and not (start == os.getcwd() and _is_like_a_project(start)):
        starts = sorted({os.path.join(start, _below(str(target), start).split("/")[0]) for target in targets})
    everywhere = Filter((Exclusion(start, Patterns(NOT_SOURCE)),))
    found: set[str] = set()
    for path in starts:
        if os.path.isdir(path):
            found.update(_walk(path, lambda directory: everywhere, None))
        elif os.path.isfile(path):
            found.add(path)
    return [Path(path) for path in sorted(found) if path.endswith(".py")]
