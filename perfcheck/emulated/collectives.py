"""Several processes: NCCL needs GPUs, so Gloo computes what NCCL would."""

from typing import Any

import torch
import torch.distributed as distributed
from torch.nn.parallel import DistributedDataParallel

from perfcheck.emulated import recording
from perfcheck.emulated.bridge import BUILT_WITH_CUDA, time_by_the_host
from perfcheck.emulated.patching import Patches


def install(patches: Patches) -> None:
    """Let process groups for CUDA be made."""
    if not distributed.is_available():
        return
    groups = distributed.distributed_c10d
    for name in ("init_process_group", "new_group"):
        made = _with_gloo(getattr(groups, name))
        patches.set(groups, name, made)
        patches.set(distributed, name, made)
    if BUILT_WITH_CUDA:
        time_by_the_host()
    # Reads what the reducer timed, for its own log; without CUDA it has not.
    patches.set(distributed.Logger, "set_runtime_stats_and_log", lambda self: None)
    parallel = DistributedDataParallel
    patches.set(parallel, "_pre_forward", _reducing(parallel._pre_forward))
    patches.set(groups, "is_nccl_available", lambda: True)
    patches.set(distributed, "is_nccl_available", lambda: True)


def _with_gloo(make: Any) -> Any:
    """``init_process_group`` or ``new_group``, for the CPU."""

    def call(*args: Any, **kwargs: Any) -> Any:
        nccl = any(isinstance(value, str) and "nccl" in value for value in (*args, *kwargs.values()))
        if nccl:
            recording.unsupported("NCCL", "Gloo took its place: what collectives cost is not counted")
            args = tuple("gloo" if isinstance(v, str) and "nccl" in v else v for v in args)
            kwargs = {n: "gloo" if isinstance(v, str) and "nccl" in v else v for n, v in kwargs.items()}
        kwargs.pop("device_id", None)  # a device that Gloo does not have
        return make(*args, **kwargs)

    call.__name__ = make.__name__
    call.__doc__ = make.__doc__
    return call


def _reducing(pre_forward: Any) -> Any:
    """Gradients of DistributedDataParallel are reduced in device memory. Its own way takes them from Gloo,
    which has only seen what device tensors hold, and would copy them to the device."""

    def _pre_forward(self: Any, *inputs: Any, **kwargs: Any) -> Any:
        if not self._comm_hooks and not hasattr(self, "_reduces_on_device"):
            self._reduces_on_device = True
            distributed._register_comm_hook(self.reducer, self.process_group, _all_reduce)
        return pre_forward(self, *inputs, **kwargs)

    return _pre_forward


def _all_reduce(group: Any, bucket: Any) -> Any:
    gradients = bucket.buffer().div_(group.size())
    distributed.all_reduce(gradients, group=group)
    reduced: Any = torch.futures.Future()
    reduced.set_result(gradients)
    return reduced
