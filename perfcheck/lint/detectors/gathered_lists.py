"""Collectives into a list of tensors that is joined right after."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.detectors.names import last
from perfcheck.lint.facts import Match, Scope

_EQUAL = frozenset(
    {"empty_like", "zeros_like", "ones_like", "empty", "zeros", "ones", "new_empty", "new_zeros"}
)
_JOINS = frozenset({"cat", "stack", "concat", "vstack", "hstack"})


def all_gather_then_cat(scope: Scope) -> Iterator[Match]:
    """``all_gather(parts, x)`` into equal parts, then ``torch.cat(parts)``, and no other use of them."""
    for call in scope.calls("all_gather"):
        if scope.resolve(call.func) not in (
            "torch.distributed.all_gather",
            "torch.distributed.distributed_c10d.all_gather",
        ):
            continue
        parts = scope.keyword(call, "tensor_list", 0)
        tensor = scope.keyword(call, "tensor", 1)
        if not isinstance(parts, ast.Name) or tensor is None or not _equal_parts(scope, parts, call):
            continue
        uses = [
            node
            for node in scope.walk(ast.Name)
            if isinstance(node, ast.Name)
            and node.id == parts.id
            and isinstance(node.ctx, ast.Load)
            and node is not parts
        ]
        if uses and all(_joined(scope, use) for use in uses):
            yield Match(call, {"L": parts, "T": tensor})


def _equal_parts(scope: Scope, parts: ast.Name, call: ast.Call) -> bool:
    made = scope.definition(parts.id, call)
    if isinstance(made, ast.ListComp):
        return isinstance(made.elt, ast.Call) and last(made.elt) in _EQUAL
    return isinstance(made, ast.BinOp) and isinstance(made.op, ast.Mult)


def _joined(scope: Scope, use: ast.AST) -> bool:
    around = scope.parent(use)
    return isinstance(around, ast.Call) and use in around.args and last(around) in _JOINS
