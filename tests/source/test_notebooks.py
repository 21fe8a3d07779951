import ast
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfcheck.findings import Finding, LintError, Place
from perfcheck.source.notebooks import blanked, localized, locate, parse, read
from perfcheck.source.text import SourceFile

PATH = Path("/w/n.ipynb")


def notebook(*sources: str | list[str], **metadata: Any) -> bytes:
    cells = [{"cell_type": "code", "source": source, "outputs": []} for source in sources]
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4}).encode()


def parsed(data: bytes) -> SourceFile:
    source, errors = parse(data, PATH, "n.ipynb")
    assert errors == ()
    assert source is not None
    return source


def test_code_cells_are_joined_and_others_left_out() -> None:
    data = json.loads(notebook(["import torch\n", "x = 1"], "y = 2\n"))
    data["cells"].insert(1, {"cell_type": "markdown", "source": "# title"})
    source = parsed(json.dumps(data).encode())
    assert source.text == "import torch\nx = 1\ny = 2\n"
    assert source.cells == (1, 3)


def test_lines_are_found_in_their_cells() -> None:
    source = parsed(notebook("a\nb", "", "c\nd\ne"))
    assert source.cells == (1, 3, 4)
    assert [locate(source, line) for line in range(1, 7)] == [(1, 1), (1, 2), (2, 1), (3, 1), (3, 2), (3, 3)]


def test_findings_are_told_by_cell() -> None:
    source = parsed(notebook("a\nb", "c\nd\ne"))
    finding = Finding(
        rule="PC101",
        name="n",
        severity="error",
        confidence="high",
        path="n.ipynb",
        place=Place(4, 2, 5, 3),
        message="",
        help="",
        url="",
        function="",
        hotness="step",
        fingerprint="",
        places=(Place(5, 1, 5, 2), Place(1, 1, 1, 2)),
    )
    assert [(told.cell, told.place, told.places) for told in localized(finding, source)] == [
        (2, Place(2, 2, 3, 3), (Place(3, 1, 3, 2),)),
        (1, Place(1, 1, 1, 2), ()),
    ]


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("%matplotlib inline\nx = 1", "pass\nx = 1"),
        ("!pip install torch \\\n  --upgrade\nx = 1", "pass\n\nx = 1"),
        ("if x:\n    !ls\ny = 2", "if x:\n    pass\ny = 2"),
        ("files = !ls\nhere = %pwd", "files = _\nhere = _"),
        ("%time model.fit(x)", "0    ;model.fit(x)"),
        ("  %timeit f()", "  0      ;f()"),
        ("r = %time f(x)", "r =       f(x)"),
        ("%timeit -n 3 f()", "pass"),
        ("%%time\nx = 1", "\nx = 1"),
        ("\n%%capture out\nx = 1", "\n\nx = 1"),
        ("%%bash\nrm -rf /\nls", "\n\n"),
        ("%%html\n<b>", "\n"),
        ("torch.cat?\n?torch\ntorch.cat??", "pass\npass\npass"),
        ("/f 1\n,g a b", "pass\npass"),
        ("x = (a\n     % b)\n%who", "x = (a\n     % b)\npass"),
        ("s = '''\n%no\n!no\n'''\n!yes", "s = '''\n%no\n!no\n'''\npass"),
        ("s = '(' + \"[\" # {\n!ls", "s = '(' + \"[\" # {\npass"),
        ("x = a \\\n  % b\n%who", "x = a \\\n  % b\npass"),
        ("a != b\nx %= 3\nd = {'!': '%s'}", "a != b\nx %= 3\nd = {'!': '%s'}"),
        ("", ""),
    ],
)
def test_what_is_not_python_is_blanked_in_place(cell: str, code: str) -> None:
    assert blanked(cell) == code


@given(st.text("ab=%!?'\"\\()#\n ", max_size=40))
def test_blanking_keeps_the_number_of_lines(cell: str) -> None:
    assert blanked(cell).count("\n") == cell.count("\n")


@given(
    st.lists(
        st.sampled_from(["x = 1", "if x:", "    y = x % 3", "s = '%d' % x", "f(x,", "  y)", "'''", "# %a"]),
        max_size=8,
    )
)
def test_plain_python_is_left_alone(lines: list[str]) -> None:
    cell = "\n".join(lines)
    try:
        ast.parse(cell)
    except SyntaxError:
        return
    assert blanked(cell) == cell


def test_a_broken_cell_does_not_hide_the_others() -> None:
    source, errors = parse(notebook("x = 1", "y = 1\ndef (:\n", "z = 3"), PATH, "n.ipynb")
    assert source is not None
    assert source.text == "x = 1\n\n\nz = 3\n"
    assert [(error.path, error.line) for error in errors] == [("n.ipynb", 2)]
    assert errors[0].message.startswith("cell 2, line 2: invalid syntax")


def test_awaiting_and_returning_at_the_top_is_fine() -> None:
    assert "await f()" in parsed(notebook("await f()")).text


def test_other_languages_have_no_python() -> None:
    assert parsed(notebook("x <- 1", kernelspec={"language": "R"})).text == ""
    assert parsed(notebook("x = 1", language_info={"name": "python"})).text == "x = 1\n"
    assert parsed(notebook("x = 1", kernelspec={"language": "ipython"})).text == "x = 1\n"


def test_the_older_format() -> None:
    data = {
        "worksheets": [{"cells": [{"cell_type": "code", "input": ["x = 1"]}]}],
        "metadata": {},
        "nbformat": 3,
    }
    assert parsed(json.dumps(data).encode()).text == "x = 1\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a notebook: Expecting value"),
        (b"{", "not a notebook: Expecting property name enclosed in double quotes"),
        (b"[" * 200_000, "not a notebook: nested too deeply, or absurd numbers"),
        (b"[" + b"9" * 10_000 + b"]", "not a notebook: nested too deeply, or absurd numbers"),
        (b"[]", "not a notebook: no JSON object"),
        (b"{}", "not a notebook: it has no cells"),
        (b'{"cells": 3}', "not a notebook: it has no cells"),
        (
            b'{"cells": [{"cell_type": "code", "source": 3}]}',
            "not a notebook: the source of cell 1 is no text",
        ),
        (
            b'{"cells": [{"cell_type": "code", "source": ["a", 3]}]}',
            "not a notebook: the source of cell 1 is no text",
        ),
        (b"\xff\xfe", "encoded in UTF-16; save it as UTF-8"),
        (
            b'{"cells": "\xe9"}',
            "not valid UTF-8: byte 0xe9; save it as UTF-8, or declare its encoding on the first line",
        ),
    ],
)
def test_what_is_no_notebook_is_told(data: bytes, message: str) -> None:
    source, errors = parse(data, PATH, "n.ipynb")
    assert source is None
    assert [error.message for error in errors] == [message]


def test_odd_cells_are_no_reason_to_fail() -> None:
    cells: list[Any] = [3, None, {}, {"cell_type": "code"}, {"cell_type": "code", "source": "x = '\ud800'"}]
    cells.append({"cell_type": "code", "source": "y = 1\0"})
    source, errors = parse(json.dumps({"cells": cells, "metadata": 3}).encode(), PATH, "n.ipynb")
    assert source is not None
    assert source.text == "\n\ny = 1 \n"
    assert len(errors) == 1


def test_reading_what_is_not_there(tmp_path: Path) -> None:
    assert read(tmp_path / "n.ipynb", "n.ipynb") == (
        None,
        (LintError("n.ipynb", 1, "cannot be read: No such file or directory"),),
    )
