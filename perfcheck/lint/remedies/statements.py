"""Whole statements that go, or run less often."""

from __future__ import annotations

import ast

from perfcheck.lint.facts import Match
from perfcheck.lint.remedies.writing import GiveUp, Writer


def remove_statement(writer: Writer, match: Match) -> str:
    """Take the statement out, if the place is all there is to it."""
    statement = writer.scope.statement(match.node)
    if not isinstance(statement, ast.Expr) and statement is not match.node:
        raise GiveUp
    if isinstance(statement, ast.Expr) and statement.value is not match.node and statement is not match.node:
        raise GiveUp
    writer.remove(statement)
    return f"remove `{writer.scope.text(statement)}`"


def unless_compiling(writer: Writer, match: Match) -> str:
    """Run the statement outside of compiled code only."""
    statement = writer.scope.statement(match.node)
    if not isinstance(statement, ast.Expr) or statement.value is not match.node:
        raise GiveUp
    writer.guard(statement, "if not torch.compiler.is_compiling()")
    return "skip it while compiling"
