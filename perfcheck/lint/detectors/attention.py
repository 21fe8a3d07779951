"""Softmax attention written out with two matrix products."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.detectors.names import last, loads, targets, within
from perfcheck.lint.facts import Match, Scope

_PRODUCTS = frozenset({"matmul", "bmm", "einsum"})
_FLIPS = frozenset({"transpose", "permute", "swapaxes", "swapdims", "t", "mT", "T"})
_FUSED = (
    "scaled_dot_product_attention",
    "flash_attn",
    "memory_efficient_attention",
    "flex_attention",
    "xformers",
)


def manual_attention(scope: Scope) -> Iterator[Match]:
    """The second product, where the weights have no other use and no fused path is on offer."""
    if any(marker in _names(scope) for marker in _FUSED):
        return
    assigned: dict[str, list[ast.expr]] = {}
    for node in scope.walk(ast.Assign):
        if isinstance(node, ast.Assign):
            for target in targets(node):
                if isinstance(target, ast.Name):
                    assigned.setdefault(target.id, []).append(node.value)
    for node in scope.walk(ast.BinOp, ast.Call):
        weights = _left_factor(node)
        if not isinstance(weights, ast.Name) or not isinstance(node, ast.expr):
            continue
        chain = _chain(weights.id, assigned)
        softmaxes = [e for e in chain if _calls(e, {"softmax", "log_softmax"})]
        products = [p for e in chain for p in within(e) if _transposed_product(p, assigned)]
        if softmaxes and products and node not in products and not _used_elsewhere(scope, weights):
            yield Match(node, {})


def _names(scope: Scope) -> str:
    return " ".join(
        n.attr if isinstance(n, ast.Attribute) else n.id
        for n in scope.walk(ast.Attribute, ast.Name)
        if isinstance(n, (ast.Attribute, ast.Name))
    )


def _left_factor(node: ast.AST) -> ast.expr | None:
    """The A of ``A @ B``, ``torch.matmul(A, B)``, ``A.matmul(B)``."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        return node.left
    if isinstance(node, ast.Call) and last(node) in {"matmul", "bmm"} and node.args:
        if len(node.args) == 1 and isinstance(node.func, ast.Attribute):
            return node.func.value
        return node.args[0]
    return None


def _chain(name: str, assigned: dict[str, list[ast.expr]]) -> list[ast.expr]:
    """All that the weights are made from, by way of names that keep their shape."""
    seen, queue, found = {name}, [name], []
    while queue:
        for expression in assigned.get(queue.pop(), ()):
            found.append(expression)
            if any(_transposed_product(part, assigned) for part in within(expression)):
                continue  # the scores: what lies before are queries and keys
            for part in loads(expression):
                if isinstance(part, ast.Name) and part.id not in seen:
                    seen.add(part.id)
                    queue.append(part.id)
    return found


def _calls(expression: ast.expr, names: set[str]) -> bool:
    return any(isinstance(part, ast.Call) and last(part) in names for part in within(expression))


def _transposed_product(node: ast.AST, assigned: dict[str, list[ast.expr]]) -> bool:
    """``Q @ K.transpose(-2, -1)``; K may have been transposed a line before."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        right = node.right
    elif isinstance(node, ast.Call) and last(node) in _PRODUCTS - {"einsum"} and node.args:
        right = node.args[-1]
    else:
        return False
    if any(last(part) in _FLIPS for part in within(right) if isinstance(part, (ast.Call, ast.Attribute))):
        return True
    if isinstance(right, ast.Name):
        made = assigned.get(right.id, ())
        return any(isinstance(e, (ast.Call, ast.Attribute)) and last(e) in _FLIPS for e in made)
    return False


def _used_elsewhere(scope: Scope, weights: ast.Name) -> bool:
    """Are the weights returned, stored or looked at, beside being multiplied with the values?"""
    for node in scope.walk(ast.Name):
        if (
            not isinstance(node, ast.Name)
            or node.id != weights.id
            or not isinstance(node.ctx, ast.Load)
            or node is weights
        ):
            continue
        statement = scope.statement(node)
        again = isinstance(statement, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == weights.id for target in targets(statement)
        )
        if not again and not isinstance(statement, ast.Assert) and not _of_its_shape(scope, node):
            return True
    return False


def _of_its_shape(scope: Scope, node: ast.Name) -> bool:
    around = scope.parent(node)
    return isinstance(around, ast.Attribute) and around.attr in {"dtype", "device", "shape", "size", "ndim"}
