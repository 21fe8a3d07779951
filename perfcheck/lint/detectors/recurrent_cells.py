"""Recurrent cells that are stepped from Python over inputs that are all there."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from perfcheck.lint.detectors.names import derived, mentions, targets, within
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_CELLS = frozenset(
    f"torch.nn.{path}{cell}" for path in ("", "modules.rnn.") for cell in ("LSTMCell", "GRUCell", "RNNCell")
)


def rnn_cell_loop(scope: Scope) -> Iterator[Match]:
    """A cell called in a loop with an input that does not depend on an earlier turn."""
    if scope.refs.isdisjoint(_CELLS):
        return
    for call in scope.walk(ast.Call):
        if not isinstance(call, ast.Call) or not call.args:
            continue
        cell = scope.value(call.func)
        if cell.kind != "module" or cell.ref not in _CELLS:
            continue
        loops = [loop for loop in scope.loops(call) if isinstance(loop, (ast.For, ast.While))]
        statement = scope.statement(call)
        if not loops or not isinstance(statement, ast.Assign):
            continue
        state = {name for target in targets(statement) if (name := chain(target))}
        if not mentions(call.args[0], _carried(state, loops[-1].body)):
            yield Match(call, {"C": call.func})


def _carried(names: set[str], body: Sequence[ast.stmt]) -> frozenset[str]:
    """All that comes of the names, in lists to which it is added as well: what was decoded before is decoded
    from."""
    known, found = frozenset[str](), derived(names, body)
    while found != known:
        known = found
        kept = {
            name
            for node in within(*body)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if node.func.attr in ("append", "insert") and any(mentions(a, known) for a in node.args)
            if (name := chain(node.func.value))
        }
        found = derived(known | kept, body)
    return known
