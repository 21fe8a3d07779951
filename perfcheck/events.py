"""The vocabulary: what happens to a GPU program at a source line.

The linter predicts these events, the emulated device counts them and the tracer observes them;
because all three use the same words they can be joined.
"""

from enum import IntEnum
from typing import Literal, get_args

Event = Literal[
    "host-sync",  # the host waits until the device has caught up
    "h2d-copy",  # host memory to device memory
    "d2h-copy",  # device memory to host memory
    "pageable-copy",  # a copy the driver must stage, because the host memory is not pinned
    "hidden-copy",  # a tensor is copied to get another layout, nobody asked for new values
    "kernel-launch",  # more, or smaller, kernels than needed
    "cpu-op",  # work done on the host that the device could do
    "loader-wait",  # the step waits for the next batch
    "graph-break",  # torch.compile gives up and returns to Python, or compiles again
    "device-memory",  # device memory is held, or allocated, for longer or more often than needed
    "device-time",  # the device itself computes for longer than needed (precision, algorithm)
    "collective-wait",  # a rank waits for the others
]

EVENTS: tuple[Event, ...] = get_args(Event)


class Hotness(IntEnum):
    """How often a line runs while a model is trained or served; ordered."""

    COLD = 0  # import, constructors, checkpoints, tests, export
    EPOCH = 1
    STEP = 2
    ELEMENT = 3  # a loop inside a step

    @property
    def word(self) -> str:
        return self.name.lower()


Truth = bool | None
"""A fact: yes, no, or ``None`` for unknown."""
