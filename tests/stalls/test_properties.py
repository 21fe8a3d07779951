"""What holds of every timeline, however odd."""

import json
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfcheck.stalls.analyse import analyse
from perfcheck.stalls.analysis import CAUSES, Analysis, DeviceAnalysis
from perfcheck.timeline import RecordingError
from perfcheck.timeline.source import Source
from tests.recordings import TRACES, event, needs_recordings, recorded

TIMES = st.one_of(st.integers(0, 6000), st.integers(0, 48000).map(lambda value: value / 8))
DURATIONS = st.one_of(st.integers(0, 300), st.integers(0, 400).map(lambda value: value / 8), st.just(2500))
HOST = st.sampled_from(
    [
        ("cudaStreamSynchronize", "cuda_runtime"), ("cudaMalloc", "cuda_runtime"), ("hipFree", "Runtime"),
        ("cudaStreamWaitEvent", "cuda_runtime"), ("cuCtxSynchronize", "cuda_driver"),
        ("aten::copy_", "cpu_op"),
        ("aten::_local_scalar_dense", "cpu_op"), ("aten::add", "Operator"), ("c10d::allreduce_", "cpu_op"),
        ("enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__", "user_annotation"),
        ("ProfilerStep#1", "user_annotation"), ("ProfilerStep#2", "user_annotation"),
        ("loss", "user_annotation"),
        ("train.py(3): step", "python_function"), ("<built-in method run_backward of X>", "python_function"),
    ]
)  # fmt: skip
WORK = st.sampled_from(
    [
        ("cudaLaunchKernel", "gemm", "kernel"), ("cudaLaunchKernel", "ncclDevKernel_AllReduce", "Kernel"),
        ("cuLaunchKernelEx", "triton", "kernel"), ("cudaGraphLaunch", "gemm", "kernel"),
        ("cudaMemcpyAsync", "Memcpy HtoD (Pageable -> Device)", "gpu_memcpy"),
        ("hipMemcpyAsync", "Memcpy DtoH (Device -> Pinned)", "gpu_memcpy"),
        ("cudaMemsetAsync", "Memset (Device)", "gpu_memset"),
    ]
)  # fmt: skip
THREADS = st.integers(1, 3)


@st.composite
def works(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A call, and what it makes a device do some time later."""
    called, ran, category = draw(WORK)
    number, begin, duration = draw(st.integers(0, 10**6)), draw(TIMES), draw(DURATIONS)
    start = begin + draw(st.sampled_from([2, 5, 5, 30, 400])) + draw(st.sampled_from([0, duration]))
    device, stream = draw(st.sampled_from([0, 0, 0, 1])), draw(st.integers(7, 8))
    return [
        event(called, "cuda_runtime", begin, duration, tid=draw(THREADS), args={"correlation": number}),
        event(ran, category, start, draw(DURATIONS), pid=device, tid=stream, args={
            "device": device, "stream": stream, "correlation": number, "bytes": draw(st.integers(0, 9)),
        }),
    ]  # fmt: skip


@st.composite
def host_events(draw: st.DrawFn) -> list[dict[str, Any]]:
    name, category = draw(HOST)
    return [event(name, category, draw(TIMES), draw(DURATIONS), tid=draw(THREADS))]


ODD = st.fixed_dictionaries(
    {},
    optional={
        "ph": st.sampled_from(["M", "i", None, 3]),
        "cat": st.sampled_from(["unheard of", None, 7]),
        "name": st.sampled_from(["", "<script>", 7, None, ["x"]]),
        "ts": st.sampled_from([-5, -0.5, 1e300, "soon", None, [], True, 10**30, 1_700_000_000_000_000.125]),
        "dur": st.sampled_from([-3, None, "long", 1e19, {}]),
        "args": st.sampled_from([None, [], "text", 3, {"device": "0"}, {"correlation": 2**70, "stream": -1}]),
        "pid": st.sampled_from(["0", None, -1, 2**70, []]),
        "tid": st.sampled_from(["stream 7", None, 1.5]),
    },
)


@st.composite
def timelines(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Events in no order, that overlap as they like; a few are odd."""
    found = [one for group in draw(st.lists(works(), min_size=1, max_size=12)) for one in group]
    found += [one for group in draw(st.lists(host_events(), max_size=12)) for one in group]
    for place, odd in draw(st.lists(st.tuples(st.integers(0, len(found) - 1), ODD), max_size=2)):
        found[place] = {**found[place], **odd}
    return list(draw(st.permutations(found)))


def closes(device: DeviceAnalysis) -> None:
    """Every sum of a device, in integers."""
    window = device.window
    assert window.busy_ns + window.idle_ns == window.end_ns - window.start_ns
    assert sum(row.idle_ns for row in device.causes) + device.unattributed_ns == window.idle_ns
    assert sum(row.idle_ns for row in device.lines) + device.unattributed_ns == window.idle_ns
    assert {row.cause for row in device.lines} == {row.cause for row in device.causes} <= set(CAUSES)
    assert len(device.gaps) == window.gaps
    gaps, shares = device.gaps, device.shares
    assert (gaps.end_ns > gaps.start_ns).all() and (gaps.start_ns[1:] >= gaps.end_ns[:-1]).all()
    assert (shares.end_ns > shares.start_ns).all() and (shares.start_ns[1:] >= shares.end_ns[:-1]).all()
    assert int((shares.end_ns - shares.start_ns).sum()) == window.idle_ns
    for stall in device.stalls:
        assert sum(amount for _, _, amount in stall.shares) == stall.duration_ns
    for step in device.step_rows:
        assert step.busy_ns + step.idle_ns == step.end_ns - step.start_ns
        assert sum(row.idle_ns for row in step.causes) <= step.idle_ns


def analysed(data: bytes) -> Analysis | None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        path.write_bytes(data)
        try:
            return analyse([str(path)])
        except RecordingError as error:
            assert str(path) in str(error)
            return None


@settings(max_examples=400, deadline=None)
@given(timelines())
def test_the_sums_close_on_any_timeline(events: list[dict[str, Any]]) -> None:
    analysis = analysed(json.dumps({"traceEvents": events}).encode())
    if analysis is not None:
        for device in analysis.devices:
            closes(device)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=200), timelines().map(lambda found: json.dumps(found).encode())))
def test_any_bytes_are_analysed_or_refused(data: bytes) -> None:
    analysed(data)


@needs_recordings
@pytest.mark.parametrize("name", recorded())
def test_the_sums_close_on_recordings_cut_anywhere(name: str) -> None:
    packed = (TRACES / name).read_bytes()
    text = b"".join(Source(str(TRACES / name)).blocks())
    points = random.Random(name)
    said = 0
    for number in range(20):
        data = packed if number % 4 else text
        analysis = analysed(data[: points.randrange(len(data))])
        if analysis is None:
            continue
        said += 1
        assert any(row.code == "cut-file" for row in analysis.health)
        assert not analysis.recordings[0].complete
        for device in analysis.devices:
            closes(device)
    assert said or len(text) < 1 << 20
