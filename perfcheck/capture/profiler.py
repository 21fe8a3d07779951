"""PyTorch's profiler, for one window of a process whose script may want to profile too."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_SILENT = "6"
"""The level of kineto's log at which it does not write of its starts to standard error."""


class Busy(Exception):
    """The script's own profiler is running: two at once are not allowed."""


class Profiler:
    """One recording. ``give_way`` is called when the script starts a profiler of its own while this one
    runs.
    """

    def __init__(self, give_way: Callable[[], None]) -> None:
        import torch
        from torch.profiler import ProfilerActivity, profile

        activities = [ProfilerActivity.CPU]
        if torch.cuda.is_available():
            activities.append(ProfilerActivity.CUDA)
        config = torch._C._profiler._ExperimentalConfig(profile_all_threads=True)
        self._profile = profile(activities=activities, experimental_config=config)
        self._give_way = give_way
        self._theirs: Any = None
        self._starting = False

    def prepare(self) -> None:
        """Warm up. Raises Busy."""
        with self._ours():
            self._profile.prepare_trace()
        self._watch_theirs()

    def start(self) -> None:
        with self._ours():
            self._profile.start_trace()

    def stop(self) -> None:
        with self._ours():
            self._profile.stop_trace()
        self.abandon()

    def abandon(self) -> None:
        """What was prepared is not to be used."""
        from torch.autograd.profiler import profile

        if self._theirs is not None:
            profile._prepare_trace, self._theirs = self._theirs, None

    def write(self, path: str) -> None:
        """Once only."""
        self._profile.export_chrome_trace(path)

    @contextmanager
    def _ours(self) -> Iterator[None]:
        kept = os.environ.get("KINETO_LOG_LEVEL")
        os.environ["KINETO_LOG_LEVEL"] = kept or _SILENT
        self._starting = True
        try:
            yield
        except RuntimeError as error:
            raise Busy(str(error)) from None
        finally:
            self._starting = False
            if kept is None:
                del os.environ["KINETO_LOG_LEVEL"]

    def _watch_theirs(self) -> None:
        from torch.autograd.profiler import profile

        original = self._theirs = profile._prepare_trace

        def prepare(profiler: Any) -> None:
            if not self._starting:
                self._give_way()
            original(profiler)

        profile._prepare_trace = prepare
