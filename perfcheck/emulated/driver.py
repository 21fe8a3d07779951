"""What the CUDA runtime would answer: the functions below ``torch.cuda`` and ``torch.accelerator``.

torch.cuda's own Python code runs on top of these wherever it can.
"""

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import torch

from perfcheck.emulated import recording, streams
from perfcheck.emulated.patching import Patches
from perfcheck.emulated.randomness import DefaultGenerator, Generator
from perfcheck.emulated.tensor import DEVICE, DEVICES

MEMORY = 80 << 30
"""Bytes of device memory; nothing is ever taken from it."""

CUDNN = 92000
"""The version of cuDNN that scripts are told, though nothing of it runs: the one of torch 2.13's wheels."""

_CAPABILITY = (9, 0)
_STREAM = {"device_index": 0, "device_type": 1}

PROPERTIES = SimpleNamespace(
    name="perfcheck emulated device",
    major=_CAPABILITY[0],
    minor=_CAPABILITY[1],
    total_memory=MEMORY,
    multi_processor_count=132,
    max_threads_per_multi_processor=2048,
    max_threads_per_block=1024,
    warp_size=32,
    regs_per_multiprocessor=65536,
    shared_memory_per_block=49152,
    shared_memory_per_block_optin=232448,
    shared_memory_per_multiprocessor=233472,
    L2_cache_size=50 << 20,
    is_integrated=0,
    is_multi_gpu_board=0,
    uuid="00000000-0000-0000-0000-000000000000",
    gcnArchName="",
    pci_bus_id=0,
    pci_device_id=0,
    pci_domain_id=0,
    clock_rate=1_980_000,
    memory_clock_rate=2_619_000,
    memory_bus_width=5120,
)


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _zero(*_: Any, **__: Any) -> int:
    return 0


def _own(*_: Any) -> int:
    return int(DEVICE.index)


def _count() -> int:
    return DEVICES


def _says(name: str) -> Callable[..., None]:
    def call(*_: Any, **__: Any) -> None:
        recording.called(name)

    return call


_OF_POOLS = """allocation segment active inactive_split allocated_bytes reserved_bytes active_bytes
    inactive_split_bytes requested_bytes""".split()
_OF_ALL = ("oversize_allocations", "oversize_segments")
_SINGLE = """num_alloc_retries num_ooms num_sync_all_streams num_device_alloc num_device_free
    max_split_size""".split()


def _memory_statistics(*_: Any) -> dict[str, Any]:
    """What ``torch.cuda.memory_stats`` shows flat."""
    recording.unsupported("device memory statistics", "they read 0")
    counts = dict.fromkeys(("current", "peak", "allocated", "freed"), 0)
    pools = dict.fromkeys(("all", "small_pool", "large_pool"), counts)
    return dict.fromkeys(_OF_POOLS, pools) | dict.fromkeys(_OF_ALL, counts) | dict.fromkeys(_SINGLE, 0)


class _Runtime:
    """``torch.cuda.cudart()``."""

    cudaError = SimpleNamespace(success=0)

    def cudaMemGetInfo(self, device: Any = 0) -> tuple[int, int]:
        return MEMORY, MEMORY

    def cudaGetErrorString(self, code: Any) -> str:
        return "no error"

    def __getattr__(self, name: str) -> Callable[..., int]:
        if name.startswith("cuda"):
            return _zero
        raise AttributeError(name)


class _Ranges:
    """What ``torch.cuda.nvtx`` calls; without a profiler that listens."""

    def __getattr__(self, name: str) -> Callable[..., int]:
        if name.startswith("__"):
            raise AttributeError(name)
        return _zero


_RUNTIME: Mapping[str, Any] = {
    "_cuda_init": _nothing,
    "_cuda_getDeviceCount": _count,
    "_cuda_getDevice": _own,
    "_cuda_setDevice": _nothing,
    "_cuda_exchangeDevice": _own,
    "_cuda_maybeExchangeDevice": _own,
    "_cuda_getArchFlags": lambda: "sm_90",
    "_cuda_canDeviceAccessPeer": lambda *_: True,
    "_cuda_synchronize": _says("torch.cuda.synchronize"),
    "_cuda_emptyCache": _says("torch.cuda.empty_cache"),
    "_cuda_ipc_collect": _nothing,
    "_cuda_getCurrentBlasHandle": _zero,
    "_cuda_memoryStats": _memory_statistics,
    "_cuda_hostMemoryStats": _memory_statistics,
    "_cuda_memorySnapshot": lambda *_: {"segments": [], "device_traces": []},
    "_cuda_resetPeakMemoryStats": _nothing,
    "_cuda_resetAccumulatedMemoryStats": _nothing,
    "_cuda_resetPeakHostMemoryStats": _nothing,
    "_cuda_resetAccumulatedHostMemoryStats": _nothing,
    "_cuda_setMemoryFraction": _nothing,
    "_cuda_getMemoryFraction": lambda *_: 1.0,
    "_cuda_record_memory_history": _nothing,
    "_cuda_record_memory_history_legacy": _nothing,
    "_cuda_getAllocatorBackend": lambda: "native",
    "_cuda_isCurrentStreamCapturing": lambda: False,
    "_cuda_set_sync_debug_mode": _nothing,
    "_cuda_get_sync_debug_mode": _zero,
    "_cuda_sleep": _nothing,
    "_get_accelerator": lambda *_: torch.device("cuda"),
    "_accelerator_getAccelerator": lambda: torch.device("cuda"),
    "_accelerator_getDeviceIndex": _own,
    "_accelerator_setDeviceIndex": _nothing,
    "_accelerator_exchangeDevice": _own,
    "_accelerator_maybeExchangeDevice": _own,
    "_accelerator_getDeviceCapability": lambda *_: {},
    "_accelerator_getStream": streams.current_stream,
    "_accelerator_setStream": streams.set_stream,
    "_accelerator_synchronizeDevice": _says("torch.cuda.synchronize"),
    "_accelerator_isAllocatorInitialized": lambda: True,
    "_accelerator_emptyCache": _says("torch.cuda.empty_cache"),
    "_accelerator_emptyHostCache": _nothing,
    "_accelerator_getDeviceStats": _memory_statistics,
    "_accelerator_resetAccumulatedStats": _nothing,
    "_accelerator_resetPeakStats": _nothing,
    "_accelerator_getMemoryInfo": lambda *_: (MEMORY, MEMORY),
    "_has_cuda": True,
}

_CUDA: Mapping[str, Any] = {
    "_initialized": True,  # nothing is put off until initialization
    "_cached_device_count": DEVICES,
    "_cudart": _Runtime(),
    "is_available": lambda: True,
    "device_count": _count,
    "_exchange_device": _own,
    "_maybe_exchange_device": _own,
    "get_device_properties": lambda device=None: PROPERTIES,
    "current_stream": streams.current_stream,
    "default_stream": lambda device=None: streams.DEFAULT,
    "set_stream": streams.set_stream,
    "Stream": streams.Stream,
    "ExternalStream": streams.Stream,
    "Event": streams.Event,
    "is_current_stream_capturing": lambda: False,
    "default_generators": (DefaultGenerator(),) * DEVICES,
}


def install(patches: Patches) -> None:
    """Put an emulated runtime under torch."""
    cuda = torch.cuda
    patches.set_all(torch._C, _RUNTIME)
    patches.set_all(cuda, _CUDA)
    patches.set_all(cuda.streams, {"Stream": streams.Stream, "Event": streams.Event})
    patches.set(cuda.graphs, "is_current_stream_capturing", _CUDA["is_current_stream_capturing"])
    patches.set(cuda.nvtx, "_nvtx", _Ranges())
    patches.set_all(torch, {"Stream": streams.Stream, "Event": streams.Event, "Generator": Generator})
    patches.set_all(torch.accelerator, {"is_available": lambda: True, "device_count": _count})
    patches.set(torch.Tensor, "record_stream", _nothing)
    patches.set_all(torch.backends.cudnn, {"is_acceptable": lambda tensor: False, "version": lambda: CUDNN})
    activities = {torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA}
    for module in (torch.autograd, torch.autograd.profiler):  # else profilers record CUDA events, which fails
        patches.set(module, "_supported_activities", lambda: activities)
    if torch.version.cuda is None:
        patches.set(torch.version, "cuda", "13.0")


__all__ = ["DEVICE", "MEMORY", "PROPERTIES", "install"]
