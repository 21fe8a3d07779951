"""Softmax attention written out with two matrix products."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.events import Truth
from perfcheck.lint.detectors.names import last, targets, within
from perfcheck.lint.facts import Match, Scope

_PRODUCTS = frozenset({"matmul", "bmm", "einsum"})
_FLIPS = frozenset({"transpose", "permute", "swapaxes", "swapdims", "t", "mT", "T"})
_STEPS = frozenset(
    {"softmax", "dropout", "masked_fill", "to", "type_as", "float", "half", "type", "where", "div", "mul"}
)
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
        if (
            softmaxes
            and products
            and node not in products
            and not (_used_elsewhere(scope, weights) or _returned(scope, weights, assigned))
        ):
            shape = [_simple(expression, products) for expression in chain]
            if False not in shape:
                yield Match(node, {}, certain=None if None in shape else True)


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
            for part in within(expression):
                if isinstance(part, ast.Name) and part.id not in seen:
                    seen.add(part.id)
                    queue.append(part.id)
    return found


def _simple(expression: ast.expr, products: list[ast.AST]) -> Truth:
    """Can the fused function do this step? Scale, mask, softmax, dropout: yes; a bias: with a dense mask."""
    if expression in products:
        return True
    if isinstance(expression, (ast.Name, ast.Constant)):
        return True
    if isinstance(expression, ast.BinOp):
        sides = [
            _simple(side, products) for side in (expression.left, expression.right) if not _is_number(side)
        ]
        added = isinstance(expression.op, (ast.Add, ast.Sub))
        return (
            False
            if False in sides
            else None
            if None in sides or (added and not _names_mask(expression))
            else True
        )
    if isinstance(expression, ast.Call):
        name = last(expression)
        method = isinstance(expression.func, ast.Attribute) and name in _STEPS
        if not method and name not in _STEPS and "drop" not in name:
            return False
        operand = expression.args[0] if expression.args else None
        if isinstance(expression.func, ast.Attribute) and _on_tensor(expression.func.value):
            operand = expression.func.value
        return True if operand is None else _simple(operand, products)
    return False


def _is_number(node: ast.expr) -> bool:
    """A scale: a constant, an attribute, a root; anything that is no product of tensors."""
    return not any(
        isinstance(part, ast.BinOp) and isinstance(part.op, ast.MatMult) for part in within(node)
    ) and (isinstance(node, (ast.Constant, ast.Attribute, ast.Call)))


def _names_mask(node: ast.AST) -> bool:
    return any("mask" in last(part) for part in within(node) if isinstance(part, (ast.Name, ast.Attribute)))


def _on_tensor(node: ast.expr) -> bool:
    """A method of a tensor rather than a function of a module."""
    return (
        not (isinstance(node, ast.Name) and node.id in {"torch", "F", "nn", "math"})
        and not (isinstance(node, ast.Attribute) and node.attr in {"functional", "nn"})
        and not (isinstance(node, ast.Name) and node.id == "self")
    )


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


def _returned(scope: Scope, weights: ast.Name, assigned: dict[str, list[ast.expr]]) -> bool:
    """Are the weights given out under another name (before dropout, say)?"""
    sources = {
        part.id
        for made in assigned.get(weights.id, ())
        for part in within(made)
        if isinstance(part, ast.Name)
    } | {weights.id}
    softmaxes = {s for s in sources if any(_calls(made, {"softmax"}) for made in assigned.get(s, ()))}
    return any(
        isinstance(part, ast.Name) and part.id in softmaxes and part is not weights
        for node in scope.walk(ast.Return)
        for part in within(node)
    )


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
