"""Patterns as written in .gitignore files.

Plain names and suffixes, which most patterns are, are looked up instead of matched: a tree of ten thousand
entries is filtered in milliseconds, and nothing is imported that a run on one file would have to pay for.
"""

import re
from collections.abc import Iterable, Sequence
from fnmatch import translate
from functools import lru_cache
from typing import NamedTuple

_WILD = re.compile(r"[*?[\\]")

Component = str | re.Pattern[str] | None
"""One part of a path: itself, a pattern, or None for any number of parts (``**``)."""


class _Rule(NamedTuple):
    negated: bool
    directories_only: bool


class Patterns:
    """The patterns of one file, in their order: the last one that matches decides."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._rules: list[_Rule] = []
        self._names: dict[str, list[int]] = {}
        self._suffixes: list[tuple[str, int]] = []
        self._paths: dict[str, list[int]] = {}
        self._globs: list[tuple[str, bool, int]] = []  # on the whole path if anchored, else on the name
        for line in lines:
            self._add(line)

    def _add(self, line: str) -> None:
        pattern = _stripped(line)
        if not pattern or pattern.startswith("#"):
            return
        negated = pattern.startswith("!")
        pattern = pattern[negated:]
        directories_only = pattern.endswith("/")
        pattern = pattern.rstrip("/") if directories_only else pattern
        anchored = "/" in pattern
        pattern = pattern.removeprefix("/")
        if pattern.startswith("**/") and pattern.count("/") == 1:
            anchored, pattern = False, pattern[3:]
        if not pattern:
            return
        index = len(self._rules)
        self._rules.append(_Rule(negated, directories_only))
        if not _WILD.search(pattern):
            (self._paths if anchored else self._names).setdefault(pattern, []).append(index)
        elif not anchored and pattern[0] == "*" and not _WILD.search(pattern, 1):
            self._suffixes.append((pattern[1:], index))
        else:
            self._globs.append((pattern, anchored, index))

    def __bool__(self) -> bool:
        return bool(self._rules)

    def verdict(self, path: str, is_directory: bool) -> bool | None:
        """Is the entry at the path (relative, with "/") ignored? None where no pattern speaks of it."""
        name = path[path.rfind("/") + 1 :]
        matching = [*self._names.get(name, ()), *self._paths.get(path, ())]
        matching += [index for suffix, index in self._suffixes if name.endswith(suffix)]
        for glob, anchored, index in self._globs:
            if _components_match(_components(glob), path.split("/") if anchored else [name]):
                matching.append(index)
        for index in sorted(matching, reverse=True):
            rule = self._rules[index]
            if is_directory or not rule.directories_only:
                return not rule.negated
        return None

    def covers(self, path: str) -> bool:
        """Is the file at the path ignored, itself or by a directory above it?"""
        parts = path.split("/")
        directories = ("/".join(parts[:count]) for count in range(1, len(parts)))
        return any(self.verdict(directory, True) for directory in directories) or bool(
            self.verdict(path, False)
        )


def _stripped(line: str) -> str:
    """Without the end of line and spaces after the pattern, unless these are escaped."""
    line = line.rstrip("\r\n")
    bare = line.rstrip(" ")
    escapes = len(bare) - len(bare.rstrip("\\"))
    return bare + " " if escapes % 2 and len(bare) < len(line) else bare


@lru_cache(maxsize=4096)
def _components(glob: str) -> tuple[Component, ...]:
    parts = glob.split("/")
    found: list[Component] = [None if part == "**" else _component(part) for part in parts]
    if found[-1] is None:
        found.append(_component("*"))  # "a/**" is what lies in a, not a itself
    return tuple(found)


def _component(part: str) -> Component:
    if not _WILD.search(part):
        return part
    # fnmatch's expressions do not backtrack from star to star, so that no pattern takes long
    part = re.sub(r"\\(.)", lambda escaped: f"[{escaped[1]}]" if escaped[1] in "*?[" else escaped[1], part)
    try:
        return re.compile(translate(part.replace("[^", "[!")))
    except re.error:
        return re.compile(r"(?!)")  # git too lets a broken range match nothing


def _components_match(components: Sequence[Component], parts: Sequence[str]) -> bool:
    """Match part by part; on a mismatch the last ``**`` takes one part more."""
    at = part = 0
    retry: tuple[int, int] | None = None
    while part < len(parts):
        if at < len(components):
            component = components[at]
            if component is None:
                retry = (at, part)
                at += 1
                continue
            if component == parts[part] if isinstance(component, str) else component.match(parts[part]):
                at += 1
                part += 1
                continue
        if retry is None:
            return False
        at, part = retry[0] + 1, retry[1] + 1
        retry = (retry[0], part)
    return all(component is None for component in components[at:])
