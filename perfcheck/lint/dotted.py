"""Names as they are written."""

from __future__ import annotations

import ast


def dotted(node: ast.AST) -> str:
    """``a.b.c`` as written; a leading "." where the receiver is computed; "" if it has no name."""
    parts: list[str] = []
    while type(node) is ast.Attribute:
        parts.append(node.attr)
        node = node.value
    if type(node) is ast.Name:
        parts.append(node.id)
    elif type(node) is ast.Call and type(node.func) is ast.Name and node.func.id == "super":
        parts.append("super")
    elif parts:
        parts = parts[:1]
        parts.append("")
    return ".".join(reversed(parts))


def chain(node: ast.AST | None) -> str | None:
    """``a.b.c`` for attributes of a plain name; None for everything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    parts.append(node.id)
    return ".".join(reversed(parts))
