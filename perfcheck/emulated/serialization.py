"""Files: device tensors are saved as such, and loaded to where ``map_location`` says."""

import threading
from multiprocessing.reduction import ForkingPickler
from typing import Any

import torch

from perfcheck.emulated import recording
from perfcheck.emulated.patching import Patches
from perfcheck.emulated.tensor import DEVICE, DeviceTensor, held, wrap

_PRIORITY = 5  # before torch's own answers for the CPU (10) and CUDA (20)


class _Saving(threading.local):
    """The storages that the torch.save of this thread has copied to the host."""

    copied: set[int] | None = None


_saving = _Saving()


def install(patches: Patches) -> None:
    """Teach torch.save, torch.load, pickle and multiprocessing about device tensors."""
    registry = torch.serialization._package_registry
    patches.set(torch.serialization, "_package_registry", sorted([(_PRIORITY, _tag, _restore), *registry]))
    patches.set(torch._utils, "_rebuild_tensor", _rebuild_tensor(torch._utils._rebuild_tensor))
    patches.set(torch, "save", _save(torch.save))
    patches.set(torch.serialization, "save", torch.save)
    patches.set(torch.UntypedStorage, "cuda", lambda self, *args, **kwargs: _on_device(self.clone()))
    reducers = ForkingPickler._extra_reducers  # type: ignore[attr-defined]
    patches.item(reducers, DeviceTensor, _share)


def _save(save: Any) -> Any:
    def counting(*args: Any, **kwargs: Any) -> Any:
        if _saving.copied is not None:  # a storage pickles itself through torch.save
            return save(*args, **kwargs)
        _saving.copied = set()
        try:
            return save(*args, **kwargs)
        finally:
            _saving.copied = None

    return counting


def _tag(storage: Any) -> str | None:
    """Where a storage that is being saved lies; the host reads it, once for all tensors in it."""
    if not getattr(storage, "on_emulated_device", False):
        return None
    if _saving.copied is None or storage._cdata not in _saving.copied:
        recording.called("torch.save", storage.nbytes())
    if _saving.copied is not None:
        _saving.copied.add(storage._cdata)
    return str(DEVICE)


def _restore(storage: Any, location: str) -> Any:
    """Move a storage that is being loaded to the device."""
    if not location.startswith("cuda"):
        return None
    recording.called("torch.load", storage.nbytes())
    return _on_device(storage)


def _on_device(storage: Any) -> Any:
    storage.on_emulated_device = True
    return storage


def _rebuild_tensor(rebuild: Any) -> Any:
    def rebuild_tensor(storage: Any, *layout: Any) -> Any:
        tensor = rebuild(storage, *layout)
        return wrap(tensor) if getattr(storage._untyped_storage, "on_emulated_device", False) else tensor

    return rebuild_tensor


def _share(tensor: DeviceTensor) -> Any:
    """For another process: the same memory, as CUDA's."""
    return _receive, (held(tensor).detach(), tensor.requires_grad, isinstance(tensor, torch.nn.Parameter))


def _receive(values: torch.Tensor, requires_grad: bool, parameter: bool) -> Any:
    tensor = wrap(values).requires_grad_(requires_grad)
    return torch.nn.Parameter(tensor, requires_grad) if parameter else tensor
