"""A project with a finding, linted in this process, and git as tests use it."""

import os
import subprocess
from pathlib import Path

from perfcheck.cli.linting import Options, Outcome, lint_paths
from perfcheck.config.lookup import Lookup

TRAIN = """\
import torch


def train(model, loader, optimizer):
    model.to("cuda")
    for x in loader:
        loss = model(x.to("cuda", non_blocking=True)).sum()
        loss.backward()
        optimizer.step()
        print(loss.item())
"""
AGAIN = TRAIN + "        log(loss.item())\n"
MENDED = TRAIN.replace("print(loss.item())", "pass")


def linted(*paths: str | Path, only: frozenset[str] | None = None) -> Outcome:
    return lint_paths(
        [str(path) for path in paths], Lookup(isolated=True), Options(cache=False, only=only), _quiet
    )


def _quiet(done: int, total: int) -> None:
    """Progress that nobody watches."""


def git(directory: Path, *arguments: str, check: bool = True) -> None:
    names = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a"}
    environment = {**os.environ, **names, "GIT_COMMITTER_EMAIL": "a@b", "GIT_CONFIG_GLOBAL": os.devnull}
    subprocess.run(["git", *arguments], cwd=directory, env=environment, check=check, capture_output=True)


def repository(directory: Path) -> Path:
    git(directory, "init", "-q", "-b", "main")
    git(directory, "add", ".")
    git(directory, "commit", "-qm", "first")
    return directory


def conflict(directory: Path, path: str) -> None:
    """Leave the repository in the middle of a merge that fails at the file."""
    git(directory, "checkout", "-qb", "other")
    (directory / path).write_text(AGAIN)
    git(directory, "commit", "-qam", "other")
    git(directory, "checkout", "-q", "main")
    (directory / path).write_text(TRAIN + "        pass\n")
    git(directory, "commit", "-qam", "main")
    git(directory, "merge", "other", check=False)
