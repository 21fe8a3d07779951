"""A baseline: the findings that a project has already, so that new ones stand out.

A place is recognized by rule, file, function and the text of its line, never by the line's number, so that a
baseline survives whatever happens elsewhere in the file. Each is kept with how often it occurs: the same line
once more in the same function is new. Of places that look alike, the later ones count as new.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from perfcheck.findings import Finding, Place
from perfcheck.source.content import content
from perfcheck.source.text import SourceFile, lines_of

VERSION: Final = 1

_LARGEST: Final = 64 << 20  # bytes


class BaselineError(Exception):
    """A baseline that cannot be read or written; the message names the file and the remedy."""


@dataclass(frozen=True, slots=True, order=True)
class Known:
    """What is recognized again."""

    path: str  # relative to the baseline's directory, with "/"
    rule: str
    function: str  # for people: the fingerprint holds it too
    fingerprint: str


Counts = Mapping[Known, int]


@dataclass(frozen=True, slots=True)
class Looked:
    """What a run of the linter looked at, and where the baseline lies that it is held against."""

    baseline: Path  # absolute
    sources: Mapping[str, SourceFile]  # by the path that findings name
    unread: frozenset[str]  # those in which nothing could be found

    def place_of(self, source: SourceFile) -> str:
        """A file as a baseline names it."""
        return os.path.relpath(source.path, self.baseline.parent).replace(os.sep, "/")

    def judges(self, counts: Counts) -> frozenset[Known]:
        """The entries that hold or have vanished: their files were looked at, or are gone."""
        looked_at = {
            self.place_of(source) for name, source in self.sources.items() if name not in self.unread
        }
        return frozenset(
            key
            for key in counts
            if key.path in looked_at or not os.path.lexists(self.baseline.parent / key.path)
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    new: tuple[Finding, ...]  # each at its new places alone
    known: int  # places that the baseline has
    vanished: Counts


def recorded(findings: Iterable[Finding], looked: Looked, before: Counts) -> Counts:
    """What a baseline is to hold; what it held ``before`` of other files stays."""
    judged = looked.judges(before)
    found = Counter(_known(finding, place, looked) for finding in findings for place in finding.all_places)
    return {**{key: count for key, count in before.items() if key not in judged}, **found}


def compared(findings: Iterable[Finding], looked: Looked, counts: Counts) -> Comparison:
    """What is new, and what has vanished."""
    left = Counter(counts)
    new: list[Finding] = []
    known = 0
    for finding in findings:
        open_places: list[Place] = []
        for place in finding.all_places:
            key = _known(finding, place, looked)
            if left[key] > 0:
                left[key] -= 1
                known += 1
            else:
                open_places.append(place)
        if open_places:
            new.append(finding.only_at(open_places))
    judged = looked.judges(counts)
    return Comparison(tuple(new), known, {key: left[key] for key in sorted(judged) if left[key]})


def pruned(counts: Counts, vanished: Counts) -> Counts:
    return {key: rest for key, count in counts.items() if (rest := count - vanished.get(key, 0))}


def _known(finding: Finding, place: Place, looked: Looked) -> Known:
    source = looked.sources[finding.path]
    path = looked.place_of(source)
    lines = lines_of(source, finding.cell)
    text = lines[place.line - 1].strip() if place.line <= len(lines) else ""
    mark = "\0".join((finding.rule, path, finding.function, text)).encode(errors="surrogatepass")
    return Known(path, finding.rule, finding.function, hashlib.sha256(mark).hexdigest()[:16])


def read(path: Path) -> Counts:
    """Raises :class:`BaselineError`."""
    try:
        text = content(path, _LARGEST).decode()
    except FileNotFoundError:
        raise BaselineError(
            f"{path}: there is no such baseline; perfcheck lint --write-baseline {path} makes it"
        ) from None
    except OSError as error:
        raise BaselineError(f"{path}: the baseline cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BaselineError(_damaged(path, "it is not UTF-8")) from None
    try:
        return _counts(json.loads(text), path)
    except (ValueError, RecursionError) as error:
        raise BaselineError(_damaged(path, str(error))) from None
    except (KeyError, TypeError, AttributeError):
        raise BaselineError(_damaged(path, "it is JSON of another shape")) from None


def _counts(document: Any, path: Path) -> Counts:
    version = document["version"]
    if version != VERSION:
        raise BaselineError(
            f"{path}: a baseline of version {version!r}, and this perfcheck reads version {VERSION}; "
            "write it anew, or use the perfcheck that wrote it"
        )
    counts: Counter[Known] = Counter()
    for row in document["baseline"]:
        key = Known(row["path"], row["rule"], row["function"], row["fingerprint"])
        count = row["count"]
        strings = all(isinstance(part, str) for part in (key.path, key.rule, key.function, key.fingerprint))
        if not strings or not isinstance(count, int) or count < 1:
            raise TypeError(row)
        counts[key] += count
    return counts


def _damaged(path: Path, reason: str) -> str:
    return (
        f"{path}: no baseline of perfcheck's, or a damaged one ({reason}); "
        "restore it, or remove it and write it anew"
    )


def write(counts: Counts, path: Path) -> None:
    """Sorted, an entry a line, whole or not at all. Raises :class:`BaselineError`."""
    rows = [
        json.dumps(
            {
                "path": key.path,
                "rule": key.rule,
                "function": key.function,
                "fingerprint": key.fingerprint,
                "count": counts[key],
            }
        )
        for key in sorted(counts)
    ]
    listed = ",".join("\n  " + row for row in rows)
    target = Path(os.path.realpath(path))  # where it is a link, the file behind it
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        beside.write_text(
            f'{{"version": {VERSION},\n "baseline": [{listed}]}}\n', encoding="utf-8", newline="\n"
        )
        if target.exists():
            beside.chmod(target.stat().st_mode & 0o7777)
        beside.replace(target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise BaselineError(f"{path}: the baseline cannot be written: {error.strerror}") from None
