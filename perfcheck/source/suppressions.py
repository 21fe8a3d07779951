"""Comments that silence findings: ``# perfcheck: ignore[PC101] reason`` and ``# noqa: PC101``.

A comment on a statement speaks of the whole statement; on the header of a block (``for``, ``if``, ``with``,
``def``, ``class``, ...) of the whole block; on a line of its own of the statement or block below it.
``ignore-file`` speaks of the file. ``noqa`` never reaches into a block.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

_OURS = re.compile(r"#\s*perfcheck:\s*([\w-]+)(?:\s*\[([^\]]*)\])?", re.IGNORECASE)
_MISWRITTEN = re.compile(  # what follows "ignore" where rules are named in another way than in brackets
    r"\s*\[|[(=]|\s*[(=:]?\s*(?:PC[A-Z]?[0-9]|[a-z]+(?:-[a-z]+){2,}\b)", re.IGNORECASE
)
_NOQA = re.compile(r"#\s*noqa(?![\w-])(\s*:\s*([A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*)?)?", re.IGNORECASE)
_MISTAKEN = frozenset({"disable", "disable-file", "skip", "skip-file", "off", "noqa", "ignore-next-line"})

Kind = Literal["ignore", "ignore-file", "noqa", "mistaken"]


class Suppression(NamedTuple):
    """One comment; ``first`` to ``last`` are the lines it speaks of."""

    kind: Kind
    selectors: tuple[str, ...] | None  # None: every rule
    first: int
    last: int
    line: int
    column: int  # of the comment, from 1
    end_column: int

    def covers(self, line: int) -> bool:
        return self.kind != "mistaken" and self.first <= line <= self.last


def suppressions(text: str) -> tuple[Suppression, ...]:
    """The suppressing comments of a file, in order; what follows an error of its syntax is not seen."""
    return tuple(sorted(_Reader(text).read(), key=lambda found: (found.line, found.column)))


def noqa_codes(text: str) -> Iterator[str | None]:
    """What the ``noqa`` comments of a text name, and perhaps more; None for one that names nothing."""
    for match in _NOQA.finditer(text):
        if match[1] is None:
            yield None
        elif match[2] is not None:
            yield from re.split(r"[,\s]+", match[2].upper())


class _Comment(NamedTuple):
    line: int
    column: int
    text: str

    def suppressions(self, statement: tuple[int, int], block: tuple[int, int]) -> Iterator[Suppression]:
        """What it says, where it belongs to a statement and the block that this is the header of, if any."""
        for match in _OURS.finditer(self.text):
            word = match[1].lower()
            listed = match[2]
            selectors = None if listed is None else tuple(filter(None, re.split(r"[,\s]+", listed)))
            if (
                word in ("ignore", "ignore-file")
                and listed is None
                and _MISWRITTEN.match(self.text, match.end())
            ):
                yield self._made("mistaken", None, statement, match)
            elif word == "ignore-file":
                yield self._made("ignore-file", selectors, (1, 1 << 60), match)
            elif word == "ignore":
                yield self._made("ignore", selectors, block, match)
            elif word.startswith("ign") or word in _MISTAKEN:
                yield self._made("mistaken", selectors, statement, match)
        for match in _NOQA.finditer(self.text):
            if match[1] is None:
                yield self._made("noqa", None, statement, match)
            elif match[2] is not None:  # "noqa: because" names no rule
                codes = re.split(r"[,\s]+", match[2].upper())
                yield self._made("noqa", tuple(codes), statement, match)

    def _made(
        self, kind: Kind, selectors: tuple[str, ...] | None, lines: tuple[int, int], match: re.Match[str]
    ) -> Suppression:
        column, end_column = self.column + match.start() + 1, self.column + match.end() + 1
        return Suppression(kind, selectors, *lines, self.line, column, end_column)


class _Block(NamedTuple):
    """A statement with an indented body that has not ended yet."""

    first: int
    header_end: int
    comments: list[_Comment]


class _Reader:
    """Follows the tokens of a file: statements, the blocks they head, and the comments in and above them."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._open: list[_Block] = []
        self._above: list[_Comment] = []  # on lines of their own, waiting for their statement
        self._inside: list[_Comment] = []  # in the statement being read
        self._decorated: int | None = None  # where the decorators of the coming definition begin
        self._header: _Block | None = None  # a statement just read, which may turn out to head a block
        self._last = 1

    def read(self) -> Iterator[Suppression]:
        import io
        import tokenize

        first: int | None = None  # line of the statement being read
        first_text, first_column = "", 0
        try:
            for token in tokenize.generate_tokens(io.StringIO(self._text).readline):
                kind = token.type
                if kind == tokenize.COMMENT:
                    comment = _Comment(token.start[0], token.start[1], token.string)
                    (self._above if first is None else self._inside).append(comment)
                elif kind == tokenize.INDENT:
                    if self._header is not None:
                        self._open.append(self._header)
                        self._header = None
                elif kind == tokenize.DEDENT:
                    yield from self._plain()
                    if self._open:
                        yield from self._closed(self._open.pop())
                elif kind == tokenize.NEWLINE:
                    if first is not None:
                        yield from self._statement(first, token.start[0], first_text, first_column)
                    first = None
                elif kind not in (tokenize.NL, tokenize.ENDMARKER) and first is None:
                    first, first_text, first_column = token.start[0], token.string, token.start[1]
                    yield from self._plain()
        except (tokenize.TokenError, SyntaxError):
            pass  # the parser tells people; what came before still counts
        yield from self._plain()
        while self._open:
            yield from self._closed(self._open.pop())
        for comment in self._above:
            yield from comment.suppressions((comment.line,) * 2, (comment.line,) * 2)

    def _statement(self, first: int, last: int, word: str, column: int) -> Iterator[Suppression]:
        """A statement has been read to its end, but not what follows it."""
        self._last = last
        above, self._above = self._above, []
        for comment in [comment for comment in above if comment.column != column]:
            above.remove(comment)
            yield from comment.suppressions((comment.line,) * 2, (comment.line,) * 2)
        inside, self._inside = self._inside, []
        if word == "@":
            self._above = above
            self._decorated = self._decorated or first
            for comment in inside:
                yield from comment.suppressions((first, last), (first, last))
            return
        start = self._decorated or first
        self._decorated = None
        self._header = _Block(start, last, [*above, *inside])

    def _plain(self) -> Iterator[Suppression]:
        """The statement read last heads no block."""
        if self._header is not None:
            first, last, comments = self._header
            self._header = None
            for comment in comments:
                yield from comment.suppressions((first, last), (first, last))

    def _closed(self, block: _Block) -> Iterator[Suppression]:
        for comment in block.comments:
            yield from comment.suppressions((block.first, block.header_end), (block.first, self._last))
