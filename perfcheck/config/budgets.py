"""``[tool.perfcheck.budget]``: what a step of a script may cost.

    [tool.perfcheck.budget."train.py --epochs 1"]
    host-syncs = 0
    bytes = "4 MiB"

The key is what would follow ``perfcheck trace``: a script, or ``-m module``, with its arguments.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from perfcheck.events import Event

LIMITS: Final[Mapping[str, tuple[Event, ...]]] = {
    "host-syncs": ("host-sync",),
    "copies": ("h2d-copy", "d2h-copy"),
    "h2d-copies": ("h2d-copy",),
    "d2h-copies": ("d2h-copy",),
    "pageable-copies": ("pageable-copy",),
    "hidden-copies": ("hidden-copy",),
    "kernel-launches": ("kernel-launch",),
    "cpu-ops": ("cpu-op",),
    "bytes": ("h2d-copy", "d2h-copy"),
    "idle-share": (),
}
"""What can be limited, and the events it counts: how many a step, or for "bytes" how much they copy.
"idle-share" is the part of the time, from 0 to 1, in which the GPU has nothing to do; only a real one has it.
"""

_UNITS: Final = {
    "B": 1,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
}
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([KMG]i?B|B)")


class Budget(NamedTuple):
    command: str
    limits: tuple[tuple[str, float], ...]
    steps: int | None = None  # to run before the script is ended; None: it runs to its end


def budgets(value: object, root: str) -> tuple[Budget, ...]:
    """A TOML table of budgets. Raises ``ValueError`` with what is expected."""
    if not isinstance(value, dict) or not all(isinstance(table, dict) for table in value.values()):
        raise ValueError('a table for each script, such as [tool.perfcheck.budget."train.py"]')
    return tuple(_budget(command, table) for command, table in value.items())


def _budget(command: str, table: Mapping[str, object]) -> Budget:
    steps: int | None = None
    limits: list[tuple[str, float]] = []
    for name, value in table.items():
        if name == "steps":
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(f"a table in which steps is a whole number from 1 on ({command})")
            steps = value
        elif name in LIMITS:
            limits.append((name, _limit(name, value, command)))
        else:
            from difflib import get_close_matches

            near = get_close_matches(name, [*LIMITS, "steps"], n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise ValueError(
                f"a table with limits among {', '.join(LIMITS)}, and steps; {command} has {name!r}{hint}"
            )
    if not limits:
        raise ValueError(f"a table with a limit or more: {', '.join(LIMITS)} ({command} has none)")
    return Budget(command, tuple(limits), steps)


def _limit(name: str, value: object, command: str) -> float:
    if name == "bytes" and isinstance(value, str) and (size := _SIZE.fullmatch(value)):
        return float(size[1]) * _UNITS[size[2]]
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return value
    kind = 'a number of bytes, or a size such as "4 MiB"' if name == "bytes" else "a number from 0 on"
    raise ValueError(f"a table in which {name} is {kind} ({command})")
