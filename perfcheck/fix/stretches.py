"""Which lines of a text a fix is about: the fewest whole statements of one block, for libcst is slow."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Stretch(NamedTuple):
    """Whole lines, counted from 1, and how one level is indented if they stand below another statement."""

    first: int
    last: int
    indent: str = ""


def stretch(
    module: Sequence[ast.stmt], lines: Sequence[str], first: int, last: int, *, whole_block: bool = False
) -> Stretch:
    """The statements on lines ``first`` to ``last``, some of which a statement of ``module`` stands on.

    What stands below another statement has the comments and blank lines above it with it. With
    ``whole_block``, all of the block that is not the module's.
    """
    block: Sequence[ast.stmt] = module
    indent = ""
    run = _on(block, first, last)
    while len(run) == 1:
        below = next(
            (b for b in _blocks(run[0], lines) if first_line(b[0]) <= first and last <= _end(b[-1])), None
        )
        if below is None:
            break
        indent = indent or lines[first_line(below[0]) - 1][: below[0].col_offset]
        block, run = below, _on(below, first, last)
    if not indent:
        return Stretch(first_line(run[0]), _end(run[-1]))
    if whole_block:
        run = block
    start = first_line(run[0])
    before = block.index(run[0])
    floor = _end(block[before - 1]) if before else 0
    while start - 1 > floor and lines[start - 2].lstrip()[:1] in ("", "#"):
        start -= 1
    return Stretch(start, _end(run[-1]), indent)


def first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _end(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _on(block: Sequence[ast.stmt], first: int, last: int) -> Sequence[ast.stmt]:
    """What stands on the lines, or shares one with what does."""
    while True:
        run = [node for node in block if first_line(node) <= last and first <= _end(node)]
        lines = min(first, first_line(run[0])), max(last, _end(run[-1]))
        if lines == (first, last):
            return run
        first, last = lines


def _blocks(node: ast.stmt, lines: Sequence[str]) -> Iterator[Sequence[ast.stmt]]:
    """The blocks right below a statement that have lines of their own."""
    parts = [node, *getattr(node, "handlers", ()), *getattr(node, "cases", ())]
    for part in parts:
        for name in ("body", "orelse", "finalbody"):
            block: Sequence[ast.stmt] = getattr(part, name, ())
            if not block:
                continue
            line = lines[first_line(block[0]) - 1]
            if line[block[0].col_offset :].startswith("elif") and name == "orelse":
                yield from _blocks(block[0], lines)
            elif not line[: block[0].col_offset].strip():
                yield block
