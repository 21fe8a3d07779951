import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfcheck.source.suppressions import suppressions


def found(text: str) -> list[tuple[str, tuple[str, ...] | None, int, int]]:
    text = textwrap.dedent(text)
    return [(one.kind, one.selectors, one.first, one.last) for one in suppressions(text)]


@pytest.mark.parametrize(
    ("comment", "kind", "selectors"),
    [
        ("# perfcheck: ignore", "ignore", None),
        ("# perfcheck: ignore[PC101]", "ignore", ("PC101",)),
        ("#perfcheck:ignore[PC101,item-in-hot-loop]", "ignore", ("PC101", "item-in-hot-loop")),
        ("# perfcheck: ignore [ PC101 ,  PC2 ] because", "ignore", ("PC101", "PC2")),
        ("# perfcheck: ignore[]", "ignore", ()),
        ("# type: ignore  # perfcheck: ignore[PC1]", "ignore", ("PC1",)),
        ("# noqa", "noqa", None),
        ("#NoQA", "noqa", None),
        ("# noqa: E501,pc101 W1", "noqa", ("E501", "PC101", "W1")),
        ("# noqa : PC101", "noqa", ("PC101",)),
        ("# noqa:PC101 we know", "noqa", ("PC101",)),
        ("# perfcheck: disable[PC1]", "mistaken", ("PC1",)),
        ("# perfcheck: ignored", "mistaken", None),
        ("# perfcheck: ignore because", "ignore", None),
        ("# perfcheck: ignore (one-off copy)", "ignore", None),
        ("# Perfcheck: Ignore[PC101]", "ignore", ("PC101",)),
        ("# PERFCHECK: ignore", "ignore", None),
        ("# perfcheck: ignore[PC101 because", "mistaken", None),
        ("# perfcheck: ignore-file [PC101 because", "mistaken", None),
        ("# perfcheck: ignore PC101", "mistaken", None),
        ("# perfcheck: ignore: PC101", "mistaken", None),
        ("# perfcheck: ignore(PC101)", "mistaken", None),
        ("# perfcheck: ignore=sync", "mistaken", None),
        ("# perfcheck: ignore item-in-hot-loop", "mistaken", None),
    ],
)
def test_forms(comment: str, kind: str, selectors: tuple[str, ...] | None) -> None:
    assert found(f"x = 1  {comment}\n") == [(kind, selectors, 1, 1)]


@pytest.mark.parametrize(
    "text",
    [
        "x = 1  # noqa: because\n",
        "x = 1  # noqable\n",
        "x = '# noqa'\n",
        "x = 1  # perfcheck: it is slow\n",
        "'''\n# perfcheck: ignore\n'''\n",
        "",
    ],
)
def test_what_is_none(text: str) -> None:
    assert found(text) == []


def test_a_statement_over_several_lines_is_meant_whole() -> None:
    text = """\
        f(
            a,  # perfcheck: ignore
            b,
        )
        g()
        """
    assert found(text) == [("ignore", None, 1, 4)]


def test_a_line_of_its_own_speaks_of_what_is_below() -> None:
    text = """\
        # perfcheck: ignore
        # and why
        f(
            a)
        g()
        # perfcheck: ignore
        """
    assert found(text) == [("ignore", None, 3, 4), ("ignore", None, 6, 6)]


@pytest.mark.parametrize(
    "header",
    ["for x in y:", "if x:", "with x:", "def f():", "class C:", "while x:", "async def f():", "try:"],
)
def test_a_header_speaks_of_its_block(header: str) -> None:
    text = f"{header}  # perfcheck: ignore\n    a\n\n    if b:\n        c\n\n# between\nafter\n"
    assert found(text) == [("ignore", None, 1, 5)]


def test_branches_are_blocks_of_their_own() -> None:
    text = """\
        if a:
            b
        elif c:  # perfcheck: ignore[PC1]
            d
        else:
            # perfcheck: ignore[PC2]
            for e in f:
                g
            h
        """
    assert found(text) == [("ignore", ("PC1",), 3, 4), ("ignore", ("PC2",), 7, 8)]


def test_a_block_on_one_line() -> None:
    assert found("if a: b()  # perfcheck: ignore\nc\n") == [("ignore", None, 1, 1)]


def test_a_function_begins_with_its_decorators() -> None:
    text = """\
        # perfcheck: ignore[PC1]
        @decorated  # perfcheck: ignore[PC2]
        @with_arguments(
            1
        )
        def f(a,
              b):  # perfcheck: ignore[PC3]
            pass
        x
        """
    assert found(text) == [("ignore", ("PC1",), 2, 8), ("ignore", ("PC2",), 2, 2), ("ignore", ("PC3",), 2, 8)]


def test_noqa_does_not_reach_into_the_block() -> None:
    assert found("for x in y:  # noqa\n    z\n") == [("noqa", None, 1, 1)]


def test_a_file() -> None:
    (one,) = suppressions("x = 1\n# perfcheck: ignore-file[PC1] generated\n")
    assert (one.kind, one.selectors) == ("ignore-file", ("PC1",))
    assert one.covers(1) and one.covers(1_000_000)


def test_places_of_the_comments() -> None:
    (one,) = suppressions("x = 1  # type: x # perfcheck: ignore[PC1] why\n")
    assert (one.line, one.column, one.end_column) == (1, 18, 42)


def test_a_comment_at_the_end_of_a_block_is_not_about_what_follows() -> None:
    assert found("for x in y:\n    z\n    # perfcheck: ignore\nw\n") == [("ignore", None, 3, 3)]


@pytest.mark.parametrize(
    "broken",
    [
        "f(  # perfcheck: ignore\n",
        "if x:\n  y\n z  # perfcheck: ignore\n",
        "'''  # noqa\n",
        "x = $  # noqa\n",
    ],
)
def test_what_comes_before_an_error_of_the_syntax_is_seen(broken: str) -> None:
    assert ("ignore", ("PC1",), 1, 1) in found("x = 1  # perfcheck: ignore[PC1]\n" + broken)


line_texts = st.sampled_from(
    [
        "x = 1",
        "for a in b:",
        "    y",
        "  z",
        "f(",
        ")",
        "'''",
        "# perfcheck: ignore",
        "@d",
        "def f(): # noqa",
        "",
        "\\",
        "\f",
        "\tx",
    ]
)


@given(st.lists(line_texts, max_size=10))
def test_no_text_crashes_it(lines: list[str]) -> None:
    for one in suppressions("\n".join(lines)):
        assert 1 <= one.line <= len(lines)
        assert one.first <= one.last
