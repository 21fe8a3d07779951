"""Distributions that check their arguments."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.facts import Match, Scope


def validated_distributions(scope: Scope) -> Iterator[Match]:
    """Distributions made of device tensors, or asked about them, with validation on."""
    for raised in scope.events:
        call = raised.node
        if raised.event != "host-sync" or not isinstance(call, ast.Call):
            continue
        if not raised.operator.startswith(("torch.distributions.", "Distribution.")):
            continue
        if any(keyword.arg == "validate_args" for keyword in call.keywords):
            continue  # what waits there waits without validation, too
        operands = [*call.args, *(keyword.value for keyword in call.keywords)]
        if isinstance(call.func, ast.Attribute):
            operands.append(call.func.value)
        if any(scope.value(operand).device is True for operand in operands):
            yield Match(call, {"F": call.func}, raised.operator, raised.certain)
