"""Verdicts on findings, from what a run has shown."""

from dataclasses import replace

import pytest

from perfcheck.conditions import asked_at
from perfcheck.confirm import Judgement, Seen, Verdict, judged, with_evidence
from perfcheck.counted import Counted, Phase
from perfcheck.events import EVENTS, Event
from perfcheck.findings import Finding, Place, Predicted

FINDING = Finding(
    rule="PC101",
    name="item-in-hot-loop",
    severity="error",
    confidence="high",
    path="train.py",
    place=Place(7, 5, 8, 12),
    message="",
    help="",
    url="",
    function="train",
    hotness="step",
    fingerprint="f",
    places=(Place(20, 1, 20, 9),),
)
EXPECTED = Predicted("host-sync", "train.py", 7, 8, "Tensor.item", "yes", "step")


def counted(line: int, event: Event = "host-sync", phase: Phase = "steps", count: int = 4) -> Counted:
    return Counted("train.py", line, event, "aten::item", None, phase, count, 0, 1, 4, 4)


def seen(*came: Counted, lines: tuple[int, ...] = (7, 8, 20), steps: int = 4) -> Seen:
    return Seen(came, {"train.py": frozenset(lines)}, steps, frozenset(EVENTS))


def verdicts(what: Seen, *predicted: Predicted, event: Event = "host-sync") -> tuple[Verdict, ...]:
    return judged([FINDING], predicted, lambda _: event, what)


@pytest.mark.parametrize(
    ("what", "predicted", "verdict", "count"),
    [
        (seen(counted(7)), [EXPECTED], "confirmed", 4),
        (seen(counted(8)), [], "confirmed", 4),
        (seen(counted(7), counted(20, count=2)), [EXPECTED], "confirmed", 6),
        (seen(counted(7, phase="set-up")), [EXPECTED], "harmless", 4),
        (seen(counted(7, phase="set-up"), steps=0), [EXPECTED], "confirmed", 4),
        (seen(), [EXPECTED], "refuted", 0),
        (seen(counted(7, "kernel-launch")), [EXPECTED], "refuted", 0),
        (seen(lines=(9,)), [EXPECTED], "not reached", 0),
        (seen(), [], "not measured", 0),
        (replace(seen(), shows=frozenset()), [EXPECTED], "not measured", 0),
        (replace(seen(counted(7)), idle_ns={}), [EXPECTED], "harmless", 4),
        (replace(seen(counted(7)), idle_ns={("train.py", 8): 5}), [EXPECTED], "confirmed", 4),
    ],
)
def test_each_finding_gets_its_verdict(
    what: Seen, predicted: list[Predicted], verdict: Judgement, count: int
) -> None:
    (found,) = verdicts(what, *predicted)
    assert (found.verdict, found.count, found.finding) == (verdict, count, FINDING)


def test_a_pageable_copy_confirms_what_is_said_of_copies_but_not_the_other_way_round() -> None:
    (of_copies,) = verdicts(seen(counted(7, "pageable-copy")), event="h2d-copy")
    (of_pageable,) = verdicts(seen(counted(7, "h2d-copy")), event="pageable-copy")
    assert (of_copies.verdict, of_pageable.verdict) == ("confirmed", "not measured")


def test_what_no_finding_speaks_of_was_missed() -> None:
    what = seen(
        counted(7, "h2d-copy"),  # the finding's line
        counted(30),
        counted(30, "d2h-copy", count=1),
        counted(31, "kernel-launch"),
        counted(32, phase="set-up"),
        counted(33, "h2d-copy"),  # pinned, and nobody waits: as a batch should be copied
    )
    missed = [
        one for one in verdicts(what, replace(EXPECTED, line=30, end_line=30)) if one.verdict == "missed"
    ]
    assert [(one.line, one.event, one.count, one.predicted) for one in missed] == [
        (30, "d2h-copy", 1, False),
        (30, "host-sync", 4, True),
    ]


def test_a_condition_of_several_lines_is_decided_at_the_line_of_its_statement() -> None:
    text = "if (\n    x\n    and y.any()\n):\n    pass\nwhile x: pass\nassert (\n    x\n), y\n"
    assert asked_at(text) == {2: 1, 3: 1, 8: 7}
    what = seen(counted(6, "host-sync"))
    (confirmed,) = judged([FINDING], [EXPECTED], lambda _: "host-sync", what, lambda _: {7: 6})
    assert confirmed.verdict == "confirmed"


def test_confirmed_findings_are_ranked_by_cost() -> None:
    cheap = Verdict(
        "confirmed", "host-sync", "a.py", 1, count=1, steps=4, finding=replace(FINDING, path="a.py")
    )
    dear = replace(cheap, path="b.py", count=8, bytes=4096, finding=replace(FINDING, path="b.py"))
    idle = replace(cheap, path="c.py", idle_ns=8_000_000, finding=replace(FINDING, path="c.py"))
    refuted = replace(cheap, verdict="refuted")
    ranked = with_evidence([cheap, refuted, dear, idle], "counted")
    assert [finding.path for finding in ranked] == ["c.py", "b.py", "a.py"]
    assert ranked[1].evidence == {
        "kind": "counted",
        "verdict": "confirmed",
        "event": "host-sync",
        "count": 8,
        "steps": 4,
        "per_step": 2.0,
        "bytes_per_step": 1024,
    }
    assert ranked[0].evidence["idle_ns_per_step"] == 2_000_000
