"""Python's own decisions about device tensors: checks of whole tensors, comparisons of several."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from perfcheck.lint.detectors.names import last
from perfcheck.lint.facts import Match, Raised, Scope

_COMPARING: Final = frozenset(
    {"builtins.max", "builtins.min", "builtins.sorted", "builtins.any", "builtins.all"}
)


def any_all_branch(scope: Scope) -> Iterator[Match]:
    """``if mask.any()``, ``assert torch.isfinite(x).all()``."""
    for raised in _truths(scope):
        if isinstance(raised.subject, ast.Call) and last(raised.subject) in ("any", "all"):
            yield Match(raised.node, {"T": raised.subject}, raised.operator, raised.certain)


def builtin_comparisons(scope: Scope) -> Iterator[Match]:
    """``max(a, b)``, ``sorted(tensors)``, ``pairs.sort(key=…)``, ``any(mask)``: Python compares, and asks for
    each outcome."""
    for raised in _truths(scope):
        if isinstance(raised.node, ast.Call) and raised.node is not raised.subject:
            name = scope.resolve(raised.node.func)
            if name in _COMPARING or last(raised.node) == "sort":
                yield Match(
                    raised.node,
                    {"F": raised.node.func, "T": raised.node},
                    name or "list.sort",
                    raised.certain,
                )


def _truths(scope: Scope) -> Iterator[Raised]:
    for raised in scope.events:
        if (
            raised.event == "host-sync"
            and raised.operator == "Tensor.__bool__"
            and raised.subject is not None
        ):
            yield raised
