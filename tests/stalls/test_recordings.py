"""Real recordings: the numbers are those computed independently, and the causes the known ones."""

import json
from functools import cache, lru_cache
from typing import Any

import pytest

from perfcheck.stalls.analyse import analyse
from perfcheck.stalls.analysis import Analysis, DeviceAnalysis
from tests.recordings import TRACES, needs_recordings, recorded
from tests.stalls.test_properties import closes

pytestmark = needs_recordings


@cache
def analysed(name: str) -> Analysis:
    return analyse([str(next(TRACES.glob(f"{name}*.json.gz")))])


@lru_cache(maxsize=1)
def reference() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((TRACES / "reference.json").read_text())
    return document


def nanoseconds(microseconds: float) -> int:
    return round(microseconds * 1000)


@pytest.mark.parametrize("name", recorded())
def test_busy_idle_and_gaps_are_the_reference(name: str) -> None:
    expected = reference()[name]["devices"]
    devices = analysed(name.removesuffix(".json.gz")).devices
    assert [str(device.device) for device in devices] == sorted(expected)
    for device in devices:
        row = expected[str(device.device)]
        assert device.span.busy_ns == nanoseconds(row["busy_us"])
        assert device.span.idle_ns == nanoseconds(row["idle_us"])
        assert device.span.duration_ns == nanoseconds(row["span_us"])
        assert device.span.gaps == row["gaps"]
        assert len(device.streams) == row["streams"]
        if "step_window" not in row:
            assert device.steps is None
            continue
        assert device.steps is not None
        assert device.steps.busy_ns == nanoseconds(row["step_window"]["busy_us"])
        assert device.steps.duration_ns == nanoseconds(row["step_window"]["span_us"])
        assert round(100 * device.steps.idle_share, 3) == row["step_window"]["idle_pct"]
        assert device.step_count == len(reference()[name]["profiler_steps"])
        assert sorted([step.name, step.end_ns - step.start_ns] for step in device.step_rows) == sorted(
            [step, nanoseconds(length)] for step, length in reference()[name]["profiler_steps"]
        )


@pytest.mark.parametrize("name", recorded())
def test_calls_copies_and_collectives_are_the_reference(name: str) -> None:
    expected = reference()[name]
    for device in analysed(name.removesuffix(".json.gz")).devices:
        if device.steps is None:  # else the tables are those of the steps
            syncs = {row.name: row for row in device.runtime if row.kind == "sync"}
            assert set(syncs) == set(expected["sync_calls"])
            assert all(row.count <= expected["sync_calls"][name]["n"] for name, row in syncs.items())
            kinds = sum(expected["devices"][str(device.device)]["memcpy_kinds"].values())
            assert sum(row.count for row in device.copies) == kinds
            assert (device.communication.kernels if device.communication else 0) == expected["nccl_kernels"]
        assert (device.graphs.launches if device.graphs else 0) == expected["graph_launches"]


@pytest.mark.parametrize("name", recorded())
def test_every_sum_closes(name: str) -> None:
    for device in analysed(name.removesuffix(".json.gz")).devices:
        closes(device)


def share(device: DeviceAnalysis, cause: str) -> float:
    """Part of the idle time."""
    return sum(row.idle_ns for row in device.causes if row.cause == cause) / device.window.idle_ns


def test_01_is_zoom_on_the_host_and_not_its_syncs() -> None:
    (device,) = analysed("01").devices
    line = device.lines[0]
    assert (line.site.path, line.site.function) == ("scipy/ndimage/_interpolation.py", "zoom")
    assert (line.site.line, line.site.line_kind) == (739, "definition")
    assert 0.815 < line.idle_ns / device.window.idle_ns < 0.83
    assert share(device, "host-sync") + share(device, "blocking-copy") + share(device, "pageable-copy") < 0.02
    assert "`zoom` computes on the host" in analysed("01").findings[0].message


def test_03_is_launch_bound() -> None:
    (device,) = analysed("03").devices
    assert device.causes[0].cause == "launch-overhead"
    assert share(device, "launch-overhead") > 0.8
    assert sum(stretch.idle_ns for stretch in device.launch_bound) > 0.75 * device.window.idle_ns
    finding = analysed("03").findings[0]
    assert finding.name == "launch-overhead" and "launch-bound" in finding.message


def test_04_waits_for_the_loader_at_the_line_of_the_call() -> None:
    (device,) = analysed("04").devices
    assert device.causes[0].cause == "data-loader"
    assert share(device, "data-loader") > 0.7
    finding = analysed("04").findings[0]
    assert (finding.rule, finding.path, finding.place.line) == ("PC401", "resnet50_profiler_api.py", 42)
    assert finding.evidence["kind"] == "observed" and finding.evidence["line_kind"] == "call"
    assert sum(wait.idle_ns for wait in device.loader_waits) == device.causes[0].idle_ns


def test_06_is_inside_pageable_copies() -> None:
    (device,) = analysed("06").devices
    assert device.causes[0].cause == "pageable-copy"
    assert share(device, "pageable-copy") > 0.6
    assert share(device, "host-sync") < 0.01
    assert device.copies[0].memory == "pageable"


def test_09_has_nothing_to_report() -> None:
    assert analysed("09").findings == ()


def test_a_recording_without_lines_names_no_line() -> None:
    for name in ("06", "07", "09", "12", "x1", "x2_sampled_train_rank0", "x5"):
        (device,) = analysed(name).devices
        assert not any(row.site.line or row.site.path for row in device.lines)
        assert not analysed(name).recordings[0].has_lines
        assert all(finding.evidence["line_kind"] is None for finding in analysed(name).findings)


def test_lines_of_old_recordings_are_those_of_calls() -> None:
    for name in ("04", "05"):
        kinds = {row.site.line_kind for row in analysed(name).devices[0].lines if row.site.line}
        assert kinds == {"call"}


def test_ranks_of_one_job_are_compared() -> None:
    paths = sorted(str(path) for path in TRACES.glob("x2*"))
    one, two = analyse(paths), analyse(list(reversed(paths)), jobs=2)
    assert one.ranks is not None and [row.rank for row in one.ranks.rows] == [0, 1]
    assert one.ranks == two.ranks and one.findings == two.findings
    assert [recording.rank for recording in one.recordings] == [0, 1]
    waits = sum(row.waiting_ns for row in one.ranks.collectives)
    assert waits == sum(row.waited_for_ns * row.steps for row in one.ranks.rows)
