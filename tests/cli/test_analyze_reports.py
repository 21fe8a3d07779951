"""``perfcheck analyze``: the files it writes."""

import gzip
import json
import re
from pathlib import Path

import pytest

from tests.cli.command import perfcheck
from tests.cli.test_diff import recording


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    return recording(tmp_path / "slow.json.gz", 30_000)


def test_the_summary(tmp_path: Path, slow: Path) -> None:
    ran = perfcheck("analyze", "slow.json.gz", cwd=tmp_path)
    assert (ran.code, ran.err) == (1, "")
    assert "\x1b" not in ran.out
    assert len(ran.out.splitlines()) <= 24
    assert re.search(r"^data-loader +30\.0 +75\.0 %  █{16} ", ran.out, re.MULTILINE)
    assert re.search(r"^error: +PC401 ", ran.out, re.MULTILINE)
    assert "sums close: " in ran.out
    colored = perfcheck("analyze", "slow.json.gz", cwd=tmp_path, env={"FORCE_COLOR": "1"})
    assert re.sub(r" *(?:\x1b\[[\d;]*m)+$|\x1b\[[\d;]*m", "", colored.out, flags=re.MULTILINE) == ran.out
    assert "\x1b[" in colored.out
    ascii_only = perfcheck("analyze", "slow.json.gz", cwd=tmp_path, env={"PYTHONIOENCODING": "ascii"})
    assert "#" * 16 in ascii_only.out
    assert ascii_only.out.isascii()


def test_a_page(tmp_path: Path, slow: Path) -> None:
    perfcheck("analyze", "slow.json.gz", "--html", "page.html", cwd=tmp_path)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "slow.json.gz" in page


@pytest.mark.parametrize("name", ["tracks.json", "tracks.json.gz"])
def test_tracks(tmp_path: Path, slow: Path, name: str) -> None:
    perfcheck("analyze", "slow.json.gz", "--perfetto", name, cwd=tmp_path)
    data = (tmp_path / name).read_bytes()
    own = json.loads(gzip.decompress(slow.read_bytes()))["traceEvents"]
    events = json.loads(gzip.decompress(data) if name.endswith(".gz") else data)["traceEvents"]
    assert events[-len(own) :] == own
    assert {event["args"]["name"] for event in events if event["name"] == "thread_name"} == {
        "steps",
        "gaps",
        "blame",
    }


def test_the_recording_is_not_overwritten(tmp_path: Path, slow: Path) -> None:
    before = slow.read_bytes()
    ran = perfcheck("analyze", slow, "--perfetto", "./slow.json.gz", cwd=tmp_path)
    assert ran.code == 2
    assert "it is the recording itself" in ran.err
    assert slow.read_bytes() == before


@pytest.mark.parametrize("option", ["--html", "--perfetto", "-o"])
def test_a_report_that_cannot_be_written(tmp_path: Path, slow: Path, option: str) -> None:
    ran = perfcheck("analyze", slow, option, "no/such/folder/report", cwd=tmp_path)
    assert ran.code == 2
    assert "no/such/folder/report cannot be written" in ran.err
