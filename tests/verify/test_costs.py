"""What a step costs before and after, line by line."""

from typing import Any

from perfcheck.verify.costs import Changed, costs, lines_between, worse


def _document(*events: tuple[str, int, int], steps: int = 2, set_up: int = 0) -> dict[str, Any]:
    return {
        "run": {"counted_steps": steps},
        "events": [
            {
                "event": event, "path": "train.py", "line": line, "count": count, "set_up": set_up,
                "bytes": 8 * count, "set_up_bytes": 8 * set_up,
            }
            for event, line, count in events
        ],
    }  # fmt: skip


BEFORE = "a\nwait()\nb\nc\n"
AFTER = "a\nb\nc\nwait()\n"


def test_a_line_that_moved_is_the_same_line() -> None:
    assert lines_between(BEFORE, AFTER) == {1: 1, 3: 2, 4: 3, 5: 5}
    before = _document(("host-sync", 2, 4), ("h2d-copy", 4, 2))
    after = _document(("host-sync", 4, 1), ("h2d-copy", 3, 2))
    found = {cost.what: cost for cost in costs(before, after, {"train.py": (BEFORE, AFTER)})}
    assert (found["host-syncs"].before, found["host-syncs"].after) == (2.0, 0.5)
    assert found["host-syncs"].lines == (
        Changed("train.py", 2, None, 2.0, 0.0),
        Changed("train.py", None, 4, 0.0, 0.5),
    )
    assert found["h2d-copies"].lines == ()


def test_launches_may_pay_for_waits() -> None:
    waits, launches = ("host-sync", 2, 2), ("kernel-launch", 2, 2)
    traded = costs(_document(waits), _document(launches), {})
    assert [cost.what for cost in traded if cost.grew] == ["kernel-launches"]
    assert worse(traded) == ()
    for_nothing = costs(_document(), _document(launches), {})
    assert [cost.what for cost in worse(for_nothing)] == ["kernel-launches"]
    assert [cost.what for cost in worse(costs(_document(), _document(waits), {}))] == ["host-syncs"]


def test_a_run_without_steps_counts_as_a_whole() -> None:
    found = costs(_document(("host-sync", 2, 6), steps=0, set_up=6), _document(steps=0), {})
    assert found[0].before == 6
