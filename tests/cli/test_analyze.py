"""``perfcheck analyze`` as people run it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import ROOT, Ran, perfcheck
from tests.recordings import TRACES, event, kernel, launch, needs_recordings, step, written


def analyze(*arguments: str | Path, cwd: Path) -> Ran:
    return perfcheck("analyze", *arguments, cwd=cwd)


def zooming(path: Path, name: str = "zoom.py(3): zoom") -> str:
    """A recording of two steps in which Python works for 6 of 10 ms."""
    events: list[dict[str, Any]] = []
    for number in range(2):
        begin = 10_000 * number
        events += [
            step(number, begin, 10_000),
            event(name, "python_function", begin + 100, 6000),
            launch(begin + 6200, number + 1),
            kernel("gemm", begin + 6210, 3790, number + 1),
        ]
    return written(path, events, deviceProperties=[{"id": 0, "name": "Test GPU"}])


def test_the_document_keeps_its_contract(tmp_path: Path) -> None:
    zooming(tmp_path / "trace.json.gz")
    ran = analyze("trace.json.gz", "--output-format", "json", cwd=tmp_path)
    document = ran.document
    assert ran.code == 1 and ran.err == ""
    assert document["version"] == 1 and document["health"] == []
    (device,) = document["devices"]
    assert (device["device"], device["name"]) == (0, "Test GPU")
    assert device["span"] == {
        "start_ns": 6_210_000, "end_ns": 20_000_000, "busy_ns": 7_580_000, "idle_ns": 6_210_000, "gaps": 1
    }  # fmt: skip
    assert device["steps"] == {
        "count": 2, "start_ns": 0, "end_ns": 20_000_000, "busy_ns": 7_580_000, "idle_ns": 12_420_000,
        "gaps": 2,
    }  # fmt: skip
    assert sum(row["idle_ns"] for row in device["causes"]) + device["unattributed_ns"] == 12_420_000
    assert device["causes"][0]["cause"] == "host-python" and device["causes"][0]["idle_ns"] == 12_000_000
    line = device["lines"][0]
    assert (line["path"], line["line"], line["line_kind"], line["function"]) == (
        "zoom.py",
        3,
        "definition",
        "zoom",
    )
    assert (line["cause"], line["idle_ns"]) == ("host-python", 12_000_000)
    (finding,) = document["findings"]
    assert (finding["path"], finding["line"], finding["evidence"]["kind"]) == ("zoom.py", 3, "observed")
    assert finding["evidence"]["idle_ns_per_step"] == 6_000_000
    assert set(finding) >= {
        "rule",
        "name",
        "severity",
        "confidence",
        "message",
        "help",
        "url",
        "fingerprint",
        "fix",
    }


@pytest.mark.parametrize("form", ["text", "concise", "json", "github", "gitlab", "sarif", "junit"])
def test_every_format_tells_it(tmp_path: Path, form: str) -> None:
    zooming(tmp_path / "trace.json")
    ran = analyze("trace.json", "--output-format", form, cwd=tmp_path)
    assert ran.code == 1 and "zoom" in ran.out
    again = analyze("trace.json", "--output-format", form, "-o", "report", cwd=tmp_path)
    assert again.out == "" and (tmp_path / "report").read_text("utf-8") == ran.out


def test_the_share_that_is_worth_telling_is_a_choice(tmp_path: Path) -> None:
    zooming(tmp_path / "trace.json")
    assert analyze("trace.json", "--share", "61", cwd=tmp_path).code == 0
    assert analyze("trace.json", "--share", "59", cwd=tmp_path).code == 1
    assert analyze("trace.json", "--exit-zero", cwd=tmp_path).code == 0


def test_the_page_and_the_tracks_are_written(tmp_path: Path) -> None:
    zooming(tmp_path / "trace.json", "<script>alert(1)</script>.py(3): zoom")
    ran = analyze("trace.json", "--html", "page.html", "--perfetto", "tracks.json", cwd=tmp_path)
    assert ran.code == 1
    assert "<script>alert" not in (tmp_path / "page.html").read_text("utf-8")
    assert len(json.loads((tmp_path / "tracks.json").read_text())["traceEvents"]) > 8


BAD = {
    "none.json": (None, "there is no file or directory none.json"),
    "text.json": (b"hello", "is not JSON"),
    "shape.json": (b'{"a": 1}', "JSON of another kind"),
    "empty.json": (b"[]", "holds no events"),
    "cpu.json": (json.dumps([event("aten::add", "cpu_op", 1, 1)]).encode(), "no GPU events"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_analysed_is_said_in_one_line(tmp_path: Path, name: str) -> None:
    data, reason = BAD[name]
    if data is not None:
        (tmp_path / name).write_bytes(data)
    ran = analyze(name, cwd=tmp_path)
    assert ran.code == 2 and ran.out == ""
    assert name in ran.err and reason in ran.err and ran.err.count("\n") == 1


def test_wrong_use_is_refused(tmp_path: Path) -> None:
    zooming(tmp_path / "trace.json")
    assert analyze(cwd=tmp_path).code == 2
    assert analyze("*.gz", cwd=tmp_path).code == 2
    assert analyze("trace.json", "--share", "200", cwd=tmp_path).code == 2
    assert analyze("trace.json", "-o", "no/such/folder", cwd=tmp_path).code == 2
    assert analyze("trace.json", "--dask", "tcp://127.0.0.1:1", cwd=tmp_path).code == 2


def test_folders_patterns_and_urls_stand_for_recordings(tmp_path: Path) -> None:
    (tmp_path / "ranks").mkdir()
    zooming(tmp_path / "ranks" / "0.json.gz")
    zooming(tmp_path / "ranks" / "1.json.gz")
    (tmp_path / "ranks" / "notes.txt").write_text("not a recording")
    documents = [
        analyze(name, "--output-format", "json", cwd=tmp_path).document
        for name in ("ranks", "ranks/*.json.gz", f"file://{tmp_path}/ranks/*.gz")
    ]
    for document in documents:
        assert len(document["recordings"]) == len(document["devices"]) == 2
        assert document["ranks"] is not None
    assert documents[0]["devices"] == documents[1]["devices"] == documents[2]["devices"]


def test_one_bad_recording_does_not_stop_the_others(tmp_path: Path) -> None:
    zooming(tmp_path / "a.json")
    (tmp_path / "b.json").write_text("{}")
    ran = analyze("a.json", "b.json", "--output-format", "json", cwd=tmp_path)
    assert ran.code == 1 and len(ran.document["devices"]) == 1
    (row,) = [row for row in ran.document["health"] if row["code"] == "unreadable"]
    assert "b.json" in row["message"]


def test_processes_change_nothing(tmp_path: Path) -> None:
    for number in range(3):
        zooming(tmp_path / f"{number}.json", f"zoom.py(3): zoom{number}")
    outs = [analyze(".", "-j", jobs, "--output-format", "json", cwd=tmp_path).out for jobs in ("1", "2", "3")]
    assert outs[0] == outs[1] == outs[2]


def test_a_cluster_gives_the_same_bytes(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    ranks = ROOT / "fixtures" / "traces" / "ranks"
    here = analyze(ranks, "--output-format", "json", cwd=tmp_path)
    cluster = distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp://", dashboard_address=None
    )
    with cluster:
        there = analyze(ranks, "--output-format", "json", "--dask", cluster.scheduler_address, cwd=tmp_path)
    assert (there.code, there.out) == (here.code, here.out)


@needs_recordings
def test_a_control_that_keeps_the_gpu_busy_has_nothing_to_report(tmp_path: Path) -> None:
    assert analyze(TRACES / "09_v100_train_ns_gpubound.json.gz", cwd=tmp_path).code == 0
