"""How long an editor waits for ``perfcheck server``.

    python -m benchmarks.server FILE [FILE ...] [--edits 30]

Each file is opened where it lies, with the project around it, and edited; an answer is the time from a
change until its diagnostics have come. The issue's bar is 100 ms for a file of 1,000 lines. Beside it, how
long Python takes to compile the same text in the same run, so that runs on busy or slow machines can be
compared.
"""

import argparse
import asyncio
import statistics
import time
from pathlib import Path

from perfcheck.source.files import project_root
from tests.server.editor import editor


def compiled(text: str) -> float:
    begin = time.perf_counter()
    compile(text, "text", "exec")
    return time.perf_counter() - begin


async def answers(file: Path, edits: int) -> tuple[list[float], list[float]]:
    """Seconds until the diagnostics after each edit, and to compile the same text."""
    text = file.read_text(encoding="utf-8")
    waits, compiling = [], []
    async with editor(project_root(file.parent)) as client:
        name = str(file)
        client.open(name, text)
        await client.diagnostics(1)
        for version in range(2, edits + 2):
            changed = f"{text}\nedit_{version} = {version}\n"
            compiling.append(compiled(changed))
            begin = time.perf_counter()
            client.change(name, version, changed)
            await client.diagnostics(version)
            waits.append(time.perf_counter() - begin)
    return waits, compiling


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--edits", type=int, default=30)
    given = parser.parse_args()
    print("| file | lines | files around it | answer: median, most (ms) | compiling (ms) | ratio |")
    print("|---|---:|---:|---:|---:|---:|")
    for file in given.files:
        file = file.resolve()
        waits, compiling = asyncio.run(answers(file, given.edits))
        median, compile_median = statistics.median(waits), statistics.median(compiling)
        lines = file.read_text(encoding="utf-8").count("\n")
        around = sum(1 for _ in project_root(file.parent).rglob("*.py"))
        print(
            f"| {file.name} | {lines:,} | {around:,} | {median * 1e3:.0f}, {max(waits) * 1e3:.0f} "
            f"| {compile_median * 1e3:.0f} | {median / compile_median:.1f} |"
        )


if __name__ == "__main__":
    main()
