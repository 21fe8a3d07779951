"""``perfcheck diff``: what it reads, what it says, how it exits."""

import json
from pathlib import Path

import pytest

from tests.cli.command import perfcheck
from tests.recordings import TRACES, event, kernel, launch, needs_recordings, step, written


def recording(path: Path, loader_us: int) -> Path:
    """Three steps of a wait for the loader and a kernel of 10 ms."""
    fetch = "enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__"
    length = loader_us + 10_010
    events = []
    for number, begin in enumerate(range(1000, 1000 + 3 * length, length)):
        events += [
            step(number, begin, length),
            event(fetch, "user_annotation", begin, loader_us),
            launch(begin + loader_us + 5, number + 1, 4),
            kernel("gemm", begin + loader_us + 10, 10_000, number + 1),
        ]
    written(path, events)
    return path


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    return recording(tmp_path / "slow.json.gz", 30_000)


@pytest.fixture
def fast(tmp_path: Path) -> Path:
    return recording(tmp_path / "fast.json", 100)


def test_the_exit_code_is_the_verdict(tmp_path: Path, slow: Path, fast: Path) -> None:
    better = perfcheck("diff", slow, fast, cwd=tmp_path)
    assert (better.code, better.err) == (0, "")
    assert better.out.startswith("better: a step takes 10.11 ms instead of 40.01 ms (-74.7 %)\n")
    assert "idle time for data-loader went away: 30.00 ms before" in better.out
    worse = perfcheck("diff", fast, slow, cwd=tmp_path)
    assert (worse.code, worse.err) == (1, "")
    assert "idle time for data-loader appeared" in worse.out
    assert perfcheck("diff", fast, slow, "--threshold", "300", cwd=tmp_path).code == 0
    assert perfcheck("diff", slow, slow, "--threshold", "0", cwd=tmp_path).code == 0


def test_json_to_a_file(tmp_path: Path, slow: Path, fast: Path) -> None:
    ran = perfcheck("diff", slow, fast, "--output-format", "json", "-o", "diff.json", cwd=tmp_path)
    assert (ran.code, ran.out) == (0, "")
    assert json.loads((tmp_path / "diff.json").read_text())["verdict"] == "better"


@pytest.mark.parametrize("indent", [None, 2])
def test_what_analyze_saved_is_compared_as_well(
    tmp_path: Path, slow: Path, fast: Path, indent: int | None
) -> None:
    saved = tmp_path / "saved.json"
    perfcheck("analyze", slow, "--output-format", "json", "-o", saved, cwd=tmp_path)
    saved.write_text(json.dumps(json.loads(saved.read_text()), indent=indent))
    ran = perfcheck("diff", saved, fast, "--output-format", "json", cwd=tmp_path)
    from_recording = perfcheck("diff", slow, fast, "--output-format", "json", cwd=tmp_path)
    ours, theirs = ran.document, from_recording.document
    assert ours.pop("before")["name"] == str(saved)
    assert theirs.pop("before")["name"] == str(slow)
    assert ours == theirs


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("nothing", "is not JSON"),
        ('{"version": 1, "devices": [', "is a saved analysis that is damaged"),
        ('{"version": 7, "devices": []}', "its version is 7, not 1"),
        ('{"findings": []}', "is no analysis of this version"),
        ('{"traceEvents": []}', "wrong.json"),
    ],
)
def test_wrong_files(tmp_path: Path, slow: Path, content: str, said: str) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text(content)
    ran = perfcheck("diff", slow, wrong, cwd=tmp_path)
    assert ran.code == 2
    assert said in ran.err
    assert "wrong.json" in ran.err
    assert "Traceback" not in ran.err


def test_saved_analyses_need_no_more_than_the_linter(tmp_path: Path, slow: Path) -> None:
    perfcheck("analyze", slow, "--output-format", "json", "-o", "saved.json", cwd=tmp_path)
    without = "import sys; sys.modules.update(dict.fromkeys(['numpy', 'pandas', 'msgspec', 'torch']))\n"
    run = ("-c", f"{without}from perfcheck.cli.main import main; main()")
    assert perfcheck("diff", "saved.json", "saved.json", cwd=tmp_path, program=run).code == 0
    ran = perfcheck("diff", "saved.json", slow, cwd=tmp_path, program=run)
    assert ran.code == 2
    assert "pip install 'perfcheck[analyze]'" in ran.err
    assert "Traceback" not in ran.err


def test_a_file_that_is_not_there(tmp_path: Path, slow: Path) -> None:
    ran = perfcheck("diff", slow, "nowhere.json", cwd=tmp_path)
    assert ran.code == 2
    assert "there is no file or directory nowhere.json" in ran.err


@needs_recordings
def test_the_loader_workers_of_resnet50(tmp_path: Path) -> None:
    before, after = (
        TRACES / f"{name}.json.gz" for name in ("04_v100_resnet50_workers0", "05_v100_resnet50_workers4")
    )
    ran = perfcheck("diff", before, after, cwd=tmp_path)
    assert ran.code == 0
    verdict, work, greatest, *_ = ran.out.splitlines()
    assert verdict == "better: a step takes 139.75 ms instead of 174.89 ms (-20.1 %)"
    assert work.startswith("the device is as busy as before")
    assert greatest.startswith("idle time for data-loader went away: ")
    assert perfcheck("diff", after, before, cwd=tmp_path).code == 1
