"""From the positions of syntax trees to those of people."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from perfcheck.findings import Place


def place_of(node: ast.AST, lines: Sequence[str]) -> Place:
    """Where a node with a position stands in the lines of its file."""
    end_line = node.end_lineno or 0  # type: ignore[attr-defined]
    return Place(
        node.lineno,  # type: ignore[attr-defined]
        _characters(lines, node.lineno, node.col_offset) + 1,  # type: ignore[attr-defined]
        end_line,
        _characters(lines, end_line, node.end_col_offset or 0) + 1,  # type: ignore[attr-defined]
    )


def _characters(lines: Sequence[str], line: int, offset: int) -> int:
    """Columns of ``ast`` count UTF-8 bytes; people count characters."""
    if not 0 < line <= len(lines):
        return offset
    text = lines[line - 1]
    return offset if text.isascii() else len(text.encode()[:offset].decode(errors="ignore"))
