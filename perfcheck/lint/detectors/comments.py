"""Comments are no part of a syntax tree: :mod:`perfcheck.lint.suppression` reports on them."""

from __future__ import annotations

from collections.abc import Iterable

from perfcheck.lint.facts import Match, Scope


def unused_suppression(scope: Scope) -> Iterable[Match]:
    """Nothing in any body."""
    return ()
