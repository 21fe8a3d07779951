"""A summary for the page of a job or a merge request."""

import re
from typing import Final

from perfcheck.findings import Finding
from perfcheck.report.context import where
from perfcheck.report.gate import Gate, rows
from perfcheck.report.printable import printable

MOST_FINDINGS: Final = 50

_MEANT: Final = re.compile(r"([\\`*_\[\]<>|#~])")


def render(gate: Gate) -> str:
    parts = [f"## perfcheck: {gate.verdict}", _table(gate)]
    findings = gate.lint.findings
    if findings:
        listed = [_finding(finding) for finding in findings[:MOST_FINDINGS]]
        if len(findings) > MOST_FINDINGS:
            listed.append(f"* and {len(findings) - MOST_FINDINGS:,} more")
        parts.append("\n".join(listed))
    for script in gate.scripts:
        if script.failure is not None:
            told = "\n".join("    " + printable(line) for line in script.failure.split("\n"))
            parts.append(f"{_code(script.command)} could not be judged:\n\n{told}")
    return "\n\n".join(parts) + "\n"


def _table(gate: Gate) -> str:
    head = "| | check | measured | budget | | |\n|---|---|---:|---:|---|---|"
    lines = [head]
    for row in rows(gate):
        verdict = row.verdict if row.verdict == "kept" else f"**{row.verdict}**"
        cells = (_code(row.subject), row.check, row.measured, row.allowed)
        lines.append("| " + " | ".join((*cells, verdict, _plain(row.remark))) + " |")
    return "\n".join(lines)


def _finding(finding: Finding) -> str:
    return f"* {_code(where(finding))} [{finding.rule}]({finding.url}) {_message(finding.message)}"


def _message(text: str) -> str:
    """Plain, but for what stands between backquotes."""
    words, *pairs = printable(text).split("`")
    told = _plain(words)
    for number, part in enumerate(pairs):
        told += _code(part) if number % 2 == 0 and number + 1 < len(pairs) else _plain(part)
    return told


def _code(text: str) -> str:
    text = printable(text)
    ticks = "``" if "`" in text else "`"
    space = " " if "`" in text else ""
    return ticks + space + text.replace("|", "\\|") + space + ticks


def _plain(text: str) -> str:
    return _MEANT.sub(r"\\\1", printable(text))
