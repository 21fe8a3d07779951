"""Arguments that come and go leave calls laid out as they were, and comments where they belong."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfcheck.findings import Rewrite
from perfcheck.fix.edits import apply
from perfcheck.fix.rewriting import Rewriter, Unfixable
from perfcheck.lint.places import place_of

PIN, WORKERS = "pin_memory = torch.cuda.is_available()", "num_workers = 4 if torch.cuda.is_available() else 0"


def rewritten(text: str, *steps: str) -> str:
    """The text after keywords of its first call were given (``name = value``) or left out (``name``)."""
    for step in steps:
        call = next(node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
        place = place_of(call, text.split("\n"))
        text = apply(text, Rewriter(text).edits([Rewrite("keyword", place, step)]))
    return text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("f()\n", "f(k=1)\n"),
        ("f(a,)\n", "f(a, k=1)\n"),
        ("f(a, **more)\n", "f(a, k=1, **more)\n"),
        ("f(k=2, a=3)\n", "f(k=1, a=3)\n"),
        ("f(\n    a, b\n)\n", "f(\n    a, b, k=1\n)\n"),
        ("f(\n    a,\n    b,\n)\n", "f(\n    a,\n    b,\n    k=1,\n)\n"),
        ("f(\n    a,\n    b\n)\n", "f(\n    a,\n    b,\n    k=1\n)\n"),
        ("f(\n    a,\n)\n", "f(\n    a,\n    k=1,\n)\n"),
        ("f(\n\ta,  # one\n\tb,  # two\n)\n", "f(\n\ta,  # one\n\tb,  # two\n\tk=1,\n)\n"),
        ("f(\n    a,\n    b  # two\n)\n", "f(\n    a,\n    b,  # two\n    k=1\n)\n"),
        ("f(\n    a,  # one\n    **more,\n)\n", "f(\n    a,  # one\n    k=1,\n    **more,\n)\n"),
        (
            "f(\n    # of a\n    a,\n    # the end\n)\n",
            "f(\n    # of a\n    a,\n    # the end\n    k=1,\n)\n",
        ),
        ("f(a, # one\n  b)\n", "f(a, # one\n  b, k=1)\n"),
    ],
)
def test_a_new_argument_stands_as_the_others_do(before: str, after: str) -> None:
    assert rewritten(before, "k = 1") == after


def test_lines_that_become_too_long_are_broken_as_people_do() -> None:
    one_line = "def g():\n    loader = DataLoader(data['train'], shuffle=True, batch_size=8)\n"
    own_line = (
        "def g():\n    loader = DataLoader(\n        data['train'], shuffle=True, batch_size=8\n    )\n"
    )
    broken = """\
def g():
    loader = DataLoader(
        data['train'],
        shuffle=True,
        batch_size=8,
        pin_memory=torch.cuda.is_available(),
        num_workers=4 if torch.cuda.is_available() else 0,
    )
"""
    assert rewritten(one_line, PIN, WORKERS) == rewritten(own_line, PIN, WORKERS) == broken
    aligned = "loader = DataLoader(data, batch_size=8,\n                    shuffle=True)\n"
    assert rewritten(aligned, PIN, WORKERS) == (
        "loader = DataLoader(data, batch_size=8,\n"
        "                    shuffle=True, pin_memory=torch.cuda.is_available(),\n"
        "                    num_workers=4 if torch.cuda.is_available() else 0)\n"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("f(k=1)\n", "f()\n"),
        ("f(a, k=1)\n", "f(a)\n"),
        ("f(k=1, a=2)\n", "f(a=2)\n"),
        ("f(\n    a,  # one\n    k=1,\n    b=2,\n)\n", "f(\n    a,  # one\n    b=2,\n)\n"),
        ("f(\n    a,  # one\n    k=1,\n)\n", "f(\n    a,  # one\n)\n"),
        ("f(\n    a,\n    k=1\n)\n", "f(\n    a\n)\n"),
    ],
)
def test_an_argument_goes_with_its_comma(before: str, after: str) -> None:
    assert rewritten(before, "k") == after


def test_no_comment_is_lost() -> None:
    with pytest.raises(Unfixable, match="`# why` would be lost"):
        rewritten("f(\n    a,\n    k=1,  # why\n    b=2,\n)\n", "k")


GAPS = st.sampled_from(["", " ", "\n", "\n    ", "  # why\n    ", "\n\n    # about it\n    "])


@given(
    st.lists(st.tuples(GAPS, st.sampled_from(["a", "b.c", "d=1", "(e, f)", "g(h)"]), GAPS), max_size=4),
    GAPS,
    st.booleans(),
    st.sampled_from(["", "**more"]),
)
def test_whatever_the_layout_the_call_is_the_same_but_for_the_argument(
    arguments: list[tuple[str, str, str]], last: str, comma: bool, splat: str
) -> None:
    given_ = sorted(
        {text: (one, text, two) for one, text, two in arguments}.values(), key=lambda a: "=" in a[1]
    )
    inside = ",".join("".join(argument) for argument in [*given_, *([("", splat, "")] if splat else [])])
    text = f"x = f({inside}{',' if comma and inside else ''}{last})\n"
    try:
        changed = rewritten(text, "k = 1")
    except Unfixable as reason:
        assert "would be lost" in str(reason)  # a comment before a comma, or between empty brackets
        return
    call = ast.parse(text).body[0]
    expected = ast.unparse(call).replace("f(**", "f(k=1, **").replace(", **", ", k=1, **")
    if "**" not in text:
        expected = ast.unparse(call)[:-1] + (", " if given_ else "") + "k=1)"
    assert ast.unparse(ast.parse(changed)) == expected.replace("k=1, k=1", "k=1")
    assert sorted(_comments(changed)) == sorted(_comments(text))
    assert rewritten(changed, "k = 1") == changed


def _comments(text: str) -> list[str]:
    return [line.partition("#")[2] for line in text.split("\n") if "#" in line]
