"""The JSON document, for programs. A finding, event or error takes one line of the text."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from perfcheck.findings import Edit, Finding, Fix, LintResult
from perfcheck.report.context import Context
from perfcheck.report.summary import by_rule, by_severity


def render(result: LintResult, context: Context) -> str:
    parts = [
        '"version": 1',
        f'"tool": {json.dumps({"name": "perfcheck", "version": context.version})}',
        f'"findings": {_lines([finding_document(finding) for finding in result.findings])}',
    ]
    if context.events:
        parts.append(f'"predicted": {_lines([asdict(event) for event in result.predicted])}')
    if context.run is not None:
        parts.append(f'"run": {json.dumps(dict(context.run.document))}')
        parts.append(f'"events": {_lines([dict(event) for event in context.run.events])}')
        parts.append(f'"verdicts": {_lines([verdict.as_document() for verdict in context.run.verdicts])}')
    if context.gate is not None:
        parts.append(f'"gate": {json.dumps(dict(context.gate))}')
    parts.append(f'"errors": {_lines([asdict(error) for error in result.errors])}')
    parts.append(f'"summary": {json.dumps(_summary(result))}')
    return "{" + ",\n ".join(parts) + "}\n"


def _lines(items: Sequence[dict[str, Any]]) -> str:
    """An array with one item a line: diffs stay readable, and no time is lost on indentation."""
    return "[" + ",".join("\n  " + json.dumps(item) for item in items) + "]"


def finding_document(finding: Finding) -> dict[str, Any]:
    """A finding as reports of all kinds write it."""
    place = finding.place
    document: dict[str, Any] = {
        "rule": finding.rule,
        "name": finding.name,
        "severity": finding.severity,
        "confidence": finding.confidence,
        "path": finding.path,
        "line": place.line,
        "column": place.column,
        "end_line": place.end_line,
        "end_column": place.end_column,
        "message": finding.message,
        "help": finding.help,
        "url": finding.url,
        "function": finding.function,
        "hotness": finding.hotness,
        "evidence": dict(finding.evidence),
        "fix": None if finding.fix is None else _fix(finding.fix),
        "places": [asdict(place) for place in finding.places],
        "fingerprint": finding.fingerprint,
    }
    if finding.cell is not None:
        document["cell"] = finding.cell
    return document


def _fix(fix: Fix) -> dict[str, Any]:
    return {"safety": fix.safety, "message": fix.message, "edits": [_edit(edit) for edit in fix.edits]}


def _edit(edit: Edit) -> dict[str, Any]:
    return {**asdict(edit.place), "content": edit.content}


def _summary(result: LintResult) -> dict[str, Any]:
    return {
        "files": result.files,
        "lines": result.lines,
        "findings": len(result.findings),
        "errors": len(result.errors),
        "by_severity": by_severity(result),
        "by_rule": by_rule(result),
    }
