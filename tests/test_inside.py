"""perfcheck from within programs: each in a process of its own, because the emulated device is the
process's.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import environment

pytest.importorskip("torch")


def python(source: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "program.py").write_text(source)
    return subprocess.run(
        [sys.executable, "program.py"],
        cwd=folder,
        env={**environment(), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_stretch_of_a_program_is_traced(tmp_path: Path) -> None:
    ran = python(
        """
import torch, perfcheck, json
perfcheck.step()
with perfcheck.trace() as traced:
    x = torch.ones(3, device="cuda")
    for _ in range(3):
        y = (x + 1).sum().item()
        perfcheck.step()
print(json.dumps([traced.document["run"], traced.document["events"]]))
assert not torch.cuda.is_available()
with perfcheck.trace(quiet=True, steps=1):
    pass
""",
        tmp_path,
    )
    assert ran.returncode == 0, ran.stderr
    run, events = json.loads(ran.stdout)
    assert (run["device"], run["steps"], run["steps_from"]) == ("emulated", 3, "call")
    (sync,) = [event for event in events if event["event"] == "host-sync"]
    assert (sync["path"], sync["line"], sync["count"]) == ("program.py", 7, 3)
    assert ran.stderr.count("3 steps on an emulated CUDA device") == 1


def test_a_budget_names_the_lines_that_broke_it(tmp_path: Path) -> None:
    ran = python(
        """
import torch, perfcheck
with perfcheck.budget(host_syncs=0, h2d_copies=1):
    torch.ones(3, device="cuda").add_(1)
    torch.ones(3).to("cuda", non_blocking=True)
try:
    with perfcheck.budget(host_syncs=1, h2d_copies=0):
        x = torch.ones(3, device="cuda")
        x.sum().item()
        for _ in range(2):
            x.sum().item()
except perfcheck.OverBudget as over:
    print(over)
try:
    with perfcheck.budget(syncs=1):
        pass
except TypeError as error:
    print(error)
with perfcheck.budget(host_syncs=0):
    raise KeyError("its own")
""",
        tmp_path,
    )
    assert ran.stdout == (
        "host_syncs: 3, and the budget is 1\n"
        "  program.py:11  2×  aten::_local_scalar_dense\n"
        "  program.py:9  1×  aten::_local_scalar_dense\n"
        "syncs: no such limit; there are host_syncs, h2d_copies, d2h_copies, pageable_copies, hidden_copies, "
        "kernel_launches, cpu_ops\n"
    )
    assert "KeyError: 'its own'" in ran.stderr


def test_a_budget_holds_within_a_trace(tmp_path: Path) -> None:
    ran = python(
        """
import torch, perfcheck
with perfcheck.trace(quiet=True) as traced:
    x = torch.ones(3, device="cuda")
    x.sum().item()
    with perfcheck.budget(host_syncs=0):
        x.sum()
print([event["count"] for event in traced.document["events"] if event["event"] == "host-sync"])
""",
        tmp_path,
    )
    assert ran.stdout == "[1]\n", ran.stderr


TESTS = """
import pytest, torch

@pytest.fixture
def x():
    return torch.ones(3, device="cuda")

@pytest.mark.gpu_budget(host_syncs=0)
def test_keeps(x):
    x.add_(1)

@pytest.mark.gpu_budget(host_syncs=0)
def test_breaks(x):
    assert x.sum().item() == 3

@pytest.mark.gpu_budget(host_syncs=0)
def test_fails_by_itself(x):
    assert x.shape == (4,)

@pytest.mark.gpu_budget(syncs=0)
def test_misspelt(x):
    pass

def test_unmarked():
    assert not torch.cuda.is_available()
"""


def test_the_pytest_plugin(tmp_path: Path) -> None:
    (tmp_path / "test_gpu.py").write_text(TESTS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "perfcheck.pytest_plugin",
        "--strict-markers",
        "--tb=short",
    ]
    ran = subprocess.run(
        command,
        cwd=tmp_path,
        env={**environment(), "CUDA_VISIBLE_DEVICES": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "3 failed, 2 passed" in ran.stdout, ran.stdout
    assert "host_syncs: 1, and the budget is 0\n  test_gpu.py:14  1×  aten::_local_scalar_dense" in ran.stdout
    assert "syncs: no such limit" in ran.stdout
    assert "assert torch.Size([3]) == (4,)" in ran.stdout


def test_the_plugin_is_silent_and_light_unless_it_is_used(tmp_path: Path) -> None:
    (tmp_path / "test_plain.py").write_text(
        "import sys\ndef test():\n    assert not {'torch', 'perfcheck.inside'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "perfcheck.pytest_plugin"]
    ran = subprocess.run(
        command,
        cwd=tmp_path,
        env={**environment(), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout


def test_a_cell_of_a_notebook_is_traced(tmp_path: Path) -> None:
    pytest.importorskip("IPython")
    ran = python(
        """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell()
shell.run_cell("%load_ext perfcheck").raise_error()
shell.run_cell("import torch; x = torch.ones(3, device='cuda')").raise_error()
shell.run_cell("%%perfcheck\\nfor _ in range(4):\\n    y = x.sum().item()\\nprint(y)").raise_error()
shell.run_cell("print(x.device)").raise_error()
""",
        tmp_path,
    )
    assert ran.returncode == 0, ran.stderr
    assert "this notebook has an emulated one" in ran.stdout
    assert ran.stdout.endswith("3.0\ncuda:0\n")
    assert "host-sync  4×" in ran.stderr


def test_importing_perfcheck_stays_light() -> None:
    heavy = "{'torch', 'numpy', 'click', 'perfcheck.inside'}"
    source = f"import sys, perfcheck; print(sorted({heavy} & set(sys.modules)))"
    ran = subprocess.run(
        [sys.executable, "-c", source],
        env={**os.environ, **environment()},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "[]\n"
