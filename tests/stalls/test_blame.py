"""Whom a gap is blamed on, on timelines small enough to be worked out by hand. Times in microseconds."""

from pathlib import Path
from typing import Any

import pytest

from perfcheck.stalls.analyse import analyse
from perfcheck.stalls.analysis import Analysis, DeviceAnalysis, Site
from tests.recordings import call, copy, event, kernel, launch, step, written
from tests.stalls.test_properties import closes

Idle = dict[str, float]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def analysed(folder: Path, *events: dict[str, Any]) -> DeviceAnalysis:
    analysis = of(folder, *events)
    (device,) = analysis.devices
    closes(device)
    return device


def of(folder: Path, *events: dict[str, Any]) -> Analysis:
    return analyse([written(folder / "trace.json", events)])


def idle(device: DeviceAnalysis) -> Idle:
    """Microseconds by cause."""
    found = {str(row.cause): row.idle_ns / 1000 for row in device.causes}
    return {**found, **({"unattributed": device.unattributed_ns / 1000} if device.unattributed_ns else {})}


def busy_until(end: float = 1000) -> list[dict[str, Any]]:
    """The device works from 10 to ``end``."""
    return [launch(0, 1), kernel("before", 10, end - 10, 1)]


def test_back_to_back_kernels_leave_latency(folder: Path) -> None:
    device = analysed(folder, *busy_until(), launch(20, 2), kernel("after", 1002, 10, 2))
    assert idle(device) == {"device-latency": 2}


def test_overhead_between_launches_is_launch_bound(folder: Path) -> None:
    events = busy_until(20)
    for number in range(2, 40):
        events += [launch(number * 100, number), kernel("small", number * 100 + 8, 2, number)]
    device = analysed(folder, *events)
    # Of each gap of 98, the call takes 5 and the way to the device 3.
    assert idle(device) == {"launch-overhead": 180 + 5 + 37 * 95, "device-latency": 38 * 3}
    (stretch,) = device.launch_bound
    assert stretch.idle_ns == device.window.idle_ns and stretch.kernels >= 38


def test_python_for_milliseconds_is_named_by_its_own_time(folder: Path) -> None:
    device = analysed(
        folder,
        *busy_until(),
        event("train.py(1): main", "python_function", 0, 9000),
        event("scipy/zoom.py(7): zoom", "python_function", 1100, 6000),
        event("<built-in function shift>", "python_function", 1200, 5000),
        event("torch/nn/functional.py(9): relu", "python_function", 7200, 500),
        launch(8000, 2),
        kernel("after", 8010, 10, 2),
    )
    assert idle(device) == {"host-python": 7000, "launch-overhead": 5, "device-latency": 5}
    lines = {
        (row.site.path, row.site.line, row.site.function): row.idle_ns
        for row in device.lines
        if row.cause == "host-python"
    }
    assert lines["scipy/zoom.py", 7, "zoom"] == 6_000_000  # its built-in function is its own
    assert lines["train.py", 1, "main"] == 1_000_000  # and PyTorch's are their callers'
    assert device.stalls[0].stack[-1] == "<built-in function shift>"
    assert device.stalls[0].host[0].name == "<built-in function shift>"


def test_a_sync_is_guilty_of_what_follows_as_far_as_it_held_the_host(folder: Path) -> None:
    synced = [
        *busy_until(),
        call("cudaStreamSynchronize", 100, 903),
        launch(1040, 2),
        kernel("after", 1048, 10, 2),
    ]
    assert idle(analysed(folder, *synced)) == {"host-sync": 48}
    brief = [
        *busy_until(),
        call("cudaStreamSynchronize", 990, 13),
        launch(1040, 2),
        kernel("after", 1048, 10, 2),
    ]
    # Without it the host had been ahead by 10: that much of what follows is its fault, beside its own 3.
    assert idle(analysed(folder, *brief)) == {"host-sync": 13, "launch-overhead": 32, "device-latency": 3}


def test_a_sync_is_not_guilty_of_work_that_follows(folder: Path) -> None:
    device = analysed(
        folder,
        *busy_until(),
        call("cudaStreamSynchronize", 100, 903),
        event("data.py(3): augment", "python_function", 1010, 5000),
        launch(6020, 2),
        kernel("after", 6028, 10, 2),
    )
    assert idle(device) == {"host-python": 5000, "host-sync": 3 + 5 + 3, "host-unrecorded": 17}


def test_a_sync_is_guilty_until_the_queue_fills_again(folder: Path) -> None:
    events = [*busy_until(), call("cudaDeviceSynchronize", 100, 900)]
    for number, begin in enumerate((1040, 1080, 1120), start=2):
        events += [launch(begin, number), kernel("small", begin + 10, 10, number)]
    events += [launch(1130, 5), kernel("queued", 1160, 100, 5)]  # waits for 25 in the queue
    events += [launch(1300, 6), kernel("late", 1310, 10, 6)]
    device = analysed(folder, *events)
    assert idle(device)["host-sync"] == 50 + 30 + 30
    assert idle(device)["launch-overhead"] == 40 + 5


def test_a_sync_that_did_not_wait_is_not_guilty(folder: Path) -> None:
    device = analysed(
        folder,
        *busy_until(),
        call("cudaStreamSynchronize", 1010, 3),
        launch(1040, 2),
        kernel("after", 1048, 10, 2),
    )
    assert idle(device)["host-sync"] == 3


def test_reading_an_element_is_a_sync_and_not_a_copy(folder: Path) -> None:
    device = analysed(
        folder,
        *busy_until(),
        event("aten::item", "cpu_op", 20, 1000),
        event("aten::_local_scalar_dense", "cpu_op", 21, 998),
        call("cudaMemcpyAsync", 22, 6, 2),
        copy("Memcpy DtoH (Device -> Pageable)", 1002, 2, 2),
        call("cudaStreamSynchronize", 30, 980),
        launch(1030, 3),
        kernel("after", 1040, 10, 3),
    )
    assert idle(device) == {"device-latency": 2, "host-sync": 36}
    assert device.lines[0].site == Site(operator="aten::_local_scalar_dense")


def test_idle_time_within_a_pageable_copy_is_its_own(folder: Path) -> None:
    device = analysed(
        folder,
        *busy_until(),
        event("aten::copy_", "cpu_op", 1090, 1920),
        call("cudaMemcpyAsync", 1100, 1900, 2),
        copy("Memcpy HtoD (Pageable -> Device)", 2900, 90, 2, 1 << 20),
    )
    assert idle(device) == {"launch-overhead": 100, "pageable-copy": 1800}
    (kind,) = device.copies
    assert (kind.kind, kind.memory, kind.total_bytes, kind.idle_ns) == (
        "HtoD",
        "pageable",
        1 << 20,
        1_800_000,
    )
    assert kind.bandwidth == pytest.approx((1 << 20) / 90e-6)
    assert device.lines[0].copy == ("HtoD", "pageable")


def test_a_copy_from_pinned_memory_blocks_if_its_call_outlasts_it(folder: Path) -> None:
    for length, cause in ((500, "blocking-copy"), (300, "launch-overhead")):
        device = analysed(
            folder,
            *busy_until(),
            call("cudaMemcpyAsync", 1000, length, 2),
            copy("Memcpy HtoD (Pinned -> Device)", 1400, 90, 2),
        )
        assert idle(device)[cause] == min(length, 400)


def test_queued_work_behind_a_pageable_copy_waits_for_it(folder: Path) -> None:
    device = analysed(
        folder,
        *busy_until(),
        launch(30, 2, thread=2),
        call("cudaMemcpyAsync", 500, 5000, 3),
        kernel("queued", 3000, 10, 2),
        copy("Memcpy DtoH (Device -> Pageable)", 5490, 5, 3),
    )
    assert idle(device) == {"pageable-copy": 2000 + 2480}


def test_queued_work_that_waits_without_a_reason_is_unattributed(folder: Path) -> None:
    device = analysed(folder, *busy_until(), launch(30, 2), kernel("queued", 3000, 10, 2))
    assert idle(device) == {"unattributed": 2000}


def test_queued_work_that_was_told_to_wait_waits_for_its_stream(folder: Path) -> None:
    events = [*busy_until(), call("cudaStreamWaitEvent", 25, 2), launch(30, 2), kernel("queued", 3000, 10, 2)]
    assert idle(analysed(folder, *events)) == {"stream-wait": 2000}
    events[1]["name"] = "ncclDevKernel_AllReduce_Sum_f32_RING_LL"
    assert idle(analysed(folder, *events)) == {"collective-wait": 2000}


def test_the_loader_is_blamed_for_all_that_happens_in_it(folder: Path) -> None:
    device = analysed(
        folder,
        *busy_until(),
        event("enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__", "user_annotation", 1000, 4000),
        event("aten::stack", "cpu_op", 2000, 1500),
        launch(5000, 2),
        kernel("after", 5010, 10, 2),
    )
    assert idle(device) == {"data-loader": 4000, "launch-overhead": 5, "device-latency": 5}
    (wait,) = device.loader_waits
    assert wait.idle_ns == 4_000_000


@pytest.mark.parametrize(
    ("name", "category", "cause"),
    [
        ("cudaMalloc", "cuda_runtime", "allocation"),
        ("hipFree", "cuda_runtime", "allocation"),
        ("cuMemMap", "cuda_driver", "allocation"),
        ("cuCtxSynchronize", "cuda_driver", "host-sync"),
        ("hipDeviceSynchronize", "cuda_runtime", "host-sync"),
        ("nccl:all_reduce", "user_annotation", "collective-wait"),
        ("c10d::allreduce_", "cpu_op", "collective-wait"),
        ("aten::mul", "cpu_op", "host-operator"),
        ("train.py(3): f", "python_function", "host-python"),
        ("forward", "user_annotation", "host-unrecorded"),
        ("cudaMemcpy", "cuda_runtime", "blocking-copy"),
    ],
)
def test_what_the_host_does_is_known_by_name(folder: Path, name: str, category: str, cause: str) -> None:
    device = analysed(
        folder, *busy_until(), event(name, category, 1000, 3000), launch(4000, 2), kernel("k", 4010, 1, 2)
    )
    assert idle(device)[cause] == 3000


def test_launching_a_graph_is_a_cause_of_its_own(folder: Path) -> None:
    device = analysed(
        folder,
        *busy_until(),
        call("cudaGraphLaunch", 1000, 300, 2),
        kernel("a", 1310, 5, 2),
        kernel("b", 1316, 5, 2),
    )
    assert idle(device) == {"graph-launch": 300, "device-latency": 10 + 1}
    assert device.graphs is not None and (device.graphs.launches, device.graphs.most_kernels) == (1, 2)


def test_what_nothing_recorded_is_said_so(folder: Path) -> None:
    device = analysed(folder, *busy_until(), launch(5000, 2), kernel("after", 5010, 10, 2))
    assert idle(device) == {"host-unrecorded": 4000, "launch-overhead": 5, "device-latency": 5}
    assert device.lines[0].site == Site()


def test_the_thread_that_launches_is_blamed_and_no_other(folder: Path) -> None:
    device = analysed(
        folder,
        *busy_until(),
        event("busy.py(1): elsewhere", "python_function", 0, 9000, tid=3),
        event("data.py(3): augment", "python_function", 1000, 4000),
        launch(5000, 2),
        kernel("after", 5010, 10, 2),
    )
    assert {row.site.function for row in device.lines if row.cause == "host-python"} == {"augment"}


def test_a_thread_that_waits_for_backward_is_followed(folder: Path) -> None:
    device = analysed(
        folder,
        *busy_until(),
        event("<built-in method run_backward of X>", "python_function", 900, 4000),
        event("aten::cumsum", "cpu_op", 1000, 3500, tid=2),
        launch(950, 9, thread=2),
        kernel("early", 980, 5, 9),
        launch(5000, 2),
        kernel("after", 5010, 10, 2),
    )
    assert idle(device)["host-operator"] == 3500


def test_head_and_tail_of_the_steps_count(folder: Path) -> None:
    device = analysed(
        folder, step(1, 0, 5000), step(2, 5000, 5000), launch(2000, 1), kernel("only", 2010, 1000, 1)
    )
    assert (device.window.idle_ns, device.window.gaps) == (9_000_000, 2)
    assert device.span.idle_ns == 0
    assert [(row.name, row.busy_ns, row.idle_ns) for row in device.step_rows] == [
        ("ProfilerStep#1", 1_000_000, 4_000_000),
        ("ProfilerStep#2", 0, 5_000_000),
    ]
    assert device.unattributed_ns == 0


def test_every_phase_of_a_gap_counts(folder: Path) -> None:
    device = analysed(
        folder,
        *busy_until(),
        call("cudaMalloc", 1000, 700),
        event("enumerate(DataLoader)#_MultiProcessingDataLoaderIter.__next__", "user_annotation", 1700, 800),
        event("train.py(3): f", "python_function", 2500, 1900),
        launch(4400, 2, 30),
        kernel("after", 4436, 10, 2),
    )
    assert idle(device) == {
        "host-python": 1900, "data-loader": 800, "allocation": 700, "launch-overhead": 30, "device-latency": 6
    }  # fmt: skip


def test_kernels_without_a_launch_are_counted_and_not_blamed(folder: Path) -> None:
    events = [*busy_until(), launch(3, 5), kernel("x", 1000, 1, 5), kernel("lost", 4000, 10, 77)]
    analysis = of(folder, *events)
    (device,) = analysis.devices
    assert device.span.busy_ns == 990_000 + 1_000 + 10_000
    assert idle(device) == {"unattributed": 2999}
    assert "missing-launches" in {row.code for row in analysis.health}


def test_devices_are_told_apart(folder: Path) -> None:
    analysis = of(
        folder,
        launch(0, 1), kernel("a", 10, 90, 1), launch(200, 2), kernel("a", 210, 10, 2),
        launch(20, 3), kernel("b", 30, 100, 3, device=1), launch(300, 4), kernel("b", 310, 10, 4, device=1),
    )  # fmt: skip
    assert [(device.device, device.span.idle_ns) for device in analysis.devices] == [
        (0, 110_000),
        (1, 180_000),
    ]


FORBIDDEN = {
    "graph-without-kernels": [call("cudaGraphLaunch", 30, 5, 50), call("cudaGraphLaunch", 60, 5, 51)],
    "kernel-before-launch": [launch(3000, 9), kernel("early", 2500, 10, 9)],
}


@pytest.mark.parametrize("code", FORBIDDEN)
def test_nothing_is_concluded_from_a_sick_recording(folder: Path, code: str) -> None:
    analysis = of(folder, *busy_until(), *FORBIDDEN[code], launch(5000, 2), kernel("after", 5010, 10, 2))
    (device,) = analysis.devices
    closes(device)
    assert [row.code for row in analysis.health if row.severity == "error"] == [code]
    assert not device.concluded and not device.causes and analysis.findings == ()
    assert device.unattributed_ns == device.window.idle_ns > 0


def test_without_calls_nothing_is_concluded(folder: Path) -> None:
    analysis = of(folder, kernel("a", 0, 10), kernel("b", 50, 10))
    assert [row.code for row in analysis.health if row.severity == "error"] == ["no-launches"]
    assert analysis.devices[0].unattributed_ns == 40_000


def test_a_profiler_that_stopped_early_is_heard(folder: Path) -> None:
    path = written(
        folder / "trace.json", [*busy_until(), launch(5000, 2), kernel("after", 5010, 10, 2)],
        INFO=["Record counts: Out-of-range = 0, CUPTI stopped early? = 1"],
    )  # fmt: skip
    analysis = analyse([path])
    assert "dropped-records" in {row.code for row in analysis.health}
    assert not analysis.devices[0].concluded
