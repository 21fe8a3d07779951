"""Names as they are written."""

from __future__ import annotations

import ast


def dotted(node: ast.AST) -> str:
    """``a.b.c`` as written; a leading "." where the receiver is computed; "" if it has no name."""
    if type(node) is ast.Name:
        return node.id
    if type(node) is not ast.Attribute:
        return "super" if _is_super(node) else ""
    name = last = node.attr
    node = node.value
    while type(node) is ast.Attribute:
        name = f"{node.attr}.{name}"
        node = node.value
    if type(node) is ast.Name:
        return f"{node.id}.{name}"
    return f"super.{name}" if _is_super(node) else f".{last}"


def _is_super(node: ast.AST) -> bool:
    return type(node) is ast.Call and type(node.func) is ast.Name and node.func.id == "super"


def chain(node: ast.AST | None) -> str | None:
    """``a.b.c`` for attributes of a plain name; None for everything else."""
    if type(node) is ast.Name:
        return node.id
    if type(node) is not ast.Attribute:
        return None
    name = node.attr
    node = node.value
    while type(node) is ast.Attribute:
        name = f"{node.attr}.{name}"
        node = node.value
    return f"{node.id}.{name}" if type(node) is ast.Name else None


def plain(node: ast.AST) -> str:
    """``a`` of the plain name ``a``; "" for everything else."""
    return node.id if type(node) is ast.Name else ""
