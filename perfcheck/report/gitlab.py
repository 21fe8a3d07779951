"""GitLab's code quality report.

https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

import json
from hashlib import sha256
from typing import Any, Final

from perfcheck.findings import Finding, LintError, LintResult, Severity
from perfcheck.report.context import Context, message

_SEVERITIES: Final[dict[Severity, str]] = {"error": "major", "warning": "minor", "info": "info"}


def render(result: LintResult, context: Context) -> str:
    seen: dict[str, int] = {}
    issues = [*map(_finding, result.findings), *map(_error, result.errors)]
    for issue in issues:
        # GitLab drops issues whose fingerprint it has seen.
        fingerprint = issue["fingerprint"]
        count = seen[fingerprint] = seen.get(fingerprint, 0) + 1
        if count > 1:
            issue["fingerprint"] = _digest(fingerprint, str(count))
    return json.dumps(issues, indent=2) + "\n"


def _finding(finding: Finding) -> dict[str, Any]:
    place = finding.place
    if finding.cell is None:
        description, lines = message(finding), {"begin": place.line, "end": place.end_line}
    else:
        description, lines = (
            f"cell {finding.cell}, line {place.line}: {message(finding)}",
            {"begin": 1, "end": 1},
        )
    return {
        "description": description,
        "check_name": finding.rule,
        "fingerprint": finding.fingerprint,
        "severity": _SEVERITIES[finding.severity],
        "location": {"path": finding.path, "lines": lines},
    }


def _error(error: LintError) -> dict[str, Any]:
    return {
        "description": f"not linted: {error.message}",
        "check_name": "not-linted",
        "fingerprint": _digest(error.path, error.message),
        "severity": "critical",
        "location": {"path": error.path, "lines": {"begin": error.line, "end": error.line}},
    }


def _digest(*parts: str) -> str:
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
