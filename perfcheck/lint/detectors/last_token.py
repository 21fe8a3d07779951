"""Logits of whole sequences of which the last position is used."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.detectors.names import within
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_HEADS = ("lm_head", "to_logits", "embed_out", "output_projection", "output_layer")


def logits_of_all_tokens(scope: Scope) -> Iterator[Match]:
    """``self.lm_head(hidden)[:, -1]``, and ``logits = self.lm_head(hidden); logits = logits[:, -1, :]``."""
    for call in scope.calls(*_HEADS):
        if call.args and (_takes_last(scope.parent(call), call) or _is_cut_below(scope, call)):
            yield Match(call, {"H": call.args[0]})


def _takes_last(node: ast.AST | None, of: ast.expr) -> bool:
    """``of[:, -1]`` and ``of[:, -1, :]``"""
    if not isinstance(node, ast.Subscript) or node.value is not of or not isinstance(node.slice, ast.Tuple):
        return False
    places = node.slice.elts
    return len(places) > 1 and isinstance(places[0], ast.Slice) and ast.unparse(places[1]) == "-1"


def _is_cut_below(scope: Scope, call: ast.Call) -> bool:
    """Does the next statement bind the name that the call gives anew, to the last position?"""
    statement, block = scope.statement(call), scope.block(call)
    below = block[block.index(statement) + 1 :][:1]
    name = (
        chain(statement.targets[0]) if isinstance(statement, ast.Assign) and statement.value is call else None
    )
    return name is not None and any(
        isinstance(node, ast.Subscript) and chain(node.value) == name and _takes_last(node, node.value)
        for cut in below
        if isinstance(cut, ast.Assign) and chain(cut.targets[0]) == name
        for node in within(cut.value)
    )
