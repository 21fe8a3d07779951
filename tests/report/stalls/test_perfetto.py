"""Tracks for Perfetto: what was there stays, what is added is exact."""

import gzip
import io
import json
import random
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from perfcheck.report.stalls import perfetto
from perfcheck.stalls.analysis import CAUSES, Analysis
from perfcheck.timeline.source import RecordingError
from tests.report.stalls.sample import BEGIN, MS, READ, TRAINING, Piece, device

EVENTS = [
    {"ph": "X", "cat": "kernel", "name": 'a "traceEvents": [', "pid": 0, "tid": 7, "ts": 1.125, "dur": 2},
    {"ph": "X", "cat": "kernel", "name": "b", "pid": 0, "tid": 7, "ts": 4, "dur": 2, "args": {"x": [{}, {}]}},
]


def written(path: Path, text: bytes, *, complete: bool = True) -> bytes:
    path.write_bytes(text)
    read = replace(TRAINING.recordings[0], path=str(path), complete=complete)
    stream = io.BytesIO()
    perfetto.write(replace(TRAINING, recordings=(read,)), 0, stream)
    return stream.getvalue()


def parts(text: bytes) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The recording's own events, and those added."""
    document = json.loads(text, parse_float=Decimal)
    events = document["traceEvents"] if isinstance(document, dict) else document
    added = [event for event in events if event.get("cat") == "perfcheck" or event["ph"] == "M"]
    return [event for event in events if event not in added], added


@pytest.mark.parametrize(
    "document",
    [
        {"schemaVersion": 1, "note": '"traceEvents": [', "traceEvents": EVENTS, "traceName": "x"},
        {"traceEvents": EVENTS},
        {"traceEvents": []},
        EVENTS,
        [],
    ],
    ids=["kineto", "bare", "empty", "array", "empty array"],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_what_was_there_stays(tmp_path: Path, document: Any, indent: int | None) -> None:
    text = written(tmp_path / "trace.json", json.dumps(document, indent=indent).encode())
    own, added = parts(text)
    assert own == (document["traceEvents"] if isinstance(document, dict) else document)
    assert added
    if isinstance(document, dict):
        assert {**json.loads(text), "traceEvents": 0} == {**document, "traceEvents": 0}


def test_gzip(tmp_path: Path) -> None:
    own, _ = parts(
        written(tmp_path / "trace.json.gz", gzip.compress(json.dumps({"traceEvents": EVENTS}).encode()))
    )
    assert len(own) == len(EVENTS)


def spans(added: list[dict[str, Any]], track: str) -> list[tuple[str, int, int]]:
    """(name, start, end) in nanoseconds."""
    thread = next(e["tid"] for e in added if e["name"] == "thread_name" and e["args"]["name"] == track)
    found = []
    for event in added:
        if event["ph"] == "X" and event["tid"] == thread:
            start = Decimal(event["ts"]) * 1000
            assert start == int(start)
            found.append((event["name"], int(start), int(start) + event["args"]["ns"]))
    return found


def test_tracks_are_exact(tmp_path: Path) -> None:
    device = TRAINING.devices[0]
    _, added = parts(written(tmp_path / "trace.json", json.dumps({"traceEvents": EVENTS}).encode()))
    assert spans(added, "steps") == [(step.name, step.start_ns, step.end_ns) for step in device.step_rows]
    gaps = zip(device.gaps.start_ns.tolist(), device.gaps.end_ns.tolist(), strict=True)
    assert spans(added, "gaps") == [("idle", start, end) for start, end in gaps]
    blame = spans(added, "blame")
    for row in device.causes:
        assert sum(end - start for name, start, end in blame if name == row.cause) == row.idle_ns
    assert {name for name, *_ in blame} <= {*CAUSES, "unattributed"}
    assert sum(end - start for _, start, end in blame) == device.window.idle_ns


def test_slices_do_not_overlap_as_perfetto_reads_them() -> None:
    """https://github.com/google/perfetto/blob/main/src/trace_processor/importers/json/json_utils.cc"""
    cuts = sorted(random.Random(7).sample(range(BEGIN, BEGIN + 300 * MS), 500))
    pieces: list[Piece] = [(start, end, "host-sync", READ) for start, end in pairwise(cuts)]
    ends: dict[int, int] = {}
    for event in map(json.loads, perfetto.events(device(pieces), "GPU 0")):
        if event["ph"] == "X":
            start, length = int(float(event["ts"]) * 1000), int(float(event["dur"]) * 1000)
            assert start >= ends.get(event["tid"], start)
            assert 0 <= event["args"]["ns"] - length <= 600 or length == 0
            ends[event["tid"]] = start + length


def test_of_a_cut_file_what_is_whole_is_kept(tmp_path: Path) -> None:
    many = [{**EVENTS[1], "ts": number} for number in range(200)]
    text = json.dumps({"schemaVersion": 1, "traceEvents": many}).encode()
    begin = text.index(b"[") + 1
    chance = random.Random(20)
    for at in (begin, *(chance.randrange(begin, len(text)) for _ in range(20))):
        own, added = parts(written(tmp_path / "cut.json", text[:at], complete=False))
        assert own == many[: len(own)]
        assert len(own) >= text[:at].count(b'"ph"') - 2
        assert added


@pytest.mark.parametrize("text", [b"{}", b'{"note": "\\"traceEvents\\": ["}', b"not JSON"])
def test_other_files_are_refused(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(RecordingError, match=r"trace\.json has no \"traceEvents\""):
        written(tmp_path / "trace.json", text)


def test_instants_before_zero() -> None:
    device = TRAINING.devices[0]
    step = replace(device.step_rows[0], start_ns=-1_500, end_ns=250)
    *_, last = (
        text for text in perfetto.events(replace(device, step_rows=(step,)), "GPU") if "ProfilerStep" in text
    )
    event = json.loads(last, parse_float=Decimal)
    assert (event["ts"], event["dur"]) == (Decimal("-1.500"), Decimal("1.748"))


def test_devices_of_other_recordings_stay_out(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    path.write_bytes(json.dumps({"traceEvents": EVENTS}).encode())
    read = replace(TRAINING.recordings[0], path=str(path))
    two = Analysis(
        (read, read), (TRAINING.devices[0], replace(TRAINING.devices[0], recording=1, device=5)), (), ()
    )
    stream = io.BytesIO()
    perfetto.write(two, 1, stream)
    pids = {event["pid"] for event in json.loads(stream.getvalue())["traceEvents"]}
    assert pids == {0, 2_000_000_050}
