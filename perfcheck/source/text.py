"""The text of one source file."""

import codecs
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from perfcheck.findings import LintError
from perfcheck.source.content import Unfit, content

LARGEST = 64 << 20  # bytes; a file beyond is data

_NEWLINE = re.compile(r"\r\n|\r|\n")

# PEP 263: on one of the first two lines, the first of which holds nothing but a comment
_BLANK = re.compile(rb"[ \t\f]*(?:#.*)?$")
_CODING = re.compile(rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A Python file or a notebook, decoded.

    ``text`` is what is parsed: for a notebook its code cells joined, IPython magics blanked out.
    """

    path: Path  # absolute
    name: str  # as reported: relative to the working directory where below it, with "/"
    text: str
    cells: tuple[int, ...] = ()  # notebooks: first line (from 1) in ``text`` of each code cell


def lines_of(source: SourceFile, cell: int | None = None) -> list[str]:
    """The lines of a file, or of one code cell (from 1) of a notebook.

    Line ends are those of Python: a form feed ends no line.
    """
    lines = _split(source.text)
    if cell is None or not source.cells:
        return lines
    begin = source.cells[cell - 1] - 1
    end = source.cells[cell] - 1 if cell < len(source.cells) else len(lines)
    return lines[begin:end]


@lru_cache(maxsize=1)  # findings come file by file
def _split(text: str) -> list[str]:
    return _NEWLINE.split(text)


class Undecodable(ValueError):
    """Bytes that are no Python source; ``line`` is where."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def read(path: Path, name: str) -> SourceFile | LintError:
    """The file's text, or why it cannot be had."""
    data = read_bytes(path, name)
    if isinstance(data, LintError):
        return data
    return decoded(data, path, name)


def read_bytes(path: Path, name: str) -> bytes | LintError:
    """The file's content, if it is a regular file of bearable size."""
    try:
        return content(path, LARGEST)
    except Unfit as error:
        return LintError(name, 1, f"{error}; exclude it in the configuration")
    except OSError as error:
        return LintError(name, 1, f"cannot be read: {error.strerror or error}")


def decoded(data: bytes, path: Path, name: str) -> SourceFile | LintError:
    """Python source from its bytes."""
    try:
        return SourceFile(path, name, decode(data))
    except Undecodable as error:
        return LintError(name, error.line, str(error))


def decode(data: bytes) -> str:
    """Bytes as Python reads them: byte-order mark, declared encoding, "\\n" for every end of line.

    Raises :class:`Undecodable`.
    """
    text = _text(data)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise Undecodable(line, "contains a NUL byte; this is no Python source")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def encoding_of(data: bytes) -> str:
    """The codec that gives the text of a file's bytes and gives these back, with their byte-order mark."""
    return "utf-8-sig" if data.startswith(codecs.BOM_UTF8) else _declared(data)[0]


def _text(data: bytes) -> str:
    marked = data.startswith(codecs.BOM_UTF8)
    if marked:
        data = data[len(codecs.BOM_UTF8) :]
    encoding, line = _declared(data)
    if marked and encoding != "utf-8":
        raise Undecodable(line, f"declares the encoding {encoding} and has the byte-order mark of UTF-8")
    try:
        text = data.decode(encoding)
        if encoding != "utf-8":
            text.encode()  # some encodings let lone surrogates through, which no parser takes
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise Undecodable(line, f"not valid {encoding}: a lone surrogate") from None
    except UnicodeDecodeError as error:
        raise Undecodable(data.count(b"\n", 0, error.start) + 1, _complaint(data, error, encoding)) from None
    except (LookupError, ValueError):
        raise Undecodable(line, f"declares an encoding that Python does not know: {encoding}") from None
    return text


def _complaint(data: bytes, error: UnicodeDecodeError, encoding: str) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "encoded in UTF-16; save it as UTF-8"
    found = f"not valid {encoding.upper()}: byte 0x{data[error.start]:02x}"
    if encoding == "utf-8":
        return found + "; save it as UTF-8, or declare its encoding on the first line"
    return found + "; the declared encoding is not the one it was saved in"


def _declared(data: bytes) -> tuple[str, int]:
    """The encoding declared on the first two lines, and on which; UTF-8 where there is none."""
    end = data.find(b"\n", data.find(b"\n") + 1)
    lines = re.split(rb"\r\n|\r|\n", data[:end] if end > 0 else data, maxsplit=2)[:2]
    for number, line in enumerate(lines, 1):
        match = _CODING.match(line)
        if match:
            return _normal(match[1].decode()), number
        if not _BLANK.match(line):
            break
    return "utf-8", 1


def _normal(encoding: str) -> str:
    """As Python reads it: "UTF_8" and an editor's "utf-8-unix" are UTF-8; "utf8" is found by the codecs.
    What a package registers for Pythons that knew no f-strings is UTF-8 too."""
    lowered = encoding.lower().replace("_", "-")
    if (lowered + "-").startswith("utf-8-") or lowered == "future-fstrings":
        return "utf-8"
    if (lowered + "-").startswith(("latin-1-", "iso-8859-1-", "iso-latin-1-")):
        return "iso-8859-1"
    return encoding
