"""Tensors that grow by one concatenation in each turn of a loop."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from perfcheck.lint.detectors.names import loads, root, targets, variables, within
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_JOINS = ("cat", "concat", "concatenate", "hstack", "vstack")
_FEW = 4  # turns of a loop that are not worth a list

LoopStatement = ast.For | ast.AsyncFor | ast.While


def growing_cat(scope: Scope) -> Iterator[Match]:
    """``x = torch.cat([x, y])`` in a loop in which nothing else reads x."""
    for call, name, loop in _growths(scope):
        if not _read(scope, call, name, loop):
            yield _match(call, name)


def cat_read_in_loop(scope: Scope) -> Iterator[Match]:
    """``x = torch.cat([x, y])`` in a loop that also reads x."""
    for call, name, loop in _growths(scope):
        if _read(scope, call, name, loop):
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
    name = _place(statement.targets[0])
    if name is None or not isinstance(parts, (ast.List, ast.Tuple)):
        return None
    return name if sum(_place(part) == name for part in parts.elts) == 1 else None


def _place(node: ast.AST) -> str | None:
    """A name, an attribute, or an entry of a container: ``parts``, ``self.parts``, ``parts[name]``."""
    if isinstance(node, ast.Subscript) and root(node) and not isinstance(node.slice, (ast.Slice, ast.Tuple)):
        return ast.unparse(node)
    return chain(node)


def _carrying_loop(scope: Scope, call: ast.Call, name: str) -> LoopStatement | None:
    """The innermost loop in which the name lives on from turn to turn: not one that runs over the entries."""
    loops = [loop for loop in scope.loops(call) if not isinstance(loop, ast.comprehension)]
    if not loops or scope.loops(call)[-1] is not loops[-1]:
        return None
    owner = re.split(r"[.\[]", name)[0]
    keys = variables(ast.parse(name)) - {owner}
    loops = [loop for loop in loops if keys.isdisjoint({root(target) for target in targets(loop)})]
    if not loops or any(root(target) == owner for target in targets(loops[-1])):
        return None
    own = scope.statement(call)
    begun = {name, owner} if keys or "[" in name else {name}
    for node in within(*loops[-1].body):
        if node is own or begun.isdisjoint({_place(target) for target in targets(node)}):
            continue
        if not _alternative(scope, node, own) and not _grows_too(scope, node, name):
            return None
    return loops[-1]


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


def _read(scope: Scope, call: ast.Call, name: str, loop: LoopStatement) -> bool:
    header = [loop.test] if isinstance(loop, ast.While) else []
    for node in loads(*header, *loop.body):
        read = chain(node) or ""
        if "[" in name:
            if not _reads_entry(scope, node, name) or _alternative(scope, node, scope.statement(call)):
                continue
        elif read != name and not read.startswith(name + "."):
            continue
        if not _part_of_growth(scope, node, name) and not _first_turn(scope, node):
            return True
    return False


def _reads_entry(scope: Scope, node: ast.AST, name: str) -> bool:
    """Is the entry read there, or the container as a whole (other than to see what it holds)?"""
    around = scope.parent(node)
    while isinstance(around, ast.Subscript) and around.value is node:
        node, around = around, scope.parent(around)
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
        return False
    read = ast.unparse(node)
    return read.startswith(name) or (name.startswith(read) and not isinstance(around, ast.Compare))


def _part_of_growth(scope: Scope, node: ast.AST, name: str) -> bool:
    parts = scope.parent(node)
    while isinstance(parts, ast.Subscript):
        parts = scope.parent(parts)
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
