"""Key and value heads that are copied for a kernel that shares them among the query heads itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from perfcheck.lint.detectors.names import last, targets, within
from perfcheck.lint.facts import Match, Scope

_KERNELS = ("flash_attn_func", "flash_attn_varlen_func")
_HEADS = ("1", "2", "-2", "-3")  # the dimensions at which heads are found
_COPIES = re.compile(r"^_*(repeat|expand)_(kv|k_v|key_value)(_heads?|_states)?$")


def repeated_heads(scope: Scope) -> Iterator[Match]:
    """``flash_attn_func(q, k.repeat_interleave(groups, dim=2), v…)``"""
    told: set[int] = set()
    for call in scope.calls(*_KERNELS):
        for name, position in (("k", 1), ("v", 2)):
            given = scope.keyword(call, name, position)
            for made in _makings(scope, given, call):
                if id(made) not in told and given is not None and any(map(_repeats, within(made))):
                    told.add(id(made))
                    yield Match(made, {"K": given, "F": call.func})


def _makings(scope: Scope, given: ast.expr | None, call: ast.Call) -> Iterator[ast.expr]:
    """The expressions that the argument may stand for: itself, or what its name was bound to above."""
    if not isinstance(given, ast.Name):
        if given is not None:
            yield given
        return
    for node in scope.walk(ast.Assign):
        if not isinstance(node, ast.Assign) or node.lineno > call.lineno:
            continue
        if any(isinstance(target, ast.Name) and target.id == given.id for target in targets(node)):
            parts = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            names = targets(node)
            if len(parts) == len(names) > 1:
                yield from (p for p, t in zip(parts, names) if isinstance(t, ast.Name) and t.id == given.id)
            else:
                yield node.value


def _repeats(node: ast.AST) -> bool:
    """``repeat_kv(k, n)``, ``k.repeat_interleave(n, dim=1)``, ``k.unsqueeze(3).repeat(1, 1, 1, n, 1)``"""
    if not isinstance(node, ast.Call):
        return False
    if _COPIES.match(last(node)):
        return True
    if last(node) == "repeat_interleave":
        along = next((k.value for k in node.keywords if k.arg == "dim"), node.args[-1] if node.args else None)
        return along is not None and ast.unparse(along) in _HEADS
    if last(node) == "repeat" and isinstance(node.func, ast.Attribute):
        receiver = node.func.value
        inserted = isinstance(receiver, ast.Call) and last(receiver) == "unsqueeze"
        times = [part for part in node.args if not (isinstance(part, ast.Constant) and part.value == 1)]
        return inserted and len(times) == 1 and len(node.args) > 3
    return False
