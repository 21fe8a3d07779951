"""``perfcheck trace`` as people run it."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import Ran, environment, perfcheck, write

pytest.importorskip("torch")

TRAINING = """\
import sys
import torch
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
model = torch.nn.Linear(4, 2).to(device)
optimizer = torch.optim.SGD(model.parameters(), 0.1)
data = TensorDataset(torch.randn(12, 4), torch.randint(0, 2, (12,)))


def train(loader):
    total = 0.0
    for x, y in loader:
        loss = torch.nn.functional.cross_entropy(model(x.to(device)), y.to(device))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        total += loss.item()
        if hasattr(model, "weird"):
            print(loss.item())
    return total


def main():
    print(sys.argv[1:], device.type, f"{train(DataLoader(data, batch_size=4)):.4f}")


main()
"""

SCHEMA = {
    "type": "object",
    "required": ["version", "tool", "findings", "run", "events", "verdicts", "errors", "summary"],
    "properties": {
        "run": {
            "type": "object",
            "required": ["device", "torch", "gpu", "steps"],
            "properties": {
                "device": {"enum": ["emulated", "cuda"]},
                "torch": {"type": "string"},
                "gpu": {"type": ["string", "null"]},
                "steps": {"type": "integer"},
            },
        },
        "events": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["event", "path", "line", "operator", "count", "bytes", "steps", "library_line"],
                "properties": {
                    "event": {
                        "enum": [
                            "host-sync",
                            "h2d-copy",
                            "d2h-copy",
                            "pageable-copy",
                            "hidden-copy",
                            "kernel-launch",
                            "cpu-op",
                            "loader-wait",
                        ]
                    },
                    "line": {"type": "integer"},
                    "count": {"type": "integer", "minimum": 1},
                    "bytes": {"type": "integer", "minimum": 0},
                    "steps": {"type": "object", "required": ["first", "last"]},
                    "library_line": {"type": ["string", "null"]},
                },
            },
        },
    },
}


def trace(*arguments: str, cwd: Path) -> Ran:
    return perfcheck("trace", "--device", "emulated", *arguments, cwd=cwd)


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    folder = write(tmp_path_factory.mktemp("traced"), {"train.py": TRAINING})
    ran = trace("-o", "out.json", "--output-format", "json", "train.py", "--some", "argument", cwd=folder)
    return folder, ran


@pytest.fixture
def document(traced: tuple[Path, Ran]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((traced[0] / "out.json").read_text())
    return found


def test_the_script_prints_what_it_prints_on_a_cpu(traced: tuple[Path, Ran]) -> None:
    folder, ran = traced
    plain = subprocess.run(
        [sys.executable, "train.py", "--some", "argument"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.out == plain.stdout.replace("cpu", "cuda")
    assert (ran.code, ran.err) == (1, "")


def test_the_document_keeps_its_contract(document: dict[str, Any]) -> None:
    import jsonschema

    jsonschema.validate(document, SCHEMA)
    assert document["run"]["steps"] == 3
    syncs = {row["line"]: row for row in document["events"] if row["event"] == "host-sync"}
    assert {line: (row["count"], row["set_up"]) for line, row in syncs.items()} == {
        7: (2, 2),
        15: (6, 0),
        19: (3, 0),
    }
    assert syncs[19]["steps"] == {"first": 1, "last": 3}
    assert syncs[19]["operator"] == "aten::_local_scalar_dense"


def test_findings_are_confirmed_with_what_they_cost(document: dict[str, Any]) -> None:
    evidence = {(found["rule"], found["line"]): found["evidence"] for found in document["findings"]}
    assert evidence["PC101", 19] == {
        "kind": "counted",
        "verdict": "confirmed",
        "event": "host-sync",
        "count": 3,
        "steps": 3,
        "per_step": 1.0,
    }
    verdicts = {(one["rule"], one["line"]): one["verdict"] for one in document["verdicts"]}
    assert verdicts["PC101", 19] == "confirmed"
    assert verdicts["PC202", 15] == "confirmed"
    assert (None, 7) not in verdicts  # set-up


def test_three_runs_tell_the_same(traced: tuple[Path, Ran]) -> None:
    folder, _ = traced
    first = (folder / "out.json").read_bytes()
    for _ in range(2):
        trace("-o", "again.json", "--output-format", "json", "train.py", "--some", "argument", cwd=folder)
        assert (folder / "again.json").read_bytes() == first


def test_a_run_is_told_again_from_its_folder(traced: tuple[Path, Ran]) -> None:
    folder, _ = traced
    ran = perfcheck("trace", "--report", ".perfcheck_runs/train-1", cwd=folder)
    assert ran.code == 1
    assert "train.py:19:18: error: `loss` is read back" in ran.out
    assert " = run: confirmed: 3 host-syncs in 3 steps\n" in ran.out
    assert "3 steps on an emulated CUDA device" in ran.out


def test_only_the_steps_asked_for_are_counted(tmp_path: Path) -> None:
    write(tmp_path, {"train.py": TRAINING})
    ran = trace(
        "--wait=1",
        "--steps=1",
        "--stop-after",
        "-o",
        "o.json",
        "--output-format=json",
        "train.py",
        cwd=tmp_path,
    )
    assert ran.out == ""  # it ended after the window, before it prints
    syncs = [
        row for row in json.loads((tmp_path / "o.json").read_text())["events"] if row["event"] == "host-sync"
    ]
    assert {row["line"]: (row["count"], row["steps"]["first"]) for row in syncs} == {15: (2, 2), 19: (1, 2)}


def test_a_mended_script_has_nothing_to_report(tmp_path: Path) -> None:
    write(tmp_path, {"quiet.py": "import torch\nprint((torch.ones(3, device='cuda') + 1).device)\n"})
    ran = trace("quiet.py", cwd=tmp_path)
    assert (ran.code, ran.out) == (0, "cuda:0\n")
    assert "nothing waits" in ran.err


def test_what_auto_takes_is_said(tmp_path: Path) -> None:
    write(tmp_path, {"nothing.py": ""})
    ran = perfcheck("trace", "nothing.py", cwd=tmp_path, env={"CUDA_VISIBLE_DEVICES": ""})
    assert ran.err.startswith("perfcheck: there is no GPU: the script runs on an emulated one")


@pytest.mark.parametrize(("script", "code"), [("1 / 0", 1), ("import os; os._exit(4)", 4)])
def test_a_script_that_fails_keeps_its_exit_code_and_its_words(
    script: str, code: int, tmp_path: Path
) -> None:
    write(tmp_path, {"fails.py": f"print('before', flush=True)\n{script}\n"})
    ran = trace("-q", "fails.py", cwd=tmp_path)
    plain = subprocess.run(
        [sys.executable, "fails.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ran.code, ran.out, ran.err) == (code, plain.stdout, plain.stderr)
    assert list(tmp_path.glob(".perfcheck_runs/fails-1/rank-0/counted.json"))


STEPS = """\
import os
import torch

device = "cuda" if torch.cuda.is_available() else "cpu"
model = torch.nn.Linear(4, 2).to(device)
optimizer = torch.optim.SGD(model.parameters(), 0.1)


def steps(number):
    for _ in range(number):
        loss = model(torch.ones(3, 4, device=device)).sum()
        loss.backward()
        optimizer.step()
        loss.item()


"""

MISBEHAVING = {
    "in many ways at once": (
        """
        import cProfile, io, os, shutil, sys, tempfile, warnings
        folder = tempfile.mkdtemp()
        os.chdir(folder)
        sys.stdout.buffer.write(bytes(range(256)))
        sys.stdout.flush()
        steps(1)
        with cProfile.Profile(), torch.profiler.profile():
            steps(1)
        before, sys.stdout = sys.stdout, io.StringIO()
        print("kept")
        os.environ["TMPDIR"], tempfile.tempdir = folder, None
        shutil.rmtree(folder)
        before.write(sys.stdout.getvalue())
        before.flush()
        sys.stderr = None
        steps(1)
        """,
        0,
        3,
    ),
    "it fails in the window": ("steps(2)\nraise RuntimeError('boom')", 1, 2),
    "a debugger and a coverage tool": (
        """
        import pdb, sys
        steps(1)
        pdb.set_trace()
        steps(1)
        lines = set()
        def follow(frame, event, argument):
            lines.add(frame.f_code.co_name)
            return follow
        sys.settrace(follow)
        steps(1)
        sys.settrace(None)
        print("steps" in lines)
        """,
        0,
        3,
    ),
    "memory runs out": (
        """
        import resource
        steps(2)
        pages = int(open("/proc/self/statm").read().split()[0])
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (64 << 20), most))
        bytearray(1 << 30)
        """,
        1,
        2,
    ),
    "the system kills it": (
        """
        import os, resource, signal
        steps(2)
        used = resource.getrusage(resource.RUSAGE_SELF)
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
        # two seconds at least are left, however full the running one is: the counts are kept in them
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 3,) * 2)
        while True:
            steps(1)
        """,
        -9,
        2,
    ),
    "nothing more can be printed": ("steps(2)\nprint('out', flush=True)\nos.close(1)\nos.close(2)", 0, 2),
}


def without_kineto(errors: bytes) -> list[bytes]:
    """Without what a profiler of the script's own writes of its starts, with the time."""
    return [line for line in errors.splitlines() if not line.startswith(b"USDT:")]


@pytest.mark.parametrize(("script", "code", "steps"), MISBEHAVING.values(), ids=MISBEHAVING)
def test_whatever_a_script_does_it_does_unchanged_and_what_was_counted_is_kept(
    script: str, code: int, steps: int, tmp_path: Path
) -> None:
    write(tmp_path, {"script.py": STEPS + textwrap.dedent(script).lstrip()})
    command = ["-m", "perfcheck", "trace", "--device=emulated", "-q", "-e", "--results=run", "script.py"]
    plain, traced = (
        subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=environment(),
            input=b"next\ncontinue\n",
            capture_output=True,
            timeout=300,
            check=False,
        )
        for arguments in (["script.py"], command)
    )
    assert (traced.returncode, traced.stdout) == (plain.returncode, plain.stdout)
    assert traced.returncode == code
    words = without_kineto(traced.stderr)
    assert words[: len(without_kineto(plain.stderr))] == without_kineto(plain.stderr)
    result = json.loads((tmp_path / "run" / "rank-0" / "counted.json").read_text())
    (reads,) = [one for one in result["counted"] if one["line"] == 14 and one["event"] == "host-sync"]
    assert reads["count"] == result["steps"] == steps or code == -9


def test_what_was_counted_before_the_script_was_killed_is_kept(tmp_path: Path) -> None:
    waiting = TRAINING + "\nprint('ready', flush=True)\nimport time\ntime.sleep(60)\n"
    write(tmp_path, {"train.py": waiting})
    command = [sys.executable, "-m", "perfcheck", "trace", "--device=emulated", "--steps=2", "train.py"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, env=environment())
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"[]")
    assert process.stdout.readline() == b"ready\n"
    process.kill()
    assert process.wait() == -9
    ran = perfcheck("trace", "--report", ".perfcheck_runs/train-1", cwd=tmp_path)
    assert "confirmed: 2 host-syncs in 2 steps" in ran.out


WITHOUT_STEPS = """\
import time
import torch

x = torch.ones(3, device="cuda")
for number in range(10_000):
    x.sum().item()
    time.sleep(0.01)
    if number == 100:
        print("ready", flush=True)
"""


def test_of_a_script_without_steps_that_is_killed_something_is_kept(tmp_path: Path) -> None:
    write(tmp_path, {"serve.py": WITHOUT_STEPS})
    command = [sys.executable, "-m", "perfcheck", "trace", "--device=emulated", "serve.py"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, env=environment())
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.terminate()
    assert process.wait() == -signal.SIGTERM
    ran = perfcheck("trace", "--report", ".perfcheck_runs/serve-1", "-o", "o.json", "--output-format=json",
                    cwd=tmp_path)  # fmt: skip
    assert ran.code == 1, ran.err
    (reads,) = [one for one in json.loads((tmp_path / "o.json").read_text())["events"] if one["line"] == 6
                and one["event"] == "host-sync"]  # fmt: skip
    assert reads["count"] > 1


def test_a_device_error_looks_as_if_we_were_not_there(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"wrong.py": "import torch\na = torch.ones(3, device='cuda')\na @ torch.ones(2, device='cuda')\n"},
    )
    ran = trace("-q", "wrong.py", cwd=tmp_path)
    assert ran.code == 1
    assert ran.err.splitlines()[:3] == [
        "Traceback (most recent call last):",
        f'  File "{tmp_path}/wrong.py", line 3, in <module>',
        "    a @ torch.ones(2, device='cuda')",
    ]
    assert ran.err.count("File ") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.py"], "cannot open"),
        ([], "name the script"),
        (["--device", "tpu", "x.py"], "'tpu' is not one of"),
        (["--report", "nowhere"], "holds no run that can be read"),
        (["--report", "x", "y.py"], "runs nothing"),
        (["--steps", "0", "x.py"], "0 is not in the range"),
    ],
)
def test_wrong_use_is_told(arguments: list[str], words: str, tmp_path: Path) -> None:
    ran = perfcheck("trace", *arguments, cwd=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err


def test_children_that_use_the_device_are_processes_of_the_run(tmp_path: Path) -> None:
    script = """
import torch
import torch.multiprocessing as mp

def work(rank):
    x = torch.ones(3, device="cuda")
    for _ in range(rank + 1):
        x.sum().item()

if __name__ == "__main__":
    mp.spawn(work, nprocs=2)
    print("done")
"""
    write(tmp_path, {"hogwild.py": script})
    ran = trace("-o", "o.json", "--output-format=json", "hogwild.py", cwd=tmp_path)
    assert (ran.code, ran.out) == (1, "done\n")
    document = json.loads((tmp_path / "o.json").read_text())
    assert document["run"]["processes"] == ["rank-0", "rank-0.1", "rank-0.2"]
    (syncs,) = [row for row in document["events"] if row["event"] == "host-sync"]
    assert (syncs["line"], syncs["count"]) == (8, 3)


RANKS = """\
import os
import torch
import torch.distributed as dist

dist.init_process_group("nccl")
rank = int(os.environ["LOCAL_RANK"])
torch.cuda.set_device(rank)
device = torch.device("cuda", rank)
model = torch.nn.Linear(3, 1, device=device)
model = torch.nn.parallel.DistributedDataParallel(model, device_ids=[rank], output_device=rank)
optimizer = torch.optim.SGD(model.parameters(), 0.1)
for _ in range(3):
    loss = model(torch.full((1, 3), rank + 1.0).to(device)).sum()
    loss.backward()
    optimizer.step()
    for _ in range(rank + 1):
        loss.item()
assert loss.device == device == next(model.parameters()).device and torch.cuda.current_device() == rank
gradient = model.module.weight.grad.mean().item()
os.write(1, f"{rank} of {torch.cuda.device_count()}: {gradient}\\n".encode())
dist.destroy_process_group()
"""
TORCHRUN = ("-m", "torch.distributed.run", "--nproc-per-node=2")
ACCELERATE = (
    *("-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes=2", "--num_machines=1"),
    *("--mixed_precision=no", "--dynamo_backend=no"),
)
LAUNCHERS = {
    "torchrun --no-python": (*TORCHRUN, "--no-python", sys.executable, "-m", "perfcheck"),
    "torchrun -m": (*TORCHRUN, "-m", "perfcheck"),
    "accelerate launch -m": (*ACCELERATE, "-m", "perfcheck"),
}


@pytest.mark.parametrize("launcher", LAUNCHERS.values(), ids=LAUNCHERS)
def test_ranks_of_a_launch_are_told_together(launcher: tuple[str, ...], tmp_path: Path) -> None:
    if launcher[1].startswith("accelerate"):
        pytest.importorskip("accelerate")
    write(tmp_path, {"ranks.py": RANKS})
    ran = perfcheck("trace", "--device=emulated", "-o", "o.json", "--output-format=json", "ranks.py",
                    cwd=tmp_path, program=launcher, env={"OMP_NUM_THREADS": "1"})  # fmt: skip
    assert ran.code == 0, ran.err
    assert sorted(ran.out.splitlines()) == ["0 of 2: 4.5", "1 of 2: 4.5"]  # three times the mean of 1 and 2
    (folder,) = tmp_path.glob(".perfcheck_runs/ranks-*")
    assert len(list(folder.glob("rank-*/counted.json"))) == 2
    document = json.loads((tmp_path / "o.json").read_text())
    assert document["run"]["processes"] == ["rank-0", "rank-1"] and document["run"]["steps"] == 3
    counts = {row["line"]: row["count"] for row in document["events"] if row["event"] == "host-sync"}
    assert counts[RANKS.splitlines().index("        loss.item()") + 1] == 3 + 6


def test_a_single_process_of_accelerate_ends_as_the_script_does(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    write(
        tmp_path,
        {"waits.py": "import sys, torch\ntorch.ones(1, device='cuda').item()\nsys.exit(int(sys.argv[1]))\n"},
    )
    launcher = ("-m", "accelerate.commands.launch", "--num_processes=1", "--num_machines=1",
                "--mixed_precision=no", "--dynamo_backend=no", "-m", "perfcheck")  # fmt: skip
    good, bad = (
        perfcheck("trace", "--device=emulated", "waits.py", code, cwd=tmp_path, program=launcher)
        for code in ("0", "5")
    )
    assert good.code == 0 and "waits.py:2  host-sync  1×" in good.err
    assert bad.code != 0 and "returned non-zero exit status 5" in bad.err


def test_prototypes_make_the_host_wait_where_they_should(tmp_path: Path) -> None:
    shared = Path(os.environ.get("PERFCHECK_SHARED", Path(__file__).parents[3] / "shared"))
    script = shared / "prototypes" / "emulated_scripts" / "mnist.py"
    if not script.exists():
        pytest.skip(f"{script} is not there")
    trace("-o", "o.json", "--output-format=json", str(script), cwd=tmp_path)
    syncs: dict[str, int] = {}
    for row in json.loads((tmp_path / "o.json").read_text())["events"]:
        if row["event"] == "host-sync":
            syncs[str(row["line"])] = syncs.get(str(row["line"]), 0) + row["count"]
    assert syncs == json.loads((script.parent / "expected.json").read_text())["mnist.py"]


def test_lint_shows_what_a_run_says_of_its_findings(traced: tuple[Path, Ran]) -> None:
    folder, _ = traced
    run = [".perfcheck_runs/train-1"]
    ran = perfcheck("lint", "--evidence", *run, "--output-format=json", "train.py", cwd=folder)
    verdicts = {(one["rule"], one["line"]): one["evidence"]["verdict"] for one in ran.document["findings"]}
    assert verdicts == {
        ("PC202", 15): "confirmed",
        ("PC101", 19): "confirmed",
        ("PC401", 26): "not measured",  # how long a wait for the loader is, a count does not tell
    }
    assert (
        "run: confirmed: 3 host-syncs in 3 steps"
        in perfcheck("lint", "--evidence", *run, "train.py", cwd=folder).out
    )


def test_lint_can_be_restricted_to_what_was_confirmed(traced: tuple[Path, Ran]) -> None:
    folder, _ = traced
    never = TRAINING.replace(
        "def main():", "def never(x):\n    for y in x.cuda():\n        y.item()\n\n\ndef main():"
    )
    write(folder, {"sub/train.py": never})
    options = ["--evidence", "../.perfcheck_runs/train-1"]
    assert perfcheck("lint", *options, "--confirmed", "train.py", cwd=folder / "sub").code == 0
    ran = perfcheck("lint", *options, "--confirmed", "../train.py", cwd=folder / "sub")
    assert ran.code == 1
    wrong = perfcheck("lint", "--evidence", "nowhere", cwd=folder)
    assert (wrong.code, "holds no run" in wrong.err) == (2, True)
