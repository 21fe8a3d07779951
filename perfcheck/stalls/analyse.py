"""From paths to the result: one recording, or the ranks of a job side by side."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from perfcheck.stalls.analysis import Analysis, DeviceAnalysis, Health, Recording
from perfcheck.stalls.devices import analyse as analyse_timeline
from perfcheck.stalls.findings import SHARE, findings
from perfcheck.stalls.host import Host
from perfcheck.stalls.ranks import Occurrence, compare, occurrences
from perfcheck.timeline import RecordingError, read

Progress = Callable[[int, int], None]
"""Told how many recordings of how many are done."""


class Part(NamedTuple):
    """What one recording comes to, wherever it was analysed; or, in ``error``, why it comes to nothing."""

    recording: Recording | None = None
    devices: tuple[DeviceAnalysis, ...] = ()
    health: tuple[Health, ...] = ()
    collectives: tuple[Occurrence, ...] = ()
    error: str = ""


def part(path: str) -> Part:
    """Analyse one recording."""
    try:
        host = Host(read(path))
        recording, devices, health = analyse_timeline(host)
        return Part(recording, devices, health, occurrences(host))
    except RecordingError as error:
        return Part(error=str(error))


def analyse(
    paths: Sequence[str],
    *,
    share: float = SHARE,
    jobs: int = 1,
    cluster: str | None = None,
    progress: Progress = lambda done, total: None,
) -> Analysis:
    """Analyse recordings: here, in ``jobs`` processes, or on the Dask cluster at an address, with the same
    result.

    ``share`` of the step time makes a stall a finding. Raises :class:`RecordingError` if nothing could be
    read; of several, those that could not are entries in ``health``.
    """
    parts: list[Part] = []
    for one in _parts(paths, jobs, cluster):
        parts.append(one)
        progress(len(parts), len(paths))
    read_ = sorted(
        (one for one in parts if one.recording is not None),
        key=lambda one: (one.recording.rank is None, one.recording.rank or 0, one.recording.path),  # type: ignore[union-attr]
    )
    errors = [one.error for one in parts if one.error]
    if not read_:
        raise RecordingError("\n".join(errors))
    recordings = tuple(one.recording for one in read_ if one.recording is not None)
    devices = tuple(
        replace(device, recording=number) for number, one in enumerate(read_) for device in one.devices
    )
    ranks = compare(recordings, devices, [one.collectives for one in read_])
    unread = tuple(Health("unreadable", "error", error) for error in errors)
    alien: tuple[Health, ...] = ()
    if len(recordings) > 1 and ranks is None:
        alien = (
            Health(
                "not-one-job",
                "note",
                "the recordings are not those of different ranks of one job: they are told one by one",
            ),
        )
    return Analysis(
        recordings=recordings,
        devices=devices,
        health=(*unread, *alien, *(item for one in read_ for item in one.health)),
        findings=findings(recordings, devices, share),
        ranks=ranks,
    )


def _parts(paths: Sequence[str], jobs: int, cluster: str | None) -> Iterator[Part]:
    """The parts, in the order of the paths."""
    if cluster is not None:
        yield from _on_cluster(paths, cluster)
    elif jobs > 1 and len(paths) > 1:
        from concurrent.futures import ProcessPoolExecutor  # slow to import, and of use for several alone

        with ProcessPoolExecutor(min(jobs, len(paths))) as processes:
            yield from processes.map(part, paths)
    else:
        yield from map(part, paths)


def _on_cluster(paths: Sequence[str], address: str) -> Iterator[Part]:
    try:
        from distributed import Client
    except ModuleNotFoundError:
        raise RecordingError("a Dask cluster takes: pip install 'perfcheck[cluster]'") from None
    try:
        client = Client(address, set_as_default=False, timeout="15s")
    except (OSError, ValueError, TimeoutError) as error:
        raise RecordingError(f"the Dask cluster at {address} does not answer: {error}") from None
    with client:
        yield from client.gather(client.map(part, list(paths), pure=False))


_ENDINGS: Final = (".json", ".json.gz")


def expand(names: Iterable[str]) -> list[str]:
    """The recordings that files, folders, patterns and URLs stand for, sorted, each once.

    Raises :class:`RecordingError` for a name that stands for none.
    """
    found: dict[str, None] = {}
    for name in names:
        for path in _expanded(name):
            found.setdefault(path)
    return sorted(found)


def _expanded(name: str) -> list[str]:
    if "://" in name:
        return _remote(name)
    if os.path.isdir(name):
        inside = [
            os.path.join(folder, file)
            for folder, _, files in os.walk(name)
            for file in files
            if file.endswith(_ENDINGS)
        ]
        if not inside:
            raise RecordingError(f"{name} holds no recordings: their names end in .json or .json.gz")
        return inside
    if not os.path.lexists(name) and any(mark in name for mark in "*?["):
        from glob import glob

        matching = glob(name, recursive=True)
        if not matching:
            raise RecordingError(f"no file matches {name}")
        return matching
    if not os.path.lexists(name):
        raise RecordingError(f"there is no file or directory {name}")
    return [name]


def _remote(name: str) -> list[str]:
    from perfcheck.timeline.source import filesystem

    files, path = filesystem(name)
    try:
        if any(mark in path for mark in "*?["):
            matching = files.glob(path)
        elif files.isdir(path):
            matching = [one for one in files.find(path) if one.endswith(_ENDINGS)]
        else:
            return [name]
    except OSError as error:
        raise RecordingError(f"{name} cannot be read: {error}") from None
    if not matching:
        raise RecordingError(f"no recording matches {name}")
    return [files.unstrip_protocol(one) for one in matching]
