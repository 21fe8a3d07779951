"""What differs between two analyses."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfcheck.report.stalls import differences as report
from perfcheck.report.stalls.json import document
from perfcheck.stalls.analysis import Analysis, DeviceAnalysis, Health
from perfcheck.stalls.differences import Difference, IncomparableError, Profile, compare, conclusions, profile
from tests.report.stalls.sample import MS, Piece, analysis, device, ranks, training


def side(it: Analysis | DeviceAnalysis, name: str = "side") -> Profile:
    whole = it if isinstance(it, Analysis) else analysis(it)
    return profile(json.loads(json.dumps(document(whole, "1"))), name)


SLOW = side(device(training()), "before.json")
FAST = side(device(training(loader_ms=0), step_ns=80 * MS), "after.json")


def test_a_cause_that_goes_away() -> None:
    difference = compare(SLOW, FAST, 0.05)
    assert difference.verdict == "better"
    assert conclusions(difference) == (
        "better: a step takes 80.00 ms instead of 100.00 ms (-20.0 %)",
        "idle time for data-loader went away: 30.00 ms before, 0.00 ms now",
    )
    back = compare(FAST, SLOW, 0.05)
    assert back.verdict == "worse"
    assert "idle time for data-loader appeared: 0.00 ms before, 30.00 ms now" in conclusions(back)


@given(st.integers(1, 10**12), st.integers(1, 10**12), st.floats(0, 2))
def test_the_verdict_is_that_of_the_step_time(before: int, after: int, threshold: float) -> None:
    difference = compare(
        side(device([], steps=1, step_ns=before)), side(device([], steps=1, step_ns=after)), threshold
    )
    worse, better = after - before > threshold * before, before - after > threshold * before
    assert difference.verdict == ("worse" if worse else "better" if better else "same")


def test_nothing_changed() -> None:
    difference = compare(SLOW, SLOW, 0.0)
    assert difference.verdict == "same"
    assert len(conclusions(difference)) == 1
    assert {change.fate for _, change in (*difference.causes, *difference.lines)} == {"as before"}


def moved(pieces: list[Piece], lines: int) -> list[Piece]:
    """The same code, so many lines further down."""
    return [
        (a, b, c, replace(site, line=site.line + lines) if site.line else site) for a, b, c, site in pieces
    ]


def test_lines_are_known_again_after_edits_above_them() -> None:
    difference = compare(SLOW, side(device(moved(training(), 17))), 0.05)
    assert {change.fate for _, change in difference.lines} == {"as before"}
    assert {site.line for site in difference.after.sites.values()} >= {41 + 17, 12 + 17}


def test_two_lines_of_a_function_are_told_without_a_number() -> None:
    pieces = training()
    two = side(device(sorted([*pieces[: len(pieces) // 2], *moved(pieces[len(pieces) // 2 :], 1)])))
    of_forward = next(site for line, site in two.sites.items() if line.function == "forward")
    assert (of_forward.line, of_forward.line_kind) == (0, None)


def test_means_over_ranks() -> None:
    whole = side(ranks(4))
    assert whole.devices == 4
    assert whole.steps == 12
    assert whole.step_ns == 105 * MS
    assert whole.busy_ns + whole.idle_ns in (whole.step_ns, whole.step_ns - 1)
    fewer = conclusions(compare(whole, SLOW, 0.05))
    assert "4 devices before and 1 now: means per device are compared" in fewer


def test_health_is_told() -> None:
    ill = analysis(
        device(training()), health=(Health("graph-without-kernels", "error", "kernels are missing"),)
    )
    assert "ill.json: kernels are missing" in conclusions(compare(SLOW, side(ill, "ill.json"), 0.05))


def test_without_steps_whole_recordings_are_compared() -> None:
    without = side(device(training(), steps=0, step_ns=300 * MS), "without.json")
    with pytest.raises(
        IncomparableError, match=r"without\.json marks no steps and the other does: .*prof\.step"
    ):
        compare(SLOW, without, 0.05)
    said = conclusions(compare(without, without, 0.05))
    assert said[0] == "same: the recording takes 300.00 ms instead of 300.00 ms (+0.0 %)"
    assert said[1].startswith("neither side marks steps")


DOCUMENT = document(analysis(device(training())), "1")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ([], "x.json is no analysis"),
        ({}, "x.json is no analysis of this version: KeyError 'version'"),
        ({**DOCUMENT, "version": 2}, "its version is 2, not 1"),
        ({**DOCUMENT, "devices": []}, "x.json has no GPU events to compare"),
        ({**DOCUMENT, "devices": [{}]}, "KeyError 'steps'"),
        ({**DOCUMENT, "devices": [{**DOCUMENT["devices"][0], "causes": [1]}]}, "TypeError"),
        (
            {**DOCUMENT, "devices": [DOCUMENT["devices"][0], {**DOCUMENT["devices"][0], "steps": None}]},
            "marks steps on some of its devices only",
        ),
    ],
)
def test_other_documents_are_refused(wrong: Any, said: str) -> None:
    with pytest.raises(IncomparableError) as refused:
        profile(wrong, "x.json")
    assert said in str(refused.value)


def test_text() -> None:
    text = report.render(compare(SLOW, FAST, 0.05))
    assert "data-loader 30.0 0 -30.0 -30.0 % gone" in " ".join(text.split())
    assert "enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__" in text
    assert "\x1b" not in text
    assert "\x1b[" in report.render(compare(SLOW, FAST, 0.05), color=True)


def test_json() -> None:
    difference: Difference = compare(SLOW, FAST, 0.05)
    told = json.loads(report.render_json(difference, "1"))
    assert told["verdict"] == "better"
    assert told["step"] == {
        "before_ns": 100 * MS,
        "after_ns": 80 * MS,
        "change_ns": -20 * MS,
        "fate": "shrank",
    }
    assert told["causes"][0] == {
        "cause": "data-loader",
        "before_ns": 30 * MS,
        "after_ns": 0,
        "change_ns": -30 * MS,
        "fate": "gone",
    }
    assert told["lines"][0]["operator"] == "enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__"
    assert told["conclusions"] == list(conclusions(difference))
