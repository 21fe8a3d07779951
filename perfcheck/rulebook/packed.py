"""The built-in pages as they were read when the package was built: to lint one file takes less than to read
them all.
"""

import os
import pickle
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from perfcheck.rulebook.rule import Rule

PACKED: Final = "rulebook.pickle"
"""Stands beside the pages in an installed package; in a checkout there is none."""


def pack(folder: Path, rules: Iterable[Rule]) -> bytes:
    """What :func:`unpack` finds as :data:`PACKED` in ``folder``, which holds the pages of ``rules``."""
    inside = [replace(rule, page=_within(folder, Path(rule.page))) for rule in rules]
    sizes = {rule.page: os.stat(folder / rule.page).st_size for rule in inside}
    return pickle.dumps((sizes, inside), pickle.HIGHEST_PROTOCOL)


def unpack(folder: Path, pages: Sequence[Path]) -> list[Rule] | None:
    """The rules of ``pages``, which are all below ``folder``; None unless just these were packed.

    A page that was edited since is told by its size.
    """
    try:
        data = (folder / PACKED).read_bytes()
    except OSError:
        return None
    sizes, rules = pickle.loads(data)  # as much a part of the package as this module
    if sizes != {_within(folder, page): os.stat(page).st_size for page in pages}:
        return None
    return [replace(rule, page=str(folder / rule.page)) for rule in rules]


def _within(folder: Path, page: Path) -> str:
    return page.relative_to(folder).as_posix()
