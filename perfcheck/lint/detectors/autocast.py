"""Backward passes inside autocast."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.facts import Match, Scope

AUTOCASTS = frozenset({"torch.autocast", "torch.amp.autocast", "torch.cuda.amp.autocast"})


def autocast_around_backward(scope: Scope) -> Iterator[Match]:
    """``loss.backward()`` in the body of ``with torch.autocast(…)``."""
    for call in scope.calls("backward"):
        if any(isinstance(block, ast.With) and _casts(scope, block) for block in scope.ancestors(call)):
            yield Match(call, {})


def _casts(scope: Scope, block: ast.With) -> bool:
    return any(
        isinstance(item.context_expr, ast.Call)
        and scope.resolve(item.context_expr.func) in AUTOCASTS
        and not _switched_off(scope, item.context_expr)
        for item in block.items
    )


def _switched_off(scope: Scope, call: ast.Call) -> bool:
    enabled = scope.keyword(call, "enabled")
    return isinstance(enabled, ast.Constant) and enabled.value is False
