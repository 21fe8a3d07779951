"""Collectives into a list of tensors that is joined right after."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.detectors.names import last
from perfcheck.lint.dotted import chain
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
        made = _made(scope, parts, call)
        if not isinstance(parts, ast.Name) or tensor is None or made is None or not _equal_parts(made):
            continue
        uses = [
            node
            for node in scope.walk(ast.Name)
            if isinstance(node, ast.Name)
            and node.id == parts.id
            and isinstance(node.ctx, ast.Load)
            and node is not parts
            and node.lineno <= _rebound(scope, parts.id, call)
        ]
        if uses and all(_joined(scope, use) for use in uses):
            yield Match(made, {"L": parts, "T": tensor})
            yield Match(call, {"L": parts, "T": tensor})


def _made(scope: Scope, parts: ast.expr | None, call: ast.Call) -> ast.expr | None:
    """The list, also where its name later stands for the tensor made of it."""
    before = [
        node.value
        for node in scope.walk(ast.Assign)
        if isinstance(node, ast.Assign)
        and node.lineno < call.lineno
        and isinstance(parts, ast.Name)
        and any(chain(target) == parts.id for target in node.targets)
    ]
    return before[0] if len(before) == 1 else None


def _rebound(scope: Scope, name: str, call: ast.Call) -> float:
    """The line from which the name stands for something else."""
    later = (
        node.lineno
        for node in scope.walk(ast.Assign)
        if isinstance(node, ast.Assign)
        and node.lineno > call.lineno
        and any(chain(target) == name for target in node.targets)
    )
    return min(later, default=float("inf"))


def _equal_parts(made: ast.expr) -> bool:
    if isinstance(made, ast.ListComp):
        return isinstance(made.elt, ast.Call) and last(made.elt) in _EQUAL
    return isinstance(made, ast.BinOp) and isinstance(made.op, ast.Mult)


def _joined(scope: Scope, use: ast.AST) -> bool:
    around = scope.parent(use)
    return isinstance(around, ast.Call) and use in around.args and last(around) in _JOINS
