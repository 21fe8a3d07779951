"""The settings, their keys and types."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple, get_args

from perfcheck.config.budgets import Budget, budgets
from perfcheck.findings import Confidence, Severity
from perfcheck.source.files import NOT_SOURCE

OutputFormat = Literal["text", "concise", "json", "github", "gitlab", "sarif", "junit"]

TIERS: tuple[Confidence, ...] = get_args(Confidence)
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
OUTPUT_FORMATS: tuple[OutputFormat, ...] = get_args(OutputFormat)

MOST_JOBS = 1024


class ConfigError(Exception):
    """A configuration that cannot be used; the message names the file, the key and the remedy."""


class Settings(NamedTuple):
    """One project's wishes. A field is the key of the same name, with ``_`` for ``-``.

    Paths are absolute; patterns are written as in a .gitignore file that lies in ``root``.
    """

    root: str  # the directory that the configuration speaks of
    source: str | None = None  # the file it comes from
    select: tuple[str, ...] = ("ALL",)
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    tier: Confidence = "medium"  # the least certain rules that are shown
    severity: Severity = "info"  # the mildest rules that are shown
    exclude: tuple[str, ...] = NOT_SOURCE
    extend_exclude: tuple[str, ...] = ()
    force_exclude: bool = False  # leave out excluded files even when they are named one by one
    respect_gitignore: bool = True
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    rules: tuple[str, ...] = ()  # the project's own rule pages, or folders of them
    sync_allowed: tuple[str, ...] = ()  # wrappers and contexts in which waiting is wanted
    torch_version: str | None = None  # the oldest torch that the project supports
    cache_dir: str | None = None
    jobs: int | None = None  # none: as many as there are processors
    output_format: OutputFormat = "text"
    baseline: str | None = None  # findings that the project has already
    budget: tuple[Budget, ...] = ()  # what a step of a script may cost

    @property
    def excludes(self) -> tuple[str, ...]:
        return self.exclude + self.extend_exclude


Convert = Callable[[Any, str], object]
"""A TOML value and the directory it speaks of -> the field; raises ``ValueError`` with what is expected."""


def _is_strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _strings(value: Any, root: str) -> tuple[str, ...]:
    if not _is_strings(value):
        raise ValueError("a list of strings")
    return tuple(value)


def _flag(value: Any, root: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _jobs(value: Any, root: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST_JOBS:
        raise ValueError(f"a whole number from 1 to {MOST_JOBS}")
    return value


def _choice(choices: tuple[str, ...]) -> Convert:
    def convert(value: Any, root: str) -> str:
        if value not in choices:
            raise ValueError("one of " + ", ".join(f'"{choice}"' for choice in choices))
        return str(value)

    return convert


def _path(value: Any, root: str) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("a path")
    return os.path.normpath(os.path.join(root, os.path.expanduser(value)))


def _paths(value: Any, root: str) -> tuple[str, ...]:
    if not _is_strings(value):
        raise ValueError("a list of paths")
    return tuple(_path(item, root) for item in value)


def _version(value: Any, root: str) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"\d+(\.\d+){1,2}", value):
        raise ValueError('a version such as "2.4"')
    return value


def _per_file_ignores(value: Any, root: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not isinstance(value, dict) or not all(_is_strings(codes) for codes in value.values()):
        raise ValueError('a table from patterns to lists of rules, such as {"tests/*" = ["PC101"]}')
    return tuple((pattern, tuple(codes)) for pattern, codes in value.items())


KEYS: Mapping[str, Convert] = {
    "select": _strings,
    "ignore": _strings,
    "extend-select": _strings,
    "tier": _choice(TIERS),
    "severity": _choice(SEVERITIES),
    "exclude": _strings,
    "extend-exclude": _strings,
    "force-exclude": _flag,
    "respect-gitignore": _flag,
    "per-file-ignores": _per_file_ignores,
    "rules": _paths,
    "sync-allowed": _strings,
    "torch-version": _version,
    "cache-dir": _path,
    "jobs": _jobs,
    "output-format": _choice(OUTPUT_FORMATS),
    "baseline": _path,
    "budget": budgets,
}


def fields_of(table: Mapping[str, object], root: str, source: str) -> dict[str, Any]:
    """The fields of :class:`Settings` that a table of keys sets.

    ``source`` names the table in messages. Raises :class:`ConfigError`, which tells all that is wrong.
    """
    found: dict[str, Any] = {}
    wrong: list[str] = []
    for key, value in table.items():
        convert = KEYS.get(key)
        if convert is None:
            wrong.append(f"{source}: unknown key {_quoted(key)}{_suggestion(key, KEYS)}")
            continue
        try:
            found[key.replace("-", "_")] = convert(value, root)
        except ValueError as expected:
            wrong.append(f"{source}: {key} must be {expected}, not {_shown(value)}")
    if wrong:
        raise ConfigError("\n".join(wrong))
    return found


def _suggestion(word: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(word.replace("_", "-").lower(), list(known), n=1)
    if close:
        return f'; did you mean "{close[0]}"?'
    return "; the keys are " + ", ".join(known)


def _shown(value: object) -> str:
    """A TOML value as people write it, shortened, without control characters."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) > 10**18:
        return "a huge number"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        items = ["a list" if isinstance(item, list) else _shown(item) for item in value[:3]]
        return "[" + ", ".join(items + ["..."] * (len(value) > 3)) + "]"
    text = _quoted(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _quoted(text: str) -> str:
    return f'"{repr(text)[1:-1]}"'


def as_toml(settings: Settings) -> str:
    """All keys with their values, as they would stand in perfcheck.toml; comments tell what is not set."""
    lines = []
    for name, value in settings._asdict().items():
        key = name.replace("_", "-")
        if key not in KEYS:
            continue
        if value is None:
            lines.append(f"# {key} is not set")
        elif key == "per-file-ignores":
            value = "{" + ", ".join(f"{_toml(glob)} = {_toml(codes)}" for glob, codes in value) + "}"
            lines.append(f"{key} = {value}")
        elif key == "budget":
            lines += [f"{key}.{_toml(budget.command)} = {_inline_table(budget)}" for budget in value]
        else:
            lines.append(f"{key} = {_toml(value)}")
    return "\n".join(lines) + "\n"


def _inline_table(budget: Budget) -> str:
    limits = (*budget.limits, *(() if budget.steps is None else (("steps", budget.steps),)))
    return "{" + ", ".join(f"{name} = {_toml(limit)}" for name, limit in limits) + "}"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, int | float):
        return str(value)
    import json

    # A JSON string is a TOML basic string, but for DEL.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
