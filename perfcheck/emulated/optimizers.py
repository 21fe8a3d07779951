"""Optimizers, which choose how to run by the exact type of the parameters."""

from importlib import import_module

from perfcheck.emulated.patching import Patches
from perfcheck.emulated.tensor import DeviceTensor


def install(patches: Patches) -> None:
    """Let them take the way they take on CUDA: many parameters at once."""
    for module in ("torch.utils._foreach_utils", "torch.optim.optimizer"):
        owner = import_module(module)
        patches.set(owner, "_foreach_supported_types", [*owner._foreach_supported_types, DeviceTensor])
