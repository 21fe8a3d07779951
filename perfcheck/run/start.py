"""From a plan to the running script."""

import os
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import PathFinder
from pathlib import Path

from perfcheck.callsite import CallSites
from perfcheck.run.children import follow
from perfcheck.run.ending import Ending, say
from perfcheck.run.results import Plan, ResultsError, write_whole
from perfcheck.run.script import Target, run
from perfcheck.run.seeding import seed
from perfcheck.run.session import Capture, Session


def trace(
    plan: Plan,
    name: str,
    ending: Ending,
    report: Callable[[], int],
    before: Callable[[], None] = lambda: None,
) -> int:
    """Run the script of the plan, watched; the exit code if it succeeds.

    ``before`` is called when all is ready for the script's first line, ``report`` last; it gives that exit
    code. Both in this process alone. What the script raises is raised. Raises CannotEmulate and ResultsError
    before the script runs.
    """
    write_whole(Path(plan.folder) / "run.json", plan.as_json())
    begin(plan, name, ending, report)
    before()
    try:
        run(plan.target)
    except SystemExit as end:
        if end.code not in (None, 0):
            raise
    return ending.of_success()


def begin(
    plan: Plan,
    name: str,
    ending: Ending,
    report: Callable[[], int] = lambda: 0,
    *,
    is_child: bool = False,
) -> None:
    """Watch this process from here to its end."""
    own = _own_files(plan.target)
    session = Session(plan, name, capture_for(plan, name, own), CallSites(own), is_child=is_child)
    session.start()
    follow(plan.folder, session.new_child)
    if plan.seed is not None:
        seed(plan.seed)

    def last() -> int:
        try:
            session.stop()
        except ResultsError as error:
            say(str(error))
            return 2
        return 0 if session.is_child else report()

    def forked() -> None:
        ending.of_this_process()
        session.forked()

    ending.last = last
    os.register_at_fork(before=session.fork, after_in_child=forked)


def capture_for(plan: Plan, name: str, own: Sequence[str] = ()) -> Capture:
    """What watches the device of the plan."""
    if plan.device == "emulated":
        from perfcheck.capture.counting import Counting

        return Counting(own)
    from perfcheck.capture.measuring import Measuring

    return Measuring(Path(plan.folder) / name, CallSites(own), deep=plan.deep)


def _own_files(target: Target) -> list[str]:
    """The files that are run: the user's, wherever they lie."""
    if not target.is_module:
        return [os.path.abspath(target.name)]
    path: Sequence[str] | None = [os.getcwd(), *sys.path]
    parts = [*target.name.split("."), "__main__"]
    found: str | None = None
    for number in range(1, len(parts) + 1):
        spec = PathFinder.find_spec(".".join(parts[:number]), path)  # imports nothing
        if spec is None:
            break
        found, path = spec.origin, spec.submodule_search_locations
        if path is None:
            break
    return [found] if found else []
