"""JUnit's XML: a suite for each file, a failed case for each finding."""

import re
from collections.abc import Sequence
from itertools import groupby
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from perfcheck.findings import Finding, LintError, LintResult
from perfcheck.report.context import Context, message, where
from perfcheck.report.printable import printable

_NOT_XML: Final = re.compile("[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(result: LintResult, context: Context) -> str:
    # Some readers take a report without cases for a broken one.
    nothing = suite("perfcheck", [Element("testcase", name="no findings", classname="perfcheck")])
    return document(suites(result) or [nothing])


def document(suites: Sequence[Element]) -> str:
    """A report of these suites."""
    sums = {
        name: str(sum(int(one.get(name, "0")) for one in suites)) for name in ("tests", "failures", "errors")
    }
    root = Element("testsuites", {"name": "perfcheck", **sums})
    root.extend(suites)
    indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def suites(result: LintResult) -> list[Element]:
    """A suite for each file with findings, and one for each that could not be linted."""
    found = [
        suite(path, [_failed(finding) for finding in group])
        for path, group in groupby(result.findings, key=lambda finding: finding.path)
    ]
    return found + [suite(error.path, [_error(error)]) for error in result.errors]


def suite(name: str, cases: Sequence[Element]) -> Element:
    """The cases, counted by what stands in them."""
    counts = {
        plural: str(sum(case.find(kind) is not None for case in cases))
        for kind, plural in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped"))
    }
    element = Element("testsuite", {"name": as_xml(name), "tests": str(len(cases)), **counts})
    element.extend(cases)
    return element


def _failed(finding: Finding) -> Element:
    place = finding.place
    case = Element(
        "testcase",
        name=as_xml(f"{finding.rule} {where(finding).removeprefix(finding.path + ':')}"),
        classname=as_xml(finding.path),
        file=as_xml(finding.path),
        line=str(place.line),
    )
    failure = SubElement(case, "failure", message=as_xml(message(finding)), type=finding.rule)
    failure.text = "\n".join(
        map(
            as_xml,
            (f"{where(finding)}: {finding.rule} {message(finding)}", f"help: {finding.help}", finding.url),
        )
    )
    return case


def _error(error: LintError) -> Element:
    case = Element(
        "testcase",
        name=f"not linted {error.line}",
        classname=as_xml(error.path),
        file=as_xml(error.path),
        line=str(error.line),
    )
    SubElement(case, "error", message=as_xml(error.message), type="not-linted")
    return case


def as_xml(text: str) -> str:
    """One line, without the characters that XML cannot carry, escaped or not."""
    return _NOT_XML.sub("", printable(text))
