"""Loss scaling for a number format that does not need it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.detectors.autocast import AUTOCASTS
from perfcheck.lint.facts import Match, Scope

_SCALERS = frozenset(
    {"torch.amp.GradScaler", "torch.cuda.amp.GradScaler", "torch.amp.grad_scaler.GradScaler"}
)


def gradscaler_with_bf16(scope: Scope) -> Iterator[Match]:
    """A GradScaler that is on in a body whose every autocast says bfloat16."""
    autocasts = [c for c in scope.calls("autocast") if scope.resolve(c.func) in AUTOCASTS]
    if not autocasts or not all(_is_bfloat16(scope, call) for call in autocasts):
        return
    for call in scope.calls("GradScaler"):
        enabled = scope.keyword(call, "enabled")
        on = enabled is None or (isinstance(enabled, ast.Constant) and enabled.value is True)
        if on and scope.resolve(call.func) in _SCALERS and not scope.may_pass(call, "enabled"):
            yield Match(call, {})


def _is_bfloat16(scope: Scope, call: ast.Call) -> bool:
    cuda_only = scope.resolve(call.func) == "torch.cuda.amp.autocast"
    dtype = scope.keyword(call, "dtype", 1)
    if dtype is None or (cuda_only and scope.keyword(call, "dtype") is None):
        return False
    return scope.value(dtype).ref == "torch.bfloat16" or (
        isinstance(dtype, ast.Attribute) and dtype.attr == "bfloat16"
    )
