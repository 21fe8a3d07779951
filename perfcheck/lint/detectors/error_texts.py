"""Texts of errors that are made whether or not there is an error."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.facts import Match, Scope


def eager_error_texts(scope: Scope) -> Iterator[Match]:
    """``text = f"… got {x.min()}"``, of which only a ``raise`` or the message of an ``assert`` is made."""
    for raised in scope.events:
        if raised.operator != "Tensor.__format__" or raised.subject is None:
            continue
        statement = scope.statement(raised.node)
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        if isinstance(target, ast.Name) and _only_for_errors(scope, target.id, statement):
            yield Match(raised.node, {"T": raised.subject}, raised.operator, raised.certain)


def _only_for_errors(scope: Scope, name: str, made: ast.stmt) -> bool:
    uses = [
        node
        for node in scope.walk(ast.Name)
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
    ]
    around = scope.parent(made)
    return bool(uses) and all(
        isinstance(statement := scope.statement(use), (ast.Raise, ast.Assert))
        and scope.parent(statement) is not around
        for use in uses
    )
