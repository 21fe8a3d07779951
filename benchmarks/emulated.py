"""How much slower the emulated device is than the same script on the CPU, in the same run.

    python benchmarks/emulated.py --write benchmarks/emulated.md

Plain and emulated steps take turns in one process (the device is put in and taken out between them); a row
is the ratio of the fastest step of each, in processor seconds of the process. Start-up is that of whole
processes, also in turns and in processor seconds. On a machine that does other things too, caches are cold
and the ratios come out higher.
"""

import argparse
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from perfcheck.counted import Tally
from perfcheck.emulated import install

Step = Callable[[], object]


class Row(NamedTuple):
    what: str
    plain: float  # seconds
    emulated: float
    bar: float


def mlp(device: str) -> Step:
    model = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 10)).to(device)
    return training(model, torch.randn(16, 32), torch.randint(10, (16,)), device)


def transformer(width: int, layers: int, length: int) -> Callable[[str], Step]:
    def build(device: str) -> Step:
        layer = nn.TransformerEncoderLayer(width, 4, 4 * width, batch_first=True)
        model = nn.Sequential(
            nn.Embedding(100, width),
            nn.TransformerEncoder(layer, layers),
            nn.Linear(width, 100),
            nn.Flatten(0, 1),
        ).to(device)
        return training(model, torch.randint(100, (8, length)), torch.randint(100, (8 * length,)), device)

    return build


def convolutions(device: str) -> Step:
    model = nn.Sequential(
        nn.Conv2d(3, 32, 3), nn.BatchNorm2d(32), nn.ReLU(), nn.Conv2d(32, 64, 3, 2), nn.BatchNorm2d(64),
        nn.ReLU(), nn.Conv2d(64, 64, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10),
    ).to(device)  # fmt: skip
    return training(model, torch.randn(16, 3, 32, 32), torch.randint(10, (16,)), device)


def training(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor, device: str) -> Step:
    optimizer = torch.optim.AdamW(model.parameters(), foreach=True)

    def step() -> None:
        x, y = inputs.to(device), labels.to(device)
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()

    return step


MODELS: tuple[tuple[str, Callable[[str], Step], int], ...] = (
    ("a small MLP", mlp, 100),
    ("a 2-layer transformer, width 64", transformer(64, 2, 32), 12),
    ("a small CNN", convolutions, 8),
    ("a 6-layer transformer, width 256", transformer(256, 6, 64), 2),
)
SLOW, BAR_SLOW, BAR_TINY = 0.03, 1.6, 6.0


def fastest(step: Step, times: int) -> float:
    step()
    found = []
    for _ in range(times):
        start = time.process_time()
        step()
        found.append(time.process_time() - start)
    return min(found)


def steps(rounds: int, only: str) -> Iterator[Row]:
    for name, build, times in MODELS:
        if only not in name:
            continue
        plain, emulated = [], []
        for _ in range(rounds):
            torch.manual_seed(0)
            plain.append(fastest(build("cpu"), times))
            device = install(Tally())
            torch.manual_seed(0)
            emulated.append(fastest(build("cuda"), times))
            device.uninstall()
        bar = BAR_SLOW if min(plain) >= SLOW else BAR_TINY
        yield Row(name, min(plain), min(emulated), bar)


def start_up(rounds: int) -> tuple[float, float, float]:
    """Processor seconds: of ``import torch``; with an optimizer, which loads torch's compiler; with the
    emulated device too."""
    optimizer = "import torch; torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))])"
    scripts = (
        "import torch",
        optimizer,
        f"from perfcheck import counted, emulated; emulated.install(counted.Tally()); {optimizer}",
    )
    found: list[list[float]] = [[], [], []]
    for _ in range(rounds):
        for script, times in zip(scripts, found):
            start = _of_children()
            subprocess.run([sys.executable, "-c", script], check=True)
            times.append(_of_children() - start)
    return min(found[0]), min(found[1]), min(found[2])


def _of_children() -> float:
    """Processor seconds of all processes that have been waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def report(rows: list[Row], started: tuple[float, float, float] | None) -> str:
    today = datetime.now(timezone.utc).date()
    lines = [
        "# The emulated device beside the CPU",
        "",
        f"{today}, torch {torch.__version__}, Python {platform.python_version()}, one thread of torch's. "
        "`python benchmarks/emulated.py --write benchmarks/emulated.md` measures anew.",
        "",
        "| a training step of | CPU | emulated | ratio | aim |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        ratio = row.emulated / row.plain
        verdict = "" if ratio <= row.bar else ": **not reached**"
        lines.append(
            f"| {row.what} | {row.plain * 1e3:.1f} ms | {row.emulated * 1e3:.1f} ms | {ratio:.2f} "
            f"| ≤ {row.bar}{verdict} |"
        )
    if started is not None:
        plain, optimizer, emulated = started
        lines += [
            "",
            f"Start-up: {emulated - optimizer:.2f} s beyond the {optimizer:.2f} s of a script with optimizer,"
            f" {emulated - plain:.2f} s beyond the {plain:.2f} s of `import torch` alone (aim ≤ 3 s). The"
            " very first run tries torch's layout out in another process, which takes as long again.",
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--only", default="", help="models whose name contains this, without start-up")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    text = report(
        list(steps(options.rounds, options.only)), None if options.only else start_up(options.rounds)
    )
    if options.write:
        options.write.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
