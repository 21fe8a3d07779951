"""Counts."""

from collections import Counter

from perfcheck.findings import Finding, LintResult, Severity
from perfcheck.report.style import SEVERITY_COLORS, Paint


def by_severity(result: LintResult) -> dict[Severity, int]:
    counts = Counter(finding.severity for finding in result.findings)
    return {severity: counts[severity] for severity in SEVERITY_COLORS}


def by_rule(result: LintResult) -> dict[str, int]:
    return dict(sorted(Counter(finding.rule for finding in result.findings).items()))


def statistics(result: LintResult, paint: Paint) -> str:
    """A line for each rule that found something, the most frequent first."""
    named: dict[str, Finding] = {finding.rule: finding for finding in result.findings}
    counts = sorted(by_rule(result).items(), key=lambda count: (-count[1], count[0]))
    columns = max((len(str(count)) for _, count in counts), default=0)
    codes = max((len(code) for code, _ in counts), default=0)
    return "".join(
        f"{count:>{columns}}  {paint(code.ljust(codes), SEVERITY_COLORS[named[code].severity])}"
        f"  {named[code].name}\n"
        for code, count in counts
    )


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
