"""perfcheck from within a program: trace a stretch of it, say where its steps end, hold a piece of it to
a budget.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from perfcheck.events import Event
from perfcheck.run.results import Device

if TYPE_CHECKING:
    from perfcheck.counted import Counted

LIMITS: Final[dict[str, Event]] = {
    "host_syncs": "host-sync",
    "h2d_copies": "h2d-copy",
    "d2h_copies": "d2h-copy",
    "pageable_copies": "pageable-copy",
    "hidden_copies": "hidden-copy",
    "kernel_launches": "kernel-launch",
    "cpu_ops": "cpu-op",
}
"""What a budget can limit."""

_MOST_LINES: Final = 20


def step() -> None:
    """A step ends here. Wherever nothing is being traced, this does nothing."""
    from perfcheck.run.session import current

    session = current()
    if session is not None:
        session.steps.called()


@dataclass
class Traced:
    """A stretch of a program that was traced; all but the folder is there when it has ended."""

    folder: Path
    document: dict[str, Any] = field(
        default_factory=dict
    )  # as `perfcheck trace --output-format json` writes it
    report: str = ""  # as `perfcheck trace` prints it


@contextmanager
def trace(
    *,
    device: Literal["auto", "cuda", "emulated"] = "auto",
    wait: int = 0,
    warmup: int = 0,
    steps: int | None = None,
    max_seconds: float | None = None,
    deep: bool = False,
    results: str | os.PathLike[str] | None = None,
    quiet: bool = False,
) -> Iterator[Traced]:
    """Trace what runs within; the options are those of ``perfcheck trace``, and so is the report on
    standard error.

    Without a GPU the block gets an emulated one: what is on the device must be made within. Raises
    CannotEmulate, ResultsError, or RuntimeError where something is being traced already.
    """
    from perfcheck.callsite import CallSites
    from perfcheck.run.results import Plan, make_folder, write_whole
    from perfcheck.run.script import Target
    from perfcheck.run.session import Session
    from perfcheck.run.start import capture_for
    from perfcheck.run.window import Window

    script = str(getattr(sys.modules["__main__"], "__file__", None) or "program")
    folder = make_folder(script, None if results is None else os.fspath(results), None)
    window = Window(wait, warmup, steps, max_seconds)
    plan = Plan(Target(script), found_device(device), window, str(folder), os.getcwd(), deep=deep)
    write_whole(folder / "run.json", plan.as_json())
    session = Session(plan, "rank-0", capture_for(plan, "rank-0"), CallSites())
    traced = Traced(folder)
    session.start()
    try:
        yield traced
    finally:
        session.stop()
    _tell(traced, quiet=quiet)


def _tell(traced: Traced, *, quiet: bool) -> None:
    import json
    import subprocess

    def report(output_format: str) -> str:
        command = [sys.executable, "-m", "perfcheck", "trace", "--report", str(traced.folder)]
        ours = str(Path(__file__).parent.parent)
        paths = [path for path in (os.environ.get("PYTHONPATH"), ours) if path]
        ran = subprocess.run(
            [*command, "--output-format", output_format],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode not in (0, 1):
            raise RuntimeError(f"perfcheck could not report on {traced.folder}: {ran.stderr.strip()}")
        return ran.stdout

    traced.document = json.loads(report("json"))
    traced.report = report("text")
    if not quiet:
        print(traced.report, end="", file=sys.stderr)


def found_device(wanted: str) -> Device:
    """The device that is there; the emulated one where there is none, or where it is in use already."""
    import torch

    from perfcheck.capture.counting import is_emulated

    if wanted == "emulated" or is_emulated():
        return "emulated"
    there = bool(torch.version.cuda or torch.version.hip) and torch.cuda.device_count() > 0
    if wanted == "cuda" and not there:
        raise RuntimeError("there is no GPU that this PyTorch can use; device='emulated' needs none")
    return "cuda" if there else "emulated"


class OverBudget(AssertionError):
    """A budget was not kept; the message names the lines."""


@contextmanager
def budget(**limits: int) -> Iterator[None]:
    """Raise OverBudget, with the lines, if more happens within than ``limits`` allow.

    The limits: ``host_syncs``, ``h2d_copies``, ``d2h_copies``, ``pageable_copies``, ``hidden_copies``,
    ``kernel_launches``, ``cpu_ops``. On a GPU they are measured (the last three only where it is
    emulated); without one they are counted on an emulated device, which the block gets if it has none
    yet. An exception from within is left alone. Raises TypeError for what is no limit.
    """
    unknown = sorted(set(limits) - set(LIMITS))
    if unknown:
        raise TypeError(f"{', '.join(unknown)}: no such limit; there are {', '.join(LIMITS)}")
    counted: list[Counted] = []
    with _measured(counted) if found_device("auto") == "cuda" else _counted(counted):
        yield
    hold(limits, counted)


def hold(limits: dict[str, int], counted: "list[Counted]") -> None:
    """Raise OverBudget if more was counted than the limits allow."""
    broken = []
    for name, limit in limits.items():
        ones = [one for one in counted if one.event == LIMITS[name]]
        total = sum(one.count for one in ones)
        if total > limit:
            broken.append(f"{name}: {total}, and the budget is {limit}\n{_lines(ones)}")
    if broken:
        raise OverBudget("\n".join(broken))


@contextmanager
def _counted(counted: "list[Counted]") -> Iterator[None]:
    from perfcheck.capture.counting import leave, listen
    from perfcheck.counted import Tally

    tally = Tally()
    listen(tally)
    try:
        yield
    finally:
        leave(tally)
    counted += tally.counted()


@contextmanager
def _measured(counted: "list[Counted]") -> Iterator[None]:
    from perfcheck.callsite import CallSites
    from perfcheck.capture.measuring import LOGS, TRACE, Measuring
    from perfcheck.capture.recording import LINED, observed, read_logs, with_lines

    with tempfile.TemporaryDirectory(prefix="perfcheck-") as name:
        folder = Path(name)
        measuring = Measuring(folder, CallSites(), least=0)
        measuring.start()
        measuring.open()
        measuring.step_begins(1)  # what PyTorch waits for when it stops recording is not in it
        try:
            yield
        finally:
            measuring.stop()
        with_lines(folder / TRACE, read_logs(folder / LOGS), folder / LINED)
        counted += observed(folder / LINED)


def _lines(ones: "list[Counted]") -> str:
    """A line of text for each line of source, the most frequent first."""
    by_line: dict[tuple[str, int], list[Counted]] = {}
    for one in ones:
        by_line.setdefault((one.path, one.line), []).append(one)
    ranked = sorted(by_line.items(), key=lambda item: (-sum(one.count for one in item[1]), item[0]))
    rows = []
    for (path, line), found in ranked[:_MOST_LINES]:
        place = f"{os.path.relpath(path)}:{line}" if path else "(no Python line)"
        operators = ", ".join(sorted({one.operator for one in found}))
        rows.append(f"  {place}  {sum(one.count for one in found)}×  {operators}")
    if len(ranked) > _MOST_LINES:
        rows.append(f"  and {len(ranked) - _MOST_LINES} more lines")
    return "\n".join(rows)
