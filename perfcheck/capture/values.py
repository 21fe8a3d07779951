"""What a training computes: its losses, and what it trains after each step of its optimizers.

On an emulated device values are read past it, and nothing of that is counted. On a real one reading waits for
the GPU: a run that keeps values measures nothing.
"""

import gc
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary, ref

import torch
from torch.nn.parameter import is_lazy
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.utils._python_dispatch import _disable_current_modes

from perfcheck.run.results import write_whole

VALUES = "values.json"
TENSORS = "tensors.pt"

MOST: Final = 256 << 20
"""Bytes of parameters and buffers that are read after every step; larger ones after steps 1, 2, 4, 8, …"""

FEW: Final = 16
"""A loss of no more elements is kept as it is, a larger one only by its digest."""


class Loss(NamedTuple):
    """A tensor that ``backward()`` was called on."""

    step: int  # of the optimizer that stepped first; the first step is 1
    dtype: str
    shape: tuple[int, ...]
    digest: str
    values: tuple[float, ...]


class State(NamedTuple):
    """What an optimizer trains, parameters and buffers by name, after one of its steps."""

    optimizer: int  # from 1, in the order of their first steps
    step: int
    digests: dict[str, str]


class Keep(NamedTuple):
    """A state whose tensors are to be kept, besides those of the last."""

    optimizer: int
    step: int


class Values:
    """Reads along in this process; ``folder`` is where :meth:`write` leaves it."""

    def __init__(self, folder: Path, keep: Keep | None = None) -> None:
        self._folder = folder
        self._keep = keep
        self._process = os.getpid()
        self._losses: list[Loss] = []
        self._states: list[State] = []
        self._trained: WeakKeyDictionary[Any, _Trained] = WeakKeyDictionary()
        self._leading = 0  # steps of the optimizer that stepped first
        self._tensors: dict[str, dict[str, torch.Tensor]] = {}

    def start(self) -> None:
        """From now to the end of the process."""
        register_optimizer_step_post_hook(self._stepped)
        original = torch.autograd.backward

        def backward(tensors: Any, *args: Any, **kwargs: Any) -> Any:
            self._backward((tensors,) if isinstance(tensors, torch.Tensor) else tensors)
            return original(tensors, *args, **kwargs)

        torch.autograd.backward = backward

    def write(self) -> None:
        """Raises ResultsError."""
        if os.getpid() == self._process:
            write_whole(self._folder / VALUES, json.dumps({"losses": self._losses, "states": self._states}))
            torch.save(self._tensors, self._folder / TENSORS)

    def _backward(self, tensors: Sequence[torch.Tensor]) -> None:
        for tensor in tensors:
            value = _read(tensor)
            if value is None:
                continue
            self._losses.append(
                Loss(
                    self._leading + 1,
                    str(tensor.dtype).removeprefix("torch."),
                    tuple(tensor.shape),
                    _digest(value),
                    tuple(value.double().flatten().tolist()) if value.numel() <= FEW else (),
                )
            )

    def _stepped(self, optimizer: Any, args: object, kwargs: object) -> None:
        trained = self._trained.get(optimizer)
        if trained is None:
            trained = self._trained[optimizer] = _Trained(optimizer, len(self._trained) + 1)
        trained.steps += 1
        if trained.number == 1:
            self._leading = trained.steps
        state = {name: tensor for name, tensor in trained.state() if not is_lazy(tensor)}
        size = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
        if size > MOST and trained.steps & (trained.steps - 1):
            return
        values = {name: value for name, tensor in state.items() if (value := _read(tensor)) is not None}
        self._states.append(
            State(trained.number, trained.steps, {name: _digest(value) for name, value in values.items()})
        )
        kept = {name: value.clone() for name, value in values.items()}
        self._tensors[f"{trained.number}"] = kept
        if self._keep == (trained.number, trained.steps):
            self._tensors["kept"] = kept


class _Trained:
    """What an optimizer trains. Neither it nor the modules are kept alive."""

    def __init__(self, optimizer: Any, number: int) -> None:
        self.number = number
        self.steps = 0
        self._optimizer = ref(optimizer)
        self._modules = [(name, ref(module)) for name, module in _owners(_parameters(optimizer))]

    def state(self) -> Iterator[tuple[str, torch.Tensor]]:
        seen: set[int] = set()
        for prefix, reference in self._modules:
            module = reference()
            if module is not None:
                for name, tensor in (*module.named_parameters(), *module.named_buffers()):
                    seen.add(id(tensor))
                    yield prefix + name, tensor
        for name, tensor in _parameters(self._optimizer()):
            if id(tensor) not in seen:  # of no module
                yield name, tensor


def _parameters(optimizer: Any) -> list[tuple[str, torch.Tensor]]:
    groups = () if optimizer is None else optimizer.param_groups
    return [
        (f"param_groups[{number}][{position}]", tensor)
        for number, group in enumerate(groups)
        for position, tensor in enumerate(group["params"])
    ]


def _owners(parameters: Sequence[tuple[str, torch.Tensor]]) -> list[tuple[str, torch.nn.Module]]:
    """The outermost modules that hold the parameters, and what goes before the names of theirs."""
    wanted = {id(tensor) for _, tensor in parameters}
    modules = [one for one in gc.get_objects() if issubclass(type(one), torch.nn.Module)]
    holders = [
        module
        for module in modules
        if "_parameters" in vars(module) and any(id(one) in wanted for one in module.parameters())
    ]
    inner = {id(child) for module in holders for child in module.modules() if child is not module}
    outermost = [module for module in holders if id(module) not in inner]
    if len(outermost) == 1:
        return [("", outermost[0])]
    return [(f"{type(module).__name__}{number}.", module) for number, module in enumerate(outermost)]


def _read(tensor: torch.Tensor) -> torch.Tensor | None:
    """The values on the CPU, shared with the tensor where they lie there already; None where it has none that
    can be read, as a tensor on the device "meta" or of a library's own kind.
    """
    try:
        with torch.no_grad(), _disable_current_modes():
            value: torch.Tensor = getattr(tensor, "_held", tensor).detach().cpu()
            if value.layout is not torch.strided:
                value = value.to_dense()
            value = value.resolve_conj().resolve_neg()
            value.reshape(-1).view(torch.uint8).numpy()
            return value
    except (RuntimeError, TypeError, NotImplementedError):
        return None


def _digest(value: torch.Tensor) -> str:
    with torch.no_grad(), _disable_current_modes():
        data = value.contiguous().reshape(-1).view(torch.uint8).numpy()
    return hashlib.blake2b(data, digest_size=8).hexdigest()
