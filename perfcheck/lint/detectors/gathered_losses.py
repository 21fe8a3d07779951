"""Values that are gathered from all ranks in a training step, to be reported."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.detectors.names import last, within
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_GATHERS = ("gather", "gather_for_metrics", "reduce")


def gather_in_training_step(scope: Scope) -> Iterator[Match]:
    """``accelerator.gather(loss)`` in the innermost loop that calls ``accelerator.backward``."""
    for call in scope.calls(*_GATHERS):
        owner = chain(call.func.value) if isinstance(call.func, ast.Attribute) else None
        if not owner or not owner.endswith("accelerator") or not call.args:
            continue
        loops = [loop for loop in scope.loops(call) if isinstance(loop, (ast.For, ast.While))]
        if loops and any(_trains(node, owner) for node in within(*loops[-1].body)):
            yield Match(call, {"F": call.func, "T": call.args[0]})


def _trains(node: ast.AST, owner: str) -> bool:
    return isinstance(node, ast.Call) and last(node) == "backward" and chain(node.func) == f"{owner}.backward"
