"""Recordings as files: whole, packed, old, odd, damaged, and what is no recording at all."""

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest

from perfcheck import read_trace
from perfcheck.timeline import NONE, RecordingError, Timeline, read
from tests.recordings import call, copy, event, kernel, launch, step, written

EVENTS = [
    step(1, 0, 1000),
    event("aten::add", "cpu_op", 10, 20),
    launch(15, 1),
    kernel("gemm", 40.125, 10, 1),
    call("cudaMemcpyAsync", 60, 5, 2),
    copy("Memcpy HtoD (Pageable -> Device)", 70, 3, 2, 64),
]


def document(**metadata: Any) -> bytes:
    return json.dumps({**metadata, "traceEvents": EVENTS}).encode()


def saved(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)


def told(timeline: Timeline) -> list[tuple[str, int, int]]:
    return [
        (timeline.names[name], start, end)
        for name, start, end in zip(timeline.name.tolist(), timeline.start.tolist(), timeline.end.tolist())
    ]


WHOLE = [
    ("ProfilerStep#1", 0, 1_000_000),
    ("aten::add", 10_000, 30_000),
    ("cudaLaunchKernel", 15_000, 20_000),
    ("gemm", 40_125, 50_125),
    ("cudaMemcpyAsync", 60_000, 65_000),
    ("Memcpy HtoD (Pageable -> Device)", 70_000, 73_000),
]


@pytest.mark.parametrize(
    "data",
    [
        document(),
        document(schemaVersion=1, note='a "traceEvents": [ in a text', more={"traceEvents": [1]}),
        json.dumps(EVENTS).encode(),
        json.dumps({"traceEvents": EVENTS, "behind": [{"a": 1}, {"b": 2}]}, indent=2).encode(),
        b"\xef\xbb\xbf  \n" + document(),
        gzip.compress(document()),
        gzip.compress(document()[:300]) + gzip.compress(document()[300:]) + b"\0" * 512,
    ],
    ids=["object", "metadata", "array", "behind", "bom", "gzip", "members"],
)
def test_a_recording_is_read_however_it_is_written(tmp_path: Path, data: bytes) -> None:
    timeline = read(saved(tmp_path / "trace", data))
    assert told(timeline) == WHOLE
    assert not timeline.defects and not timeline.cut


def test_a_recording_in_pieces_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = random.Random(1)
    events = [
        event(f"}}, {{ {number}", "cpu_op", number, 1, args={"deep": [{"a": {}}, {"b": []}]})
        for number in range(200)
    ]
    path = saved(
        tmp_path / "trace.json", json.dumps({"traceEvents": events, "x": [{}, {}]}, indent=1).encode()
    )
    whole = told(read(path))
    assert len(whole) == 200
    for _ in range(30):
        monkeypatch.setattr("perfcheck.timeline.source.BLOCK", generator.randrange(1, 3000))
        assert told(read(path)) == whole


def test_the_frame_has_exact_columns(tmp_path: Path) -> None:
    frame = read_trace(saved(tmp_path / "trace.json", document()))
    assert list(frame.columns) == [
        "name", "category", "start_ns", "end_ns", "duration_ns", "process", "thread", "device", "stream",
        "correlation", "bytes", "call_stack",
    ]  # fmt: skip
    assert frame["name"].tolist() == [name for name, _, _ in WHOLE]
    assert frame["start_ns"].tolist() == [start for _, start, _ in WHOLE]
    assert (frame["duration_ns"] == frame["end_ns"] - frame["start_ns"]).all()
    gemm = frame[frame["name"] == "gemm"].iloc[0]
    assert (gemm["category"], gemm["device"], gemm["stream"], gemm["correlation"]) == ("kernel", 0, 7, 1)
    assert frame["bytes"].tolist() == [NONE] * 5 + [64]
    assert frame["thread"].tolist()[:3] == ["1/1"] * 3 and frame["thread"].isna().tolist()[3]


def test_old_and_new_categories_are_one(tmp_path: Path) -> None:
    old = [
        event("ProfilerStep#1", "Operator", 0, 10),
        event("aten::add", "Operator", 0, 10, args={"Call stack": "train.py(4): step;train.py(9): <module>"}),
        event("cudaLaunchKernel", "Runtime", 1, 1),
        event("gemm", "Kernel", 2, 1, pid=3, tid="stream 7"),
        event("Memcpy DtoH", "Memcpy", 4, 1, args={"device": 3}),
        event("Memset", "Memset", 6, 1, args={"device": 3}),
        event("PyTorch Profiler (0)", "Trace", 0, 100),
    ]
    timeline = read(written(tmp_path / "old.json", old))
    frame = timeline.frame()
    assert timeline.legacy
    assert sorted(frame["category"]) == ["annotation", "copy", "kernel", "operator", "runtime", "set"]
    assert frame.loc[frame["name"] == "gemm", "device"].tolist() == [3]
    assert timeline.stacks == ("train.py(4): step;train.py(9): <module>",)


def test_events_that_say_no_time_are_counted(tmp_path: Path) -> None:
    odd = [
        kernel("a", "soon", 1), kernel("b", 1, None), kernel("c", 1, -4), kernel("d", 1, 1e15),
        kernel("e", 1e18, 1), event("f", "kernel", 1, 1, pid="x"), kernel("g", 5, 5),
        *(kernel("h", 10 * number, 5) for number in range(5)),
    ]  # fmt: skip
    timeline = read(written(tmp_path / "odd.json", odd))
    assert timeline.defects == {
        "no-time": 2, "no-duration": 1, "negative-duration": 1, "endless": 1, "no-device": 1
    }  # fmt: skip
    assert len(timeline) == 6


def test_events_years_away_are_left_out(tmp_path: Path) -> None:
    timeline = read(written(tmp_path / "far.json", [*EVENTS, kernel("late", 1.7e15, 1)]))
    assert timeline.defects == {"far-away": 1}
    assert told(timeline) == WHOLE


def test_damage_costs_the_damaged_events_alone(tmp_path: Path) -> None:
    texts = [json.dumps(one).encode() for one in EVENTS]
    texts[1] = b'{"ph": "X", "cat": "cpu_op", "na\x00me": '
    texts.insert(3, b"7")
    timeline = read(saved(tmp_path / "damaged.json", b'{"traceEvents": [' + b", ".join(texts) + b"]}"))
    assert told(timeline) == [WHOLE[0], *WHOLE[2:]]
    assert timeline.defects == {"damaged": 2} and not timeline.cut


def test_numbers_that_are_none_do_not_cost_their_events(tmp_path: Path) -> None:
    text = document().replace(
        b'"bytes": 64', b'"bytes": 64, "bandwidth": inf, "x": -nan, "y": NaN, "z": -Infinity'
    )
    timeline = read(saved(tmp_path / "inf.json", text))
    assert told(timeline) == WHOLE and not timeline.defects


def test_names_that_are_no_unicode_are_read(tmp_path: Path) -> None:
    timeline = read(saved(tmp_path / "bytes.json", document().replace(b"gemm", b"ge\xffm")))
    assert "ge\ufffdm" in timeline.names or "geÿm" in timeline.names
    assert not timeline.defects


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9, 0.999])
@pytest.mark.parametrize("packed", [False, True])
def test_a_cut_file_gives_what_is_whole(tmp_path: Path, part: float, packed: bool) -> None:
    text = json.dumps({"traceEvents": [kernel("k", number, 0.5) for number in range(2000)]}).encode()
    data = gzip.compress(text) if packed else text
    timeline = read(saved(tmp_path / "cut.json", data[: int(part * len(data))]))
    assert 0 < len(timeline) <= 2000
    assert "ends early" in timeline.cut


def test_damaged_packing_gives_what_comes_before(tmp_path: Path) -> None:
    text = json.dumps(
        {"traceEvents": [kernel(f"k{number * 7919 % 1000}", number, 0.5) for number in range(9000)]}
    )
    data = bytearray(gzip.compress(text.encode()))
    data[len(data) // 2 : len(data) // 2 + 40] = b"\xff" * 40
    timeline = read(saved(tmp_path / "damaged.json.gz", bytes(data)))
    assert len(timeline) > 100 and timeline.cut


REFUSED = {
    "empty": (b"", "is empty"),
    "text": (b"hello", "is not JSON"),
    "number": (b"12", "is not JSON"),
    "object": (b'{"a": 1}', "JSON of another kind"),
    "no list": (b'{"traceEvents": {"a": 1}}', "no list"),
    "null": (b'{"traceEvents": null}', "no list"),
    "empty list": (b"[]", "holds no events"),
    "no events": (b'{"traceEvents": []}', "holds no events"),
    "numbers": (b"[1, 2, 3]", "holds no events"),
    "binary": (bytes(range(256)), "is not JSON"),
    "half": (b'{"a": [1, 2', "is not JSON up to"),
    "deep": (b"[" * 100_000, "holds no events"),
    "deep object": (b'{"a":' * 100_000, "is not JSON up to"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_recording_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    data, reason = REFUSED[kind]
    path = saved(tmp_path / "trace.json", data)
    with pytest.raises(RecordingError) as refused:
        read(path)
    assert path in str(refused.value) and reason in str(refused.value)


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="No such file"):
        read(str(tmp_path / "none.json"))
    with pytest.raises(RecordingError, match="cannot be read"):
        read(str(tmp_path))


@pytest.mark.parametrize("filling", [b" ", b'{"ph": "M"},', b"["])
def test_a_gzip_bomb_is_refused(tmp_path: Path, filling: bytes) -> None:
    path = tmp_path / "bomb.json.gz"
    with gzip.open(path, "wb") as stream:
        stream.write(b"[")
        for _ in range(300):
            stream.write(filling * ((1 << 20) // len(filling)))
    with pytest.raises(RecordingError, match=r"bomb\.json\.gz"):
        read(str(path))


def test_urls_are_read(tmp_path: Path) -> None:
    path = saved(tmp_path / "trace.json", document())
    assert told(read(f"file://{path}")) == WHOLE
    with pytest.raises(RecordingError, match="unheard://x cannot be read"):
        read("unheard://x")
