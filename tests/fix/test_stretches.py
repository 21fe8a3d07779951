from __future__ import annotations

import ast

import pytest

from perfcheck.findings import Place, Rewrite
from perfcheck.fix.edits import apply
from perfcheck.fix.rewriting import Rewriter
from perfcheck.fix.stretches import Stretch, stretch

TEXT = '''\
import torch; x = 1

class Model:
  """A model."""

  def forward(self, x):
    if x is None: return 0
    elif x.ndim:
        y = 1; z = 2
        # what follows
        # is spoken of

        w = [
            3,
        ]
    else:
        text = """
# no comment """
        last = 1
    try:
        return y
    except ValueError:
        pass
'''


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (1, 1, Stretch(1, 1)),
        (7, 7, Stretch(7, 19, "  ")),  # a suite beside its header has no lines of its own
        (8, 8, Stretch(7, 19, "  ")),  # nor can an elif stand alone
        (9, 9, Stretch(9, 9, "  ")),
        (14, 14, Stretch(10, 15, "  ")),
        (9, 14, Stretch(9, 15, "  ")),
        (9, 19, Stretch(7, 19, "  ")),
        (19, 19, Stretch(19, 19, "  ")),
        (23, 23, Stretch(23, 23, "  ")),
        (4, 23, Stretch(4, 23, "  ")),
        (1, 23, Stretch(1, 23)),
    ],
)
def test_no_more_is_read_than_the_statements_on_the_lines(first: int, last: int, expected: Stretch) -> None:
    assert stretch(ast.parse(TEXT).body, TEXT.split("\n"), first, last) == expected


@pytest.mark.parametrize(
    ("block", "line", "expected"),
    [
        (["a()", "b()"], 0, ["b()"]),
        (["# why", "a()", "", "b()"], 3, ["# why", "a()"]),
        (["b()"], 0, ["pass"]),
    ],
)
def test_a_block_that_is_left_empty_passes(block: list[str], line: int, expected: list[str]) -> None:
    def text(lines: list[str]) -> str:
        return "\n".join(
            ["def f():", "  if x:", *(f"     {each}" if each else "" for each in lines), "  c()", ""]
        )

    place = Place(3 + line, 6, 3 + line, 6 + len(block[line]))
    edits = Rewriter(text(block)).edits([Rewrite("remove", place)])
    assert apply(text(block), edits) == text(expected)


def test_what_is_indented_anew_is_so_by_the_level_of_its_file() -> None:
    text = "class A:\n  def f(self):\n    if x:\n      y = g(x)\n"
    edits = Rewriter(text).edits([Rewrite("guard", Place(4, 7, 4, 15), "with h():\n    pass")])
    assert apply(text, edits) == "class A:\n  def f(self):\n    if x:\n      with h():\n        y = g(x)\n"
