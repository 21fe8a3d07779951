"""JUnit's XML: a suite for each file, a failed case for each finding."""

import re
from itertools import groupby
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from perfcheck.findings import Finding, LintError, LintResult
from perfcheck.report.context import Context, where
from perfcheck.report.printable import printable

_NOT_XML: Final = re.compile("[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(result: LintResult, context: Context) -> str:
    suites = Element(
        "testsuites",
        name="perfcheck",
        tests=str(max(len(result.findings) + len(result.errors), 1)),
        failures=str(len(result.findings)),
        errors=str(len(result.errors)),
    )
    for path, group in groupby(result.findings, key=lambda finding: finding.path):
        findings = list(group)
        suite = _suite(suites, path, len(findings), failures=len(findings))
        for finding in findings:
            _failure(suite, finding)
    for error in result.errors:
        _error(_suite(suites, error.path, 1, errors=1), error)
    if not len(suites):
        # Some readers take a report without cases for a broken one.
        SubElement(_suite(suites, "perfcheck", 1), "testcase", name="no findings", classname="perfcheck")
    indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(suites, encoding="unicode") + "\n"


def _suite(suites: Element, name: str, tests: int, failures: int = 0, errors: int = 0) -> Element:
    return SubElement(
        suites,
        "testsuite",
        name=_xml(name),
        tests=str(tests),
        failures=str(failures),
        errors=str(errors),
        skipped="0",
    )


def _failure(suite: Element, finding: Finding) -> None:
    place = finding.place
    case = SubElement(
        suite,
        "testcase",
        name=_xml(f"{finding.rule} {where(finding).removeprefix(finding.path + ':')}"),
        classname=_xml(finding.path),
        file=_xml(finding.path),
        line=str(place.line),
    )
    failure = SubElement(case, "failure", message=_xml(finding.message), type=finding.rule)
    failure.text = "\n".join(
        map(
            _xml,
            (f"{where(finding)}: {finding.rule} {finding.message}", f"help: {finding.help}", finding.url),
        )
    )


def _error(suite: Element, error: LintError) -> None:
    case = SubElement(
        suite,
        "testcase",
        name=f"not linted {error.line}",
        classname=_xml(error.path),
        file=_xml(error.path),
        line=str(error.line),
    )
    SubElement(case, "error", message=_xml(error.message), type="not-linted")


def _xml(text: str) -> str:
    """One line, without the characters that XML cannot carry, escaped or not."""
    return _NOT_XML.sub("", printable(text))
