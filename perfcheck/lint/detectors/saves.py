"""Checkpoints that are written in every turn of a loop."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.detectors.names import derived, last, mentions, targets, within
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_SAVES = frozenset({"torch.save", "torch.distributed.checkpoint.save"})


def save_in_loop(scope: Scope) -> Iterator[Match]:
    """``torch.save(…)`` of the same file in a loop, or of any in a training loop, without a condition."""
    for call in scope.calls("save"):
        if scope.resolve(call.func) not in _SAVES or not call.args:
            continue
        for ancestor in scope.ancestors(call):
            if isinstance(ancestor, (ast.For, ast.While)) and not _one_file_a_turn(call, ancestor):
                yield Match(call, {"X": call.args[0]})
            if isinstance(ancestor, (ast.If, ast.Try, ast.With, ast.For, ast.While)):
                break


def _one_file_a_turn(call: ast.Call, loop: ast.For | ast.While) -> bool:
    """Is writing what the loop is for: a file for each turn, and nothing is trained?"""
    if any(isinstance(node, ast.Call) and last(node) == "backward" for node in within(*loop.body)):
        return False
    turn = derived((name for target in targets(loop) if (name := chain(target))), loop.body)
    return any(mentions(argument, turn) for argument in call.args[1:])
