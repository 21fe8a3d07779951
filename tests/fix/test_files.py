"""What becomes of a file whose fix would spoil it."""

from pathlib import Path

import pytest

from perfcheck.findings import Edit, Place
from perfcheck.fix.edits import Refused
from perfcheck.fix.files import edited
from perfcheck.source.text import SourceFile


def _with_argument(text: str) -> bytes:
    """``, a=1`` put before the closing bracket at the end of the first line."""
    column = text.index(")") + 1
    source = SourceFile(Path("f.py"), "f.py", text)
    return edited(source, text.encode(), [Edit(Place(1, column, 1, column), ", a=1")])


def test_a_keyword_that_stands_twice_is_no_python() -> None:
    assert _with_argument("f(0)\n") == b"f(0, a=1)\n"
    with pytest.raises(Refused, match="no longer be Python"):
        _with_argument("f(0, a=2)\n")


def test_a_piece_that_is_no_program_by_itself_is_edited_all_the_same() -> None:
    assert _with_argument("f(0)\nreturn\n") == b"f(0, a=1)\nreturn\n"
