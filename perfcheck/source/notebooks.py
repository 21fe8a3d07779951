"""Jupyter notebooks as Python source: the code cells joined, what is not Python blanked out.

Every line keeps its place, so that a line of the joined text is a line of one cell.
"""

import ast
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from perfcheck.findings import Finding, LintError, Place
from perfcheck.source.text import SourceFile, Undecodable, decode, read_bytes

# Cell magics whose body is Python that runs in this notebook.
_PYTHON_MAGICS = {"time", "timeit", "capture", "prun", "memit", "mprun", "lprun", "python", "python3", "pypy"}
# Line magics that run the statement after them.
_STATEMENT = re.compile(r"(\s*)(%(?:time|timeit|prun|memit)[ \t]+)(?![-\s])")
_MAGIC = re.compile(r"\s*(?:[%!?]|[,;/](?=\w)|[\w.]+\s*\?{1,2}\s*$)")
_ASSIGNED = re.compile(r"([\w.,\s\[\]]+=\s*)(%(?:time|timeit)[ \t]+(?![-\s])|[%!])")
_TOKEN = re.compile(
    r"""[rbfuRBFU]{0,2}(?:\"\"\"|''')|[rbfuRBFU]{0,2}(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|\#.*|[()\[\]{}]""",
    re.DOTALL,
)


def read(path: Path, name: str) -> tuple[SourceFile | None, tuple[LintError, ...]]:
    """The notebook's code, and what of it cannot be read: a broken cell does not hide the others."""
    data = read_bytes(path, name)
    if isinstance(data, LintError):
        return None, (data,)
    return parse(data, path, name)


def parse(data: bytes, path: Path, name: str) -> tuple[SourceFile | None, tuple[LintError, ...]]:
    """The code of a notebook's bytes; None where it is no notebook."""
    import json

    try:
        notebook = json.loads(decode(data))
    except Undecodable as error:
        return None, (LintError(name, error.line, str(error)),)
    except json.JSONDecodeError as error:
        return None, (LintError(name, error.lineno, f"not a notebook: {error.msg}"),)
    except (RecursionError, ValueError):
        return None, (LintError(name, 1, "not a notebook: nested too deeply, or absurd numbers"),)
    try:
        sources = [
            _source(cell.get("source", cell.get("input", "")), number)
            for number, cell in enumerate(code_cells(notebook), 1)
        ]
    except ValueError as error:
        return None, (LintError(name, 1, f"not a notebook: {error}"),)
    lines: list[str] = []
    starts: list[int] = []
    errors: list[LintError] = []
    for number, source in enumerate(sources, 1):
        starts.append(len(lines) + 1)
        code = blanked(source)
        broken = _syntax_error(code)
        if broken is not None:
            line, message = broken
            errors.append(LintError(name, line, f"cell {number}, line {line}: {message}"))
            code = "\n" * code.count("\n")
        lines += code.split("\n")
    return SourceFile(path, name, "\n".join([*lines, ""]), tuple(starts)), tuple(errors)


def locate(source: SourceFile, line: int) -> tuple[int, int]:
    """The code cell (from 1) that holds a line of the joined text, and the line within it."""
    cell = max(1, bisect_right(source.cells, line))
    return cell, line - source.cells[cell - 1] + 1


def localized(finding: Finding, source: SourceFile) -> Iterator[Finding]:
    """A finding in the joined text as one in each cell that it has places in, whose lines then count."""
    by_cell: dict[int, list[Place]] = {}
    for place in finding.all_places:
        by_cell.setdefault(locate(source, place.line)[0], []).append(place)
    for cell, places in by_cell.items():
        first, *others = (_raised(place, source.cells[cell - 1] - 1) for place in places)
        yield replace(finding.only_at(places), cell=cell, place=first, places=tuple(others))


def _raised(place: Place, by: int) -> Place:
    return Place(place.line - by, place.column, place.end_line - by, place.end_column)


def code_cells(notebook: Any) -> list[dict[str, Any]]:
    """The code cells of a Python notebook, in order. Raises ``ValueError`` with what is wrong."""
    if not isinstance(notebook, dict):
        raise ValueError("no JSON object")
    if not _is_python(notebook.get("metadata")):
        return []
    cells = notebook.get("cells")
    if cells is None and isinstance(notebook.get("worksheets"), list):  # format 3
        sheets = [sheet for sheet in notebook["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets for cell in sheet.get("cells", ())]
    if not isinstance(cells, list):
        raise ValueError("it has no cells")
    return [cell for cell in cells if isinstance(cell, dict) and cell.get("cell_type") == "code"]


def _source(source: Any, number: int) -> str:
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise ValueError(f"the source of cell {number} is no text")
    return source.replace("\r\n", "\n").replace("\r", "\n").replace("\0", " ").rstrip("\n")


def _is_python(metadata: Any) -> bool:
    """Is its kernel Python, as far as it says?"""
    if not isinstance(metadata, Mapping):
        return True
    for key, word in (("language_info", "name"), ("kernelspec", "language")):
        described = metadata.get(key)
        if isinstance(described, Mapping) and isinstance(described.get(word), str):
            return "python" in described[word].lower()
    return True


def blanked(source: str) -> str:
    """A cell as plain Python: magics and shell lines replaced, line by line."""
    lines = source.split("\n")
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    if lines[first].lstrip().startswith("%%"):
        magic = re.match(r"%%(\w*)", lines[first].lstrip())
        if magic is None or magic[1] not in _PYTHON_MAGICS:
            return "\n" * (len(lines) - 1)
        lines[first] = ""
    if not any(_MAGIC.match(line) or _ASSIGNED.match(line) for line in lines):
        return "\n".join(lines)
    return "\n".join(_without_magics(lines))


def _without_magics(lines: Sequence[str]) -> Iterator[str]:
    inside = _Inside()
    shell = False  # the line before was a magic that goes on
    for line in lines:
        if shell:
            shell = line.rstrip().endswith("\\")
            yield ""
            continue
        if inside:
            inside.take(line)
            yield line
            continue
        statement = _STATEMENT.match(line)
        if statement:  # the same length, so that columns stay
            line = statement[1] + "0".ljust(len(statement[2]) - 1) + ";" + line[statement.end() :]
        elif _MAGIC.match(line):
            shell = line.rstrip().endswith("\\")
            yield line[: len(line) - len(line.lstrip())] + "pass"
            continue
        else:
            assigned = _ASSIGNED.match(line)
            if assigned and len(assigned[2]) == 1:
                shell = line.rstrip().endswith("\\")
                yield assigned[1] + "_"  # IPython's name for the last output: could be anything
                continue
            if assigned:
                line = assigned[1] + " " * len(assigned[2]) + line[assigned.end() :]
        inside.take(line)
        yield line


class _Inside:
    """Is a line the continuation of a statement: in brackets, in a string, after a backslash?"""

    def __init__(self) -> None:
        self._depth = 0
        self._quotes = ""
        self._backslash = False

    def __bool__(self) -> bool:
        return self._depth > 0 or bool(self._quotes) or self._backslash

    def take(self, line: str) -> None:
        at = 0
        if self._quotes:
            at = line.find(self._quotes)
            if at < 0:
                return
            at += 3
            self._quotes = ""
        while token := _TOKEN.search(line, at):
            at = token.end()
            text = token[0]
            if text in "([{":
                self._depth += 1
            elif text in ")]}":
                self._depth = max(0, self._depth - 1)
            elif text.endswith(('"""', "'''")) and len(text.lstrip("rbfuRBFU")) == 3:
                close = line.find(text[-3:], at)
                if close < 0:
                    self._quotes = text[-3:]
                    return
                at = close + 3
        self._backslash = line.endswith("\\")


def _syntax_error(code: str) -> tuple[int, str] | None:
    try:
        ast.parse(code)
    except SyntaxError as error:
        return error.lineno or 1, error.msg
    except (RecursionError, MemoryError):
        return 1, "nested too deeply"
    except ValueError as error:
        return 1, str(error)
    return None
