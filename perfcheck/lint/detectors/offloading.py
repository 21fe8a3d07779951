"""Weights that are carried between device and host, tensor by tensor."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from perfcheck.lint.detectors.names import last
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope
from perfcheck.lint.spelling import spelled

_OFFLOADS = re.compile(r"(^|_)(off_?load|on_?load|re_?load|wake|sleep|swap|evict)", re.IGNORECASE)
_offloads = spelled(_OFFLOADS.search)
_WEIGHTS = frozenset({"parameters", "named_parameters", "buffers", "named_buffers", "state", "param_groups"})


def blocking_offloads(scope: Scope) -> Iterator[Match]:
    """``for p in model.parameters(): p.data = p.data.to("cpu")``, in functions that offload or bring back."""
    calls = scope.calls("to", "cpu", "cuda")
    if not calls or not _offloads(scope.qualname.rpartition(".")[2]):
        return
    for call in calls:
        if not isinstance(call.func, ast.Attribute) or not _over_weights(scope, call):
            continue
        if any(keyword.arg in ("non_blocking", None) for keyword in call.keywords) or len(call.args) > 1:
            continue
        moved = scope.value(call.func.value)
        target = scope.keyword(call, "device", 0)
        names_device = target is None or scope.value(target).kind in ("device", "str", "number")
        if (
            moved.kind in ("tensor", "unknown")
            and names_device
            and (target is not None or call.func.attr != "to")
        ):
            yield Match(call, {"T": call.func.value})


def _over_weights(scope: Scope, call: ast.Call) -> bool:
    """Does it stand in a loop over parameters, buffers or the state of an optimizer?"""
    return any(
        isinstance(loop, (ast.For, ast.comprehension))
        and any(
            (isinstance(part, ast.Call) and last(part) in _WEIGHTS)
            or (isinstance(part, ast.Attribute) and (chain(part) or "").rpartition(".")[2] in _WEIGHTS)
            for part in ast.walk(loop.iter)
        )
        for loop in scope.loops(call)
    )
