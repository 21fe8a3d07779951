"""What watching costs a training step that nothing records: the wrappers on the calls that can wait, and the
sampler, as in the window of a GPU run, but without PyTorch's profiler, on the CPU.

    python benchmarks/overhead.py --write benchmarks/overhead.md

Plain and watched steps take turns; each turn gives a ratio of the processor time of the process, which
other processes on the machine touch least, and of wall time. The table has the medians of these ratios, and
those of plain against plain, which say how much of it is noise. The sampler looks every 10 ms of wall time:
where others use the machine too, that is more often for each second of processor time, and the ratio higher.
"""

import argparse
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timezone
from pathlib import Path
from statistics import median, quantiles

import torch
from torch import nn

from perfcheck.callsite import CallSites
from perfcheck.capture.calls import WatchedCalls
from perfcheck.capture.sampler import Sampler

BAR = 1.03


def gpt() -> Callable[[], None]:
    """A step of a small GPT that logs its loss and clips its gradients."""
    torch.manual_seed(0)
    width, layers, words, length = 128, 4, 200, 64
    layer = nn.TransformerEncoderLayer(width, 4, 4 * width, 0.0, batch_first=True, norm_first=True)
    embed, blocks = (
        nn.Embedding(words, width),
        nn.TransformerEncoder(layer, layers, enable_nested_tensor=False),
    )
    head = nn.Linear(width, words)
    model = nn.ModuleList([embed, blocks, head])
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, foreach=True)
    mask = nn.Transformer.generate_square_subsequent_mask(length)

    def step() -> None:
        ids = torch.randint(words, (8, length + 1))
        logits = head(blocks(embed(ids[:, :-1].to("cpu")), mask=mask, is_causal=True))
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        loss.item()

    return step


def tiny() -> Callable[[], None]:
    """Twenty small operators and five calls that are watched: what a step without any work would show."""
    x, index = torch.ones(8, 8), torch.tensor([1, 2])

    def step() -> None:
        y = x
        for _ in range(20):
            y = y + 1
        for _ in range(4):
            y[index]
        y.sum().item()

    return step


SITES = CallSites()
"""Whose each file is, is asked once in a process."""


@contextmanager
def watched() -> Iterator[None]:
    calls, sampler = WatchedCalls(SITES), Sampler(SITES)
    calls.install()
    sampler.start()
    try:
        yield
    finally:
        sampler.stop()
        calls.uninstall()


def seconds(step: Callable[[], None], times: int) -> tuple[float, float]:
    wall, used = time.perf_counter(), time.process_time()
    for _ in range(times):
        step()
    return time.perf_counter() - wall, time.process_time() - used


def ratios(step: Callable[[], None], times: int, rounds: int, watch: bool) -> tuple[list[float], list[float]]:
    """Of wall and of processor time; the two of a round swap places from round to round."""
    walls, cpu = [], []
    seconds(step, times)
    for number in range(rounds):
        found = {}
        for on in (False, True) if number % 2 else (True, False):
            with watched() if on and watch else nullcontext():
                found[on] = seconds(step, times)
        walls.append(found[True][0] / found[False][0])
        cpu.append(found[True][1] / found[False][1])
    return walls, cpu


def row(what: str, step: Callable[[], None], times: int, rounds: int, bar: float | None) -> str:
    cells = []
    for watch in (True, False):
        walls, cpu = ratios(step, times, rounds, watch)
        low, _, high = quantiles(cpu, n=4)
        cells += [f"{median(cpu):.3f} ({low:.3f}–{high:.3f})", f"{median(walls):.3f}"]
    aim = f"≤ {bar}" if bar else ""
    return f"| {what} | {' | '.join(cells)} | {aim} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    lines = [
        "# What wrappers and sampler cost on the CPU",
        "",
        f"{datetime.now(timezone.utc).date()}, torch {torch.__version__}, "
        f"Python {platform.python_version()}, one thread of torch's, "
        f"medians of {options.rounds} turns (quartiles). "
        "`python benchmarks/overhead.py --write benchmarks/overhead.md` measures anew.",
        "",
        "| a step of | processor time, watched to plain | wall time | plain to plain | wall time | aim |",
        "| --- | --- | --- | --- | --- | --- |",
        row("a GPT, 4 layers, width 128", gpt(), 2, options.rounds, BAR),
        row("25 small operators", tiny(), 300, options.rounds, None),
    ]
    text = "\n".join(lines) + "\n"
    if options.write:
        options.write.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
