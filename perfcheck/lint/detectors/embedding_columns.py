"""Embeddings of the columns of one tensor that are looked up one after the other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from perfcheck.lint.detectors.model_calls import calls_by_index
from perfcheck.lint.detectors.names import last, targets, within
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_TABLES = re.compile(r"(^|_)emb(s|eds?|eddings?)?(_|$)|embeddings?$")

_COLUMNS = frozenset({"unbind", "T", "mT", "t", "transpose", "split", "chunk"})


def embedding_per_column(scope: Scope) -> Iterator[Match]:
    """``for i, table in enumerate(self.embeddings): parts.append(table(x[:, i]))``, or as a comprehension."""
    for loop in scope.walk(ast.For, ast.ListComp):
        if isinstance(loop, ast.For):
            yield from _lookups(scope, loop.iter, loop, loop.body)
        elif isinstance(loop, ast.ListComp) and len(loop.generators) == 1:
            yield from _lookups(scope, loop.generators[0].iter, loop.generators[0], [loop.elt])


def _lookups(scope: Scope, over: ast.expr, loop: ast.AST, body: Sequence[ast.AST]) -> Iterator[Match]:
    if not any(map(_is_called_table, _taken_from(over))) and not calls_by_index(scope):
        return
    turn = {name for target in targets(loop) if (name := chain(target))}
    for call in within(*body):
        if not isinstance(call, ast.Call) or len(call.args) != 1:
            continue
        if _is_table(scope, call.func, turn, over) and _is_column(call.args[0], turn, over):
            yield Match(call, {"E": call.func, "X": call.args[0]})
            return


def _is_table(scope: Scope, called: ast.expr, turn: set[str], over: ast.expr) -> bool:
    """``self.embeddings[i]``, or what the loop takes from ``self.embeddings``."""
    if isinstance(called, ast.Subscript):
        tables = [called.value] if chain(called.slice) in turn else []
    elif chain(called) in turn:
        tables = _taken_from(over)
    else:
        return False
    return any(
        _is_called_table(table) and scope.value(table).ref in ("torch.nn.ModuleList", None)
        for table in tables
    )


def _taken_from(over: ast.expr) -> list[ast.expr]:
    """What a loop goes over, and what is zipped or enumerated there."""
    return [over, *(over.args if isinstance(over, ast.Call) else ())]


def _is_called_table(node: ast.expr) -> bool:
    return isinstance(node, (ast.Name, ast.Attribute)) and _TABLES.search(last(node)) is not None


def _is_column(given: ast.expr, turn: set[str], over: ast.expr) -> bool:
    """``x[:, i]``, or what ``zip`` takes from ``x.unbind(1)`` or from a transposed ``x``."""
    if isinstance(given, ast.Subscript) and isinstance(given.slice, ast.Tuple):
        return any(chain(part) in turn for part in given.slice.elts)
    zipped = over.args if isinstance(over, ast.Call) and chain(over.func) == "zip" else []
    return chain(given) in turn and any(last(part) in _COLUMNS for part in zipped)
