import ast
import io
import os
import tokenize
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfcheck.findings import LintError
from perfcheck.source.text import SourceFile, Undecodable, decode, read
from tests.unprivileged import reachable_directory, unprivileged


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"x = 1", "x = 1"),
        ("x = 'é'\n".encode(), "x = 'é'\n"),
        (b"\xef\xbb\xbfx = 1\n", "x = 1\n"),
        (b"\xef\xbb\xbf# coding: utf-8\n", "# coding: utf-8\n"),
        (b"# -*- coding: latin-1 -*-\nx = '\xe9'\n", "# -*- coding: latin-1 -*-\nx = 'é'\n"),
        (
            b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n'\x80'\n",
            "#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n'€'\n",
        ),
        (b"\n# coding: latin-1\n'\xe9'", "\n# coding: latin-1\n'é'"),
        (b"# coding=utf-8-unix\n", "# coding=utf-8-unix\n"),
        (b"# coding=UTF_8\n", "# coding=UTF_8\n"),
        (b"# coding: utf8\n", "# coding: utf8\n"),
        ("# -*- coding: future_fstrings -*-\n'é'\n".encode(), "# -*- coding: future_fstrings -*-\n'é'\n"),
        ("# coding: gbk\nx = '中'\n".encode("gbk"), "# coding: gbk\nx = '中'\n"),
        (b"a\r\nb\rc\n", "a\nb\nc\n"),
        (b"a\x0cb\n\x0c\nc\n", "a\x0cb\n\x0c\nc\n"),
    ],
)
def test_decoding(data: bytes, text: str) -> None:
    assert decode(data) == text


def test_a_declaration_on_the_third_line_is_none() -> None:
    with pytest.raises(Undecodable):
        decode(b"\n\n# coding: latin-1\n'\xe9'")
    with pytest.raises(Undecodable):
        decode(b"x = 1\n# coding: latin-1\n'\xe9'")


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (
            b"x = 1\ny = '\xe9'\n",
            2,
            "not valid UTF-8: byte 0xe9; save it as UTF-8, or declare its encoding on the first line",
        ),
        (
            b"# coding: ascii\n\n'\xc3'",
            3,
            "not valid ASCII: byte 0xc3; the declared encoding is not the one it was saved in",
        ),
        (b"\n# coding: klingon\n", 2, "declares an encoding that Python does not know: klingon"),
        (b"# coding: rot13\n", 1, "declares an encoding that Python does not know: rot13"),
        (b"# coding: undefined\n", 1, "declares an encoding that Python does not know: undefined"),
        (
            b"\xef\xbb\xbf# coding: latin-1\n",
            1,
            "declares the encoding iso-8859-1 and has the byte-order mark of UTF-8",
        ),
        (
            b"\xef\xbb\xbf# coding: utf8\n",
            1,
            "declares the encoding utf8 and has the byte-order mark of UTF-8",
        ),
        ("x = 1\n".encode("utf-16"), 1, "encoded in UTF-16; save it as UTF-8"),
        (b"x = 1\ny\0 = 2\n", 2, "contains a NUL byte; this is no Python source"),
        (b"# coding: utf-7\nx = '+2AA-'\n", 2, "not valid utf-7: a lone surrogate"),
    ],
)
def test_what_cannot_be_decoded_is_told_with_its_line(data: bytes, line: int, message: str) -> None:
    with pytest.raises(Undecodable) as told:
        decode(data)
    assert (told.value.line, str(told.value)) == (line, message)


def lines_python_sees(data: bytes) -> list[str]:
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    with io.TextIOWrapper(io.BytesIO(data), encoding) as stream:
        return stream.read().split("\n")


first_lines = st.sampled_from(
    [b"", b"# coding: latin-1\n", b"\xef\xbb\xbf", b"# coding: utf-8\r\n", b"#\n# coding=cp437\n"]
)


@given(head=first_lines, body=st.text("ab é€\f\v\x1c\x85\u2028'#\n\r", max_size=40))
def test_lines_are_those_that_python_sees(head: bytes, body: str) -> None:
    data = head + body.encode()
    assert decode(data).split("\n") == lines_python_sees(data)


@given(
    st.binary(max_size=60)
    | st.builds(lambda a, b: b"# coding: " + a + b"\n" + b, st.binary(max_size=8), st.binary(max_size=20))
)
def test_no_bytes_crash_it(data: bytes) -> None:
    try:
        text = decode(data)
    except Undecodable as error:
        assert 1 <= error.line <= max(data.count(b"\n") + 1, 1 + data.count(b"\r") + data.count(b"\n"))
    else:
        text.encode()
        assert "\r" not in text and "\0" not in text


def test_form_feeds_do_not_shift_lines(tmp_path: Path) -> None:
    path = tmp_path / "f.py"
    path.write_bytes(b"x = 1\n\x0c\ny = '\x0c\x1c'\nz = 3\n")
    source = read(path, "f.py")
    assert isinstance(source, SourceFile)
    last = ast.parse(source.text).body[-1]
    assert source.text.split("\n")[last.lineno - 1] == "z = 3"


def test_reading_a_file(tmp_path: Path) -> None:
    path = tmp_path / "f.py"
    path.write_bytes(b"x = 1\r\n")
    assert read(path, "name") == SourceFile(path, "name", "x = 1\n")


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    assert read(tmp_path / "none.py", "none.py") == LintError(
        "none.py", 1, "cannot be read: No such file or directory"
    )
    assert read(tmp_path, "d.py") == LintError(
        "d.py", 1, "not a regular file; exclude it in the configuration"
    )
    os.mkfifo(tmp_path / "p.py")
    assert read(tmp_path / "p.py", "p.py") == LintError(
        "p.py", 1, "not a regular file; exclude it in the configuration"
    )
    with reachable_directory() as root:
        path = root / "locked.py"
        path.touch(0)
        assert unprivileged(lambda: read(path, "l.py")) == LintError(
            "l.py", 1, "cannot be read: Permission denied"
        )


def test_a_file_too_large_to_be_source_is_told(tmp_path: Path) -> None:
    path = tmp_path / "huge.py"
    with path.open("wb") as stream:
        stream.truncate((64 << 20) + 1)
    error = read(path, "huge.py")
    assert isinstance(error, LintError)
    assert error.message == "larger than 64 MiB; exclude it in the configuration"
