"""``perfcheck verify`` as people run it."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import Ran, perfcheck, write
from tests.gate.programs import conflict, repository

pytest.importorskip("torch")

TRAINING = """\
import time

import torch
from torch.utils.data import DataLoader, TensorDataset

device = torch.device("cuda")
model = torch.nn.Linear(4, 2).to(device)  # nothing is seeded here
optimizer = torch.optim.SGD(model.parameters(), 0.1)
data = TensorDataset(torch.randn(40, 4), torch.randint(0, 2, (40,)))


def train(loader):
    running = 0.0
    for x, y in loader:
        weights = torch.ones(4, 1).to(device)
        loss = torch.nn.functional.cross_entropy(model(x.to(device)) * weights, y.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item()
    return running


def evaluate(loader):
    for x, _ in loader:
        print(model(x.to(device)) * torch.ones(4, 1).to(device))


loader = DataLoader(data, batch_size=4, shuffle=True)
print("total", train(loader))
torch.save(model.state_dict(), "model.pt")
"""
TIMED = TRAINING + 'print(f"took {time.perf_counter()} s")\n'
PLAIN = """\
import torch

print(input())
print(torch.randn(2).to("cuda", non_blocking=True).sum().item())
"""


def verify(*arguments: str, cwd: Path) -> Ran:
    return perfcheck("verify", "--device", "emulated", *arguments, cwd=cwd)


def document(*arguments: str, cwd: Path) -> tuple[Ran, dict[str, Any]]:
    ran = verify("--output-format", "json", *arguments, cwd=cwd)
    found: dict[str, Any] = json.loads(ran.out)["verify"]
    return ran, found


def contents(folder: Path) -> Mapping[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write(tmp_path, {"train.py": TRAINING})


def test_safe_fixes_are_proven_and_then_written(project: Path) -> None:
    ran, found = document("--fix", "--apply", "train.py", cwd=project)
    assert (ran.code, found["verdict"], found["differences"]) == (0, "equal", [])
    assert found["compared"] == {"loss": 10, "state": 10, "output": 1, "file": 1, "exit code": 1}
    assert [(one["line"], one["rule"]) for one in found["fixes"]] == [(15, "PC201")]
    assert [(one["line"], one["rule"]) for one in found["left_out"]] == [(26, "PC201")]  # did not run
    cost = {one["what"]: one for one in found["costs"]}
    assert (cost["host-syncs"]["before"], cost["host-syncs"]["after"]) == (4, 3)
    assert cost["host-syncs"]["lines"][0] == {
        "path": "train.py", "before_line": 15, "after_line": 15, "before": 1, "after": 0,
    }  # fmt: skip
    assert contents(project).keys() == {"train.py"}  # the checkpoint lay in the copies
    assert (project / "train.py").read_text() == TRAINING.replace(
        "weights = torch.ones(4, 1).to(device)", "weights = torch.ones(4, 1, device=device)"
    )


def test_what_differs_is_told_and_not_written(project: Path) -> None:
    write(project, {"train.py": TIMED})
    before = contents(project)
    ran = verify("--fix", "--unsafe-fixes", "--fixable", "PC101", "--apply", "train.py", cwd=project)
    assert ran.code == 1
    assert "\n  losses      equal, 10 calls of backward()\n  parameters  equal, 10 steps\n" in ran.out
    assert "\n  output      different, 2 lines\n    line 1: total " in ran.out
    assert "\n    from run to run: line 2: took " in ran.out
    assert ["host-syncs", "4", "3", "train.py:20", "1", "→", "0"] in map(str.split, ran.out.split("\n"))
    assert "perfcheck verify: different: the results differ, by " in ran.out
    assert "perfcheck: nothing was written: the verdict is different\n" in ran.err
    assert contents(project) == before


def test_where_a_training_goes_another_way(project: Path) -> None:
    repository(project)
    write(project, {"train.py": TRAINING.replace("0.1)", "0.2)"), "new.py": ""})
    ran, found = document("--against", "HEAD", "train.py", cwd=project)
    assert (ran.code, found["verdict"], found["unstable"]) == (1, "different", [])
    first = {one["kind"]: one for one in reversed(found["differences"])}
    assert first["state"]["where"] == "optimizer 1, weight"
    assert (first["state"]["step"], first["loss"]["step"]) == (1, 2)
    assert first["state"]["largest"]["absolute"] > 0
    assert first["file"]["where"] == "model.pt, weight"
    assert found["notes"] == ["git does not know new.py: both versions have them"]


def test_more_waits_for_the_same_results_are_worse(tmp_path: Path) -> None:
    write(tmp_path, {"run.py": PLAIN, "words": "one\n"})
    repository(tmp_path)
    write(tmp_path, {"run.py": PLAIN + "torch.cuda.synchronize()\n"})
    ran = verify("--against", "HEAD", "--stdin", "words", "run.py", cwd=tmp_path)
    assert ran.code == 1
    assert "output      equal, 2 lines\n" in ran.out
    assert "the results are equal to the bit on an emulated device, but host-syncs from 1 to 2" in ran.out


def test_a_change_that_breaks_the_script_is_the_finding(tmp_path: Path) -> None:
    write(tmp_path, {"run.py": "print()\n"})
    repository(tmp_path)
    write(tmp_path, {"run.py": "print()\nundefined\n"})
    ran = verify("--against", "HEAD", "run.py", cwd=tmp_path)
    assert ran.code == 1
    assert f'File "{tmp_path}/run.py", line 2, in <module>' in ran.out
    assert "NameError: name 'undefined' is not defined" in ran.out


def test_a_script_that_differs_by_itself_proves_nothing(tmp_path: Path) -> None:
    """And may do whatever scripts do: here it prints what is no text, and removes its working directory."""
    script = """\
import os, shutil, sys
print(os.urandom(4).hex(), end="", flush=True)
sys.stdout.buffer.write(b"\\xff\\x00")
shutil.rmtree(os.getcwd())
"""
    write(tmp_path, {"run.py": script})
    repository(tmp_path)
    write(tmp_path, {"run.py": script + "# nothing new\n"})
    ran = verify("--against", "HEAD", "run.py", cwd=tmp_path)
    assert ran.code == 2
    assert "output      differs from run to run by itself, 1 line\n    from run to run: line 1: " in ran.out
    assert (tmp_path / "run.py").exists()


def test_a_script_that_cannot_run(tmp_path: Path) -> None:
    write(tmp_path, {"run.py": PLAIN})
    repository(tmp_path)
    write(tmp_path, {"run.py": PLAIN + "\n"})
    ran = verify("--against", "HEAD", "run.py", cwd=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert "before any change, run.py ended with exit code 1:\n" in ran.err
    assert "--stdin FILE gives both versions the same" in ran.err
    ran = verify("--against", "HEAD", "--timeout", "0.5", "run.py", cwd=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert "before any change, run.py did not end within 0.5 s" in ran.err


def test_nothing_to_mend(tmp_path: Path) -> None:
    write(tmp_path, {"run.py": PLAIN})
    ran = verify("--fix", "run.py", cwd=tmp_path)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "perfcheck: there is nothing to mend: lint has no fix of that kind for this project\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train.py"], "say what is to be compared: either --fix, or --against REV"),
        (["--fix", "--against", "HEAD", "train.py"], "either --fix, or --against REV"),
        (["--fix"], "name the script that is to be run"),
        (["--fix", "missing.py"], "missing.py: No such file or directory"),
        (["--against", "HEAD", "--apply", "train.py"], "--apply wants --fix"),
        (["--against", "nowhere", "train.py"], "git knows no revision 'nowhere' here"),
        (["--fix", "--stdin", "missing", "train.py"], "missing cannot be read"),
        (["--fix", "--fixable", "PC999", "train.py"], "PC999"),
    ],
)
def test_wrong_use(arguments: list[str], message: str, project: Path) -> None:
    repository(project)
    ran = verify(*arguments, cwd=project)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert "Traceback" not in ran.err


def test_in_the_middle_of_a_merge(project: Path) -> None:
    repository(project)
    conflict(project, "train.py")
    ran = verify("--against", "HEAD", "train.py", cwd=project)
    assert ran.code == 2
    assert "in the middle of a merge, with conflicts in train.py" in ran.err
