"""What no pattern can say: small functions from a body's facts to places, named in rule pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from perfcheck.lint.facts import Match, Scope

Detector = Callable[[Scope], Iterable[Match]]
