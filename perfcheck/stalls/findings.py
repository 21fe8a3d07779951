"""Stalls worth telling, as findings of the same shape as lint's, with what was observed as evidence."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple

from perfcheck.findings import Finding, Place
from perfcheck.rulebook.book import built_in_pages, read_pages
from perfcheck.rulebook.rule import Rule
from perfcheck.stalls.analysis import Cause, DeviceAnalysis, LineIdle, Recording

SHARE: Final = 0.03
"""Share of the step time from which on a stall is worth telling."""

_GRAVE: Final = 0.2
"""Share of the step time from which on it is an error."""

_DOCS: Final = "https://perfcheck.readthedocs.io/analyze/"

_TOGETHER: Final[frozenset[Cause]] = frozenset(
    {"launch-overhead", "data-loader", "host-unrecorded", "stream-wait", "graph-launch"}
)
"""Causes that no single line has: their idle time is told as a whole, at the line with the greatest part."""

_SILENT: Final[frozenset[Cause]] = frozenset({"device-latency"})
"""Causes that nobody can do anything about."""


class Remedy(NamedTuple):
    """What to do: a text of its own, or the page of the rule that says it."""

    help: str = ""
    page: str = ""


_REMEDIES: Final[Mapping[Cause, Remedy]] = {
    "host-sync": Remedy("Read the result back later or less often: after the next step has been queued."),
    "blocking-copy": Remedy(page="transfer/blocking-batch-transfer"),
    "pageable-copy": Remedy(page="data-loading/dataloader-without-pinning"),
    "data-loader": Remedy(
        "Let more workers prepare batches further ahead (`num_workers`, `prefetch_factor`, "
        "`persistent_workers=True`), or make preparing them cheaper."
    ),
    "allocation": Remedy(
        "Allocate buffers once and keep them; warm up before what matters, and try "
        "`PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True`."
    ),
    "collective-wait": Remedy(
        "Start fewer, larger collectives, and overlap them with computation (`async_op=True`, DDP's buckets)."
    ),
    "stream-wait": Remedy("Move the wait to where its result is used, or queue the awaited work earlier."),
    "graph-launch": Remedy("Capture more work in each graph, so that fewer are launched."),
    "launch-overhead": Remedy(
        'Launch less: `torch.compile(mode="reduce-overhead")` or CUDA graphs, fused optimizers and kernels '
        "(`fused=True`, `foreach=True`), larger batches."
    ),
    "host-python": Remedy(
        "Prepare it ahead of the step, in loader workers or another thread, or compute it on the device."
    ),
    "host-operator": Remedy(
        "Run it on the device, or ahead of the step; what a first call sets up (libraries, compilation) "
        "belongs before it."
    ),
    "host-unrecorded": Remedy(
        "Record again with `with_stack=True`, or name ranges with `torch.profiler.record_function`, to see "
        "what it is."
    ),
}

_READS: Final[Mapping[str, Remedy]] = {
    "aten::_local_scalar_dense": Remedy(page="sync/item-in-hot-loop"),
    "aten::is_nonzero": Remedy(page="sync/tensor-in-branch"),
    "aten::nonzero": Remedy(page="sync/nonzero-in-hot-path"),
    "aten::masked_select": Remedy(page="sync/boolean-mask-read"),
    "aten::index": Remedy(page="sync/boolean-mask-read"),
    "aten::repeat_interleave": Remedy(page="sync/repeat-interleave-without-output-size"),
}
"""Operators that wait for the device, and the rules about them."""

_SYNCHRONIZE: Final = Remedy(page="sync/synchronize-in-hot-loop")
_TO_HOST: Final = Remedy(page="sync/cpu-copy-in-hot-loop")
_NO_WORKERS: Final = Remedy(page="data-loading/dataloader-without-workers")
_FREED: Final = Remedy(page="memory/empty-cache-in-loop")


def findings(
    recordings: Sequence[Recording], devices: Sequence[DeviceAnalysis], share: float = SHARE
) -> tuple[Finding, ...]:
    """The stalls that take at least ``share`` of some device's step time; on several devices, told once."""
    found: dict[str, Finding] = {}
    for device in devices:
        for line, whole in _worth_telling(device, share):
            finding = _finding(recordings[device.recording], device, line, whole)
            other = found.get(finding.fingerprint)
            if other is None or other.evidence["idle_ns"] < finding.evidence["idle_ns"]:
                found[finding.fingerprint] = finding
    return tuple(
        sorted(
            found.values(), key=lambda finding: (-finding.evidence["idle_ns_per_step"], finding.fingerprint)
        )
    )


def _worth_telling(device: DeviceAnalysis, share: float) -> Iterable[tuple[LineIdle, bool]]:
    """Lines, and for causes without a line of their own the greatest, which stands for the whole cause."""
    least = share * device.window.duration_ns
    for row in device.causes:
        if row.cause in _SILENT or row.idle_ns < least or not row.idle_ns:
            continue
        lines = [line for line in device.lines if line.cause == row.cause]
        great = [line for line in lines if line.idle_ns >= least]
        if row.cause in _TOGETHER or not great:
            yield (
                LineIdle(lines[0].site, row.cause, row.idle_ns, row.gaps, lines[0].event, lines[0].copy),
                True,
            )
        else:
            yield from ((line, False) for line in great)


def _finding(recording: Recording, device: DeviceAnalysis, line: LineIdle, whole: bool) -> Finding:
    site = line.site
    remedy = _remedy(line)
    rule = _rule(remedy.page) if remedy.page else None
    part = line.idle_ns / device.window.duration_ns
    steps = device.step_count
    place = Place(max(1, site.line), 1, max(1, site.line), 1)
    evidence = {
        "kind": "observed",
        "cause": line.cause,
        "idle_ns": line.idle_ns,
        "idle_ns_per_step": line.idle_ns // max(1, steps),
        "share_of_step": round(part, 6),
        "share_of_idle": round(line.idle_ns / device.window.idle_ns, 6),
        "gaps": line.gaps,
        "steps": steps,
        "line_kind": site.line_kind,
        "operator": site.operator or None,
        "annotation": site.annotation or None,
        "event": line.event or None,
        "recording": recording.path,
        "rank": recording.rank,
        "device": device.device,
        "gpu": device.name or None,
    }
    return Finding(
        rule=rule.code if rule else "stall",
        name=rule.name if rule else line.cause,
        severity="error" if part >= _GRAVE else "warning",
        confidence="high",
        path=site.path if site.line else recording.path,
        place=place,
        message=_message(device, line, whole),
        help=rule.help if rule else remedy.help,
        url=rule.url if rule else f"{_DOCS}#{line.cause}",
        function=site.function,
        hotness="step",
        fingerprint=_digest(line, whole),
        evidence=evidence,
    )


def _digest(line: LineIdle, whole: bool) -> str:
    """A name for the stall that survives other lines of code, and another run."""
    site = line.site
    parts = (line.cause,) if whole else (line.cause, site.path, site.function, site.operator, site.annotation)
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


_WORDS: Final[Mapping[Cause, str]] = {
    "host-sync": "the host waits for the GPU in {who}, and the GPU has nothing to do until work is queued "
    "again",
    "blocking-copy": "the host is held by a blocking {copy} in {who}",
    "pageable-copy": "the host is held by a {copy} of pageable memory in {who}",
    "data-loader": "the GPU waits for the next batch ({who})",
    "allocation": "the host allocates or frees memory in {who}",
    "collective-wait": "the GPU waits for a collective to be set up ({who})",
    "stream-wait": "queued work waits for another stream (most of it after {who})",
    "graph-launch": "the GPU waits for a CUDA graph to be launched (most of it in {who})",
    "launch-overhead": "the GPU is launch-bound: it waits for Python and the framework to launch its many "
    "small "
    "kernels (most of it in {who})",
    "host-python": "{who} computes on the host while the GPU waits",
    "host-operator": "{who} works on the host while the GPU waits",
    "host-unrecorded": "the host is busy with something that was not recorded (most of it in {who})",
}


def _message(device: DeviceAnalysis, line: LineIdle, whole: bool) -> str:
    each = line.idle_ns / max(1, device.step_count) / 1e6
    words = _WORDS[line.cause].format(who=_who(line), copy=_copy(line))
    of = "a step" if device.step_count else "in all"
    window = line.idle_ns / device.window.duration_ns
    time = "step" if device.step_count else "recorded"
    return (
        f"{words}: {each:,.2f} ms of idle GPU time {of}, {window:.1%} of the {time} time and "
        f"{line.idle_ns / device.window.idle_ns:.0%} of all idle time"
    )


def _who(line: LineIdle) -> str:
    """What the recording says ran there."""
    site = line.site
    parts = [f"`{part}`" for part in (site.function, site.operator, site.annotation) if part]
    if not parts and line.event:
        parts = [f"`{line.event}`"]
    return " › ".join(parts) or "no recorded function"


def _copy(line: LineIdle) -> str:
    direction = line.copy[0] if line.copy else ""
    return {"HtoD": "copy to the GPU", "DtoH": "copy to the host"}.get(direction, "copy")


def _remedy(line: LineIdle) -> Remedy:
    """The remedy that fits a line's cause, its operator and its call."""
    operator, event = line.site.operator, line.event
    by_itself = operator == event  # a call that no operator made
    if line.cause == "host-sync":
        return _READS.get(operator, _SYNCHRONIZE if by_itself else _REMEDIES["host-sync"])
    if line.cause in ("blocking-copy", "pageable-copy") and line.copy and line.copy[0] == "DtoH":
        return _TO_HOST
    if line.cause == "data-loader" and "_SingleProcess" in line.site.annotation:
        return _NO_WORKERS
    if line.cause == "allocation" and by_itself and event.endswith("Free"):
        return _FREED
    return _REMEDIES[line.cause]


@lru_cache
def _rule(page: str) -> Rule:
    """The rule of one of perfcheck's own pages. Reading them all would take longer than many an analysis."""
    (rule,) = read_pages([(built_in_pages() / f"{page}.md", True)])
    return rule
