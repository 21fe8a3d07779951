"""SARIF 2.1.0, for code scanning.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

import json
import os
from typing import Any, Final
from urllib.parse import quote

from perfcheck.findings import Confidence, Finding, Fix, LintError, LintResult, Place, Severity
from perfcheck.report.context import Context
from perfcheck.rulebook.rule import Rule

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_LEVELS: Final[dict[Severity, str]] = {"error": "error", "warning": "warning", "info": "note"}
_PROBLEMS: Final[dict[Severity, str]] = {"error": "error", "warning": "warning", "info": "recommendation"}
_PRECISION: Final[dict[Confidence, str]] = {"high": "high", "medium": "medium", "heuristic": "low"}


def render(result: LintResult, context: Context) -> str:
    first = {finding.rule: finding for finding in reversed(result.findings)}
    index = {code: number for number, code in enumerate(sorted(first))}
    run = {
        "tool": {
            "driver": {
                "name": "perfcheck",
                "version": context.version,
                "informationUri": "https://perfcheck.readthedocs.io",
                "rules": [_descriptor(first[code], context.rules.get(code)) for code in index],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": not result.errors,
                "toolExecutionNotifications": [_notification(error) for error in result.errors],
            }
        ],
        "results": [_result(finding, index[finding.rule]) for finding in result.findings],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _descriptor(finding: Finding, rule: Rule | None) -> dict[str, Any]:
    """The rule; what reports itself without a page (an unused suppression) is described by its finding."""
    sections = dict(rule.sections) if rule else {}
    markdown = "\n\n".join(f"## {heading}\n\n{text}" for heading, text in sections.items())
    text = sections.get("What it does", finding.message)
    category = rule.category if rule else "perfcheck"
    return {
        "id": finding.rule,
        "name": finding.name,
        "shortDescription": {"text": finding.name.replace("-", " ")},
        "fullDescription": {"text": text},
        "help": {"text": finding.help, "markdown": markdown or finding.help},
        "helpUri": finding.url,
        "defaultConfiguration": {"level": _LEVELS[finding.severity]},
        "properties": {
            "category": category,
            "precision": _PRECISION[finding.confidence],
            "problem.severity": _PROBLEMS[finding.severity],
            "tags": ["performance", category],
        },
    }


def _result(finding: Finding, rule_index: int) -> dict[str, Any]:
    message = finding.message
    if finding.cell is not None:
        message = f"cell {finding.cell}, line {finding.place.line}: {message}"
    document: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": rule_index,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{message}. {finding.help}"},
        "locations": [_location(finding, finding.place)],
        "partialFingerprints": {"perfcheck/v1": finding.fingerprint},
        "properties": {
            "confidence": finding.confidence,
            "hotness": finding.hotness,
            "evidence": dict(finding.evidence),
        },
    }
    if finding.places:
        document["relatedLocations"] = [
            {**_location(finding, place), "id": number, "message": {"text": "the same cause"}}
            for number, place in enumerate(finding.places, 1)
        ]
    if finding.fix is not None and finding.fix.edits and finding.cell is None:
        document["fixes"] = [_fix(finding.path, finding.fix)]
    return document


def _location(finding: Finding, place: Place) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(finding.path)}}
    location: dict[str, Any] = {"physicalLocation": physical}
    logical = []
    if finding.cell is None:
        physical["region"] = _region(place)
    else:  # a line of a cell is no line of the notebook's file
        logical.append({"name": f"cell {finding.cell}", "kind": "element"})
    if finding.function:
        logical.append({"fullyQualifiedName": finding.function, "kind": "function"})
    if logical:
        location["logicalLocations"] = logical
    return location


def _region(place: Place) -> dict[str, int]:
    return {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    }


def _fix(path: str, fix: Fix) -> dict[str, Any]:
    return {
        "description": {"text": f"{fix.message} ({fix.safety})"},
        "artifactChanges": [
            {
                "artifactLocation": {"uri": _uri(path)},
                "replacements": [
                    {"deletedRegion": _region(edit.place), "insertedContent": {"text": edit.content}}
                    for edit in fix.edits
                ],
            }
        ],
    }


def _notification(error: LintError) -> dict[str, Any]:
    return {
        "level": "error",
        "message": {"text": error.message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(error.path)},
                    "region": {"startLine": error.line},
                }
            }
        ],
    }


def _uri(path: str) -> str:
    """A relative reference, or a file URI where the path is absolute."""
    if path.startswith("/"):
        return "file://" + quote(path, errors="backslashreplace")
    if os.name == "nt" and path[1:3] == ":/":
        return f"file:///{path[:2]}" + quote(path[2:], errors="backslashreplace")
    return quote(path, errors="backslashreplace")
