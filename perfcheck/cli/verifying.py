"""What ``perfcheck verify`` does: copies, runs, comparison, report."""

import os
import shlex
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click

from perfcheck import __version__
from perfcheck.cli.fixing import diff_of
from perfcheck.cli.joining import Evidence, evidence_of
from perfcheck.cli.output import OutputError, colors, complain, write
from perfcheck.cli.proving import Fixing
from perfcheck.cli.tracing import FOUND, device_for, window_for
from perfcheck.findings import LintError
from perfcheck.fix.edits import Refused
from perfcheck.fix.files import replace_file
from perfcheck.fix.rounds import Mended
from perfcheck.gate.changes import GitError
from perfcheck.report.summary import plural
from perfcheck.report.verify import json as json_report
from perfcheck.report.verify import text as text_report
from perfcheck.run.results import Plan, ResultsError, read
from perfcheck.run.script import NoScript, Target
from perfcheck.run.window import Window
from perfcheck.source.files import project_root, shown
from perfcheck.source.text import decode, read_bytes
from perfcheck.verify import copies
from perfcheck.verify.compare import compare
from perfcheck.verify.costs import costs
from perfcheck.verify.differences import Difference, Tolerance, not_by_itself
from perfcheck.verify.revision import restore
from perfcheck.verify.running import Place, Ran, Runner, put, remove
from perfcheck.verify.verification import Times, Verification

MOST_TOLD: Final = 30
"""Lines of a failed script's own complaint that are told."""

MOST_NAMED: Final = 5

_NEVER: Final = Window(wait=1 << 60)
"""On a real GPU values are read in runs of their own, in which nothing is recorded."""

_AS_ON_THE_CPU: Final = (
    "the emulated device draws random numbers and rounds as the CPU does, and a GPU does not: an unsafe fix "
    "that moves either there has to be verified on one"
)

Versions = tuple[Path, Path]
"""Copies of the project, before and after, in which nothing has run."""


def verified(command: tuple[str, ...], given: Mapping[str, Any]) -> int:
    """Do it all; the exit code."""
    target = Target(command[0], command[1:], given["is_module"])
    try:
        target.check()
    except NoScript as error:
        raise click.UsageError(str(error)) from None
    if "RANK" in os.environ:
        raise click.UsageError("verify starts the script itself, in one process: not under a launcher")
    stdin = None if given["stdin"] is None else Path(given["stdin"]).absolute()
    if stdin is not None and not os.access(stdin, os.R_OK):
        raise click.UsageError(f"--stdin: {stdin} cannot be read")
    root, directory = _project(target)
    device = device_for(given["device"])
    if given["device"] == "auto" and not given["quiet"]:
        complain(FOUND[device])
    with _temporary(keep=given["keep"]) as folder:
        place = Place(folder, root, directory)
        is_measured = device == "cuda"
        plan = Plan(
            replace(target, name=_in_the_copy(target, place)),
            device,
            _NEVER if is_measured else window_for(device, given),
            folder="",
            directory="",
            stop_after=given["stop_after"] and not is_measured,
            seed=given["seed"],
        )
        job = _Job(given, command, Runner(place, plan, stdin, given["timeout"]))
        try:
            return job.fixes() if given["fix"] else job.changes()
        except OSError as error:
            reason = f"{error.filename}: {error.strerror}" if error.filename else error
            raise OutputError(f"the project cannot be copied to {folder}: {reason}") from None
        except ResultsError as error:
            raise OutputError(str(error)) from None
        except GitError as error:
            raise click.ClickException(f"--against: {error}") from None


def _project(target: Target) -> tuple[Path, Path]:
    """The project that is to be copied, and the working directory within it. Raises UsageError."""
    directory = Path(os.path.realpath(os.getcwd()))
    start = directory if target.is_module else Path(os.path.realpath(target.name))
    root = Path(os.path.realpath(project_root(start)))
    if root.is_relative_to(directory):
        root = directory
    elif not directory.is_relative_to(root):
        raise click.UsageError(
            f"{target.name} belongs to the project in {root}, and is run outside of it, in {directory}: "
            "go there first, so that what it reads and writes is copied"
        )
    if root in (Path(root.anchor), Path.home()):
        raise click.UsageError(
            f"all of {root} would have to be copied: go to the project first, or give the script a folder of "
            "its own"
        )
    return root, directory


def _in_the_copy(target: Target, place: Place) -> str:
    """The script's name; where it was given by its absolute path, by that of the copy."""
    if target.is_module or not os.path.isabs(target.name):
        return target.name
    return str(place.work / Path(os.path.realpath(target.name)).relative_to(place.root))


@contextmanager
def _temporary(*, keep: bool) -> Iterator[Path]:
    """A folder that goes, whatever ends the verification. Raises OutputError where none can be made."""
    try:
        folder = Path(os.path.realpath(tempfile.mkdtemp(prefix=copies.PREFIX)))
    except OSError as error:
        raise OutputError(
            f"there is no place for the copies ({error.strerror}): name one with TMPDIR"
        ) from None
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield folder
    finally:
        signal.signal(signal.SIGTERM, before)
        if keep:
            complain(f"the copies are kept in {folder}")
        else:
            remove(folder)


class _Job:
    """One verification, from the copies to the report."""

    def __init__(self, given: Mapping[str, Any], command: Sequence[str], runner: Runner) -> None:
        self._given = given
        self._command = shlex.join(["-m", *command] if given["is_module"] else command)
        self._place = runner.place
        self._runner = runner
        self._is_measured = runner.plan.device == "cuda"
        self._here = os.getcwd()
        self._tolerance = Tolerance(given["rtol"], given["atol"])
        self._copied = copies.copy(self._place.root, self._place.snapshot)

    def fixes(self) -> int:
        """The project as it is against what the fixes make of it."""
        snapshot = self._place.snapshot
        fixing = Fixing(self._given, self._place)
        if not fixing.could_mend():
            self._say("there is nothing to mend: lint has no fix of that kind for this project")
            return 0
        before = self._before(snapshot)
        mended = fixing.mended(self._evidence(before))
        refused = [f"{name}: not mended: {reason}" for name, reason in sorted(mended.refused.items())]
        if not mended.changes:
            left = [f"{one.path}:{one.line} ({one.rule})" for one in fixing.left_out]
            also = f"; left out, at lines that did not: {_some(left)}" if left else ""
            self._say("\n".join([*refused, f"there is nothing to mend in the lines that ran{also}"]))
            return 2 if refused else 0
        fixed = self._place.version("fixed")
        copies.again(snapshot, fixed)
        for change in mended.changes.values():
            put(fixed / self._below(change.path), change.after)
        diff = "".join(diff_of(name, change) for name, change in sorted(mended.changes.items()))
        count = len(fixing.fixes)
        notes = list(refused)
        if not self._is_measured and any(one.safety == "unsafe" for one in fixing.fixes):
            notes.append(_AS_ON_THE_CPU)
        found = replace(
            self._nothing_yet("as it is", f"with {count} fix{'' if count == 1 else 'es'}", notes),
            fixes=fixing.fixes,
            left_out=fixing.left_out,
            diff=diff if self._given["diff"] else "",
        )
        found = self._compared(found, before, (snapshot, fixed))
        applied = self._applied(found, mended) if self._given["apply"] else None
        self._report(found)
        if applied is not None:
            complain(applied)
        elif found.verdict == "equal":
            self._say("nothing was written; --apply writes the fixes")
        return found.code

    def changes(self) -> int:
        """A revision against the project as it is."""
        revision = self._given["against"]
        earlier = self._place.version("revision")
        copies.again(self._place.snapshot, earlier)
        restored = restore(earlier, self._place.root, revision)
        if not restored.changed:
            self._say(f"there is nothing to compare: nothing differs from {revision}")
            return 0
        notes = []
        if restored.unknown:
            notes.append(f"git does not know {_some(restored.unknown)}: both versions have them")
        before = self._before(earlier)
        found = self._nothing_yet(revision, "as it is", notes)
        found = self._compared(found, before, (earlier, self._place.snapshot))
        self._report(found)
        return found.code

    def _nothing_yet(self, before: str, after: str, notes: Sequence[str]) -> Verification:
        return Verification(
            self._command, before, after, self._given["seed"], self._tolerance, notes=tuple(notes)
        )

    def _before(self, version: Path) -> Ran:
        """The first run, which has to go well. Raises ClickException where it does not."""
        self._say("running the version before")
        ran = self._run("before", version)
        if not ran.is_whole or ran.code:
            raise click.ClickException(
                f"nothing can be compared: before any change, {self._command} {self._end_of(ran)}"
            )
        if ran.strays.imported:
            raise click.ClickException(
                f"nothing can be compared: {self._command} imports {_some(ran.strays.imported)} from the "
                "project itself and not from its copy: is it installed for development in an unusual way, or "
                "put on sys.path by the script?"
            )
        return ran

    def _compared(self, found: Verification, before: Ran, versions: Versions) -> Verification:
        """Run the version after, and once more both if they differ; then see what a step costs."""
        self._say("running the version after")
        after = self._run("after", versions[1])
        evidence = self._evidence(before)
        notes = (*found.notes, *self._notes(before, after))
        found = replace(found, run=evidence.document(), notes=notes)
        if not after.is_whole or after.code:
            return replace(found, failure=f"{self._command} {self._end_of(after)}")
        compared = compare(before, after, versions, self._tolerance)
        found = replace(found, counts=compared.counts)
        if compared.differences:
            self._say("the results differ: running both once more, to see what differs from run to run")
            again = (
                self._run("before-again", versions[0], keep=compared.first_state),
                self._run("after-again", versions[1], keep=compared.first_state),
            )
            found = self._told_apart(found, (before, after), again, versions)
        return self._with_costs(found, (before, after), versions)

    def _run(self, name: str, version: Path, *, keep: tuple[int, int] | None = None) -> Ran:
        return self._runner.run(name, version, keep=keep, deterministic=self._is_measured)

    def _told_apart(
        self, found: Verification, first: tuple[Ran, Ran], again: tuple[Ran, Ran], versions: Versions
    ) -> Verification:
        """What differs by the change, and what does from run to run without one."""

        def between(one: Ran, other: Ran, versions: Versions) -> tuple[Difference, ...]:
            return compare(one, other, versions, self._tolerance).differences

        unstable = between(first[0], again[0], (versions[0], versions[0]))
        after_unstable = between(first[1], again[1], (versions[1], versions[1]))
        return replace(
            found,
            differences=not_by_itself(between(*again, versions), unstable),
            unstable=unstable,
            after_unstable=after_unstable,
        )

    def _with_costs(self, found: Verification, ran: tuple[Ran, Ran], versions: Versions) -> Verification:
        """On a real GPU that takes two runs more, in which nothing is read and steps are recorded."""
        if self._is_measured:
            self._say("measuring both")
            plan = replace(self._runner.plan, window=window_for("cuda", self._given), stop_after=True)
            runner = replace(self._runner, plan=plan)
            ran = (
                runner.run("measured-before", versions[0], values=False),
                runner.run("measured-after", versions[1], values=False),
            )
            for one in ran:
                if not one.is_whole or one.code:
                    raise click.ClickException(f"while it was measured, {self._command} {self._end_of(one)}")
        evidence = [self._evidence(one) for one in ran]
        documents = [self._document(one) for one in evidence]
        times = [_times(document["run"]) for document in documents]
        texts: dict[str, tuple[str, str]] = {}
        for path in {event["path"] for document in documents for event in document["events"]}:
            name = self._below(Path(self._here, path))
            both = (_text(versions[0] / name), _text(versions[1] / name))
            if both[0] != both[1]:
                texts[path] = both
        return replace(
            found,
            run={**documents[0]["run"], "steps": found.run["steps"]},
            costs=costs(documents[0], documents[1], texts),
            times=None if times[0] is None or times[1] is None else (times[0], times[1]),
            notes=tuple(dict.fromkeys((*found.notes, *evidence[0].notes, *evidence[1].notes))),
        )

    def _evidence(self, ran: Ran) -> Evidence:
        """What a run has shown; files are named as they are in the project itself."""
        run = read(ran.results)
        processes = tuple(
            replace(
                process,
                counted=tuple(replace(one, path=self._place.told(one.path)) for one in process.counted),
                unsupported=tuple(
                    replace(one, path=self._place.told(one.path)) for one in process.unsupported
                ),
                lines={self._place.told(path): lines for path, lines in process.lines.items()},
            )
            for process in run.processes
        )
        return evidence_of(replace(run, processes=processes, plan=replace(run.plan, directory=self._here)))

    def _document(self, evidence: Evidence) -> dict[str, Any]:
        events = evidence.events()
        for event in events:  # those of a recording have the paths of the copy still
            event["path"] = shown(self._place.told(event["path"]), self._here)
        return {"run": evidence.document(), "events": events}

    def _notes(self, *ran: Ran) -> Iterator[str]:
        written = sorted({path for one in ran if one.is_whole for path in one.strays.written})
        if written:
            yield (
                f"the script wrote to {_some(written)} in the project itself, by paths that do not lead to "
                "the copy"
            )
        changed = [name for name in self._copied.linked if self._has_changed(name)]
        if changed:
            yield f"{_some(changed)} in the project itself changed while the script ran"

    def _has_changed(self, name: str) -> bool:
        """Has what a link leads to been written since it was made?"""
        try:
            link = os.lstat(self._place.snapshot / name)
            return os.stat(self._place.root / name).st_mtime_ns > link.st_mtime_ns
        except OSError:
            return False

    def _below(self, path: Path) -> str:
        """The name in a copy of a file of the project."""
        return os.path.relpath(os.path.realpath(path), self._place.root)

    def _end_of(self, ran: Ran) -> str:
        """How a run went wrong."""
        if ran.timed_out:
            return f"did not end within {self._given['timeout']:g} s"
        if ran.code < 0:
            end = f"was killed by signal {-ran.code}"
        elif ran.code:
            end = f"ended with exit code {ran.code}"
        else:
            end = "ended without leaving results"
        lines = ran.complaint.strip().split("\n")[-MOST_TOLD:]
        if "EOFError" in lines[-1] and self._given["stdin"] is None:
            lines.append("It reads standard input, which is empty: --stdin FILE gives both versions the same")
        return "\n".join([f"{end}:", *lines]) if lines[0] else end

    def _applied(self, found: Verification, mended: Mended) -> str:
        """Write the fixes if they are proven; what was done, for people. Raises OutputError."""
        if found.verdict != "equal":
            return f"nothing was written: the verdict is {found.verdict}"
        changed = [name for name in self._sources() if self._is_new(name)]
        if changed:
            raise OutputError(
                f"nothing was written: {_some(changed)} changed while the script ran, and what was verified "
                "is no longer what is there; verify again"
            )
        refused = []
        for name, change in sorted(mended.changes.items()):
            try:
                replace_file(change.path, change.before, change.after)
            except Refused as reason:
                refused.append(f"{name} was not written: {reason}")
        if refused:
            raise OutputError("\n".join(refused))
        return f"{plural(len(mended.changes), 'file')} written"

    def _sources(self) -> list[str]:
        """The Python files of the project that were copied."""
        paths = (path for path in self._place.snapshot.rglob("*.py") if not path.is_symlink())
        return sorted(os.path.relpath(path, self._place.snapshot) for path in paths)

    def _is_new(self, name: str) -> bool:
        try:
            return (self._place.root / name).read_bytes() != (self._place.snapshot / name).read_bytes()
        except OSError:
            return True

    def _report(self, found: Verification) -> None:
        to_file = self._given["output_file"]
        if self._given["output_format"] == "json":
            write(json_report.render(found, __version__), to_file, as_utf8=True)
        else:
            write(text_report.render(found, color=to_file is None and colors(sys.stdout)), to_file)

    def _say(self, message: str) -> None:
        if not self._given["quiet"]:
            complain(message)


def _times(run: Mapping[str, Any]) -> Times | None:
    idle = run.get("idle")
    if idle is None or not run["counted_steps"]:
        return None
    return Times(idle["window_ns"] // run["counted_steps"], idle["idle_ns"] // run["counted_steps"])


def _text(path: Path) -> str:
    data = read_bytes(path, str(path))
    return "" if isinstance(data, LintError) else decode(data)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
