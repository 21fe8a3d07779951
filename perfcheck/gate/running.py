"""Running the scripts that have a budget, each as ``perfcheck trace`` in a process of its own."""

import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final, Literal

from perfcheck.config.budgets import Budget
from perfcheck.gate.budget import Held, held
from perfcheck.source.files import shown

_TOLD: Final = 20
"""Lines of a failed script's output that are told."""


def missing(budget: Budget, root: str) -> str | None:
    """What is wrong with a budget's command, as far as one can tell without running it."""
    try:
        words = shlex.split(budget.command)
    except ValueError as error:
        return f"it cannot be split into words: {error}"
    if not words or words == ["-m"]:
        return "it names no script"
    if words[0] == "-m" or os.path.exists(os.path.join(root, words[0])):
        return None
    return f"there is no script {os.path.join(root, words[0])}"


def measured(budget: Budget, root: str, device: Literal["emulated", "cuda"]) -> Held:
    """Run a script in ``root`` and hold what it shows to its budget."""
    with tempfile.TemporaryDirectory(prefix="perfcheck-gate-") as folder:
        report = Path(folder, "report.json")
        output = Path(folder, "output")
        command = [sys.executable, "-m", "perfcheck", "trace", "--quiet", "--exit-zero"]
        command += ["--device", device, "--results", str(Path(folder, "run"))]
        command += ["--output-format", "json", "--output-file", str(report)]
        if budget.steps is not None:
            command += ["--steps", str(budget.steps), "--stop-after"]
        with output.open("wb") as stream:
            ran = subprocess.run(
                [*command, *shlex.split(budget.command)],
                cwd=root,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                check=False,
            )
        said = output.read_text(encoding="utf-8", errors="replace").strip().split("\n")[-_TOLD:]
        if ran.returncode or not report.exists():
            end = f"it ended with exit code {ran.returncode}" if ran.returncode else "it left no results"
            return Held(budget.command, failure="\n".join([f"{end}:", *said] if said[0] else [end]))
        document: Any = json.loads(report.read_text(encoding="utf-8"))
    for event in document["events"]:
        event["path"] = shown(os.path.join(root, event["path"]), os.getcwd())
    return held(budget, document)
