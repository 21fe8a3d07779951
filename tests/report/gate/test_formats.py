"""What a gate tells, in every format, whatever names and outputs contain."""

import json
import xml.etree.ElementTree as ET
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from perfcheck.findings import LintResult
from perfcheck.gate.budget import Check, Held, Line, exceeded
from perfcheck.report import render
from perfcheck.report.gate import Gate, document, junit, markdown, rows, text
from tests.report.sample import CONTEXT, RESULT, finding
from tests.report.test_properties import FINDINGS, SARIF, TEXT

GATE = Gate(
    LintResult(files=3),
    known=27,
    vanished=0,
    scripts=(
        Held(
            "train.py --epochs 1",
            (
                Check("host-syncs", 0, 2.5, (Line("train.py", 48, 2.0), Line("net.py", 7, 0.5))),
                Check("bytes", 4096, 1536.0, (Line("train.py", 41, 1536.0),)),
                Check("idle-share", 0.1, None),
            ),
            {"device": "emulated", "steps": 96},
        ),
        Held("eval.py", failure="it ended with exit code 1:\nValueError: no data"),
    ),
)

TABLE = """\
                     check              measured   budget
lint                 findings                  0        0  kept          27 in the baseline
train.py --epochs 1  host-syncs a step       2.5        0  over          train.py:48 (2), net.py:7 (0.5)
                     bytes a step        1,536 B  4,096 B  kept
                     idle-share                     10.0%  not measured
eval.py                                                    not run       it ended with exit code 1

eval.py
  it ended with exit code 1:
  ValueError: no data

perfcheck gate: failed
"""

GATES = st.builds(
    lambda findings, command, failure, path: Gate(
        LintResult(tuple(findings)),
        0,
        0,
        (
            Held(command, (Check("host-syncs", 0, 1.0, (Line(path or "x", 1, 1.0),)),)),
            Held(command, failure=failure),
        ),
    ),
    st.lists(FINDINGS, max_size=2),
    TEXT.filter(str.strip),
    TEXT,
    TEXT,
)


def test_the_table() -> None:
    assert text.render(GATE, color=False) == TABLE
    assert "\x1b[1;31mover" in text.render(GATE, color=True)


def test_verdicts() -> None:
    passed = replace(GATE, scripts=())
    assert (passed.verdict, GATE.verdict) == ("passed", "failed")
    assert replace(GATE, scripts=GATE.scripts[1:]).verdict == "could not judge"
    assert replace(passed, lint=RESULT).verdict == "failed"


def test_json_has_all_of_it() -> None:
    written = json.loads(render("json", GATE.lint, replace(CONTEXT, gate=document(GATE))))
    assert list(written) == ["version", "tool", "findings", "gate", "errors", "summary"]
    (train, evaluation) = written["gate"]["scripts"]
    assert train["limits"][0] == {
        "limit": "host-syncs",
        "verdict": "over",
        "measured": 2.5,
        "allowed": 0,
        "lines": [
            {"path": "train.py", "line": 48, "per_step": 2.0},
            {"path": "net.py", "line": 7, "per_step": 0.5},
        ],
    }
    assert evaluation["failure"].endswith("ValueError: no data")


def test_junit_counts_limits() -> None:
    root = ET.fromstring(junit.render(GATE))
    counts = [
        (suite.get("name"), *(suite.get(name) for name in ("tests", "failures", "errors", "skipped")))
        for suite in root
    ]
    assert counts == [
        ("lint", "1", "0", "0", "0"),
        ("train.py --epochs 1", "3", "1", "0", "1"),
        ("eval.py", "1", "0", "1", "0"),
    ]
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("5", "1", "1")


@given(GATES)
def test_every_format_stays_what_it_is(gate: Gate) -> None:
    ET.fromstring(junit.render(gate))
    findings = (*gate.lint.findings, *exceeded(gate.scripts, "https://x"))
    SARIF.model_validate(json.loads(render("sarif", LintResult(findings), CONTEXT)))
    assert text.render(gate, color=False).endswith("\n\nperfcheck gate: failed\n")


@given(GATES)
def test_markdown_has_a_row_for_each_and_nothing_of_it_is_markup(gate: Gate) -> None:
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(markdown.render(gate))
    cells = [token for token in tokens if token.type in ("td_open", "th_open")]
    assert len(cells) == 6 * (1 + len(rows(gate)))
    inline = [child for token in tokens for child in token.children or ()]
    assert not [child for child in inline if child.type in ("html_inline", "image", "em_open")]
    assert not [token for token in tokens if token.type == "html_block"]
    links = [child.attrs["href"] for child in inline if child.type == "link_open"]
    assert links == [each.url for each in gate.lint.findings]


def test_markdown_tells_the_first_findings_and_counts_the_rest() -> None:
    many = tuple(finding("PC101", "a.py", RESULT.findings[0].place) for _ in range(53))
    written = markdown.render(replace(GATE, lint=LintResult(many)))
    assert written.count("* `a.py:2:5` [PC101]") == 50 and "* and 3 more" in written
