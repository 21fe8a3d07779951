"""Lines for what a profiler records, on the CPU: there ``aten::_local_scalar_dense`` stands in for a wait."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import ROOT, environment, perfcheck

pytest.importorskip("torch")
pytest.importorskip("msgspec")

# A process of its own: there is one profiler in each.
MEASURE = """
import importlib.util, sys
from pathlib import Path
from perfcheck.callsite import CallSites
from perfcheck.capture.measuring import Measuring
folder, script = Path(sys.argv[1]), sys.argv[2]
spec = importlib.util.spec_from_file_location("case", script)
case = importlib.util.module_from_spec(spec)
spec.loader.exec_module(case)
measuring = Measuring(folder, CallSites(), deep=True, least=0)
measuring.start()
measuring.open()
measuring.step_begins(1)
case.main()
measuring.close()
for step in range(2, 5):
    measuring.step_begins(step)
case.main()
measuring.stop()
"""

CASE = """\
import threading
import torch

t = torch.tensor(2.5)
weight = torch.ones(3, requires_grad=True)


class Reads(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        g.sum().item()  # 3
        return g * 2


def main():
    max(
        t.item(),  # 1
        1.0,
    )
    [
        x.item()  # 2
        for x in (t,)]
    y = Reads.apply(weight * 3)
    y.sum().backward()
    thread = threading.Thread(target=lambda:
        t.item())  # 4
    thread.start()
    thread.join()
    if t > 1:  # 5
        torch.allclose(t, t)  # 6
"""


def lines_of_reads(folder: Path) -> list[int]:
    """The lines of what reads a value, in the order of time, from the recording with lines."""
    from perfcheck.capture.recording import LINED, _line, read_logs, with_lines
    from perfcheck.stalls.host import Host
    from perfcheck.timeline import read

    with_lines(folder / "trace.json", read_logs(folder / "logs.json"), folder / LINED)
    host = Host(read(str(folder / LINED)))
    names = host.timeline.names
    events = [
        event
        for event in range(len(host.rows))
        if host.is_operator[event] and names[host.name[event]] == "aten::_local_scalar_dense"
    ]
    return [_line(host, event)[1] for event in sorted(events, key=lambda event: host.start[event])]


def measure(folder: Path, script: Path) -> None:
    command = [sys.executable, "-c", MEASURE, str(folder), str(script)]
    subprocess.run(command, check=True, env=environment(), cwd=ROOT, capture_output=True, timeout=300)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("measured")
    (folder / "case.py").write_text(CASE)
    measure(folder, folder / "case.py")
    return folder


def expected_lines(source: str) -> list[int]:
    marked = {
        line.rpartition("# ")[2]: number
        for number, line in enumerate(source.splitlines(), 1)
        if "  # " in line
    }
    return [marked[str(number)] for number in range(1, 7)]


def test_each_read_has_the_line_of_its_call(measured: Path) -> None:
    assert lines_of_reads(measured) == expected_lines(CASE)


def test_the_deep_window_gives_every_operator_its_line_backward_too(
    measured: Path,
) -> None:
    from perfcheck.capture.recording import operator_lines, read_logs

    rows = operator_lines(measured / "deep-trace.json", read_logs(measured / "deep-logs.json"))
    lines = CASE.splitlines()
    told = {(row.operator, row.backward): lines[row.line - 1].strip() for row in rows}
    assert told["MulBackward0", True] == told["aten::mul", False] == "y = Reads.apply(weight * 3)"
    assert told["SumBackward0", True] == "y.sum().backward()"
    assert told["ReadsBackward", True] == "y = Reads.apply(weight * 3)"
    assert told["aten::gt", False] == "if t > 1:  # 5"
    assert all(row.path.endswith("case.py") for row in rows)


def test_the_recording_says_whose_lines_it_has_and_where_the_steps_are(measured: Path) -> None:
    lines_of_reads(measured)
    document: dict[str, Any] = json.loads(gzip.decompress((measured / "lines.json.gz").read_bytes()))
    assert document["perfcheck_lines"] == "call"
    names = [event["name"] for event in document["traceEvents"]]
    assert "ProfilerStep#1" in names
    assert any(name.endswith("case.py(21): Tensor.item") for name in names)


@pytest.mark.parametrize("deep", [False, True])
def test_the_prototypes_case_has_all_its_lines(deep: bool, tmp_path: Path) -> None:
    shared = Path(os.environ.get("PERFCHECK_SHARED", ROOT.parent / "shared"))
    script = shared / "prototypes" / "attribution" / "lines_case.py"
    if not script.exists():
        pytest.skip(f"{script} is not there")
    measure(tmp_path, script)
    import runpy

    expected = [line for _, line in runpy.run_path(str(script))["expected"]()[0]]
    if not deep:
        assert lines_of_reads(tmp_path) == expected
        return
    from perfcheck.capture.recording import read_logs, reads

    assert reads(tmp_path / "deep-trace.json", read_logs(tmp_path / "deep-logs.json")) == expected


RUN = """
import os, sys
from perfcheck.run.ending import Ending
ending = Ending()
from perfcheck.run.results import Plan
from perfcheck.run.script import Target
from perfcheck.run.start import trace
from perfcheck.run.window import Window
plan = Plan(Target(sys.argv[1]), "cuda", Window(1, 1, 3), os.path.abspath("run"), os.getcwd(), deep=True)
sys.exit(trace(plan, "rank-0", ending, lambda: 0))
"""

LOOP = """\
import torch
from torch.utils.data import DataLoader, TensorDataset

model = torch.nn.Linear(8, 2)
optimizer = torch.optim.SGD(model.parameters(), 0.1)
steps = 0
for x, y in DataLoader(TensorDataset(torch.randn(48, 8), torch.randint(0, 2, (48,))), batch_size=4):
    loss = torch.nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    {own}
print("done")
"""


@pytest.mark.parametrize(
    ("own", "note"),
    [
        ("", "recording made it"),
        ("with torch.profiler.profile(): loss.item()", "nothing was recorded: the script started"),
        ("steps += 1\n    if steps == 4:\n        with torch.profiler.profile(): loss.item()", "cut short"),
    ],
)
def test_a_run_keeps_its_recording_and_gives_way_to_the_scripts_profiler(
    own: str, note: str, tmp_path: Path
) -> None:
    (tmp_path / "train.py").write_text(LOOP.replace("{own}", own))
    ran = subprocess.run(
        [sys.executable, "-c", RUN, "train.py"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "done\n"
    assert (tmp_path / "run" / "rank-0" / "trace.json").exists() == ("nothing" not in note)
    told = perfcheck("trace", "--report", "run", "--output-format", "json", cwd=tmp_path)
    run = json.loads(told.out)["run"]
    assert (run["device"], run["gpu"], run["steps"]) == ("cuda", None, 12)
    assert note in perfcheck("trace", "--report", "run", cwd=tmp_path).out
    if not own:
        lines = {row["operator"]: row["line"] for row in run["operators"]}
        assert lines["AddmmBackward0"] == lines["aten::linear"] == 8
