"""Metrics of host libraries, computed in a step."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from perfcheck.lint.facts import Match, Scope

_PACKAGE: Final = "sklearn.metrics."


def host_metrics(scope: Scope) -> Iterator[Match]:
    """Calls of ``sklearn.metrics``."""
    for call in scope.walk(ast.Call):
        name = scope.resolve(call.func) if isinstance(call, ast.Call) else None
        if isinstance(call, ast.Call) and name is not None and name.startswith(_PACKAGE):
            yield Match(call, {"F": call.func}, name)
