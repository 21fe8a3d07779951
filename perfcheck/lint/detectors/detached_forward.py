"""Forward passes whose graph is thrown away as soon as it is made."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.detectors.model_calls import is_layer
from perfcheck.lint.facts import Match, Scope

_ENDS = ("argmax", "argmin", "item", "tolist")
"""What nobody can differentiate through."""


def detach_after_forward(scope: Scope) -> Iterator[Match]:
    """``teacher(x).detach()``, ``target(x).max(1)[0].detach()``, ``policy(x).argmax(1)``, ``net(x).data``."""
    for call in scope.calls("detach"):
        if isinstance(call.func, ast.Attribute):
            model = _model_call(scope, call.func.value)
            if model is not None:
                yield Match(model, {"M": model})
    for node, value in _ends(scope):
        model = _model_call(scope, value)
        if model is not None and scope.value(model.func).kind == "module" and not scope.called_without_grad():
            yield Match(model, {"M": model, "E": node})


def _ends(scope: Scope) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Where a graph ends, and of what."""
    for call in scope.calls(*_ENDS):
        if isinstance(call.func, ast.Attribute):
            yield call, call.func.value
    for node in scope.walk(ast.Attribute):
        if isinstance(node, ast.Attribute) and node.attr == "data" and isinstance(node.ctx, ast.Load):
            yield node, node.value


def _model_call(scope: Scope, node: ast.expr) -> ast.Call | None:
    """The call of a module at the bottom of a chain of methods, attributes and subscripts."""
    while True:
        if isinstance(node, ast.Call):
            value = scope.value(node.func)
            if value.kind == "module":
                return None if is_layer(value.ref) else node
            if value.kind == "function" and value.ref and not value.ref.startswith("torch."):
                return node  # a function of the project
            if not isinstance(node.func, ast.Attribute):
                return None
            node = node.func.value
        elif isinstance(node, (ast.Attribute, ast.Subscript)):
            node = node.value
        else:
            return None
