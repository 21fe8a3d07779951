"""What the analysis of one or many recordings comes to: the contract between analysis and reports.

All times are integer nanoseconds. Instants are on the recording's own clock: the ``ts`` of its JSON file
times 1000, so that an event is found again in the file. Nothing here computes; reports read it, and may
rely on the order that each field names.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from perfcheck.findings import Finding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Nanoseconds = NDArray[np.int64]
    Codes = NDArray[np.integer[Any]]
    Flags = NDArray[np.bool_]

Cause = Literal[
    "host-sync",  # the host waited for the device, which ran dry and got nothing new until later
    "blocking-copy",  # in a copy call that returns only when the copy is done
    "pageable-copy",  # the same for host memory that is not pinned: the driver stages it
    "data-loader",  # the host waited for, or made, the next batch
    "allocation",  # in a call that allocates or frees memory of the device, or pinned memory
    "collective-wait",  # the host set up a collective, or the device waited for one
    "stream-wait",  # work was queued in time, and had been told to wait for another stream
    "graph-launch",  # in the call that launches a CUDA graph
    "launch-overhead",  # launch-bound: Python, framework and launch calls between kernels
    "device-latency",  # work was queued, and the device had not begun it: the way from queue to execution
    "host-python",  # Python code ran for a millisecond or more
    "host-operator",  # an operator worked on the host for a millisecond or more (CPU tensors, set-up)
    "host-unrecorded",  # the launching thread was busy for a millisecond or more, with what nothing recorded
]
CAUSES: Final[tuple[Cause, ...]] = get_args(Cause)

UNATTRIBUTED: Final = -1
"""The code, in place of an index into :data:`CAUSES`, of idle time that no cause could be found for."""

LineKind = Literal["call", "definition"]


@dataclass(frozen=True, slots=True, order=True)
class Site:
    """Where the host was. Unknown parts are empty; nothing is a guess."""

    path: str = ""  # as the recording has it
    line: int = 0  # from 1; 0: not recorded
    line_kind: LineKind | None = None  # Chrome JSON records where a function begins, not which line called
    function: str = ""  # the innermost Python function that is neither built-in nor PyTorch's own
    operator: str = ""  # the innermost operator, else runtime call; "" where the function says enough
    annotation: str = (
        ""  # the innermost record_function range but steps; "" where operator or function say enough
    )


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time on one device: ``busy_ns + idle_ns == end_ns - start_ns``."""

    start_ns: int
    end_ns: int
    busy_ns: int  # any stream runs a kernel, copy or set
    idle_ns: int
    gaps: int  # maximal idle stretches, those at head and tail counted

    @property
    def duration_ns(self) -> int:
        return self.end_ns - self.start_ns

    @property
    def idle_share(self) -> float:
        return self.idle_ns / self.duration_ns if self.end_ns > self.start_ns else 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """One step as the profiler marked it on the host; steps are in order of time."""

    name: str  # "ProfilerStep#6"
    start_ns: int
    end_ns: int
    busy_ns: int
    idle_ns: int  # busy + idle == end - start
    causes: tuple["CauseIdle", ...]  # as in DeviceAnalysis; what is missing to idle_ns is unattributed


@dataclass(frozen=True, slots=True)
class CauseIdle:
    cause: Cause
    idle_ns: int
    gaps: int  # gaps that it has a part in


@dataclass(frozen=True, slots=True)
class LineIdle:
    """Idle time of one cause at one site."""

    site: Site
    cause: Cause
    idle_ns: int
    gaps: int
    event: str = (
        ""  # the innermost recorded event with the greatest part: "cudaStreamSynchronize", "aten::addmm"
    )
    copy: tuple[str, str] | None = (
        None  # direction and memory, as in CopyKind, where that is a copy or its wait
    )


@dataclass(frozen=True, slots=True)
class Activity:
    """What a thread was doing for a part of a gap, by self time."""

    name: str  # of the innermost recorded event; "" if nothing was recorded
    category: str  # the timeline's: operator, runtime, driver, python, annotation, or ""
    duration_ns: int


@dataclass(frozen=True, slots=True)
class Stall:
    """A gap, told in full."""

    start_ns: int
    end_ns: int
    step: int  # index into the device's steps; -1 outside of them
    cause: Cause | None  # the one with the greatest part; None: unattributed
    site: Site  # of that part
    before: str  # name of the GPU event that ended last before it; "" at the head of the window
    after: str  # name of the GPU event that ends it; "" at the tail
    launch: str  # the call that launched `after` ("cudaLaunchKernel"); "" if it is not recorded
    launch_ns: int | None  # when that call began
    thread: str  # the launching thread, as people know it; "" if it is not known
    shares: tuple[tuple[Cause | None, Site, int], ...]  # (cause, site, idle_ns), greatest first; sum: the gap
    host: tuple[Activity, ...]  # what the launching thread did during the gap, longest first
    stack: tuple[str, ...]  # what was open on it when the greatest part began, outermost first

    @property
    def duration_ns(self) -> int:
        return self.end_ns - self.start_ns


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Disjoint half-open intervals, by time; two arrays of one length."""

    start_ns: "Nanoseconds"
    end_ns: "Nanoseconds"

    def __len__(self) -> int:
        return len(self.start_ns)


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """The idle time of the window, cut into disjoint intervals of one cause and one site each; by time.

    Together they are the gaps exactly: nothing is left out and nothing overlaps. Arrays of one length.
    """

    start_ns: "Nanoseconds"
    end_ns: "Nanoseconds"
    gap: "Codes"  # index into DeviceAnalysis.gaps
    cause: "Codes"  # index into CAUSES, or UNATTRIBUTED
    site: "Codes"  # index into DeviceAnalysis.sites

    def __len__(self) -> int:
        return len(self.start_ns)


@dataclass(frozen=True, slots=True)
class LaunchBound:
    """A run of small gaps in which the device waits for one launch after the other."""

    start_ns: int
    end_ns: int
    idle_ns: int
    kernels: int  # GPU events in it
    site: Site  # with the greatest part of its idle time

    @property
    def duration_ns(self) -> int:
        return self.end_ns - self.start_ns


@dataclass(frozen=True, slots=True)
class CopyKind:
    """All copies of one kind within the window."""

    kind: str  # "HtoD", "DtoH", "DtoD", "PtoP", "HtoH", or "" if it is not recorded
    memory: str  # of the host side: "pageable", "pinned", or "" if it is not recorded or there is none
    count: int
    total_bytes: int | None  # None: no copy of them has its size recorded
    duration_ns: int  # summed
    exposed_ns: int  # of that, while no kernel ran
    idle_ns: int  # idle time blamed on the calls that asked for them

    @property
    def bandwidth(self) -> float | None:
        """Bytes per second while copying."""
        return self.total_bytes / self.duration_ns * 1e9 if self.total_bytes and self.duration_ns else None


@dataclass(frozen=True, slots=True)
class Communication:
    """Collectives within the window (NCCL and RCCL kernels)."""

    kernels: int
    busy_ns: int  # length of their union
    overlapped_ns: int  # of that, while other kernels ran
    exposed_ns: int  # of that, while no other kernel ran
    by_name: tuple["KernelRow", ...]


@dataclass(frozen=True, slots=True)
class KernelRow:
    """All runs of one kernel within the window; rows are sorted by total, longest first."""

    name: str
    kind: Literal["kernel", "copy", "set", "collective"]
    count: int
    total_ns: int
    longest_ns: int
    shortest_ns: int


@dataclass(frozen=True, slots=True)
class OperatorRow:
    """All calls of one operator on the host within the window; sorted by self time, longest first."""

    name: str
    count: int
    total_ns: int  # on the host
    self_ns: int  # on the host, without what it called
    device_ns: int  # of the GPU events it launched itself, summed
    launches: int  # GPU events it launched itself
    idle_ns: int  # idle time blamed on it


@dataclass(frozen=True, slots=True)
class RuntimeRow:
    """All calls of one runtime or driver function within the window, by host time, longest first."""

    name: str
    kind: Literal["sync", "copy", "launch", "graph-launch", "allocation", "other"]
    count: int
    total_ns: int
    idle_ns: int  # of the device while a thread was in it: not the same as blame


@dataclass(frozen=True, slots=True)
class LoaderWait:
    """One fetch of a batch."""

    name: str
    start_ns: int
    end_ns: int
    idle_ns: int  # idle time of the device that it is blamed for


@dataclass(frozen=True, slots=True)
class GraphLaunches:
    """Launches of CUDA or HIP graphs in the whole recording."""

    launches: int
    without_kernels: int  # none of their kernels was recorded
    fewest_kernels: int
    most_kernels: int
    host_ns: int  # in the launch calls


@dataclass(frozen=True, slots=True)
class StepSpread:
    """How the step times of one device differ."""

    shortest_ns: int
    median_ns: int
    longest_ns: int
    mean_ns: int


Severity = Literal["note", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Health:
    """Something about a recording that whoever reads its numbers must know."""

    code: str  # "cut-file", "graph-without-kernels", "negative-duration", ...
    severity: Severity  # error: conclusions that it forbids are not drawn
    message: str  # names what is wrong, and what that means for the numbers
    recording: str = ""  # path; "" for the set as a whole
    count: int = 0  # events concerned
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Recording:
    """A file that was read."""

    path: str  # as it was named
    rank: int | None
    world_size: int | None
    events: int  # complete events used
    gpu_events: int
    dropped: int  # events that could not be used; `health` says why
    start_ns: int
    end_ns: int
    base_ns: int  # add to an instant to get Unix time, where the recording says so; else 0
    has_python: bool  # Python functions were recorded
    has_lines: bool  # at least one function's line is known
    torch_version: str
    complete: bool  # False: the file is cut or damaged


@dataclass(frozen=True, slots=True, eq=False)
class DeviceAnalysis:
    """Where one device's time went.

    ``window`` is what blame refers to: that of the steps where there are any, else the span. Closing sums::

        sum(row.idle_ns for row in causes) + unattributed_ns == window.idle_ns
        sum(row.idle_ns for row in lines)  + unattributed_ns == window.idle_ns
    """

    device: int
    name: str  # "NVIDIA H100 80GB HBM3"; "" if it is not recorded
    recording: int  # index into Analysis.recordings
    streams: tuple[int, ...]
    span: Window  # from the first GPU event's start to the last one's end
    steps: Window | None  # from the first step's start to the last one's end, on the host's clock
    window: Window
    step_rows: tuple[Step, ...]
    spread: StepSpread | None
    causes: tuple[CauseIdle, ...]  # greatest first; no zeros
    lines: tuple[LineIdle, ...]  # greatest first; no zeros
    unattributed_ns: int
    concluded: bool  # False: the health of the recording forbids blame; all idle time is unattributed
    sites: tuple[Site, ...]
    busy: Intervals  # of the window
    gaps: Intervals  # of the window
    shares: Shares
    stalls: tuple[Stall, ...]  # the 50 longest gaps of the window, longest first
    launch_bound: tuple[LaunchBound, ...]  # by time
    copies: tuple[CopyKind, ...]
    communication: Communication | None  # None: no collectives
    kernels: tuple[KernelRow, ...]
    operators: tuple[OperatorRow, ...]
    runtime: tuple[RuntimeRow, ...]
    loader_waits: tuple[LoaderWait, ...]  # by time
    graphs: GraphLaunches | None  # None: no graph was launched

    @property
    def step_count(self) -> int:
        return len(self.step_rows)

    @property
    def step_ns(self) -> int:
        """The mean step, or the whole window where there are no steps."""
        return self.window.duration_ns // max(1, self.step_count)


@dataclass(frozen=True, slots=True)
class RankRow:
    """One rank beside the others; times are means per step, or of the window where there are no steps."""

    rank: int
    recording: int  # index into Analysis.recordings
    device: int
    steps: int
    step_ns: int
    busy_ns: int
    idle_ns: int
    communication_ns: int  # exposed
    collective_wait_ns: int  # inside collectives until the last rank had arrived
    waited_for_ns: int  # what the other ranks waited for this one, summed over them
    straggler: bool


@dataclass(frozen=True, slots=True)
class CollectiveWait:
    """A kind of collective over the ranks: who waits, and for whom."""

    name: str
    count: int  # matched on all its ranks
    waiting_ns: int  # summed over ranks and occurrences
    last_rank: int  # arrives last most often
    last_count: int  # how often
    lateness_ns: int  # how much later than the first rank it arrives, at the median of those times


@dataclass(frozen=True, slots=True)
class Ranks:
    """What only a set of recordings shows. Rows are sorted by rank."""

    rows: tuple[RankRow, ...]
    fastest_step_ns: int
    slowest_step_ns: int
    stragglers: tuple[int, ...]
    collectives: tuple[CollectiveWait, ...]  # most waiting first; empty where ranks cannot be matched
    matched: str  # how collectives were matched between ranks, or why they were not


@dataclass(frozen=True, slots=True)
class Analysis:
    """The whole result; ``devices`` are sorted by recording, then device."""

    recordings: tuple[Recording, ...]
    devices: tuple[DeviceAnalysis, ...]
    health: tuple[Health, ...]
    findings: tuple[Finding, ...]
    ranks: Ranks | None = None  # None: a single recording
