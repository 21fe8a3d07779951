"""Finding the configuration: the nearest perfcheck.toml, or pyproject.toml with ``[tool.perfcheck]``."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perfcheck.config.settings import ConfigError, Settings, fields_of
from perfcheck.source.content import content

CONFIG_NAMES = ("perfcheck.toml", "pyproject.toml")
_LARGEST = 4 << 20  # bytes; nobody writes more by hand


class Lookup:
    """The settings of each directory, found once.

    ``file`` replaces the search, ``isolated`` goes without any file, and ``overrides`` (fields of
    :class:`Settings`, from the command line) win over what a file says. ``ignore`` and ``extend_select``
    add to it, unless ``select`` begins anew.
    """

    def __init__(
        self,
        *,
        file: Path | None = None,
        isolated: bool = False,
        overrides: Mapping[str, Any] | None = None,
    ) -> None:
        self._overrides = dict(overrides or {})
        self._known: dict[str, Settings | None] = {}
        self._default: Settings | None = None
        self._search = file is None and not isolated
        if file is not None:
            self._default = self._overridden(_read_named(file))

    def settings(self, directory: str) -> Settings:
        """The settings for the files of an absolute directory. Raises :class:`ConfigError`."""
        found = self._nearest(directory) if self._search else None
        if found is None:
            if self._default is None:
                self._default = self._overridden(Settings(root=str(Path.cwd())))
            return self._default
        return found

    def _nearest(self, directory: str) -> Settings | None:
        climbed: list[str] = []
        found: Settings | None = None
        while directory not in self._known:
            climbed.append(directory)
            read = _read_directory(directory)
            if read is not None:
                found = self._overridden(read)
                break
            parent = os.path.dirname(directory)
            if parent == directory:
                break
            directory = parent
        else:
            found = self._known[directory]
        self._known.update(dict.fromkeys(climbed, found))
        return found

    def _overridden(self, settings: Settings) -> Settings:
        changes = dict(self._overrides)
        for name in ("ignore", "extend_select"):
            said = () if "select" in changes else getattr(settings, name)
            changes[name] = said + changes.get(name, ())
        return settings._replace(**changes)


def inline(assignment: str, root: str) -> dict[str, Any]:
    """The fields that ``KEY=VALUE`` of the command line sets, in TOML. Raises :class:`ConfigError`."""
    source = f"--config '{assignment}'"
    return fields_of(_parsed(assignment, source), root, source)


def _read_directory(directory: str) -> Settings | None:
    for name in CONFIG_NAMES:
        path = os.path.join(directory, name)
        if os.path.isfile(path):
            settings = _read(Path(path), required=name == "perfcheck.toml")
            if settings is not None:
                return settings
    return None


def _read_named(path: Path) -> Settings:
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such configuration file")
    settings = _read(Path(os.path.abspath(path)), required=path.name != "pyproject.toml")
    if settings is None:
        raise ConfigError(f"{path}: there is no [tool.perfcheck] in it")
    return settings


def _read(path: Path, *, required: bool) -> Settings | None:
    """A file's settings; None for a pyproject.toml that does not speak of perfcheck."""
    source = _shown_path(path)
    try:
        data = content(path, _LARGEST)
    except OSError as error:
        raise ConfigError(f"{source}: cannot be read: {error.strerror}") from None
    if not required and b"perfcheck" not in data:
        return None  # other tools' files are not ours to judge, and reading TOML takes a while
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{source}:{line}: not valid UTF-8; TOML must be") from None
    table = _parsed(text.replace("\r\n", "\n"), source)
    if path.name == "pyproject.toml":
        tools = table.get("tool", {})
        if not isinstance(tools, dict) or "perfcheck" not in tools:
            return None
        table = tools["perfcheck"]
        source = f"{source}: [tool.perfcheck]"
        if not isinstance(table, dict):
            raise ConfigError(f"{source} must be a table")
    root = str(path.parent)
    return Settings(root=root, source=_shown_path(path), **fields_of(table, root, source))


def _parsed(text: str, source: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        table: dict[str, Any] = tomllib.loads(text)
    except ValueError as error:
        raise ConfigError(f"{source}: not valid TOML: {error}") from None
    except RecursionError:
        raise ConfigError(f"{source}: not valid TOML: nested too deeply") from None
    return table


def _shown_path(path: Path) -> str:
    """As people would type it: relative to the working directory where below it."""
    try:
        return path.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.as_posix()
