"""Running one version of a project in a copy, and what it leaves."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from perfcheck.capture.values import TENSORS, VALUES, Loss, State
from perfcheck.run.results import Plan
from perfcheck.verify import copies
from perfcheck.verify.process import STRAYS, Strays, Task, strays_in

GRACE: Final = 5.0
"""Seconds that a script has to end when it is told to."""


@dataclass(frozen=True, slots=True)
class Place:
    """The temporary folder of a verification.

    All versions run at the same path, one after the other, so that paths in what they print are the same.
    """

    folder: Path  # a real path
    root: Path  # the project's, a real path
    directory: Path  # the working directory, within it

    @property
    def snapshot(self) -> Path:
        return self.version("snapshot")

    @property
    def work(self) -> Path:
        """Where they run."""
        return self.version("work")

    def version(self, name: str) -> Path:
        """Where a copy lies that does not run."""
        return self.folder / name / (self.root.name or "project")

    def told(self, text: str) -> str:
        """What a run says, with the paths of the project itself."""
        return text.replace(str(self.work), str(self.root))


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run ended, and where what it left lies."""

    place: Place
    code: int
    timed_out: bool
    results: Path
    tree: Path

    @property
    def is_whole(self) -> bool:
        return not self.timed_out and (self.results / STRAYS).exists()

    @property
    def lines(self) -> list[str]:
        """What it printed, to standard output."""
        return self._said("stdout").splitlines()

    @property
    def complaint(self) -> str:
        """What it said to standard error."""
        return self._said("stderr")

    def _said(self, stream: str) -> str:
        text = (self.results / stream).read_text(encoding="utf-8", errors="backslashreplace")
        return self.place.told(text)

    @property
    def strays(self) -> Strays:
        return strays_in(self.results)

    @property
    def losses(self) -> tuple[Loss, ...]:
        return tuple(
            Loss(step, dtype, tuple(shape), digest, tuple(values))
            for step, dtype, shape, digest, values in self._values()["losses"]
        )

    @property
    def states(self) -> tuple[State, ...]:
        return tuple(State(*state) for state in self._values()["states"])

    def tensors(self) -> dict[str, dict[str, Any]]:
        """The last state of each optimizer by its number, and the one that was to be kept as "kept"."""
        import torch

        tensors: dict[str, dict[str, Any]] = torch.load(self.results / TENSORS, weights_only=True)
        return tensors

    def _values(self) -> dict[str, Any]:
        values: dict[str, Any] = json.loads((self.results / VALUES).read_text(encoding="utf-8"))
        return values


@dataclass(frozen=True, slots=True)
class Runner:
    """``plan`` is each run's, but for its folder."""

    place: Place
    plan: Plan
    stdin: Path | None
    timeout: float | None

    def run(
        self,
        name: str,
        version: Path,
        *,
        keep: tuple[int, int] | None = None,
        values: bool = True,
        deterministic: bool = False,
    ) -> Ran:
        """Run a version in a copy of its own. Raises OSError and ResultsError."""
        place = self.place
        results = place.folder / name / "results"
        results.mkdir(parents=True)
        place.work.parent.mkdir(exist_ok=True)
        copies.again(version, place.work)
        directory = place.work / place.directory.relative_to(place.root)
        plan = replace(self.plan, folder=str(results), directory=str(directory))
        Task(plan, str(place.work), str(place.root), values, keep, deterministic).write()
        code = self._run(results, directory, deterministic=deterministic)
        tree = place.version(name)
        if place.work.is_dir():
            place.work.rename(tree)
        else:
            tree.mkdir()  # the script has removed it
        return Ran(place, code or 0, code is None, results, tree)

    def _run(self, results: Path, directory: Path, *, deterministic: bool) -> int | None:
        """The exit code; None where it took too long."""
        with (
            open(self.stdin or os.devnull, "rb") as stdin,
            (results / "stdout").open("wb") as stdout,
            (results / "stderr").open("wb") as stderr,
        ):
            process = subprocess.Popen(
                [sys.executable, "-m", "perfcheck.verify.process", str(results)],
                cwd=directory,
                env=self._environment(directory, deterministic=deterministic),
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
            try:
                return process.wait(self.timeout)
            except subprocess.TimeoutExpired:
                return None
            finally:
                _end(process)

    def _environment(self, directory: Path, *, deterministic: bool) -> dict[str, str]:
        environment = {
            **os.environ,
            "PYTHONHASHSEED": str((self.plan.seed or 0) % 2**32),
            "PYTHONDONTWRITEBYTECODE": "1",  # nothing beside what is linked
            "PWD": str(directory),
        }
        if deterministic:
            environment.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        return environment


def put(path: Path, content: bytes) -> None:
    """Give a file of a copy another content; a link gives way."""
    mode = None
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        mode = path.stat().st_mode
        path.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if mode is not None:
        path.chmod(mode)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the process and what it started, where they run still."""
    for signum, patience in ((signal.SIGTERM, GRACE), (signal.SIGKILL, None)):
        if process.poll() is None:
            _signal(process.pid, signum)
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                continue
    _signal(process.pid, signal.SIGKILL)  # what it left behind


def _signal(group: int, signum: int) -> None:
    try:
        os.killpg(group, signum)
    except ProcessLookupError:
        pass


def remove(folder: Path) -> None:
    """Take a verification's folder away, also where a script took permissions from its copies."""
    for directory, directories, _ in os.walk(folder):
        for name in directories:
            path = Path(directory, name)
            if not path.is_symlink():
                path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
