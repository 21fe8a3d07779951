"""Which process of how many this is, where torchrun or accelerate has started several together."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Place:
    """``rank`` among all processes; ``together`` of them share this machine, and the folder of results."""

    rank: int = 0
    together: int = 1
    launch: str | None = None  # names what the launcher started, the same in each of its processes

    @property
    def name(self) -> str:
        return f"rank-{self.rank}"


def place() -> Place:
    """From the environment, as torchrun sets it; a launcher that sets half of it has started one process."""
    environment = os.environ
    try:
        rank = int(environment["RANK"])
        together = int(environment.get("LOCAL_WORLD_SIZE") or environment["WORLD_SIZE"])
    except (KeyError, ValueError):
        return Place()
    parent = os.getppid()
    restarts = environment.get("TORCHELASTIC_RESTART_COUNT", "0")
    return Place(rank, together, f"{parent}-{_started(parent)}-{restarts}")


def is_launched() -> bool:
    """Has something started this process that takes any exit code but 0 for a failure? ``accelerate launch``
    gives a single process no rank.
    """
    return not os.environ.keys().isdisjoint(("RANK", "ACCELERATE_MIXED_PRECISION"))


def _started(process: int) -> str:
    """When a process was started, in ticks since boot: with its number, its name for ever."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "0"
    return stat.rpartition(")")[2].split()[19]
