"""Colours, for terminals that have them."""

from collections.abc import Callable
from typing import Final

from perfcheck.findings import Severity

Paint = Callable[[str, str], str]

_CODES: Final = {
    "bold": "1",
    "dim": "2",
    "red": "1;31",
    "green": "1;32",
    "yellow": "1;33",
    "blue": "1;34",
    "cyan": "36",
}

SEVERITY_COLORS: Final[dict[Severity, str]] = {"error": "red", "warning": "yellow", "info": "blue"}


def paint(color: bool) -> Paint:
    """A function from a text and a style to the text in that style, or as it is."""
    if color:
        return lambda text, style: f"\x1b[{_CODES[style]}m{text}\x1b[0m"
    return lambda text, style: text
