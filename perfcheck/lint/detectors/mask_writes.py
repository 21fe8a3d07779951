"""Tensors written through a boolean mask."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.detectors.names import last
from perfcheck.lint.facts import Match, Scope


def mask_writes(scope: Scope) -> Iterator[Match]:
    """``x[mask] = value``; an index of unknown type counts, with less certainty, if it is called a mask."""
    for raised in scope.events:
        name, _, variant = raised.operator.partition(":")
        if (
            raised.event != "host-sync"
            or variant != "mask"
            or not name.endswith(("__setitem__", "index_put_"))
        ):
            continue
        if raised.certain is True or _is_called_mask(raised.node):
            bindings: dict[str, ast.AST] = {} if raised.subject is None else {"T": raised.subject}
            yield Match(raised.node, bindings, name, raised.certain)


def _is_called_mask(node: ast.AST) -> bool:
    index = node.slice if isinstance(node, ast.Subscript) else node
    return any(
        "mask" in last(part).lower()
        for part in ast.walk(index)
        if isinstance(part, (ast.Name, ast.Attribute))
    )
