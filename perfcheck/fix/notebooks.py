"""Edits of a notebook's joined code, carried into its cells; the rest of the file stays as it is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from perfcheck.findings import Edit, Place
from perfcheck.fix.edits import Refused, apply, split
from perfcheck.source.notebooks import code_cells, locate
from perfcheck.source.text import SourceFile, encoding_of


def edited(source: SourceFile, data: bytes, edits: Iterable[Edit]) -> bytes:
    """The notebook's bytes after edits of its joined code. Raises :class:`~perfcheck.fix.edits.Refused`."""
    encoding = encoding_of(data)
    text = data.decode(encoding)
    notebook = json.loads(text)
    write = next((layout for layout in _layouts(text) if _written(notebook, layout) == text), None)
    if write is None:
        raise Refused("its JSON is laid out in an unusual way; save it once in Jupyter")
    by_cell: dict[int, list[Edit]] = {}
    for edit in edits:
        number, line = locate(source, edit.place.line)
        by_cell.setdefault(number, []).append(_moved(edit, line - edit.place.line))
    joined = source.text.split("\n")
    cells = code_cells(notebook)
    for number, inside in by_cell.items():
        cell = cells[number - 1]
        key = "source" if "source" in cell else "input"
        whole = cell[key] if isinstance(cell[key], str) else "".join(cell[key])
        _check(whole, joined[source.cells[number - 1] - 1 :], inside)
        changed = apply(whole, inside)
        cell[key] = changed if isinstance(cell[key], str) else split(changed)
    return _written(notebook, write).encode(encoding)


def _moved(edit: Edit, by: int) -> Edit:
    place = edit.place
    return replace(edit, place=Place(place.line + by, place.column, place.end_line + by, place.end_column))


def _check(cell: str, joined: list[str], edits: Iterable[Edit]) -> None:
    """The lines to be edited are the cell's own, not what stands in for a magic."""
    lines = [line.rstrip("\r\n") for line in split(cell)]
    for edit in edits:
        for line in range(edit.place.line - 1, edit.place.end_line):
            if line < len(lines) and lines[line] != joined[line]:
                raise Refused("the fix reaches into an IPython magic")
            if line > len(lines):
                raise Refused("the fix reaches over the end of a cell")


def _layouts(text: str) -> Iterator[tuple[Any, bool, str]]:
    """Indentation, ASCII only, and what follows the last brace, as writers of notebooks have it."""
    end = text[len(text.rstrip()) :]
    for indent in (1, 2, 4, None, "\t", 3, 8):
        for ascii_only in (False, True):
            yield indent, ascii_only, end


def _written(notebook: Any, layout: tuple[Any, bool, str]) -> str:
    indent, ascii_only, end = layout
    return json.dumps(notebook, indent=indent, ensure_ascii=ascii_only) + end
