"""The text of one source file."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A Python file or a notebook, decoded.

    ``text`` is what is parsed: for a notebook its code cells joined, IPython magics blanked out.
    """

    path: Path  # absolute
    name: str  # as reported: relative to the working directory where below it, with "/"
    text: str
    cells: tuple[int, ...] = ()  # notebooks: first line (from 1) in ``text`` of each code cell
