"""Branches on what a whole tensor is like."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.detectors.names import dotted
from perfcheck.lint.facts import Match, Scope


def any_all_branch(scope: Scope) -> Iterator[Match]:
    """``if mask.any()``, ``assert torch.isfinite(x).all()``."""
    for raised in scope.events:
        if raised.event == "host-sync" and raised.operator in ("Tensor.__bool__", "builtins.bool") and raised.subject is not None:
            if _is_check(raised.subject):
                yield Match(raised.node, {"T": raised.subject}, raised.operator, raised.certain)


def _is_check(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and (dotted(node.func) or _attribute(node)).rpartition(".")[2] in ("any", "all")


def _attribute(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""
