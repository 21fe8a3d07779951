"""Analyses that are whole and consistent, made from a list of what kept the device waiting."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from perfcheck.findings import Finding, Place
from perfcheck.stalls.analysis import (
    CAUSES,
    UNATTRIBUTED,
    Activity,
    Analysis,
    Cause,
    CauseIdle,
    Communication,
    CopyKind,
    DeviceAnalysis,
    Health,
    Intervals,
    KernelRow,
    LaunchBound,
    LineIdle,
    LoaderWait,
    OperatorRow,
    RankRow,
    Ranks,
    Recording,
    RuntimeRow,
    Shares,
    Site,
    Stall,
    Step,
    StepSpread,
    Window,
)

Piece = tuple[int, int, Cause | None, Site]
"""Idle from, until, because of, at; pieces that touch are one gap."""

EVIL = "</script><img src=x onerror=alert(1)>\u202e<!--"
"""What a name in a recording may hold to break out of a page, or to steer a terminal."""

LOADER = Site(operator="enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__")
READ = Site("src/train.py", 41, "definition", "train_step", "aten::item")
COPY = Site("src/data.py", 12, "definition", f"to_device {EVIL}", "cudaMemcpyAsync")
PYTHON = Site("src/model.py", 7, "call", "forward")
BEGIN = 1_700_000_000_000_000_000
MS = 1_000_000


def training(steps: int = 3, small: int = 40, loader_ms: int = 30) -> list[Piece]:
    """Idle times of some steps of 100 ms: the loader, a read back, a copy and Python between kernels."""
    pieces: list[Piece] = []
    for step in range(steps):
        begin = BEGIN + step * 100 * MS
        if loader_ms:
            pieces.append((begin, begin + loader_ms * MS, "data-loader", LOADER))
        pieces.append((begin + 40 * MS, begin + 48 * MS, "host-sync", READ))
        pieces.append((begin + 48 * MS, begin + 50 * MS, "pageable-copy", COPY))
        pieces.append((begin + 60 * MS, begin + 60 * MS + 137, None, Site()))
        wide = 20 * MS // small
        for number in range(small):
            at = begin + 70 * MS + number * wide
            pieces.append((at, at + wide // 2, "launch-overhead", PYTHON))
    return pieces


def device(
    pieces: Sequence[Piece], number: int = 0, steps: int = 3, step_ns: int = 100 * MS, recording: int = 0
) -> DeviceAnalysis:
    """A device over steps of one length from :data:`BEGIN` on; without steps, over one such stretch."""
    end = BEGIN + max(1, steps) * step_ns
    sites = tuple(dict.fromkeys(site for *_, site in pieces))
    starts = np.array([piece[0] for piece in pieces], np.int64)
    ends = np.array([piece[1] for piece in pieces], np.int64)
    opens = np.ones(len(pieces), bool)
    opens[1:] = starts[1:] != ends[:-1]
    gap_start = starts[opens]
    gap_end = ends[np.append(opens[1:], True)] if len(pieces) else ends
    inner = np.array([edge for pair in zip(gap_start, gap_end) for edge in pair], np.int64)
    edges = np.concatenate([[BEGIN], inner, [end]]).astype(np.int64)
    busy_start, busy_end = edges[::2], edges[1::2]
    real = busy_end > busy_start
    idle = int((ends - starts).sum())
    window = Window(BEGIN, end, end - BEGIN - idle, idle, len(gap_start))
    rows = tuple(
        _step(f"ProfilerStep#{index}", BEGIN + index * step_ns, step_ns, pieces) for index in range(steps)
    )
    lines = Counter[tuple[Site, Cause]]()
    parts = Counter[tuple[Site, Cause]]()
    for start, stop, cause, site in pieces:
        if cause is not None:
            lines[site, cause] += stop - start
            parts[site, cause] += 1
    unattributed = sum(stop - start for start, stop, cause, _ in pieces if cause is None)
    gap_of = np.cumsum(opens) - 1
    longest = np.argsort(gap_start - gap_end, kind="stable")[:50]
    return DeviceAnalysis(
        device=number,
        name="NVIDIA H100 80GB HBM3",
        recording=recording,
        streams=(7, 20),
        span=replace(window, start_ns=BEGIN + 1),
        steps=window if steps else None,
        window=window,
        step_rows=rows,
        spread=StepSpread(step_ns, step_ns, step_ns, step_ns) if steps else None,
        causes=_causes(pieces),
        lines=tuple(
            LineIdle(site, cause, ns, parts[site, cause]) for (site, cause), ns in lines.most_common()
        ),
        unattributed_ns=unattributed,
        concluded=True,
        sites=sites,
        busy=Intervals(busy_start[real], busy_end[real]),
        gaps=Intervals(gap_start, gap_end),
        shares=Shares(
            starts,
            ends,
            gap_of.astype(np.int32),
            np.array([UNATTRIBUTED if p[2] is None else CAUSES.index(p[2]) for p in pieces], np.int32),
            np.array([sites.index(p[3]) for p in pieces], np.int32),
        ),
        stalls=tuple(
            _stall([p for p, of in zip(pieces, gap_of) if of == gap], step_ns if steps else 0)
            for gap in longest
        ),
        launch_bound=(LaunchBound(BEGIN + 70 * MS, BEGIN + 90 * MS, 10 * MS, 40, PYTHON),),
        copies=(CopyKind("HtoD", "pageable", 3, 3 << 20, 6 * MS, 6 * MS, 6 * MS),),
        communication=Communication(
            4,
            5 * MS,
            3 * MS,
            2 * MS,
            (KernelRow("ncclKernel_AllReduce", "collective", 4, 5 * MS, 2 * MS, MS),),
        ),
        kernels=(
            KernelRow(f"void gemm<float, {EVIL}>", "kernel", 90, 70 * MS, 2 * MS, 9_000),
            KernelRow("Memcpy HtoD (Pageable -> Device)", "copy", 3, 6 * MS, 2 * MS, 2 * MS),
        ),
        operators=(OperatorRow("aten::mm", 90, 9 * MS, 4 * MS, 70 * MS, 90, 3 * MS),),
        runtime=(RuntimeRow("cudaStreamSynchronize", "sync", 3, 24 * MS, 24 * MS),),
        loader_waits=(LoaderWait(LOADER.operator, BEGIN, BEGIN + 30 * MS, 30 * MS),),
        graphs=None,
    )


def _causes(pieces: Sequence[Piece]) -> tuple[CauseIdle, ...]:
    idle = Counter[Cause]()
    gaps = Counter[Cause]()
    for start, stop, cause, _ in pieces:
        if cause is not None and stop > start:
            idle[cause] += stop - start
            gaps[cause] += 1
    return tuple(CauseIdle(cause, ns, gaps[cause]) for cause, ns in idle.most_common())


def _step(name: str, begin: int, length: int, pieces: Sequence[Piece]) -> Step:
    inside = [
        (max(start, begin), min(stop, begin + length), cause, site)
        for start, stop, cause, site in pieces
        if start < begin + length and stop > begin
    ]
    idle = sum(stop - start for start, stop, *_ in inside)
    return Step(name, begin, begin + length, length - idle, idle, _causes(inside))


def _stall(pieces: Sequence[Piece], step_ns: int) -> Stall:
    start, end = pieces[0][0], pieces[-1][1]
    shares = sorted(((cause, site, b - a) for a, b, cause, site in pieces), key=lambda share: -share[2])
    cause, site, _ = shares[0]
    return Stall(
        start_ns=start,
        end_ns=end,
        step=(start - BEGIN) // step_ns if step_ns else -1,
        cause=cause,
        site=site,
        before=f"void gemm<float, {EVIL}>",
        after="elementwise_kernel",
        launch="cudaLaunchKernel",
        launch_ns=end - 5_000,
        thread="python (1234)",
        shares=tuple(shares),
        host=(Activity("cudaStreamSynchronize", "runtime", (end - start) * 3 // 4), Activity("", "", 11)),
        stack=("train.py(3): main", f"train.py(41): train_step {EVIL}"),
    )


def recording(
    path: str = "traces/rank0.json.gz", rank: int | None = None, world: int | None = None
) -> Recording:
    return Recording(
        path, rank, world, 1000, 120, 0, BEGIN, BEGIN + 300 * MS, 0, True, True, "2.13.0", complete=True
    )


def analysis(*devices: DeviceAnalysis, health: tuple[Health, ...] = ()) -> Analysis:
    """One recording with these devices."""
    return Analysis((recording(),), devices, health, ())


FINDING = Finding(
    rule="PC401",
    name="dataloader-without-workers",
    severity="error",
    confidence="high",
    path="src/train.py",
    place=Place(41, 1, 41, 1),
    message="the GPU waits for the next batch: 30.00 ms of idle GPU time a step",
    help=f"Let workers prepare batches ahead {EVIL}.",
    url="https://perfcheck.readthedocs.io/rules/data-loading/dataloader-without-workers/",
    function="train",
    hotness="step",
    fingerprint="0",
    evidence={"kind": "observed"},
)

TRAINING = analysis(device(training()))

CUT = Health(
    "cut-file",
    "warning",
    "the file ends in the middle of an event: 2 % may be missing",
    "traces/rank0.json.gz",
    1,
    "Record again, and let the profiler finish writing.",
)


def ranks(count: int) -> Analysis:
    """As many recordings of one device each; the last rank is slow."""
    devices = [
        device(
            training(), number, step_ns=100 * MS + (20 * MS if number == count - 1 else 0), recording=number
        )
        for number in range(count)
    ]
    rows = tuple(
        RankRow(
            number, number, number, 3, each.step_ns, each.window.busy_ns // 3, each.window.idle_ns // 3,
            MS, 2 * MS, 40 * MS if number == count - 1 else 0, number == count - 1,
        )
        for number, each in enumerate(devices)
    )  # fmt: skip
    return Analysis(
        tuple(recording(f"traces/rank{number}.json.gz", number, count) for number in range(count)),
        tuple(devices),
        (CUT,),
        (),
        Ranks(rows, 100 * MS, 120 * MS, (count - 1,), (), "collectives carry no sequence numbers"),
    )
