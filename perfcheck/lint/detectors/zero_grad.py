"""Gradients that are filled with zeros instead of being dropped."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.detectors.names import default_of
from perfcheck.lint.facts import Match, Scope


def zero_grad_to_zeros(scope: Scope) -> Iterator[Match]:
    """``zero_grad(set_to_none=False)``, and ``def zero_grad(self, set_to_none=False)``."""
    for call in scope.calls("zero_grad"):
        flag = scope.keyword(call, "set_to_none", 0)
        if isinstance(flag, ast.Constant) and flag.value is False:
            yield Match(call, {})
    if not isinstance(scope.node, ast.Module) and scope.node.name == "zero_grad":
        flag = default_of(scope.node.args, "set_to_none")
        used = any(isinstance(n, ast.Name) and n.id == "set_to_none" for n in scope.walk(ast.Name))
        if used and isinstance(flag, ast.Constant) and flag.value is False:
            yield Match(flag, {})
