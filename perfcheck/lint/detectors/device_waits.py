"""Explicit waits for a device, whatever library spells them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.facts import Match, Scope


def device_waits(scope: Scope) -> Iterator[Match]:
    """``torch.cuda.synchronize()``, ``stream.synchronize()``; less certain where the receiver is unknown."""
    known: set[int] = set()
    for raised in scope.events:
        call = raised.node
        if (
            raised.event == "host-sync"
            and raised.operator.endswith(".synchronize")
            and isinstance(call, ast.Call)
        ):
            known.add(id(call))
            yield Match(call, {"F": call.func}, raised.operator, raised.certain)
    for call in scope.calls("synchronize"):
        if id(call) in known or not isinstance(call.func, ast.Attribute):
            continue
        if scope.value(call.func.value).kind == "unknown":
            yield Match(call, {"F": call.func}, "synchronize", None)
