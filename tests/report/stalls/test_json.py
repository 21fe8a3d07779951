"""The JSON document of an analysis: the contract, and that nothing is lost on the way."""

import json
from dataclasses import asdict

import jsonschema
import pytest

from perfcheck.report.stalls.json import document, render
from perfcheck.stalls.analysis import CAUSES, Analysis
from tests.report.stalls.sample import CUT, FINDING, MS, TRAINING, analysis, device, ranks, training

WHOLE = {"type": "integer"}
TEXT = {"type": "string"}
TEXT_OR_NULL = {"type": ["string", "null"]}
WINDOW = {"start_ns": WHOLE, "end_ns": WHOLE, "busy_ns": WHOLE, "idle_ns": WHOLE, "gaps": WHOLE}


def record(**properties: object) -> dict[str, object]:
    return {"type": "object", "required": list(properties), "properties": properties}


def rows(**properties: object) -> dict[str, object]:
    return {"type": "array", "items": record(**properties)}


CONTRACT = record(
    version={"const": 1},
    devices=rows(
        device=WHOLE,
        name=TEXT,
        span=record(**WINDOW),
        steps={"anyOf": [{"type": "null"}, record(count=WHOLE, **WINDOW)]},
        causes=rows(cause={"enum": list(CAUSES)}, idle_ns=WHOLE),
        lines=rows(
            path=TEXT_OR_NULL,
            line={"type": ["integer", "null"], "minimum": 1},
            line_kind={"enum": ["call", "definition", None]},
            function=TEXT_OR_NULL,
            cause={"enum": list(CAUSES)},
            idle_ns=WHOLE,
        ),
        unattributed_ns=WHOLE,
    ),
    health=rows(code=TEXT, severity={"enum": ["note", "warning", "error"]}, message=TEXT, recording=TEXT),
    findings=rows(rule=TEXT, path=TEXT, line=WHOLE, evidence=record(kind=TEXT)),
)


@pytest.mark.parametrize(
    "told",
    [
        TRAINING,
        Analysis(TRAINING.recordings, TRAINING.devices, (CUT,), (FINDING,)),
        analysis(device(training(), steps=0, step_ns=300 * MS)),
        analysis(),
        ranks(3),
    ],
    ids=["training", "findings", "no steps", "no device", "ranks"],
)
def test_the_contract(told: Analysis) -> None:
    parsed = json.loads(render(told, "1.2.3"))
    jsonschema.validate(parsed, CONTRACT)
    assert parsed == json.loads(json.dumps(document(told, "1.2.3")))
    for shown, own in zip(parsed["devices"], told.devices, strict=True):
        closed = shown["steps"] or shown["span"]
        for kind in ("causes", "lines"):
            assert sum(row["idle_ns"] for row in shown[kind]) + shown["unattributed_ns"] == closed["idle_ns"]
        assert shown["stalls"] == json.loads(json.dumps([asdict(stall) for stall in own.stalls]))


def test_a_row_takes_one_line() -> None:
    text = render(TRAINING, "1.2.3")
    assert '\n    {"cause": "data-loader", "idle_ns": 90000000, "gaps": 3},\n' in text
