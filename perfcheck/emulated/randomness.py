"""Random numbers of the device: those that the CPU would have drawn in its place."""

from typing import Any
from weakref import WeakValueDictionary

import torch

from perfcheck.emulated import recording
from perfcheck.emulated.tensor import DEVICE


class Generator(torch._C.Generator):
    """``torch.Generator``, for the device too."""

    _place: torch.device

    def __new__(cls, device: Any = "cpu") -> "Generator":
        generator: Generator = super().__new__(cls, "cpu")
        place = torch.device(device)
        generator._place = DEVICE if place.type == "cuda" else place
        if place.type == "cuda":
            _of_device[generator._cdata] = generator
        return generator

    @property
    def device(self) -> torch.device:
        return self._place


_of_device: WeakValueDictionary[int, Generator] = WeakValueDictionary()  # by the address of the C++ object


def check_generator(generator: torch._C.Generator) -> None:
    """Operators of the device want its generators; the dispatcher shows them without their Python class."""
    if generator._cdata not in _of_device:
        raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")


class DefaultGenerator:
    """The device's default generator is the CPU's: the same script draws the same numbers without a device.

    Seeding it does nothing, for where the script seeds both, the CPU's is seeded already.
    """

    device = DEVICE

    def manual_seed(self, seed: int) -> "DefaultGenerator":
        return self

    def seed(self) -> int:
        return self.initial_seed()

    def initial_seed(self) -> int:
        return torch.default_generator.initial_seed()

    def get_state(self) -> torch.Tensor:
        recording.called("torch.cuda.get_rng_state")
        return torch.default_generator.get_state()

    def set_state(self, state: torch.Tensor) -> None:
        torch.default_generator.set_state(state)

    def get_offset(self) -> int:
        return 0

    def set_offset(self, offset: int) -> None:
        """The CPU's generator has none."""
