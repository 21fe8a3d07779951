"""Conversions that one call can do."""

from __future__ import annotations

import ast

from perfcheck.lint.detectors.conversions import conversions
from perfcheck.lint.facts import Match
from perfcheck.lint.remedies.writing import GiveUp, Writer


def merge_conversions(writer: Writer, match: Match) -> str:
    """``x.half().to(memory_format=f)`` becomes ``x.to(torch.float16, memory_format=f)``, and
    ``mask.long().float()`` becomes ``mask.float()``."""
    call = match.node
    pair = conversions(writer.scope, call) if isinstance(call, ast.Call) else None
    if pair is None:
        raise GiveUp
    first, second = pair
    bindings: dict[str, ast.AST] = {"X": first.source}
    dtype = second.dtype or first.dtype
    if isinstance(dtype, ast.expr):
        bindings["D"] = dtype
    layout = first.format or second.format
    if layout is not None:
        if "contiguous" in (first.method, second.method):
            writer.unsafe()  # `to` is content with a layout that has gaps
        written = f"torch.{dtype}" if isinstance(dtype, str) else "$D"
        return writer.replace(call, f"$X.to({written}, memory_format=$F)", {**bindings, "F": layout})
    if writer.scope.value(first.source).dtype != "bool" or second.word == "bool":
        writer.unsafe()  # what has the type already is no longer copied
    return writer.replace(call, f"$X.{second.method}({'$D' if 'D' in bindings else ''})", bindings)
