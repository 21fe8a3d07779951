"""Outputs of all layers that are asked for and not used."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.detectors.names import within
from perfcheck.lint.facts import Match, Scope

_OF_LAST_LAYER = frozenset({"last_hidden_state", "logits", "loss", "pooler_output"})


def all_hidden_states_kept(scope: Scope) -> Iterator[Match]:
    """``model(…, output_hidden_states=True)`` of which only the last layer is read."""
    for call in scope.walk(ast.Call):
        if not isinstance(call, ast.Call):
            continue
        flag = scope.keyword(call, "output_hidden_states")
        if not (isinstance(flag, ast.Constant) and flag.value is True):
            continue
        uses = _uses(scope, call)
        if uses and all(_is_last_layer(scope, use) for use in uses):
            yield Match(flag, {})


def _uses(scope: Scope, call: ast.Call) -> list[ast.AST]:
    """The places that look at the result; empty where it cannot be followed."""
    statement = scope.parent(call)
    if not isinstance(statement, ast.Assign):
        return [call] if isinstance(statement, ast.Attribute) else []
    if len(statement.targets) != 1 or not isinstance(statement.targets[0], ast.Name):
        return []
    name, elsewhere = statement.targets[0].id, _other_branches(scope, statement)
    names = [
        node
        for node in scope.walk(ast.Name)
        if isinstance(node, ast.Name) and node.id == name and id(node) not in elsewhere
    ]
    if sum(not isinstance(node.ctx, ast.Load) for node in names) != 1:
        return []
    return [node for node in names if isinstance(node.ctx, ast.Load)]


def _other_branches(scope: Scope, statement: ast.stmt) -> frozenset[int]:
    """The nodes (by identity) that cannot run together with the statement."""
    found: set[int] = set()
    for choice in scope.ancestors(statement):
        if isinstance(choice, ast.If):
            mine = any(statement is part for part in within(*choice.body))
            found |= {id(part) for part in within(*(choice.orelse if mine else choice.body))}
    return frozenset(found)


def _is_last_layer(scope: Scope, use: ast.AST) -> bool:
    attribute = scope.parent(use)
    if not isinstance(attribute, ast.Attribute):
        return False
    if attribute.attr in _OF_LAST_LAYER:
        return True
    subscript = scope.parent(attribute)
    return (
        attribute.attr == "hidden_states"
        and isinstance(subscript, ast.Subscript)
        and isinstance(subscript.slice, ast.UnaryOp)
        and isinstance(subscript.slice.op, ast.USub)
        and isinstance(subscript.slice.operand, ast.Constant)
        and subscript.slice.operand.value == 1
    )
