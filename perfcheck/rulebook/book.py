"""All rules: the built-in pages and those of a project."""

import os
import pickle
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

from perfcheck.rulebook.packed import unpack
from perfcheck.rulebook.page import BadPages, PageError, parse_page
from perfcheck.rulebook.rule import Rule
from perfcheck.source.content import Unfit, content


class Store(Protocol):
    """Bytes by key, kept between runs; what comes back is what was put, or None."""

    def get(self, key: str) -> bytes | None: ...

    def put(self, key: str, data: bytes) -> None: ...


LARGEST: Final = 1 << 20
"""Bytes in a page; a configuration may name anything, a device or a disk image too."""

MOST: Final = 1000
"""Pages, or folders with pages, of a project."""

_PACKAGE: Final = Path(__file__).resolve().parent.parent


def built_in_pages() -> Path:
    """The folder of the pages that come with perfcheck: in the package, or beside it in a checkout."""
    installed = _PACKAGE / "rules"
    return installed if installed.is_dir() else _PACKAGE.parent / "rules"


def find_pages(target: Path) -> list[Path]:
    """The pages at a path: a page itself, or all Markdown below a folder but its README.md.

    :class:`BadPages` where there are none, or so many that it cannot be a folder of rules.
    """
    if not target.is_dir():
        return [target]
    pages: list[Path] = []
    for seen, (folder, _, names) in enumerate(os.walk(target)):
        pages += [Path(folder, name) for name in names if name.endswith(".md") and name != "README.md"]
        if max(seen, len(pages)) > MOST:
            message = f"more than {MOST:,} pages or folders are there"
            raise BadPages([PageError(str(target), 1, message, "name the folder of the rule pages")])
    if not pages:
        raise BadPages([PageError(str(target), 1, "no rule pages (*.md) are there", "name their folder")])
    return sorted(pages)


def load_rules(
    extra: Sequence[Path] = (),
    *,
    detectors: Collection[str] | None = None,
    store: Store | None = None,
) -> tuple[Rule, ...]:
    """The built-in rules and those of the pages at ``extra``, by code; nothing of a page is executed.

    With ``detectors``, the names of those that there are, pages that name others are refused.
    :class:`BadPages` says everything that is wrong with any page. A ``store`` keeps what was read for as long
    as no page's size or date changes.
    """
    folder = built_in_pages()
    built_in = find_pages(folder)
    own = [(page, False) for target in extra for page in find_pages(target)]
    packed = unpack(folder, built_in)
    if packed is not None and not own:
        return tuple(packed)
    pages = [*((page, True) for page in built_in), *own]
    key = _key(pages, detectors) if store is not None else ""
    if store is not None and key and (kept := store.get(key)) is not None:
        rules: tuple[Rule, ...] = pickle.loads(kept)  # the store gives back only what it was given
        return rules
    rules = read_pages(pages if packed is None else own, detectors=detectors, known=packed or ())
    if store is not None and key:
        store.put(key, pickle.dumps(rules, pickle.HIGHEST_PROTOCOL))
    return rules


def read_pages(
    pages: Iterable[tuple[Path, bool]],
    *,
    detectors: Collection[str] | None = None,
    known: Iterable[Rule] = (),
) -> tuple[Rule, ...]:
    """The rules of the pages (and whether they come with perfcheck) and those ``known``, by code."""
    rules = list(known)
    errors: list[PageError] = []
    for page, built_in in pages:
        try:
            rules.append(parse_page(str(page), _read(page), built_in=built_in, detectors=detectors))
        except BadPages as bad:
            errors.extend(bad.errors)
    errors.extend(_duplicates(rules))
    if errors:
        raise BadPages(errors)
    return tuple(sorted(rules, key=lambda rule: rule.code))


def unknown_references(rules: Sequence[Rule]) -> Iterator[PageError]:
    """Rules that a page wants silent and that do not exist."""
    codes = {rule.code for rule in rules}
    for rule in rules:
        for code in rule.instead_of:
            if code not in codes:
                yield PageError(
                    rule.page,
                    1,
                    f"`instead_of` names `{code}`, which is no rule",
                    "name the code of a rule, or remove it",
                )


def _key(pages: Iterable[tuple[Path, bool]], detectors: Collection[str] | None) -> str:
    """What the rules depend on; empty if that cannot be told."""
    parts = [repr(sorted(detectors)) if detectors is not None else ""]
    for page, built_in in pages:
        try:
            status = os.stat(page)
        except OSError:
            return ""
        parts.append(f"{page}\0{built_in}\0{status.st_size}\0{status.st_mtime_ns}")
    return "rulebook\0" + "\0".join(parts)


def _read(page: Path) -> str:
    def refused(message: str, remedy: str, line: int = 1) -> BadPages:
        return BadPages([PageError(str(page), line, message, remedy)])

    try:
        text = content(page, LARGEST).decode()
    except Unfit as error:
        raise refused(str(error), "name a rule page") from error
    except OSError as error:
        raise refused(f"the page cannot be read: {error.strerror}", "mend its path or rights") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise refused("the page is not UTF-8", "save it as UTF-8", line) from error
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def _duplicates(rules: Sequence[Rule]) -> Iterator[PageError]:
    for key in ("code", "name"):
        first: dict[str, Rule] = {}
        for rule in rules:
            value: str = getattr(rule, key)
            if value in first:
                lines = _read(Path(rule.page)).split("\n")
                yield PageError(
                    rule.page,
                    next((n for n, line in enumerate(lines, 1) if re.match(rf"\W*{key}\W*=", line)), 1),
                    f"the {key} `{value}` is taken by {first[value].page}",
                    f"choose another {key}",
                )
            else:
                first[value] = rule
