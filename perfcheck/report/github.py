"""Workflow commands: annotations in GitHub Actions.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from typing import Final

from perfcheck.findings import Finding, LintError, LintResult, Severity
from perfcheck.report.context import Context, message, where
from perfcheck.report.printable import printable

_COMMANDS: Final[dict[Severity, str]] = {"error": "error", "warning": "warning", "info": "notice"}


def render(result: LintResult, context: Context) -> str:
    return "".join([*map(_finding, result.findings), *map(_error, result.errors)])


def _finding(finding: Finding) -> str:
    place = finding.place
    properties: dict[str, object] = {"title": f"perfcheck ({finding.rule})", "file": finding.path}
    if finding.cell is None:
        properties |= {"line": place.line, "endLine": place.end_line}
        if place.line == place.end_line:  # columns are for annotations on one line
            properties |= {"col": place.column, "endColumn": place.end_column}
    text = f"{where(finding)}: {finding.rule} {message(finding)}. {finding.help}"
    return _command(_COMMANDS[finding.severity], properties, text)


def _error(error: LintError) -> str:
    return _command(
        "error",
        {"title": "perfcheck (not linted)", "file": error.path, "line": error.line},
        f"{error.path}:{error.line}: not linted: {error.message}",
    )


def _command(name: str, properties: dict[str, object], text: str) -> str:
    listed = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    return f"::{name} {listed}::{_data(text)}\n"


def _data(text: str) -> str:
    return printable(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
