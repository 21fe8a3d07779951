"""What the recorders call things: categories old and new, runtime functions of CUDA and HIP, kernels,
copies."""

import re
from functools import lru_cache
from typing import Final, Literal, get_args

Category = Literal[
    "kernel",  # device: a kernel
    "copy",  # device: a memory copy
    "set",  # device: memory filled with a value
    "runtime",  # host: a call of the CUDA or HIP runtime
    "driver",  # host: a call of the CUDA driver
    "operator",  # host: a PyTorch operator
    "python",  # host: a Python function
    "annotation",  # host: a range that the program or a library named (record_function)
    "device-annotation",  # device: the extent of such a range
    "wait",  # device: what a stream or the host waits for, where the profiler was asked for it
    "overhead",  # host: the profiler's own work
]
CATEGORIES: Final[tuple[Category, ...]] = get_args(Category)

CODES: Final[dict[Category, int]] = {category: code for code, category in enumerate(CATEGORIES)}

GPU_CODES: Final = tuple(CODES[category] for category in ("kernel", "copy", "set"))
"""What makes a device busy."""

DEVICE_CODES: Final = (*GPU_CODES, CODES["device-annotation"], CODES["wait"])

CALL_CODES: Final = (CODES["runtime"], CODES["driver"])

HOST_CODES: Final = (*CALL_CODES, CODES["operator"], CODES["python"], CODES["annotation"])

# https://github.com/pytorch/kineto/blob/main/libkineto/src/ActivityType.cpp, and its names before 2022
_CATEGORIES: Final[dict[str, Category]] = {
    "kernel": "kernel",
    "concurrent_kernel": "kernel",
    "gpu_memcpy": "copy",
    "memcpy": "copy",
    "gpu_memset": "set",
    "memset": "set",
    "cuda_runtime": "runtime",
    "hip_runtime": "runtime",
    "runtime": "runtime",
    "cuda_driver": "driver",
    "hip_driver": "driver",
    "driver": "driver",
    "cpu_op": "operator",
    "operator": "operator",
    "python_function": "python",
    "user_annotation": "annotation",
    "gpu_user_annotation": "device-annotation",
    "cuda_sync": "wait",
    "hip_sync": "wait",
    "overhead": "overhead",
}

LEGACY: Final = "Operator"
"""The category of operators until 2021. Then, ``Call stack`` held the line of each call; later, that of
definitions."""

STEP: Final = "ProfilerStep#"
LOADER: Final = "enumerate(DataLoader)"
RANGES: Final = (STEP, LOADER, "Optimizer.", "DataParallel.", "DistributedDataParallel.")
"""How ranges begin that PyTorch itself names; in old recordings they are among the operators."""


@lru_cache(maxsize=1 << 10)
def category_of(recorded: str) -> int:
    """The code of an event's category, -1 for those that tell nothing about time."""
    category = _CATEGORIES.get(recorded.lower())
    return CODES[category] if category is not None else -1


CallKind = Literal["sync", "copy", "launch", "graph-launch", "allocation", "event", "other"]

_CALLS: Final[tuple[tuple[CallKind, re.Pattern[str]], ...]] = (
    ("graph-launch", re.compile(r"GraphLaunch")),
    ("launch", re.compile(r"Launch|Memset")),
    ("sync", re.compile(r"(Stream|Device|Event|Ctx|Thread)Synchronize")),
    ("event", re.compile(r"StreamWaitEvent|Event(Record|Query|Create|Destroy)|StreamQuery")),
    ("copy", re.compile(r"[mM]emcpy")),
    ("allocation", re.compile(
        r"Malloc|Free|Mem(Alloc|Create|Map|Unmap|Release|Address|SetAccess|Pool)|Host(Alloc|Register|Unregister)"
    )),
)  # fmt: skip


@lru_cache(maxsize=1 << 16)
def call_kind(name: str) -> CallKind:
    """What a function of the runtime or driver does, by its name: cudaX, cuX and hipX alike."""
    return next((kind for kind, pattern in _CALLS if pattern.search(name)), "other")


_COLLECTIVE: Final = re.compile(
    r"nccl(Dev)?(Kernel|_)|ncclDevKernel|rccl|msccl(pp)?_?[kK]ernel", re.IGNORECASE
)


@lru_cache(maxsize=1 << 16)
def is_collective(kernel: str) -> bool:
    """Is a kernel, by its name, one of NCCL's or RCCL's?"""
    return kernel[:4].lower() in ("nccl", "rccl") or _COLLECTIVE.search(kernel) is not None


@lru_cache(maxsize=1 << 10)
def copy_kind(name: str) -> tuple[str, str]:
    """Direction ("HtoD", …) and memory on the host's side ("pageable", "pinned") of a copy, "" if not
    told."""
    direction = re.search(r"\b([HDAP])to([HDAP])\b|(?:Copy)?([HD])(?:ost|evice)To([HD])(?:ost|evice)", name)
    memory = "pageable" if "Pageable" in name else "pinned" if "Pinned" in name else ""
    return "to".join(filter(None, direction.groups())) if direction else "", memory


_FUNCTION: Final = re.compile(r"(?P<path>.+?)\((?P<line>\d+)\): (?P<function>.+)", re.DOTALL)


@lru_cache(maxsize=1 << 16)
def python_function(name: str) -> tuple[str, int, str]:
    """Path, line of the definition, and name of a recorded Python function; ("", 0, name) for built-in
    ones."""
    found = _FUNCTION.fullmatch(name)
    return (found["path"], int(found["line"]), found["function"]) if found else ("", 0, name)
