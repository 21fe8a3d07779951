"""Text from sources, made safe to show: nothing in it may steer a terminal or reorder what is read."""

import re
from typing import Final

_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters, line ends and escapes among them
    "\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f"  # invisible and direction-changing
    "\u2028\u2029\ufeff\ufff9-\ufffb"
    "\ud800-\udfff"  # surrogates: no encoding has them
    "\U000e0000-\U000e007f]"
)


def printable(text: str) -> str:
    """``text`` on one line, with tabs as spaces and everything unsafe as ``\\x1b``, ``\\u202e``."""
    return _UNSAFE.sub(_visible, text)


def width(text: str) -> int:
    """How many columns a terminal takes for a printable text."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(
        0 if combining(character) else 2 if east_asian_width(character) in "WF" else 1 for character in text
    )


def _visible(found: re.Match[str]) -> str:
    character = found[0]
    if character == "\t":
        return "    "
    return (
        character.encode("ascii", "backslashreplace").decode()
        if character > "\x7f"
        else repr(character)[1:-1]
    )
