"""What people and machines read: one module a format, each with ``render(result, context)``."""

from importlib import import_module
from typing import Final, cast

from perfcheck.findings import LintResult
from perfcheck.report.context import Context

FORMATS: Final = ("text", "concise", "json", "github", "gitlab", "sarif", "junit")


def render(output_format: str, result: LintResult, context: Context) -> str:
    """The report in one of :data:`FORMATS`; empty, or ending in a newline."""
    if output_format not in FORMATS:
        raise ValueError(f"unknown output format {output_format!r}: choose from {', '.join(FORMATS)}")
    return cast(str, import_module(f"{__name__}.{output_format}").render(result, context))
