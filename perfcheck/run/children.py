"""Follow the processes that ``multiprocessing`` starts anew: each is a process of the run.

Forked ones need no help, they are copies. Those of the method "spawn" begin as new interpreters, and are
given the plan of the run before they import the script. (The method "forkserver" is not followed.)
"""

import multiprocessing.spawn
from collections.abc import Callable
from pathlib import Path

from perfcheck.run.ending import Ending
from perfcheck.run.results import plan_from_json


def follow(folder: str, new_child: Callable[[], str]) -> None:
    """``new_child`` names each process that is started."""
    original = multiprocessing.spawn.get_command_line

    def get_command_line(**arguments: object) -> list[str]:
        command: list[str] = original(**arguments)
        if "-c" in command:
            program = command.index("-c") + 1
            begin = f"from perfcheck.run.children import begin; begin({folder!r}, {new_child()!r}); "
            command[program] = begin + command[program]
        return command

    multiprocessing.spawn.get_command_line = get_command_line


def begin(folder: str, name: str) -> None:
    """In the new process, before it knows what it is to do."""
    ending = Ending()
    from perfcheck.run.start import begin as begin_session  # imports torch

    plan = plan_from_json((Path(folder) / "run.json").read_text(encoding="utf-8"))
    begin_session(plan, name, ending, is_child=True)
