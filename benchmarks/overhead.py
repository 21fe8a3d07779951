"""What watching costs a training step that nothing records: the wrappers on the calls that can wait, and the
sampler, as in the window of a GPU run, but without PyTorch's profiler, on the CPU.

    python benchmarks/overhead.py --write benchmarks/overhead.md

Steps with and without wrappers take turns; each turn gives a ratio of the processor time of the thread that
trains, which other processes on the machine touch least. The table has the medians of these ratios, and those
of plain against plain, which say how much of it is noise. The sampler works on a thread of its own, every
10 ms of wall time: what one of its looks costs, of what it does in 10 ms, is added. Wall time has both at
once.
"""

import argparse
import platform
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime, timezone
from pathlib import Path
from statistics import median, quantiles

import torch
from torch import nn

from perfcheck.callsite import CallSites
from perfcheck.capture.calls import WatchedCalls
from perfcheck.capture.sampler import PERIOD, Sampler


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
def watched(sampling: bool = False) -> Iterator[None]:
    calls, sampler = WatchedCalls(SITES), Sampler(SITES)
    calls.install()
    if sampling:
        sampler.start()
    try:
        yield
    finally:
        if sampling:
            sampler.stop()
        calls.uninstall()


def seconds(step: Callable[[], None], times: int) -> tuple[float, float]:
    """Wall time, and processor time of this thread."""
    wall, used = time.perf_counter(), time.thread_time()
    for _ in range(times):
        step()
    return time.perf_counter() - wall, time.thread_time() - used


def ratios(
    step: Callable[[], None], times: int, rounds: int, watching: Callable[[], AbstractContextManager[None]]
) -> tuple[list[float], list[float]]:
    """Of wall time and of processor time; the two of a round swap places from round to round."""
    walls, cpu = [], []
    seconds(step, times)
    for number in range(rounds):
        found = {}
        for on in (False, True) if number % 2 else (True, False):
            with watching() if on else nullcontext():
                found[on] = seconds(step, times)
        walls.append(found[True][0] / found[False][0])
        cpu.append(found[True][1] / found[False][1])
    return walls, cpu


def look(step: Callable[[], None]) -> float:
    """Processor seconds of one look of the sampler at a thread that trains, and at one that watches it."""
    over = threading.Event()

    def train() -> None:
        while not over.is_set():
            step()

    trains, sampler, found = threading.Thread(target=train), Sampler(SITES), []
    trains.start()
    for _ in range(100):
        time.sleep(PERIOD)
        used = time.thread_time()
        sampler.sample()
        found.append(time.thread_time() - used)
    over.set()
    trains.join()
    return median(found)


def row(what: str, step: Callable[[], None], times: int, rounds: int, aim: str) -> str:
    _, wrappers = ratios(step, times, rounds, watched)
    _, nothing = ratios(step, times, rounds, nullcontext)
    walls, _ = ratios(step, times, rounds, lambda: watched(sampling=True))
    sampler = look(step) / PERIOD
    low, _, high = quantiles(wrappers, n=4)
    return (
        f"| {what} | {median(wrappers):.3f} ({low:.3f}–{high:.3f}) | {median(nothing):.3f} | {sampler:.3f} "
        f"| {median(wrappers) + sampler:.3f} | {aim} | {median(walls):.3f} |"
    )


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
        "| a step of | wrappers | plain to plain | sampler | together | aim | wall time, both |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
        row("a GPT, 4 layers, width 128", gpt(), 2, options.rounds, "≤ 1.03"),
        row("25 small operators", tiny(), 300, options.rounds, ""),
    ]
    text = "\n".join(lines) + "\n"
    if options.write:
        options.write.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
