"""From edits to the bytes of files, and from these to disk."""

from __future__ import annotations

import ast
import os
import stat
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from perfcheck.findings import Edit, LintError
from perfcheck.fix import notebooks
from perfcheck.fix.edits import Refused, apply
from perfcheck.source.text import SourceFile, decode, encoding_of, read_bytes


def edited(source: SourceFile, data: bytes, edits: Iterable[Edit]) -> bytes:
    """The file's bytes after edits of its text: encoding, byte-order mark and ends of lines stay.

    Raises :class:`Refused`.
    """
    if source.path.suffix == ".ipynb":
        return notebooks.edited(source, data, edits)
    encoding = encoding_of(data)
    text = data.decode(encoding)
    if text.encode(encoding) != data:
        raise Refused(f"its bytes are not the only way to write it in {encoding}")
    changed = apply(text, edits)
    try:
        encoded = changed.encode(encoding)
        _compile(decode(encoded), source, whole=_compiles(text, source))
    except UnicodeEncodeError as error:
        raise Refused(f"{encoding} has no `{changed[error.start]}`") from None
    except (SyntaxError, ValueError) as error:
        raise Refused(f"it would no longer be Python: {error}") from None
    return encoded


def _compiles(text: str, source: SourceFile) -> bool:
    """Is it a program as it stands? Some files parse and are none: pieces to be put together."""
    try:
        _compile(text, source, whole=True)
    except (SyntaxError, ValueError):
        return False
    return True


def _compile(text: str, source: SourceFile, *, whole: bool) -> None:
    """Raises SyntaxError and ValueError; the parser alone does not see a keyword that is given twice."""
    flags = 0 if whole else ast.PyCF_ONLY_AST
    compile(text, str(source.path), "exec", dont_inherit=True, flags=flags)


def replace_file(path: Path, before: bytes, after: bytes) -> None:
    """Put new content in the place of the old, whole or not at all; permissions stay, and links stay links.

    Raises :class:`Refused` where the file is no longer what it was, or cannot be written.
    """
    target = Path(os.path.realpath(path))
    if not os.access(target, os.W_OK):
        raise Refused("it is write-protected")
    temporary = ""
    try:
        status = os.stat(target)
        handle, temporary = tempfile.mkstemp(
            prefix=f".{target.name}.", suffix=".perfcheck", dir=target.parent
        )
        with open(handle, "wb") as stream:
            stream.write(after)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, stat.S_IMODE(status.st_mode))
        with suppress(OSError, AttributeError):  # somebody else's file stays theirs where that is allowed
            os.chown(temporary, status.st_uid, status.st_gid)
        now = read_bytes(target, str(path))
        if isinstance(now, LintError) or now != before:
            raise Refused("it changed in the meantime")
        os.replace(temporary, target)
        temporary = ""
    except OSError as error:
        raise Refused(f"it cannot be written: {error.strerror or error}") from None
    finally:
        if temporary:
            with suppress(OSError):
                os.unlink(temporary)
