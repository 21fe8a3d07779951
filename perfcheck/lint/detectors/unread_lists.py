"""Lists of tensors that nobody reads, or that are dropped where a flag is off."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.detectors.names import targets, within
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope
from perfcheck.lint.nodes import walk


def outputs_unread(scope: Scope) -> Iterator[Match]:
    """``outputs.append(model(x))`` in a loop, where nothing but ``append`` speaks of the list, or where
    ``if not wanted: outputs = None`` follows."""
    for call in scope.calls("append"):
        kept = call.func.value if isinstance(call.func, ast.Attribute) else None
        loops = [loop for loop in scope.loops(call) if isinstance(loop, (ast.For, ast.While))]
        if not isinstance(kept, ast.Name) or not loops or len(call.args) != 1:
            continue
        value = scope.value(call.args[0])
        if value.on_device is True:
            unread = not _is_read(scope, kept.id) or _is_dropped(scope, kept.id, call)
        else:
            unread = value.is_tensor is not False and _is_dropped(scope, kept.id, call)
        if unread and _begins_empty(scope, kept.id):
            yield Match(call, {"L": kept})


def _begins_empty(scope: Scope, name: str) -> bool:
    return any(
        isinstance(node, (ast.Assign, ast.AnnAssign))
        and name in {word for target in targets(node) if (word := chain(target))}
        and node.value is not None
        and _is_empty(node.value)
        for node in scope.walk(ast.Assign, ast.AnnAssign)
    )


def _is_empty(node: ast.expr) -> bool:
    """``[]``, ``list()``; ``[], []`` for several names."""
    if isinstance(node, ast.Tuple):
        return bool(node.elts) and all(map(_is_empty, node.elts))
    if isinstance(node, ast.Call):
        return chain(node.func) == "list" and not node.args
    return isinstance(node, ast.List) and not node.elts


def _is_read(scope: Scope, name: str) -> bool:
    """Does anything else than ``append`` speak of it, nested functions included?"""
    return any(
        isinstance(node, ast.Name)
        and node.id == name
        and isinstance(node.ctx, ast.Load)
        and not _is_append(scope, node)
        for node in walk(scope.node)
    )


def _is_append(scope: Scope, node: ast.Name) -> bool:
    around = scope.parent(node)
    return isinstance(around, ast.Attribute) and around.attr == "append"


def _is_dropped(scope: Scope, name: str, call: ast.Call) -> bool:
    """``if not wanted: outputs = None`` after the loop, which asks for no such thing."""
    for node in scope.walk(ast.If):
        if not isinstance(node, ast.If) or node.orelse or node.lineno < call.lineno:
            continue
        flags = {part.id for part in within(node.test) if isinstance(part, ast.Name)}
        drops = any(
            isinstance(statement, ast.Assign)
            and name in {word for part in targets(statement) if (word := chain(part))}
            and _is_nothing(statement.value)
            for statement in node.body
        )
        asked = any(
            isinstance(around, ast.If)
            and flags & {part.id for part in within(around.test) if isinstance(part, ast.Name)}
            for around in scope.ancestors(call)
        )
        if drops and flags and name not in flags and not asked:
            return True
    return False


def _is_nothing(node: ast.expr) -> bool:
    if isinstance(node, ast.Tuple):
        return all(map(_is_nothing, node.elts))
    return isinstance(node, ast.Constant) and node.value is None
