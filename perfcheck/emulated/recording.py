"""Where in this process events go to."""

import sys
import threading
from collections.abc import Iterable

from perfcheck.callsite import CallSites
from perfcheck.counted import Recorder
from perfcheck.events import Event
from perfcheck.operators import find


class Recording:
    """A recorder, and the finder of the lines it is told."""

    def __init__(self, recorder: Recorder, own: Iterable[str] = ()) -> None:
        self.recorder = recorder
        self.sites = CallSites(own)
        self.main_thread = threading.main_thread().ident


current: Recording | None = None
"""None: nothing is recorded, as in a data loader's worker."""


def occurred(event: Event, operator: str, nbytes: int = 0) -> None:
    """Record an event at the line that is running."""
    if current is not None:
        current.recorder.occurred(event, operator, current.sites.here(sys._getframe(1)), nbytes)


def called(name: str, nbytes: int = 0) -> None:
    """Record what the table says that a function always does; ``name`` as the table spells it."""
    operator = find(name)
    if current is None or operator is None:
        return
    site = current.sites.here(sys._getframe(1))
    for event in dict.fromkeys(effect.event for effect in operator.effects):
        if event in COUNTED:
            current.recorder.occurred(event, name, site, nbytes if event in COPIES else 0)


COUNTED = frozenset({"host-sync", "h2d-copy", "d2h-copy", "pageable-copy", "hidden-copy"})
"""The events of the operator table that a run shows; the others are advice."""

COPIES = frozenset({"h2d-copy", "d2h-copy", "pageable-copy"})


def unsupported(feature: str, consequence: str) -> None:
    """Say that the script uses something that is not emulated."""
    if current is not None:
        current.recorder.unsupported(feature, consequence, current.sites.here(sys._getframe(1)))
