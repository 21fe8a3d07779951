import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfcheck.config.budgets import Budget, budgets
from perfcheck.gate.budget import Check, Line, exceeded, held
from perfcheck.gate.running import missing


def event(kind: str, line: int, count: int, **others: int) -> dict[str, object]:
    zero = {"bytes": 0, "set_up": 0, "set_up_bytes": 0}
    return {"event": kind, "path": "train.py", "line": line, "count": count, **zero, **others}


DOCUMENT = {
    "run": {"device": "emulated", "counted_steps": 4},
    "events": [
        event("host-sync", 3, 12, set_up=4),
        event("host-sync", 5, 1),
        event("host-sync", 9, 7, set_up=7),
        event("h2d-copy", 3, 8, bytes=1000, set_up_bytes=200),
        event("d2h-copy", 5, 4, bytes=16),
        event("kernel-launch", 3, 40),
    ],
}


def test_costs_are_those_of_a_step_without_set_up_the_most_costly_lines_first() -> None:
    limits = (("host-syncs", 2.25), ("copies", 2), ("bytes", 300), ("h2d-copies", 1), ("idle-share", 0.1))
    assert held(Budget("train.py", limits), DOCUMENT).checks == (
        Check("host-syncs", 2.25, 2.25, (Line("train.py", 3, 2.0), Line("train.py", 5, 0.25))),
        Check("copies", 2, 3.0, (Line("train.py", 3, 2.0), Line("train.py", 5, 1.0))),
        Check("bytes", 300, 204.0, (Line("train.py", 3, 200.0), Line("train.py", 5, 4.0))),
        Check("h2d-copies", 1, 2.0, (Line("train.py", 3, 2.0),)),
        Check("idle-share", 0.1, None),
    )
    verdicts = [check.verdict for check in held(Budget("train.py", limits), DOCUMENT).checks]
    assert verdicts == ["kept", "over", "kept", "over", "not measured"]


def test_the_idle_share_is_a_real_device_s() -> None:
    run = {"counted_steps": 4, "idle": {"idle_ns": 30, "window_ns": 120}}
    (check,) = held(Budget("train.py", (("idle-share", 0.2),)), {"run": run, "events": []}).checks
    assert (check.measured, check.verdict) == (0.25, "over")


def test_a_run_without_steps_is_not_judged() -> None:
    script = held(Budget("train.py", (("host-syncs", 0),)), {"run": {"counted_steps": 0}, "events": []})
    assert script.checks == () and script.failure is not None and "no steps" in script.failure


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 50)), max_size=20), st.integers(1, 7))
def test_what_lines_cost_sums_up_to_what_the_step_costs(counts: list[tuple[int, int]], steps: int) -> None:
    rows = [event("host-sync", line, count) for line, count in counts]
    (check,) = held(
        Budget("t", (("host-syncs", 0),)), {"run": {"counted_steps": steps}, "events": rows}
    ).checks
    assert check.measured == pytest.approx(sum(count for _, count in counts) / steps)


def test_exceeded_limits_are_findings_at_their_most_costly_lines() -> None:
    script = held(Budget("train.py --x", (("host-syncs", 2), ("copies", 9))), DOCUMENT)
    (finding,) = exceeded([script], "https://x")
    assert (finding.rule, finding.path, finding.place.line) == ("budget-host-syncs", "train.py", 3)
    assert [place.line for place in finding.places] == [5]
    assert finding.message == (
        "a step of `train.py --x` costs 2.25 host-syncs, and its budget is 2; this line's part is 2"
    )


def test_budgets_are_read_from_toml() -> None:
    table = {"train.py": {"host-syncs": 0, "bytes": "1.5 KiB", "idle-share": 0.05, "steps": 3}}
    limits = (("host-syncs", 0), ("bytes", 1536.0), ("idle-share", 0.05))
    assert budgets(table, "/w") == (Budget("train.py", limits, 3),)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (["train.py"], "a table for each script"),
        ({"host-syncs": 0}, "a table for each script"),
        ({"t.py": {}}, r"a limit or more: .* \(t.py has none\)"),
        ({"t.py": {"steps": 3}}, "a limit or more"),
        ({"t.py": {"host-sync": 0}}, "limits among host-syncs, .*; t.py has 'host-sync'"),
        ({"t.py": {"host-syncs": -1}}, "host-syncs is a number from 0 on"),
        ({"t.py": {"host-syncs": True}}, "host-syncs is a number from 0 on"),
        ({"t.py": {"host-syncs": float("nan")}}, "host-syncs is a number from 0 on"),
        ({"t.py": {"bytes": "4 apples"}}, 'a size such as "4 MiB"'),
        ({"t.py": {"copies": 1, "steps": 0}}, "steps is a whole number from 1 on"),
    ],
)
def test_budgets_that_cannot_be_read(table: object, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        budgets(table, "/w")


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("trian.py", "there is no script /nowhere/trian.py"),
        ("", "it names no script"),
        ("-m", "it names no script"),
        ("train.py 'x", "cannot be split into words: No closing quotation"),
        ("-m package.train", None),
    ],
)
def test_commands_that_cannot_be_run(command: str, complaint: str | None) -> None:
    wrong = missing(Budget(command, ()), "/nowhere")
    assert wrong == complaint or (complaint is not None and wrong is not None and complaint in wrong)
