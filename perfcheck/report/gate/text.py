"""The table on a terminal, or in a job's log."""

from typing import Final

from perfcheck.report.gate import Gate, rows
from perfcheck.report.printable import printable, width
from perfcheck.report.style import paint

_COLORS: Final = {"kept": "green", "over": "red", "not run": "red", "not measured": "yellow"}
_VERDICTS: Final = {"passed": "green", "failed": "red", "could not judge": "red"}


def render(gate: Gate, *, color: bool) -> str:
    style = paint(color)
    table: list[tuple[str, ...]] = [("", "check", "measured", "budget", "", "")]
    subject = None
    for row in rows(gate):
        shown = "" if row.subject == subject else row.subject
        subject = row.subject
        cells = (shown, row.check, row.measured, row.allowed, row.verdict, row.remark)
        table.append(tuple(map(printable, cells)))
    widths = [max(width(line[column]) for line in table) for column in range(5)]
    lines = []
    for number, line in enumerate(table):
        padded = [
            _padded(cell, size, right=column in (2, 3))
            for column, (cell, size) in enumerate(zip(line, widths))
        ]
        if number:
            padded[4] = style(padded[4], _COLORS[line[4]])
        told = "  ".join([*padded, line[5]]).rstrip()
        lines.append(told if number else style(told, "bold"))
    for script in gate.scripts:
        if script.failure is not None:
            told = "\n".join("  " + printable(line) for line in script.failure.split("\n"))
            lines.append(f"\n{printable(script.command)}\n{told}")
    return "\n".join(lines) + f"\n\nperfcheck gate: {style(gate.verdict, _VERDICTS[gate.verdict])}\n"


def _padded(cell: str, size: int, *, right: bool) -> str:
    blank = " " * (size - width(cell))
    return blank + cell if right else cell + blank
