"""Tensors that grow by one concatenation in each turn of a loop."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from perfcheck.lint.detectors.names import loads, root, targets, within
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_JOINS = ("cat", "concat", "concatenate", "hstack", "vstack")
_FEW = 4  # turns of a loop that are not worth a list

LoopStatement = ast.For | ast.AsyncFor | ast.While


def growing_cat(scope: Scope) -> Iterator[Match]:
    """``x = torch.cat([x, y])`` in a loop in which nothing else reads x."""
    for call, name, loop in _growths(scope):
        if not _read(scope, name, loop):
            yield _match(call, name)


def cat_read_in_loop(scope: Scope) -> Iterator[Match]:
    """``x = torch.cat([x, y])`` in a loop that also reads x."""
    for call, name, loop in _growths(scope):
        if _read(scope, name, loop):
            yield _match(call, name)


def _match(call: ast.Call, name: str) -> Match:
    return Match(call, {"X": ast.parse(name, mode="eval").body, "F": call.func})


def _growths(scope: Scope) -> Iterator[tuple[ast.Call, str, LoopStatement]]:
    for call in scope.calls(*_JOINS):
        name = _grown(scope, call)
        if name is None:
            continue
        loop = _carrying_loop(scope, call, name)
        if loop is not None and not _bounded(loop) and scope.value(call).on_device is not False:
            yield call, name, loop


def _grown(scope: Scope, call: ast.Call) -> str | None:
    """The name that is both a part and the target of the concatenation."""
    if not (scope.resolve(call.func) or "").startswith("torch.") or not call.args:
        return None
    statement, parts = scope.parent(call), call.args[0]
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return None
    name = chain(statement.targets[0])
    if name is None or not isinstance(parts, (ast.List, ast.Tuple)):
        return None
    return name if sum(chain(part) == name for part in parts.elts) == 1 else None


def _carrying_loop(scope: Scope, call: ast.Call, name: str) -> LoopStatement | None:
    """The innermost loop, if the name lives on from turn to turn."""
    loops = [loop for loop in scope.loops(call) if not isinstance(loop, ast.comprehension)]
    if not loops or scope.loops(call)[-1] is not loops[-1]:
        return None
    loop = loops[-1]
    own = scope.statement(call)
    if any(root(target) == name.partition(".")[0] for target in targets(loop)):
        return None
    for node in within(*loop.body):
        stores = any(chain(target) == name for target in targets(node))
        if (
            stores
            and node is not own
            and not _alternative(scope, node, own)
            and not _grows_too(scope, node, name)
        ):
            return None
    return loop


def _grows_too(scope: Scope, node: ast.AST, name: str) -> bool:
    return (
        isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and _grown(scope, node.value) == name
    )


def _alternative(scope: Scope, node: ast.AST, own: ast.stmt) -> bool:
    """Are both in different branches of one ``if`` (``x = y if x is None else cat``)?"""
    for choice in scope.ancestors(own):
        if isinstance(choice, ast.If):
            mine = any(own is part for part in within(*choice.body))
            other = choice.orelse if mine else choice.body
            if any(node is part for part in within(*other)):
                return True
    return False


def _read(scope: Scope, name: str, loop: LoopStatement) -> bool:
    header = [loop.test] if isinstance(loop, ast.While) else []
    for node in loads(*header, *loop.body):
        read = chain(node) or ""
        if read != name and not read.startswith(name + "."):
            continue
        if not _part_of_growth(scope, node, name) and not _first_turn(scope, node):
            return True
    return False


def _part_of_growth(scope: Scope, node: ast.AST, name: str) -> bool:
    parts = scope.parent(node)
    call = scope.parent(parts) if isinstance(parts, (ast.List, ast.Tuple)) else None
    return isinstance(call, ast.Call) and _grown(scope, call) == name


def _first_turn(scope: Scope, node: ast.AST) -> bool:
    """``x is None``, ``len(x) == 0``: asked only to begin."""
    return any(
        isinstance(part, ast.Compare) and isinstance(part.comparators[0], ast.Constant)
        for part in scope.ancestors(node)
    )


def _bounded(loop: LoopStatement) -> bool:
    """A literal number of turns, and a small one."""
    if isinstance(loop, ast.While):
        return False
    turns = loop.iter
    if isinstance(turns, (ast.Tuple, ast.List)):
        return len(turns.elts) <= _FEW
    if isinstance(turns, ast.Call) and chain(turns.func) == "range":
        last = turns.args[0] if len(turns.args) == 1 else turns.args[1] if len(turns.args) > 1 else None
        return isinstance(last, ast.Constant) and isinstance(last.value, int) and last.value <= _FEW
    return False


def cat_onto_state(scope: Scope) -> Iterator[Match]:
    """``self.x = torch.cat([self.x, y])`` in a method that runs on every step."""
    for call in scope.calls(*_JOINS):
        name = _grown(scope, call)
        if name is None or not name.startswith("self.") or scope.loops(call):
            continue
        if _CACHES.search(name) or _is_cut(scope, name) or scope.value(call).on_device is False:
            continue
        yield _match(call, name)


_CACHES = re.compile(
    r"(^|[._])(past|k|v|keys?|values?|kv|cache\w*|\w*cache|\w*queue\w*|buffer|memory|\w*bank)s?(_|$)",
    re.IGNORECASE,
)


def _is_cut(scope: Scope, name: str) -> bool:
    """Is it sliced or reset in the same body, so that it cannot grow without end?"""
    for node in scope.walk(ast.Assign):
        if isinstance(node, ast.Assign) and any(chain(target) == name for target in node.targets):
            value = node.value
            if isinstance(value, ast.Subscript) or (isinstance(value, ast.Constant) and value.value is None):
                return True
    return False
