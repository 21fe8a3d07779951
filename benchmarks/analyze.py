"""How fast ``perfcheck analyze`` is, and how much memory it takes, next to Holistic Trace Analysis.

    python -m venv hta && hta/bin/pip install HolisticTraceAnalysis
    python benchmarks/analyze.py ../shared/traces/x5_v100_fsdp2_216k_events.json.gz --hta hta/bin/python \
        --write benchmarks/analyze.md

Each measurement is a process of its own, from its start to its end, the import of its libraries counted;
the tools take turns, so that what else the machine does hits all alike, and each number is the median of
``--repeat`` runs. The recording is analysed as it is, and repeated eight times (with times, correlations
and step numbers moved on); and as eight ranks with one process and with two.
"""

import argparse
import gzip
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timezone
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

COPIES = 8

HTA = """
import logging, sys
logging.disable(logging.CRITICAL)
from hta.trace_analysis import TraceAnalysis
rank = int(sys.argv[2])
analysis = TraceAnalysis(trace_files={rank: sys.argv[1]}, trace_dir="")
analysis.get_idle_time_breakdown(ranks=[rank], visualize=False)
"""
"""Its load and its idle breakdown."""

OURS = "import sys; from perfcheck.cli.main import main; main()"


class Run(NamedTuple):
    """What one process, with its children, took."""

    wall: float  # seconds
    cpu: float  # seconds, user and system
    peak: int  # bytes, of the largest single process


def measured(command: Sequence[str]) -> Run:
    """Run a command to its end; findings are no failure."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, 1) or b"Traceback" in said:
        raise SystemExit(f"{command[0]} failed with {code}: {said.decode(errors='replace')[-2000:]}")
    return Run(time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def median(runs: Sequence[Run]) -> Run:
    return Run(*(statistics.median(column) for column in zip(*runs)))


def loaded(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    return document


def saved(path: Path, document: dict[str, Any]) -> Path:
    path.write_bytes(gzip.compress(json.dumps(document).encode(), 3))
    return path


def repeated(document: dict[str, Any], copies: int) -> dict[str, Any]:
    """The same recording several times, one after the other, with numbers of its own for each."""
    events = document["traceEvents"]
    times = [event["ts"] for event in events if event.get("ph") == "X"]
    length = int(max(times) - min(times)) + 3_000_000
    arguments = [event["args"] for event in events if isinstance(event.get("args"), dict)]
    numbers = 1 + max(one.get("correlation", 0) for one in arguments)
    found = []
    for copy in range(copies):
        for event in events:
            event = dict(event)
            if "ts" in event:
                event["ts"] += copy * length
            if isinstance(event.get("args"), dict):
                event["args"] = {
                    name: value + copy * numbers if name in ("correlation", "External id") else value
                    for name, value in event["args"].items()
                }
            if event.get("ph") in ("s", "f"):
                event["id"] += copy * numbers
            if event["name"].startswith("ProfilerStep#"):
                event["name"] = f"ProfilerStep#{int(event['name'][13:]) + 100 * copy}"
            found.append(event)
    return {**document, "traceEvents": found}


def main() -> None:
    parser = argparse.ArgumentParser(description="perfcheck analyze next to Holistic Trace Analysis")
    parser.add_argument("recording", type=Path)
    parser.add_argument("--hta", help="the Python that has HolisticTraceAnalysis; without it, it is left out")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--write", type=Path, help="write the report there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = compared(given, Path(folder))
    print(report)
    if given.write:
        given.write.write_text(report, "utf-8")


def prepare(recording: Path, folder: Path) -> tuple[int, dict[str, int]]:
    """Write the recordings that are measured; the rank of the first, and how many events each has."""
    document = loaded(recording)
    info = document.get("distributedInfo", {})
    (folder / "ranks").mkdir()
    for number in range(COPIES):
        of_rank = {**document, "distributedInfo": {**info, "rank": number, "world_size": COPIES}}
        saved(folder / "ranks" / f"{number}.json.gz", of_rank)
    long = repeated(document, COPIES)
    saved(folder / "long.json.gz", long)
    sizes = {"once": len(document["traceEvents"]), "eight times": len(long["traceEvents"])}
    return int(info.get("rank", 0)), sizes


def compared(given: argparse.Namespace, folder: Path) -> str:
    # A process counts as its own peak what the one that started it held then: this one has to stay small.
    with ProcessPoolExecutor(1, get_context("spawn")) as apart:
        rank, sizes = apart.submit(prepare, given.recording, folder).result()
    commands: dict[tuple[str, str], list[str]] = {}
    for name, path in {"once": given.recording, "eight times": folder / "long.json.gz"}.items():
        commands["perfcheck", name] = [sys.executable, "-c", OURS, "analyze", str(path), "-q"]
        if given.hta:
            commands["HTA", name] = [given.hta, "-c", HTA, str(path), str(rank)]
    for jobs in ("1", "2"):
        commands[f"{jobs} processes", "eight ranks"] = [
            sys.executable, "-c", OURS, "analyze", str(folder / "ranks"), "-q", "-j", jobs,
        ]  # fmt: skip
    runs: dict[tuple[str, str], list[Run]] = {key: [] for key in commands}
    for _ in range(given.repeat):
        for key, command in commands.items():
            runs[key].append(measured(command))
    return written({key: median(found) for key, found in runs.items()}, sizes, given)


def written(runs: dict[tuple[str, str], Run], sizes: dict[str, int], given: argparse.Namespace) -> str:
    today = datetime.now(timezone.utc).date()
    lines = [
        "# How fast `perfcheck analyze` is",
        "",
        f"`benchmarks/analyze.py` on {given.recording.name}, {today}: Python {platform.python_version()}, "
        f"{os.cpu_count()} processors, medians of {given.repeat} runs. Whole processes, their start counted.",
        "",
        "| what | events | tool | wall s | processor s | peak MB |",
        "|---|---|---|---|---|---|",
    ]
    for (tool, what), run in runs.items():
        size = f"{sizes[what]:,}" if what in sizes else f"8 × {sizes['once']:,}"
        lines.append(f"| {what} | {size} | {tool} | {run.wall:.2f} | {run.cpu:.2f} | {run.peak / 1e6:,.0f} |")
    lines += ["", "| ratio | measured | bar |", "|---|---|---|"]
    if given.hta:
        for what in sizes:
            ours, hta = runs["perfcheck", what], runs["HTA", what]
            lines.append(f"| {what}: HTA's processor time to perfcheck's | {hta.cpu / ours.cpu:.1f} | ≥ 5 |")
            lines.append(f"| {what}: HTA's wall time to perfcheck's | {hta.wall / ours.wall:.1f} | |")
            lines.append(f"| {what}: perfcheck's peak memory to HTA's | {ours.peak / hta.peak:.2f} | ≤ 0.4 |")
    once, eight = runs["perfcheck", "once"], runs["perfcheck", "eight times"]
    lines.append(f"| eight times to once, processor time | {eight.cpu / once.cpu:.1f} | linear: ≤ 8 |")
    one, two = runs["1 processes", "eight ranks"], runs["2 processes", "eight ranks"]
    lines.append(f"| eight ranks, one process to two, wall time | {one.wall / two.wall:.2f} | ≥ 1.6 |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
