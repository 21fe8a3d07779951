"""Tensors that are copied to the host whole, although only a reduction of them is wanted there."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.facts import Match, Scope

_REDUCTIONS = frozenset({"all", "any", "argmax", "argmin", "max", "mean", "min", "norm", "std", "sum"})
_ON_THE_WAY = frozenset({"detach", "float", "numpy"})
_FREE = frozenset({"dtype", "ndim", "shape"})


def copied_before_reduction(scope: Scope) -> Iterator[Match]:
    """``x.cpu().mean()``, ``np.argmax(x.cpu().numpy(), 1)``, and the same by way of a variable."""
    for raised in scope.events:
        if (
            raised.event == "d2h-copy"
            and raised.operator in ("Tensor.cpu", "Tensor.to")
            and isinstance(raised.node, ast.Call)
            and raised.subject is not None
        ):
            copy = _whole(scope, raised.node)
            if _is_reduced(scope, copy) or _is_kept_for_reductions(scope, copy):
                yield Match(raised.node, {"T": raised.subject}, raised.operator, raised.certain)


def _whole(scope: Scope, copy: ast.Call) -> ast.Call:
    """``x.cpu().numpy()`` of ``x.cpu()``."""
    attribute = scope.parent(copy)
    call = scope.parent(attribute) if attribute is not None else None
    on = isinstance(attribute, ast.Attribute) and attribute.attr in _ON_THE_WAY
    return _whole(scope, call) if on and isinstance(call, ast.Call) and call.func is attribute else copy


def _is_reduced(scope: Scope, value: ast.expr) -> bool:
    use = scope.parent(value)
    if isinstance(use, ast.Attribute):
        call = scope.parent(use)
        return use.attr in _REDUCTIONS and isinstance(call, ast.Call) and call.func is use
    if not (isinstance(use, ast.Call) and use.args and use.args[0] is value):
        return False
    module, _, name = (scope.resolve(use.func) or "").rpartition(".")
    return module in ("numpy", "torch") and name in _REDUCTIONS


def _is_kept_for_reductions(scope: Scope, copy: ast.Call) -> bool:
    """Is it bound to a variable of which nothing but reductions and its shape is read from there on?"""
    made = scope.parent(copy)
    if not (
        isinstance(made, ast.Assign) and len(made.targets) == 1 and isinstance(made.targets[0], ast.Name)
    ):
        return False
    later = [
        use
        for use in scope.walk(ast.Name)
        if isinstance(use, ast.Name) and use.id == made.targets[0].id and use.lineno > (made.end_lineno or 0)
    ]
    reduced = [_is_reduced(scope, use) for use in later]
    return any(reduced) and all(
        is_reduced or (isinstance(about := scope.parent(use), ast.Attribute) and about.attr in _FREE)
        for use, is_reduced in zip(later, reduced, strict=True)
    )
