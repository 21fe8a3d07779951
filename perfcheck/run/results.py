"""The folder of a run: what each of its processes leaves there, and how it is read back.

    RUN/run.json               what was run, and how
    RUN/rank-0/counted.json    events per line of rank 0
    RUN/rank-0/reached.json    lines of the user's files that ran
    RUN/rank-0/trace.json.gz   the recording of a GPU
    RUN/rank-0.1/…             a process that rank 0 has started and that used the device

Whatever is written here is whole or absent: files are written beside and then renamed.
"""

import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from perfcheck.counted import Counted, Unsupported
from perfcheck.run.script import Target
from perfcheck.run.window import Window

RUNS = ".perfcheck_runs"
"""The folder of all runs, in the working directory."""

Device = Literal["cuda", "emulated"]


class ResultsError(Exception):
    """A folder that holds no run, or cannot be written; the message names it and the remedy."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for; everything that a process needs to know to take part in a run."""

    target: Target
    device: Device
    window: Window
    folder: str  # absolute
    directory: str  # the working directory at the start: paths are told relative to it
    deep: bool = False
    stop_after: bool = False
    ranks: int = 1  # that share the folder
    seed: int | None = None  # of random numbers; None: they are left alone

    def as_json(self) -> str:
        return json.dumps(asdict(self))


def plan_from_json(text: str) -> Plan:
    stored = json.loads(text)
    target, window = stored.pop("target"), stored.pop("window")
    target["args"] = tuple(target["args"])
    return Plan(Target(**target), window=Window(**window), **stored)


@dataclass(frozen=True, slots=True)
class ProcessResult:
    """What one process of a run saw."""

    torch: str
    gpu: str | None  # the name of the real device
    steps: int
    steps_from: str | None  # optimizer, loader, call, time; None where there were none
    counted: tuple[Counted, ...]
    unsupported: tuple[Unsupported, ...] = ()
    lines: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # file -> its lines that ran
    notes: tuple[str, ...] = ()  # for people
    name: str = "rank-0"

    def write(self, folder: Path) -> None:
        """Raises ResultsError."""
        stored = asdict(self)
        del stored["name"]
        write_whole(folder / self.name / "counted.json", json.dumps(stored))


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it lies on disk."""

    folder: Path
    plan: Plan
    processes: tuple[ProcessResult, ...]  # by rank


def read(folder: Path) -> Run:
    """Raises ResultsError."""
    try:
        plan = plan_from_json((folder / "run.json").read_text(encoding="utf-8"))
        found = sorted(folder.glob("rank-*/counted.json"), key=lambda path: _natural(path.parent.name))
        processes = tuple(_process(path) for path in found)
    except OSError as error:
        raise ResultsError(
            f"{folder} holds no run that can be read ({error.strerror}): name a folder of {RUNS}, "
            "or the document that perfcheck trace -o wrote"
        ) from None
    except (ValueError, TypeError, KeyError) as error:
        raise ResultsError(f"{folder} holds a run that is damaged, or of another version: {error}") from None
    return Run(folder, plan, processes)


def _process(path: Path) -> ProcessResult:
    stored = json.loads(path.read_text(encoding="utf-8"))
    stored["counted"] = tuple(Counted(**one) for one in stored["counted"])
    stored["unsupported"] = tuple(Unsupported(**one) for one in stored["unsupported"])
    stored["lines"] = {file: tuple(lines) for file, lines in stored["lines"].items()}
    stored["notes"] = tuple(stored["notes"])
    return ProcessResult(name=path.parent.name, **stored)


def _natural(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", name)]


def write_whole(path: Path, text: str) -> None:
    """Raises ResultsError."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise ResultsError(f"{path} cannot be written: {error.strerror}") from None


def make_folder(script: str, wanted: str | None, shared_by: str | None) -> Path:
    """The folder of a new run.

    ``wanted`` is where it is to be, by default a new one below RUNS in the working directory, or, where that
    cannot be written, below the system's folder for temporary files. Processes that a launcher starts
    together agree on it by ``shared_by``. Raises ResultsError.
    """
    if wanted is not None:
        return _made(Path(wanted).absolute())
    stem = Path(script).stem or "run"
    for parent in (Path.cwd() / RUNS, Path(tempfile.gettempdir()) / f"perfcheck-runs-{os.getuid()}"):
        try:
            parent.mkdir(mode=0o700, exist_ok=True)
            ignore = parent / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n", encoding="utf-8")
            if shared_by is not None:
                folder = parent / f"{stem}-{shared_by}"
                folder.mkdir(exist_ok=True)
                return folder
            return _numbered(parent, stem)
        except OSError:
            continue
    raise ResultsError("there is no place for the results: name one with --results FOLDER")


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultsError(f"{folder} cannot be made: {error.strerror}") from None
    return folder


def _numbered(parent: Path, stem: str) -> Path:
    taken = [
        int(found[1])
        for path in parent.iterdir()
        if (found := re.fullmatch(rf"{re.escape(stem)}-(\d+)", path.name))
    ]
    number = max(taken, default=0)
    while True:
        number += 1
        folder = parent / f"{stem}-{number}"
        try:
            folder.mkdir()
        except FileExistsError:
            continue  # another run was quicker
        return folder
