"""``perfcheck lint --watch``, interrupted as people do."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from queue import Empty, Queue
from typing import IO

import pytest

from tests.cli.command import environment, perfcheck, write
from tests.gate.programs import MENDED, TRAIN

pytest.importorskip("watchfiles")

PATIENCE = 60  # seconds


def test_what_is_changed_is_linted_again_until_it_is_interrupted(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "", "train.py": MENDED})
    process = subprocess.Popen(
        [sys.executable, "-m", "perfcheck", "lint", "--watch", "--output-format", "concise"],
        cwd=tmp_path,
        env=environment({"PYTHONUNBUFFERED": "1"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    lines: Queue[str] = Queue()
    threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
    try:
        assert lines.get(timeout=PATIENCE) == "perfcheck: watching for changes; Ctrl-C ends it\n"
        told = ""
        while not told:  # it says so before it has begun to watch
            replaced = tmp_path / "new"
            replaced.write_text(TRAIN)
            os.replace(replaced, tmp_path / "train.py")
            told = _line(lines)
        assert told.startswith("train.py:10:15: PC101 ")
        assert lines.get(timeout=PATIENCE).startswith("perfcheck: watching")
        write(tmp_path, {"pyproject.toml": "[tool.perfcheck]\nselekt = []\n"})
        told = lines.get(timeout=PATIENCE)
        while told.startswith(("train.py", "perfcheck: watching")):
            told = lines.get(timeout=PATIENCE)
        assert "unknown key" in told
        assert lines.get(timeout=PATIENCE).startswith("perfcheck: watching")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 2
    finally:
        process.kill()
        process.wait()


def _read(stream: IO[str], lines: "Queue[str]") -> None:
    for line in stream:
        lines.put(line)


def _line(lines: "Queue[str]") -> str:
    try:
        return lines.get(timeout=3)
    except Empty:
        return ""


@pytest.mark.parametrize("arguments", [("--fix",), ("--write-baseline", "b.json"), ("-",)])
def test_what_is_done_once_cannot_be_watched(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ran = perfcheck("lint", "--watch", *arguments, cwd=tmp_path)
    assert ran.code == 2 and "Usage: perfcheck lint" in ran.err
