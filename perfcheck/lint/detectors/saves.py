"""Checkpoints that are written in every turn of a loop."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.facts import Match, Scope

_SAVES = frozenset({"torch.save", "torch.distributed.checkpoint.save"})


def save_in_loop(scope: Scope) -> Iterator[Match]:
    """``torch.save(…)`` in a loop with no condition of any kind between the two."""
    for call in scope.calls("save"):
        if scope.resolve(call.func) not in _SAVES or not call.args:
            continue
        for ancestor in scope.ancestors(call):
            if isinstance(ancestor, (ast.For, ast.While)):
                yield Match(call, {"X": call.args[0]})
            if isinstance(ancestor, (ast.If, ast.Try, ast.With, ast.For, ast.While)):
                break
