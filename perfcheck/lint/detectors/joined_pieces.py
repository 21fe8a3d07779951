"""Tensors that are made one by one only to be joined, or joined only to be reduced."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from perfcheck.lint.detectors.names import last, within
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_JOINS = ("cat", "concat", "concatenate", "stack", "hstack", "vstack")
_FACTORIES = frozenset(
    """arange zeros ones full eye linspace tensor as_tensor randint randperm rand randn new_zeros new_ones
    new_full new_tensor""".split()
)
_FROM_DATA = frozenset({"tensor", "as_tensor", "new_tensor"})
_SHAPES = frozenset(
    """stack cat view reshape unsqueeze squeeze expand repeat permute transpose flatten t to long int float
    range len list tuple max min add mul sub""".split()
)
_FEW = 4  # pieces that are not worth it


def pieces_made(scope: Scope) -> Iterator[Match]:
    """``torch.cat([torch.arange(n, device=device) for n in lengths])``: the join."""
    for call in scope.calls(*_JOINS):
        if not call.args or not (scope.resolve(call.func) or "").startswith("torch."):
            continue
        pieces = _pieces(scope, call.args[0])
        if pieces and all(scope.value(p).on_device is True and _is_made_anew(scope, p) for p in pieces):
            yield Match(call, {"F": call.func})


def _pieces(scope: Scope, parts: ast.expr) -> Sequence[ast.expr]:
    """What is joined, where a comprehension makes it or a loop appends it."""
    if isinstance(parts, ast.Name):
        made = scope.definition(parts.id, parts)
        if isinstance(made, (ast.ListComp, ast.GeneratorExp)):
            parts = made
        else:
            return [
                append.args[0]
                for append in scope.calls("append")
                if isinstance(append.func, ast.Attribute)
                and chain(append.func.value) == parts.id
                and len(append.args) == 1
                and any(
                    isinstance(loop, ast.For) and not _is_short(loop.iter)
                    for loop in scope.loops(append)[-1:]
                )
            ]
    if isinstance(parts, (ast.ListComp, ast.GeneratorExp)) and not _is_short(parts.generators[0].iter):
        return [parts.elt]
    return []


def _is_short(over: ast.expr) -> bool:
    if isinstance(over, (ast.Tuple, ast.List)):
        return len(over.elts) <= _FEW
    turns = over.args[-1] if isinstance(over, ast.Call) and last(over) == "range" and over.args else None
    return isinstance(turns, ast.Constant) and isinstance(turns.value, int) and turns.value <= _FEW


def _is_made_anew(scope: Scope, piece: ast.expr) -> bool:
    """Factories and what gives their results a shape, of numbers alone: no other tensor goes into it."""
    calls = [node for node in within(piece) if isinstance(node, ast.Call)]
    if not any(last(call) in _FACTORIES for call in calls):
        return False
    if any(last(call) not in _FACTORIES | _SHAPES for call in calls):
        return False
    if any(last(call) in _FROM_DATA and not _of_numbers(scope, call) for call in calls):
        return False
    return not any(
        isinstance(node, (ast.Name, ast.Attribute, ast.Subscript))
        and scope.value(node).is_tensor is not False
        and scope.value(node).kind != "unknown"
        and not isinstance(scope.parent(node), ast.Attribute)
        for node in within(piece)
    )


def _of_numbers(scope: Scope, call: ast.Call) -> bool:
    """``torch.tensor([i, n])``, ``x.new_tensor(range(n))``: not of data that Python has read."""
    given = call.args[0] if call.args else None
    if isinstance(given, ast.Call):
        return last(given) == "range"
    parts = given.elts if isinstance(given, (ast.List, ast.Tuple)) else [given]
    return all(isinstance(part, ast.Constant) or scope.value(part).kind == "number" for part in parts if part)


_FLAT = frozenset({"flatten", "view", "reshape", "ravel"})


def norm_of_joined(scope: Scope) -> Iterator[Match]:
    """``torch.norm(torch.cat([p.grad.flatten() for p in params]))``: the norm."""
    for call in scope.calls("norm", "vector_norm"):
        of_torch = (scope.resolve(call.func) or "").startswith("torch.")
        given = call.args[0] if of_torch and call.args else None
        if not of_torch and isinstance(call.func, ast.Attribute):
            given = call.func.value
        if not isinstance(given, ast.Call) or last(given) not in _JOINS or not given.args:
            continue
        pieces = given.args[0]
        if isinstance(pieces, (ast.ListComp, ast.GeneratorExp)) and last(pieces.elt) in _FLAT:
            yield Match(call, {"X": given})
