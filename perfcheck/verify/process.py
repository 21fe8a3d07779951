"""The process in which one version runs: ``python -m perfcheck.verify.process FOLDER``.

FOLDER is the run's, and holds the :class:`Task`.
"""

import sys

if __name__ == "__main__" and not getattr(sys.flags, "safe_path", False):
    del sys.path[0]  # the working directory: the script is to find it where python puts it

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from perfcheck.run.ending import Ending, say
from perfcheck.run.ranks import Place
from perfcheck.run.results import Plan, ResultsError, plan_from_json, write_whole

TASK = "task.json"
STRAYS = "strays.json"

NAME = Place().name


@dataclass(frozen=True, slots=True)
class Task:
    plan: Plan
    copy: str  # where the project is, a real path
    root: str  # where it was copied from, a real path
    values: bool = True  # are they kept?
    keep: tuple[int, int] | None = None  # an optimizer and a step, see perfcheck.capture.values.Keep
    deterministic: bool = False

    def write(self) -> None:
        """Raises ResultsError."""
        stored = {**asdict(self), "plan": self.plan.as_json()}
        write_whole(Path(self.plan.folder) / TASK, json.dumps(stored))


@dataclass(frozen=True, slots=True)
class Strays:
    """What a run did to the project itself instead of the copy."""

    imported: tuple[str, ...] = ()  # files
    written: tuple[str, ...] = ()


def task_in(folder: Path) -> Task:
    stored = json.loads((folder / TASK).read_text(encoding="utf-8"))
    stored["plan"] = plan_from_json(stored["plan"])
    stored["keep"] = stored["keep"] and tuple(stored["keep"])
    return Task(**stored)


def strays_in(folder: Path) -> Strays:
    stored = json.loads((folder / STRAYS).read_text(encoding="utf-8"))
    return Strays(**{name: tuple(paths) for name, paths in stored.items()})


def main() -> int:
    """Run the script; the exit code if it succeeds."""
    ending = Ending()
    task = task_in(Path(sys.argv[1]))
    from perfcheck.capture.values import Keep, Values
    from perfcheck.run.start import trace
    from perfcheck.verify.links import Links

    _import_from_the_copy(task)
    links = Links(task.copy, task.root)
    values = Values(Path(task.plan.folder), task.keep and Keep(*task.keep)) if task.values else None

    def begin() -> None:
        if task.deterministic:
            import torch

            torch.use_deterministic_algorithms(True, warn_only=True)
        if values is not None:
            values.start()
        links.watch()

    def end() -> int:
        strays = Strays(_imported_from(task), tuple(sorted(links.trespassed)))
        try:
            write_whole(Path(task.plan.folder) / STRAYS, json.dumps(asdict(strays)))
            if values is not None:
                values.write()
        except (OSError, ResultsError) as error:
            say(str(error))
            return 2
        return 0

    return trace(task.plan, NAME, ending, end, begin)


def _import_from_the_copy(task: Task) -> None:
    """What is installed for development is the project itself, and would be imported in place of the copy."""
    sys.path[:] = [_moved(task, path) for path in sys.path]
    for name, module in list(sys.modules.items()):
        mapping: Any = getattr(module, "MAPPING", None)
        if name.startswith("__editable__") and isinstance(mapping, dict):  # as setuptools installs it
            mapping.update({package: _moved(task, str(path)) for package, path in mapping.items()})


def _moved(task: Task, path: str) -> str:
    """The same path in the copy, if it is there."""
    real = os.path.realpath(path)
    if real == task.root or real.startswith(task.root + os.sep):
        moved = task.copy + real[len(task.root) :]
        if os.path.exists(moved):
            return moved
    return path


def _imported_from(task: Task) -> tuple[str, ...]:
    """Files of the project itself that are imported although the copy has them."""
    ours = str(Path(__file__).parent.parent) + os.sep
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    return tuple(
        sorted(
            path
            for path in files
            if isinstance(path, str)
            and os.path.isabs(path)
            and not path.startswith(ours)
            and _moved(task, path) != path
        )
    )


if __name__ == "__main__":
    sys.exit(main())
