import os
import pty
import subprocess
import sys
from pathlib import Path

from tests.cli.command import environment

PROGRAM = """
import sys, time
from perfcheck.cli.progress import ProgressBar
with ProgressBar(shown=True) as progress:
    for done in range(1, 6):
        time.sleep(float(sys.argv[1]))
        progress(done, 5)
print("rich" in sys.modules)
"""


def shown_on_a_terminal(pause: str, cwd: Path) -> tuple[str, str]:
    """Standard error, which is a terminal, and standard output."""
    master, slave = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, pause],
        cwd=cwd,
        env=environment({"TERM": "xterm"}),
        stdout=subprocess.PIPE,
        stderr=slave,
        text=True,
    ) as process:
        os.close(slave)
        out, _ = process.communicate(timeout=60)
    shown = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(master)
    return shown.decode(), out


def test_a_long_run_shows_how_far_it_is(tmp_path: Path) -> None:
    shown, out = shown_on_a_terminal("0.4", tmp_path)
    assert "linting" in shown and "5/5" in shown
    assert out == "True\n"


def test_a_short_run_shows_nothing_and_loads_nothing(tmp_path: Path) -> None:
    assert shown_on_a_terminal("0", tmp_path) == ("", "False\n")


def test_a_pipe_gets_nothing(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, "0.4"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert (run.stdout, run.stderr) == ("False\n", "")
