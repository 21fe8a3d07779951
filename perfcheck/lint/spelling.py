"""Patterns over names. A program has few names, and asks for the same ones again and again."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

_NAMES = 4096  # that are remembered for each pattern


def spelled(search: Callable[[str], object]) -> Callable[[str], bool]:
    """Does a pattern occur in a name?  ``search``: ``re.compile(…).search`` or ``.match``."""
    return lru_cache(maxsize=_NAMES)(lambda name: search(name) is not None)
