"""Device tensors that a loop takes apart, one host read for each element."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from perfcheck.lint.detectors.names import variables
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Loop, Match, Scope

_NUMBERS: Final = frozenset({"Tensor.item", "Tensor.__float__", "Tensor.__int__"})
_READS: Final = _NUMBERS | {"Tensor.tolist", "Tensor.__bool__", "Tensor.__index__", "Tensor.__format__"}


def element_reads(scope: Scope) -> Iterator[Match]:
    """``x[i].item()`` in a loop over i that leaves x alone."""
    for raised in scope.events:
        if raised.event != "host-sync" or raised.operator not in _NUMBERS or raised.subject is None:
            continue
        base = _indexed(raised.subject)
        if base is None:
            continue
        name = chain(base)
        indices = _indices(raised.subject)
        loops = [loop for loop in scope.loops(raised.node) if _counters(loop) & indices]
        if name is None or not loops or _changes(scope, loops[0], name):
            continue
        yield Match(raised.node, {"T": raised.node, "X": base}, raised.operator, raised.certain)


def iterated_tensor(scope: Scope) -> Iterator[Match]:
    """``for t in x`` where the host wants the value of each t."""
    for raised in scope.events:
        if raised.event != "host-sync" or raised.operator not in _READS or raised.subject is None:
            continue
        for loop in scope.loops(raised.node):
            source = _elements_of(loop)
            if source is None or scope.value(source).on_device is not True:
                continue
            if _counters(loop) & variables(raised.subject):
                yield Match(raised.node, {"T": raised.node, "X": source}, raised.operator, raised.certain)
                break


def _indexed(node: ast.expr) -> ast.expr | None:
    """The x of ``x[i]``, ``x[i][j]``, ``x[i, j]``."""
    if not isinstance(node, ast.Subscript):
        return None
    while isinstance(node, ast.Subscript):
        node = node.value
    return node


def _indices(node: ast.expr) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    while isinstance(node, ast.Subscript):
        found |= variables(node.slice)
        node = node.value
    return found


def _counters(loop: Loop) -> frozenset[str]:
    return frozenset() if isinstance(loop, ast.While) else variables(loop.target)


def _changes(scope: Scope, loop: Loop, name: str) -> bool:
    """Does the loop bind the tensor anew, or write into it?"""
    owner: ast.AST = loop
    if isinstance(loop, ast.comprehension):
        owner = scope.parent(loop) or loop
    if name in scope.assigned(owner):
        return True
    return any(
        isinstance(part, ast.Subscript) and isinstance(part.ctx, ast.Store) and chain(part.value) == name
        for part in ast.walk(owner)
    )


def _elements_of(loop: Loop) -> ast.expr | None:
    """What a loop goes over element by element, through ``enumerate`` and ``zip``'s first argument."""
    if isinstance(loop, ast.While):
        return None
    source = loop.iter
    if (
        isinstance(source, ast.Call)
        and isinstance(source.func, ast.Name)
        and source.func.id == "enumerate"
        and source.args
    ):
        source = source.args[0]
    return source
