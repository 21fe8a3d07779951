import ast

import pytest

from perfcheck.lint.too_deep import blanked, too_deep

DEEP = "-" * 200_000 + "1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"a\nx = {DEEP}\nb\n", [(2, 2)]),
        (f"@d\n@e(\n)\ndef f():\n    x = {DEEP}\n\n# about g\ndef g(): pass\n", [(1, 7)]),
        (f"if a:\n    b\nelif c:\n    {DEEP}\nelse:\n    d\ne\n", [(1, 6)]),
        (f"'''\nx\n'''; y\nz = {DEEP}\nt = [\n1]\nu = {DEEP}", [(4, 4), (7, 7)]),
        ("a\nb\n", []),
        (f"x = {DEEP}\n(\n", []),  # not read to its end
    ],
)
def test_statements_that_cannot_be_read(text: str, expected: list[tuple[int, int]]) -> None:
    assert list(too_deep(text, ast.parse)) == expected


def test_what_is_left_keeps_its_lines() -> None:
    assert blanked("a\nb\nc\nd", [(2, 3)]) == "a\n\n\nd"
