"""Products of two expanded tensors that are summed at once: contractions, written out."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_DEPTH = 4  # definitions followed


def product_summed(scope: Scope) -> Iterator[Match]:
    """``(a.unsqueeze(1) * b.unsqueeze(2)).sum(-1)``"""
    for call in scope.calls("sum"):
        if not isinstance(call.func, ast.Attribute):
            continue
        named = (scope.resolve(call.func) or "") == "torch.sum"
        given = call.args if not named else call.args[1:]
        product = call.func.value if not named else call.args[0] if call.args else None
        if not given and not any(keyword.arg in ("dim", "axis") for keyword in call.keywords):
            continue
        if isinstance(product, ast.Name):
            product = _bound(scope, product)
        factors = _factors(product)
        if product is None or factors is None:
            continue
        value = scope.value(product)
        left, right = (_inserted(scope, factor) for factor in factors)
        if value.is_tensor is False or value.dtype in ("int", "bool") or not left or not right:
            continue
        if left != right:
            yield Match(call, {"A": factors[0], "B": factors[1]})


def _factors(product: ast.expr | None) -> tuple[ast.expr, ast.expr] | None:
    """Of ``a * b`` and ``a.mul(b)``."""
    if isinstance(product, ast.BinOp) and isinstance(product.op, ast.Mult):
        return product.left, product.right
    if isinstance(product, ast.Call) and isinstance(product.func, ast.Attribute) and len(product.args) == 1:
        return (product.func.value, product.args[0]) if product.func.attr in ("mul", "multiply") else None
    return None


def _inserted(scope: Scope, node: ast.expr, depth: int = 0) -> tuple[str, ...]:
    """Where dimensions of one were added, in the order of the source: ``unsqueeze(1)``, ``[:, None]``."""
    if isinstance(node, ast.Name) and depth < _DEPTH:
        made = _bound(scope, node)
        return _inserted(scope, made, depth + 1) if made is not None else ()
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "unsqueeze":
        place = node.args[0] if node.args else None
        return (*_inserted(scope, node.func.value, depth), ast.unparse(place) if place is not None else "")
    if isinstance(node, ast.Subscript):
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if all(isinstance(part, (ast.Slice, ast.Constant)) for part in parts):
            return tuple(
                str(place)
                for place, part in enumerate(parts)
                if isinstance(part, ast.Constant) and part.value is None
            )
    return ()


def _bound(scope: Scope, name: ast.Name) -> ast.expr | None:
    """What the last assignment above the place gives a name."""
    above = [
        node.value
        for node in scope.walk(ast.Assign)
        if isinstance(node, ast.Assign)
        and node.lineno < name.lineno
        and any(chain(target) == name.id for target in node.targets)
    ]
    return above[-1] if above else None
