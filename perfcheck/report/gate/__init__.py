"""What a gate tells: a module a format."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from perfcheck.findings import LintResult
from perfcheck.gate.budget import Held


@dataclass(frozen=True, slots=True)
class Gate:
    """All that was looked at. Findings are the new ones where there is a baseline."""

    lint: LintResult
    known: int  # places that the baseline has
    vanished: int  # places that the baseline has in vain
    scripts: Sequence[Held] = ()

    @property
    def failed(self) -> bool:
        return bool(self.lint.findings) or any(
            check.verdict == "over" for script in self.scripts for check in script.checks
        )

    @property
    def broken(self) -> bool:
        """Could something not be judged?"""
        return any(script.failure is not None for script in self.scripts)

    @property
    def verdict(self) -> str:
        return "failed" if self.failed else "could not judge" if self.broken else "passed"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    subject: str  # a script, or "lint"
    check: str
    measured: str
    allowed: str
    verdict: str
    remark: str = ""


_MOST_LINES = 5


def rows(gate: Gate) -> list[Row]:
    new = len(gate.lint.findings)
    remarks = [
        f"{count:,} {what}"
        for count, what in (
            (gate.known, "in the baseline"),
            (gate.vanished, "there in vain"),
            (len(gate.lint.errors), "files not read"),
        )
        if count
    ]
    table = [Row("lint", "findings", f"{new:,}", "0", "over" if new else "kept", ", ".join(remarks))]
    for script in gate.scripts:
        if script.failure is not None:
            table.append(
                Row(script.command, "", "", "", "not run", script.failure.split("\n")[0].rstrip(":"))
            )
        for check in script.checks:
            lines = [
                f"{line.path}:{line.line} ({amount(check.limit, line.per_step)})"
                for line in check.lines[:_MOST_LINES]
            ]
            more = len(check.lines) - len(lines)
            over = check.verdict == "over"
            table.append(
                Row(
                    script.command,
                    check.limit + ("" if check.limit == "idle-share" else " a step"),
                    "" if check.measured is None else amount(check.limit, check.measured),
                    amount(check.limit, check.allowed),
                    check.verdict,
                    ", ".join([*lines, *([f"{more} more"] if more else [])]) if over else "",
                )
            )
    return table


def amount(limit: str, value: float) -> str:
    if limit == "idle-share":
        return f"{value:.1%}"
    number = f"{value:,.2f}".rstrip("0").rstrip(".") if value >= 0.1 or not value else f"{value:.2g}"
    return f"{number} B" if limit == "bytes" else number


def document(gate: Gate) -> dict[str, Any]:
    """ "gate" of the JSON document."""
    return {
        "verdict": gate.verdict,
        "known": gate.known,
        "vanished": gate.vanished,
        "scripts": [
            {
                "script": script.command,
                "run": script.run and dict(script.run),
                "failure": script.failure,
                "limits": [
                    {
                        "limit": check.limit,
                        "verdict": check.verdict,
                        "measured": check.measured,
                        "allowed": check.allowed,
                        "lines": [
                            {"path": line.path, "line": line.line, "per_step": line.per_step}
                            for line in check.lines
                        ],
                    }
                    for check in script.checks
                ],
            }
            for script in gate.scripts
        ],
    }
