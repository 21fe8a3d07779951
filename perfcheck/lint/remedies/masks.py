"""Writes through boolean masks."""

from __future__ import annotations

import ast

from perfcheck.lint.detectors.names import last
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match
from perfcheck.lint.remedies.writing import GiveUp, Writer
from perfcheck.rulebook.patterns import same

_QUESTIONS = frozenset({"isnan", "isinf", "isfinite", "logical_not", "eq", "ne", "lt", "gt", "le", "ge"})


def where_for_mask(writer: Writer, match: Match) -> str:
    """``x[mask] = y[mask]`` becomes ``x = torch.where(mask, y, x)``."""
    statement = writer.scope.statement(match.node)
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        raise GiveUp
    target, value = statement.targets[0], statement.value
    if not isinstance(target, ast.Subscript) or not isinstance(target.value, ast.Name):
        raise GiveUp
    if not _same_shape(writer, target):
        raise GiveUp
    if isinstance(value, ast.Subscript) and same(value.slice, target.slice):
        value = value.value
    elif writer.scope.value(value).rank != 0:
        raise GiveUp
    return writer.replace(
        statement, "$X = torch.where($M, $V, $X)", {"X": target.value, "M": target.slice, "V": value}
    )


def _same_shape(writer: Writer, target: ast.Subscript) -> bool:
    """Is the mask as large as the tensor: a comparison of the tensor itself, or of as many dimensions?"""
    mask: ast.expr | None = target.slice
    ranks = writer.scope.value(target.value).rank, writer.scope.value(target.slice).rank
    if ranks[0] is not None and ranks[0] == ranks[1]:
        return True
    if isinstance(mask, ast.Name):
        mask = writer.scope.definition(mask.id, target)
    name = chain(target.value)
    if isinstance(mask, ast.Compare) and len(mask.comparators) == 1:
        sides = [mask.left, mask.comparators[0]]
        others = [side for side in sides if chain(side) != name]
        return len(others) == 1 and writer.scope.value(others[0]).kind == "number"
    if isinstance(mask, ast.Call) and last(mask) in _QUESTIONS:
        asked = mask.args[:1] or ([mask.func.value] if isinstance(mask.func, ast.Attribute) else [])
        return any(chain(part) == name for part in asked)
    return False
