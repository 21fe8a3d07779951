"""An emulated CUDA device: unmodified CUDA scripts run without a GPU, and what they do to it is counted.

A CUDA tensor is a wrapper whose device really is ``cuda:0`` around a CPU tensor that holds the values.
Scripts compute what they would compute on the CPU; every host sync, copy and launch is counted at its line.
``docs/emulated-device.md`` says how far this goes.
"""

from collections.abc import Iterable
from typing import Protocol

from perfcheck.counted import Recorder

__all__ = ["CannotEmulate", "Installed", "install", "refusal"]


class CannotEmulate(RuntimeError):
    """This torch, or this process, cannot have an emulated device; the message says why and what helps."""


class Installed(Protocol):
    """The emulated device of this process."""

    def uninstall(self) -> None:
        """Put torch back as it was. Device tensors that are left must not be used any more."""


def refusal() -> str | None:
    """Why this torch cannot be emulated, or None.

    Torch's layout is checked in a subprocess, since a wrong one would crash; the answer is remembered in the
    user's cache folder for this torch, this Python and this perfcheck.
    """
    from perfcheck.emulated.layout import refusal as checked

    return checked()


def install(recorder: Recorder, own: Iterable[str] = ()) -> Installed:
    """Give this process an emulated CUDA device, for the calling thread and all threads started later.

    To be called before the script runs (torch may be imported already; CUDA must not be in use). ``own`` are
    files that count as the user's although they lie among installed packages. In forked children that load
    data nothing is recorded; in other forked children the same recorder goes on (``Tally.clear`` there, to
    make a run of its own). Raises CannotEmulate.
    """
    reason = refusal()
    if reason is not None:
        raise CannotEmulate(reason)
    from perfcheck.emulated.installation import Installation

    return Installation(recorder, own)
