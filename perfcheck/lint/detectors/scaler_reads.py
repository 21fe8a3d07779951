"""Asking a gradient scaler for its scale."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope


def grad_scaler_reads(scope: Scope) -> Iterator[Match]:
    """``scaler.get_scale()``, where the receiver's class or name says that it is a gradient scaler."""
    for call in scope.calls("get_scale"):
        if not isinstance(call.func, ast.Attribute):
            continue
        receiver = call.func.value
        named = (chain(receiver) or "").rpartition(".")[2].lower().endswith("scaler")
        if (scope.value(receiver).ref or "").endswith("GradScaler") or named:
            yield Match(call, {"T": receiver}, "GradScaler.get_scale")
