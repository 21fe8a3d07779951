"""What ``perfcheck trace`` does before the script runs, and after it has ended."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

import perfcheck
from perfcheck import __version__
from perfcheck.cli.joining import evidence_of, joined
from perfcheck.cli.output import OutputError, colors, complain, write
from perfcheck.confirm import with_evidence
from perfcheck.report import render
from perfcheck.report.context import Context
from perfcheck.report.run import RunReport
from perfcheck.report.run import text as run_text
from perfcheck.report.style import paint
from perfcheck.run.ending import Ending, say
from perfcheck.run.ranks import is_launched, place
from perfcheck.run.results import Device, Plan, ResultsError, make_folder, read
from perfcheck.run.script import NoScript, Target
from perfcheck.run.window import Window

FOUND: dict[Device, str] = {
    "cuda": "there is a GPU: the script is measured on it",
    "emulated": "there is no GPU: the script runs on an emulated one, which counts, and measures nothing",
}


def prepared(command: tuple[str, ...], given: dict[str, Any]) -> Callable[[], int]:
    """Everything but the script, which is to run when nothing of ours is left on the stack."""
    target = Target(command[0], command[1:], given["is_module"])
    try:
        target.check()
    except NoScript as error:
        raise click.UsageError(str(error)) from None
    ending = Ending()
    device = device_for(given["device"])
    here = place()
    try:
        folder = make_folder(target.name, given["results"], here.launch)
    except ResultsError as error:
        raise OutputError(str(error)) from None
    plan = Plan(
        target,
        device,
        window_for(device, given),
        str(folder),
        os.getcwd(),
        deep=given["deep"],
        stop_after=given["stop_after"],
        ranks=here.together,
    )
    if given["device"] == "auto" and not given["quiet"] and not here.rank:
        complain(FOUND[device])
    reporting = _reporting(plan, here.name, given)

    def run() -> int:
        from perfcheck.run.start import trace

        return trace(plan, here.name, ending, reporting)

    return run


def device_for(wanted: str) -> Device:
    """The device to watch. Raises UsageError where it cannot be had."""
    try:
        import torch
    except ImportError:
        raise click.UsageError("trace needs PyTorch: pip install 'perfcheck[trace]'") from None
    # With NVML at hand this asks the driver alone, and leaves it to the script to initialize CUDA.
    there = bool(torch.version.cuda or torch.version.hip) and torch.cuda.device_count() > 0
    if wanted == "cuda" and not there:
        raise click.UsageError("there is no GPU that this PyTorch can use; --device emulated needs none")
    if wanted == "cuda" or (wanted == "auto" and there):
        return "cuda"
    from perfcheck.emulated import refusal

    reason = refusal()
    if reason is not None:
        raise click.UsageError(reason)
    return "emulated"


def window_for(device: Device, given: Mapping[str, Any]) -> Window:
    """As asked for; a recording of a real device is bounded whatever is asked for."""
    default = Window() if device == "emulated" else Window(wait=5, warmup=3, steps=10, max_seconds=30.0)
    asked = {
        name: given[name]
        for name in ("wait", "warmup", "steps", "max_seconds")
        if given.get(name) is not None
    }
    return replace(default, **asked)


def _reporting(plan: Plan, name: str, given: dict[str, Any]) -> Callable[[], int]:
    """What makes the report at the end, in a process of its own and with the environment of now: the script
    may change anything in this one.
    """
    command = [sys.executable, "-m", "perfcheck", "trace", "--report", plan.folder]
    for option in ("tier", "output_format"):
        if given[option] is not None:
            command += [f"--{option.replace('_', '-')}", given[option]]
    if given["output_file"] is not None:
        command += ["--output-file", os.path.abspath(given["output_file"])]
    if given["quiet"]:
        command.append("--quiet")
    ours = str(Path(perfcheck.__file__).parent.parent)
    paths = [path for path in (os.environ.get("PYTHONPATH"), ours) if path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    launched = is_launched()

    def reporting() -> int:
        if not _is_last(Path(plan.folder), name, plan.ranks):
            return 0
        directory = plan.directory if os.path.isdir(plan.directory) else None
        to = 2 if _is_open(2) else subprocess.DEVNULL
        try:
            ran = subprocess.run(command, stdout=to, stderr=to, env=environment, cwd=directory, check=False)
        except OSError as error:
            say(f"the report failed ({error.strerror}): perfcheck trace --report {plan.folder} tries again")
            return 2
        return 0 if launched or given["exit_zero"] else ran.returncode

    return reporting


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _is_last(folder: Path, name: str, ranks: int) -> bool:
    """Is this the last process of a launch to end? The others leave the report to it."""
    if ranks == 1:
        return True
    (folder / f"{name}.done").touch()
    if len(list(folder.glob("*.done"))) < ranks:
        return False
    try:
        (folder / "reported").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def report(folder: Path, given: dict[str, Any]) -> int:
    """Tell what a run has shown, and how lint's findings in its files fared."""
    try:
        run = read(folder)
    except ResultsError as error:
        raise click.UsageError(str(error)) from None
    if not run.processes:
        raise click.UsageError(f"{folder} holds no results: the script ended before the first were written")
    evidence = evidence_of(run)
    outcome, verdicts = joined(evidence, given)
    told = RunReport(evidence.document(), evidence.events(), verdicts, evidence.notes)
    result = replace(outcome.result, findings=with_evidence(verdicts, evidence.kind))
    output_format = given["output_format"] or "text"
    to_file = given["output_file"]
    context = Context(
        version=__version__,
        sources=outcome.sources,
        rules=outcome.rules,
        color=to_file is None and colors(sys.stdout),
        columns=os.get_terminal_size(sys.stdout.fileno()).columns if _on_terminal(to_file) else 0,
        quiet=given["quiet"] or output_format == "text",  # a run has a summary of its own
        run=told,
    )
    text = render(output_format, result, context)
    if output_format == "text":
        text = "\n".join(
            part for part in (text, run_text(told, paint(context.color), quiet=given["quiet"])) if part
        )
    write(text, to_file, as_utf8=output_format not in ("text", "concise"))
    return 1 if result.findings or any(one.verdict == "missed" for one in verdicts) else 0


def _on_terminal(to_file: str | None) -> bool:
    return to_file is None and sys.stdout.isatty()
