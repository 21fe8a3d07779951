"""A line for each finding: ``path:line:column: PC101 message``."""

from perfcheck.findings import LintResult
from perfcheck.report.context import Context, message, where
from perfcheck.report.printable import printable
from perfcheck.report.style import SEVERITY_COLORS, paint
from perfcheck.report.summary import statistics


def render(result: LintResult, context: Context) -> str:
    style = paint(context.color)
    lines = []
    for finding in result.findings:
        code = style(finding.rule, SEVERITY_COLORS[finding.severity])
        lines.append(f"{style(printable(where(finding)), 'bold')}: {code} {printable(message(finding))}\n")
    for error in result.errors:
        place = style(f"{printable(error.path)}:{error.line}:1", "bold")
        lines.append(f"{place}: {style('error', 'red')} {printable(error.message)}\n")
    if context.statistics and result.findings:
        lines.append("\n" + statistics(result, style))
    return "".join(lines)
