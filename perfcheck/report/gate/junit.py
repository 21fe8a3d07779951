"""JUnit's XML: what lint's has, and a suite for each script with a case for each limit."""

from xml.etree.ElementTree import Element, SubElement

from perfcheck.gate.budget import Check, Held
from perfcheck.report import junit
from perfcheck.report.gate import Gate, amount
from perfcheck.report.junit import as_xml


def render(gate: Gate) -> str:
    nothing = junit.suite("lint", [Element("testcase", name="no new findings", classname="lint")])
    return junit.document(
        (junit.suites(gate.lint) or [nothing]) + [_suite(script) for script in gate.scripts]
    )


def _suite(script: Held) -> Element:
    cases = [_case(script, check) for check in script.checks]
    if script.failure is not None:
        case = Element("testcase", name="runs", classname=as_xml(script.command))
        error = SubElement(case, "error", message=as_xml(script.failure.split("\n")[0]), type="not-run")
        error.text = "\n".join(map(as_xml, script.failure.split("\n")))
        cases.append(case)
    return junit.suite(script.command, cases)


def _case(script: Held, check: Check) -> Element:
    case = Element("testcase", name=check.limit, classname=as_xml(script.command))
    if check.measured is None:
        SubElement(case, "skipped", message="not measured on this device")
    elif check.verdict == "over":
        told = (
            f"{amount(check.limit, check.measured)}, and the budget is {amount(check.limit, check.allowed)}"
        )
        failure = SubElement(case, "failure", message=told, type=f"budget-{check.limit}")
        failure.text = "\n".join(
            as_xml(f"{line.path}:{line.line}: {amount(check.limit, line.per_step)} a step")
            for line in check.lines
        )
    return case
