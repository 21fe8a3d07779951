"""Settings of data loaders that are gathered in dictionaries first."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_OTHERS = frozenset({"batch_size", "shuffle", "pin_memory", "drop_last", "collate_fn", "sampler"})


def workers_in_settings(scope: Scope) -> Iterator[Match]:
    """``{"num_workers": 4, "shuffle": True}``, or a ``dict(…)`` of that, without ``persistent_workers``,
    spread into a loader here."""
    spread = [c for c in scope.calls("DataLoader") if any(k.arg is None for k in c.keywords)]
    said = any(k.arg == "persistent_workers" for c in spread for k in c.keywords) or any(
        isinstance(word, ast.Constant) and word.value == "persistent_workers"
        for word in scope.walk(ast.Constant)
    )
    if not spread or said:
        return
    for node in scope.walk(ast.Dict, ast.Call):
        keys = _settings(node)
        workers = keys.get("num_workers")
        if workers is None or not _OTHERS & keys.keys() or not isinstance(node, ast.expr):
            continue
        if not isinstance(workers, ast.Constant) or workers.value:
            yield Match(node, {"X": workers})


def _settings(node: ast.AST) -> dict[object, ast.expr]:
    if isinstance(node, ast.Dict):
        return {k.value: v for k, v in zip(node.keys, node.values) if isinstance(k, ast.Constant)}
    if isinstance(node, ast.Call) and chain(node.func) == "dict":
        return {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg is not None}
    return {}
