"""What is nested too deeply to be read costs its own statement, not the file around it."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

Lines = tuple[int, int]
"""The first and the last of some lines, which count from 1."""

_CONTINUING = frozenset({"elif", "else", "except", "finally"})


def too_deep(text: str, read: Callable[[str], object]) -> tuple[Lines, ...]:
    """The statements at the top of a text at which ``read`` gives up for want of stack or memory."""
    lines = text.split("\n")
    found: list[Lines] = []
    for first, last in _statements(text, len(lines)):
        try:
            read("\n".join(lines[first - 1 : last]))
        except (RecursionError, MemoryError):
            found.append((first, last))
        except (SyntaxError, ValueError):
            pass  # told when all that is left is read
    return tuple(found)


def blanked(text: str, left_out: Sequence[Lines]) -> str:
    """The text with nothing on these lines."""
    lines = text.split("\n")
    for first, last in left_out:
        lines[first - 1 : last] = [""] * (last - first + 1)
    return "\n".join(lines)


def _statements(text: str, count: int) -> Iterator[Lines]:
    """Each statement of the top level and what follows, up to the next; none in what has no tokens."""
    begins: list[int] = []
    depth, begun, decorated = 0, False, False
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.INDENT:
                depth += 1
            elif token.type == tokenize.DEDENT:
                depth -= 1
            elif token.type == tokenize.NEWLINE:
                begun = False
            elif not begun and token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.ENDMARKER):
                begun = True
                if depth == 0 and not decorated and token.string not in _CONTINUING:
                    begins.append(token.start[0])
                decorated = depth == 0 and token.string == "@"
    except (tokenize.TokenError, SyntaxError):
        return
    yield from ((first, after - 1) for first, after in pairwise([*begins, count + 1]))
