"""How fast ``perfcheck lint`` is, next to other tools on the same files in the same run.

    python benchmarks/speed.py torch transformers --torchfix PATH --ruff PATH --write benchmarks/speed.md

Each package is the name of an installed one, or a folder. Times are processor seconds (user and
system, children counted) unless a row says "wall". Each is the median of ``--repeat`` runs, taken in
turns, so that what else the machine does hits all alike. TorchFix is too slow to be run on everything:
it is timed on a seeded sample of the package's files, its start-up taken off, and compared per line.
"""

import argparse
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

HEAVY = ("torch", "pandas", "libcst", "rich", "numpy")
"""What linting one file must not import."""

SMALL = Path(__file__).parents[1] / "fixtures" / "scripts" / "train_classifier.py"


class Failed(Exception):
    """A tool ended with an exit code that tells of neither success nor findings."""


class Run(NamedTuple):
    """What one process, with the children it waited for, has taken."""

    cpu: float  # seconds, user and system
    wall: float  # seconds
    peak: int  # bytes, of the largest single process


class Package(NamedTuple):
    name: str
    folder: Path
    files: tuple[Path, ...]
    lines: int


class Row(NamedTuple):
    """``met`` is None where the issue sets no bar."""

    what: str
    measured: str
    bar: str = ""
    met: bool | None = None


class Tools(NamedTuple):
    """Commands; None for those that are not here."""

    perfcheck: str
    torchfix: str | None
    ruff: str | None


# ---- measuring -------------------------------------------------------------------------------------


def run(command: Sequence[str], cwd: Path) -> Run:
    """Run to the end, output thrown away. Raises :class:`Failed`."""
    environment = {**os.environ, "RAYON_NUM_THREADS": "1", "NO_COLOR": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # compiled files are kept, as they are by default
    with tempfile.TemporaryFile() as complaints:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL, stderr=complaints
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 1):
            complaints.seek(0)
            tail = complaints.read()[-2000:].decode(errors="replace")
            raise Failed(f"{' '.join(command[:6])} … ended with {process.returncode}: {tail}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Run(used.ru_utime + used.ru_stime, wall, used.ru_maxrss * unit)


def median(runs: Sequence[Run]) -> Run:
    """The median of each quantity by itself; the peak is the highest."""
    return Run(
        statistics.median(r.cpu for r in runs),
        statistics.median(r.wall for r in runs),
        max(r.peak for r in runs),
    )


def count_lines(files: Sequence[Path]) -> int:
    return sum(file.read_bytes().count(b"\n") for file in files)


def package(named: str, perfcheck: str) -> Package:
    """A folder, or an installed package; its files are those that perfcheck lints."""
    folder = Path(named)
    if not folder.is_dir():
        spec = find_spec(named)
        if spec is None or not spec.submodule_search_locations:
            raise Failed(f"{named} is neither a folder nor an installed package; name another, or install it")
        folder = Path(spec.submodule_search_locations[0])
    folder = folder.resolve()
    listed = subprocess.run(
        [perfcheck, "lint", "--isolated", "--show-files", folder.name],
        cwd=folder.parent, capture_output=True, text=True, check=True,
    )  # fmt: skip
    files = tuple(folder.parent / name for name in listed.stdout.splitlines())
    return Package(folder.name, folder, files, count_lines(files))


# ---- one package -----------------------------------------------------------------------------------


def rows_of(package: Package, tools: Tools, repeat: int, sample_lines: int, seed: int) -> list[Row]:
    lint = [tools.perfcheck, "lint", "--isolated", "-q", "--output-format", "concise"]
    one: list[Run] = []
    two: list[Run] = []
    cold: list[Run] = []
    warm: list[Run] = []
    others: list[Run] = []
    for _ in range(repeat):
        one.append(run([*lint, "--no-cache", "-j1", package.name], package.folder.parent))
        two.append(run([*lint, "--no-cache", "-j2", package.name], package.folder.parent))
        with tempfile.TemporaryDirectory() as cache:
            cached = [*lint, "-j1", "--cache-dir", cache, package.name]
            cold.append(run(cached, package.folder.parent))
            warm.append(run(cached, package.folder.parent))
        if tools.ruff is not None:
            ruff = [tools.ruff, "check", "--isolated", "--no-cache", "-q", "--output-format", "concise"]
            others.append(run([*ruff, package.name], package.folder.parent))
    alone, both = median(one), median(two)
    rate = package.lines / alone.cpu
    here = f"`{package.name}`"
    rows = [
        Row(
            f"{here}: lines per CPU second, cold, one process",
            f"{rate:,.0f} ({package.lines:,} lines in {alone.cpu:.1f} s)", "≥ 40,000", rate >= 40_000,
        )
    ]  # fmt: skip
    if tools.torchfix is None:
        rows.append(Row(f"{here}: times TorchFix", "not measured (give --torchfix)", "≥ 60"))
    else:
        files = sample(package, sample_lines, seed)
        lines = count_lines(files)
        slow = torchfix_rate(tools.torchfix, files, repeat)
        rows.append(
            Row(
                f"{here}: times TorchFix `--select ALL`, per line",
                f"{rate / slow:.0f} (TorchFix: {slow:,.0f} lines per CPU second on {len(files)} of "
                f"{len(package.files):,} files, {lines:,} lines, seed {seed})",
                "≥ 60", rate / slow >= 60,
            )
        )  # fmt: skip
    if others:
        ahead = alone.cpu / median(others).cpu
        rows.append(Row(f"{here}: ruff is ahead", f"{ahead:.0f} times ({median(others).cpu:.1f} s)", "said"))
    else:
        rows.append(Row(f"{here}: ruff is ahead", "not measured (give --ruff)", "said"))
    share = median(warm).cpu / median(cold).cpu
    faster = alone.wall / both.wall
    return [
        *rows,
        Row(
            f"{here}: warm (nothing changed) / cold",
            f"{share:.3f} ({median(warm).cpu:.2f} s / {median(cold).cpu:.1f} s)", "≤ 0.1", share <= 0.1,
        ),
        Row(
            f"{here}: wall with `-j1` / with `-j2`",
            f"{faster:.2f} ({alone.wall:.1f} s / {both.wall:.1f} s)", "≥ 1.7", faster >= 1.7,
        ),
        Row(
            f"{here}: peak memory, one process, {package.lines / 1e6:.2f} M lines",
            f"{alone.peak / 2**20:,.0f} MiB", "≤ 1,024 MiB on 1 M lines", peak_met(alone.peak, package.lines),
        ),
    ]  # fmt: skip


def peak_met(peak: int, lines: int) -> bool | None:
    """The bar is about 1 M lines: less says nothing when it is met, more says all the more."""
    if peak > 2**30:
        return False if lines <= 1_000_000 else None
    return True if lines >= 900_000 else None


def sample(package: Package, lines: int, seed: int) -> list[Path]:
    """Files in a random order, as many as make about so many lines."""
    order = sorted(package.files)
    random.Random(seed).shuffle(order)
    chosen: list[Path] = []
    total = 0
    for file in order:
        if total >= lines:
            break
        chosen.append(file)
        total += count_lines([file])
    return chosen


def torchfix_rate(torchfix: str, files: Sequence[Path], repeat: int) -> float:
    """Lines per processor second, without its start-up."""
    with tempfile.TemporaryDirectory() as directory:
        here = Path(directory)
        trivial = here / "trivial.py"
        trivial.write_text("import torch\n", encoding="utf-8")
        command = [torchfix, "--select", "ALL", "-j", "1"]
        start = median([run([*command, trivial.name], here) for _ in range(max(repeat, 3))]).cpu
        work = median([run([*command, *map(str, files)], here) for _ in range(repeat)]).cpu
    return count_lines(files) / (work - start)


# ---- one file --------------------------------------------------------------------------------------


def rows_of_one_file(tools: Tools, times: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as directory:
        here = Path(directory)
        file = here / "train.py"
        text = SMALL.read_text(encoding="utf-8")
        file.write_text(text, encoding="utf-8")
        lint = [tools.perfcheck, "lint", "--isolated"]
        commands = {
            "uncached": [*lint, "--no-cache", file.name],
            "edited": [*lint, "--cache-dir", str(here / "cache"), file.name],
            "python": [sys.executable, "-c", "pass"],
        }
        if tools.ruff is not None:
            commands["ruff"] = [tools.ruff, "check", "--isolated", "--no-cache", file.name]
        taken: dict[str, list[Run]] = {name: [] for name in commands}
        for command in commands.values():
            run(command, here)  # compiled files and disk buffers are warm
        for turn in range(times):
            for name, command in commands.items():
                file.write_text(f"{text}# {turn}\n", encoding="utf-8")
                taken[name].append(run(command, here))
        imported = third_party(here)
    found = {name: median(runs).cpu * 1000 for name, runs in taken.items()}
    beside = ", ".join(f"`{name}` {found[name]:.0f} ms" for name in ("python", "ruff") if name in found)
    heavy = sorted(imported & set(HEAVY))
    lines = count_lines([SMALL])
    return [
        Row(
            f"one file of {lines} lines, whole process, {how}", f"{found[name]:.0f} ms of CPU ({beside})",
            "≤ 150 ms", found[name] <= 150,
        )
        for name, how in (("uncached", "`--no-cache`"), ("edited", "after an edit"))
    ] + [
        Row(
            "one file: imported beside the standard library",
            ", ".join(sorted(imported)) + (f"; heavy: {', '.join(heavy)}" if heavy else ""),
            f"none of {', '.join(HEAVY)}", not heavy,
        ),
    ]  # fmt: skip


_LISTING = """
import sys
from perfcheck.cli.main import main
try:
    main()
finally:
    print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""


def third_party(here: Path) -> set[str]:
    """Top-level names of what the command imports that is no part of Python."""
    command = [sys.executable, "-c", _LISTING, "lint", "--isolated", "--no-cache", "train.py"]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise Failed(f"perfcheck is not installed for {sys.executable}: {done.stderr[-500:]}")
    names = set(done.stderr.splitlines()[-1].split())
    return {name for name in names - sys.stdlib_module_names if not name.startswith("_")} - {"sitecustomize"}


# ---- report ----------------------------------------------------------------------------------------


def table(rows: Sequence[Row]) -> str:
    verdicts = {True: "met", False: "**missed**", None: ""}
    lines = ["| what | measured | bar | |", "|---|---|---|---|"]
    lines += [f"| {row.what} | {row.measured} | {row.bar} | {verdicts[row.met]} |" for row in rows]
    return "\n".join(lines) + "\n"


def circumstances(tools: Tools, repeat: int) -> str:
    """Where and with what the figures were taken."""
    load = ", ".join(f"{number:.1f}" for number in os.getloadavg())
    versions = []
    for name, tool in tools._asdict().items():
        if tool is not None:
            told = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True).stdout
            versions.append(f"{name} {told.split()[-1]}")
    return (
        f"{datetime.now(timezone.utc):%Y-%m-%d}, Python {platform.python_version()}, {processor()}, "
        f"{os.cpu_count()} cores, load {load} at the start; {', '.join(versions)}; medians of {repeat}.\n"
    )


def processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("packages", nargs="*", default=["torch", "transformers"], metavar="PACKAGE")
    parser.add_argument("--perfcheck", default=shutil.which("perfcheck"), metavar="PATH")
    parser.add_argument("--torchfix", default=shutil.which("torchfix"), metavar="PATH")
    parser.add_argument("--ruff", default=shutil.which("ruff"), metavar="PATH")
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="runs of each command [3]")
    parser.add_argument("--sample", type=int, default=20_000, metavar="LINES", help="for TorchFix [20000]")
    parser.add_argument("--seed", type=int, default=0, help="of the sample [0]")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table there as well")
    given = parser.parse_args()
    if given.perfcheck is None:
        parser.error("perfcheck is not on the PATH; install it or give --perfcheck")
    tools = Tools(given.perfcheck, given.torchfix, given.ruff)
    try:
        head = circumstances(tools, given.repeat)
        rows = rows_of_one_file(tools, max(11, given.repeat))
        for named in given.packages:
            found = package(named, tools.perfcheck)
            print(f"{found.name}: {len(found.files):,} files, {found.lines:,} lines …", file=sys.stderr)
            rows += rows_of(found, tools, given.repeat, given.sample, given.seed)
    except Failed as failure:
        sys.exit(f"speed.py: {failure}")
    text = f"{head}\n{table(rows)}"
    print(text, end="")
    if given.write is not None:
        intro = (
            "# How fast\n\nMade by `benchmarks/speed.py --write`; its first lines say how it measures.\n\n"
        )
        given.write.write_text(intro + text, encoding="utf-8")


if __name__ == "__main__":
    main()
