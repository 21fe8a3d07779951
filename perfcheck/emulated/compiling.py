"""What has no counterpart on the CPU, and says so when it is used: compiled code, graphs, several devices."""

import sys
from typing import Any

import torch

from perfcheck.emulated import recording
from perfcheck.emulated.patching import Patches
from perfcheck.emulated.tensor import DEVICE

_EAGER = "it ran eagerly: its kernel launches are an upper bound"


def install(patches: Patches) -> None:
    patches.set(torch, "compile", _compile)
    patches.set(torch.nn.Module, "compile", _compile_module)
    patches.set_all(
        torch.cuda, {"CUDAGraph": _Graph, "graph": _no_graph, "make_graphed_callables": _ungraphed}
    )
    patches.set_all(torch.cuda.graphs, {"CUDAGraph": _Graph, "graph": _no_graph})
    if "triton.runtime.jit" in sys.modules:  # which torch._dynamo imports if it can
        patches.set(sys.modules["triton.runtime.jit"].JITFunction, "run", _no_kernel)
    patches.set_all(
        torch._C,
        {"_scatter": _scatter, "_gather": _gather, "_broadcast_coalesced": _broadcast, "_broadcast": _copies},
    )


def _compile(model: Any = None, **options: Any) -> Any:
    """``torch.compile``: the same code, as it is."""
    if model is None:
        return lambda function: _compile(function, **options)
    recording.unsupported("torch.compile", _EAGER)
    return model


def _compile_module(self: Any, *_: Any, **__: Any) -> None:
    recording.unsupported("torch.compile", _EAGER)


class _Graph:
    """``torch.cuda.CUDAGraph`` cannot be captured: what it would replay is not known."""

    def __init__(self, *_: Any, **__: Any) -> None:
        _no_graph()


def _no_graph(*_: Any, **__: Any) -> Any:
    recording.unsupported("CUDA graphs", "the script was stopped")
    raise NotImplementedError(
        "perfcheck's emulated device cannot capture CUDA graphs: run without them, or trace on a GPU"
    )


def _ungraphed(callables: Any, *_: Any, **__: Any) -> Any:
    """``make_graphed_callables``: the callables themselves compute the same."""
    recording.unsupported("CUDA graphs", _EAGER)
    return callables


def _no_kernel(kernel: Any, *_: Any, **__: Any) -> Any:
    """``triton.JITFunction.run``"""
    recording.unsupported(f"the Triton kernel {kernel.__name__}", "the script was stopped")
    raise NotImplementedError(
        f"perfcheck's emulated device cannot run the Triton kernel {kernel.__name__}: "
        "call what it stands for, or trace on a GPU"
    )


# DataParallel, with one device.


def _scatter(tensor: Any, devices: Any, chunk_sizes: Any, dim: int, streams: Any = None) -> Any:
    return (tensor.to(DEVICE, non_blocking=True),)


def _gather(tensors: Any, dim: int, destination: Any = None) -> Any:
    return torch.cat(list(tensors), dim)


def _broadcast(tensors: Any, devices: Any, buffer_size: Any = None) -> Any:
    return [list(tensors)]


def _copies(tensor: Any, devices: Any) -> Any:
    return (tensor,)
