"""Where people work: pre-commit, GitHub and GitLab take the files that this repository has for them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import ROOT, environment, write
from tests.gate.programs import MENDED, TRAIN, git, repository

BIN = Path(sys.executable).parent


def published(directory: Path) -> Path:
    """This work tree as a repository of its own, as others would clone it."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        source, target = ROOT / name, directory / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    return repository(directory)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not here")
def test_pre_commit_installs_the_linter_alone_and_tells_changed_files(tmp_path: Path) -> None:
    pytest.importorskip("pre_commit")
    if not (ROOT / ".git").exists():
        pytest.skip("not in a clone: what would be published is not known")
    hooks = published(tmp_path / "perfcheck")
    revision = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=hooks, capture_output=True, check=True, text=True
    ).stdout.strip()
    config = (
        f"repos:\n- repo: {hooks}\n  rev: {revision}\n  hooks:\n  - id: perfcheck\n  - id: perfcheck-fix\n"
    )
    project = write(
        tmp_path / "project",
        {
            ".pre-commit-config.yaml": config,
            "pyproject.toml": '[tool.perfcheck]\nextend-exclude = ["old/"]\n',
            "train.py": MENDED,
            "old/train.py": TRAIN,
        },
    )
    repository(project)
    home = tmp_path / "home"
    inherited = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")
    }

    def run(hook: str) -> subprocess.CompletedProcess[str]:
        git(project, "add", ".")
        return subprocess.run(
            [sys.executable, "-m", "pre_commit", "run", hook],
            cwd=project,
            env={**inherited, "PRE_COMMIT_HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )

    write(project, {"train.py": TRAIN, "old/train.py": TRAIN + "\n"})
    failed = run("perfcheck")
    assert failed.returncode == 1, failed
    assert "train.py:10:15: error:" in failed.stdout and "1 finding in 1 file" in failed.stdout
    write(project, {"train.py": MENDED + "\n"})
    passed = run("perfcheck")
    assert passed.returncode == 0, passed
    copied = MENDED.replace("pass", 'table = torch.arange(len(x)).to("cuda")')
    write(project, {"train.py": copied})
    mended = run("perfcheck-fix")
    assert mended.returncode == 1 and "files were modified by this hook" in mended.stdout, mended
    assert 'torch.arange(len(x), device="cuda")' in (project / "train.py").read_text()
    assert run("perfcheck-fix").returncode == 0
    installed = {path.name.split("-")[0] for path in home.rglob("*.dist-info")}
    assert "perfcheck" in installed and not installed & {"torch", "pandas", "numpy"}


@pytest.mark.parametrize(
    ("file", "schema"),
    [
        ("action.yml", "vendor.github-actions"),
        (".ci/gitlab.yml", "vendor.gitlab-ci"),
        ("docs/.readthedocs.yaml", "vendor.readthedocs"),
    ],
)
def test_files_for_ci_follow_their_schemas(file: str, schema: str) -> None:
    checker = BIN / "check-jsonschema"
    if not checker.exists():
        pytest.skip("check-jsonschema is not here")
    checked = subprocess.run(
        [checker, "--builtin-schema", schema, ROOT / file], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout


def script(step: str) -> str:
    """What a step of the action runs."""
    yaml = pytest.importorskip("yaml")
    steps = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))["runs"]["steps"]
    return next(str(one["run"]) for one in steps if one.get("id") == step)


@pytest.mark.parametrize("gate", ["true", "false"])
def test_the_action_annotates_and_leaves_sarif(tmp_path: Path, gate: str) -> None:
    write(tmp_path, {"src/train.py": TRAIN, "output": ""})
    inputs = {"PATHS": "src", "OPTIONS": "", "GATE": gate, "ANNOTATIONS": "true"}
    runner = {"RUNNER_TEMP": str(tmp_path), "GITHUB_OUTPUT": str(tmp_path / "output")}
    path = {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "page.md"),
    }
    ran = subprocess.run(
        ["bash", "-e", "-c", script("perfcheck")],
        cwd=tmp_path,
        env=environment({**inputs, **runner, **path}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1, ran
    assert ran.stdout.startswith("::error title=perfcheck (PC101),file=src/train.py,line=10,")
    assert (tmp_path / "output").read_text() == f"sarif-file={tmp_path}/perfcheck.sarif\n"
    results = json.loads((tmp_path / "perfcheck.sarif").read_text())["runs"][0]["results"]
    assert [result["ruleId"] for result in results] == ["PC101"]
    assert (tmp_path / "page.md").exists() == (gate == "true")


def test_what_stands_in_inputs_is_no_command(tmp_path: Path) -> None:
    write(tmp_path, {"train.py": MENDED, "output": ""})
    inputs = {
        "PATHS": "train.py $(touch,gone) `touch,gone`",
        "OPTIONS": "--tier high; touch gone",
        "GATE": "false",
    }
    ran = subprocess.run(
        ["bash", "-e", "-c", script("perfcheck")],
        cwd=tmp_path,
        env=environment(
            {
                **inputs,
                "ANNOTATIONS": "false",
                "RUNNER_TEMP": str(tmp_path),
                "GITHUB_OUTPUT": str(tmp_path / "output"),
                "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            }
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2 and not (tmp_path / "gone").exists()
