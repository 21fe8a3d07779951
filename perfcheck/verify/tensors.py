"""Tensors, and the files that hold them, compared element by element."""

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import torch

from perfcheck.verify.differences import Largest, Tolerance, largest

SUFFIXES: Final = (".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".npy", ".npz")
"""Of files that may hold tensors."""


def by_how_much(before: torch.Tensor, after: torch.Tensor, tolerance: Tolerance) -> Largest | str | None:
    """None where they are equal; words where they cannot be compared element by element."""
    if before.shape != after.shape:
        return f"shape {tuple(before.shape)} is {tuple(after.shape)} now"
    if before.dtype != after.dtype:
        return f"{before.dtype} is {after.dtype} now"
    if before.layout is not torch.strided:
        before, after = before.to_dense(), after.to_dense()
    if tolerance.is_exact and _same_bits(before, after):
        return None
    if before.is_complex():
        before, after = torch.view_as_real(before.resolve_conj()), torch.view_as_real(after.resolve_conj())
    one, other = before.double().flatten(), after.double().flatten()
    differs = (one != other) & ~(one.isnan() & other.isnan())
    if tolerance.is_exact and not differs.any():
        return "the bits differ (signs of zeros, or kinds of NaN), the numbers do not"
    gap = (other - one).abs()
    beyond = differs & ~(gap <= tolerance.absolute + tolerance.relative * one.abs())
    if not beyond.any():
        return None
    one, other, gap = one[beyond], other[beyond], _or_infinite(gap[beyond])
    at = int(gap.argmax())
    relative = float(_or_infinite(gap / one.abs()).max())
    return Largest(float(gap[at]), relative, float(one[at]), float(other[at]))


def _or_infinite(gaps: torch.Tensor) -> torch.Tensor:
    """Where a number has become none, the difference is infinite."""
    return gaps.masked_fill(gaps.isnan(), torch.inf)


def _same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    return bool(torch.equal(_bits(one), _bits(other)))


def _bits(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.contiguous().reshape(-1).view(torch.uint8)


def in_states(
    before: Mapping[str, torch.Tensor], after: Mapping[str, torch.Tensor], tolerance: Tolerance
) -> dict[str, Largest | str]:
    """Name -> how the tensors of that name differ."""
    found: dict[str, Largest | str] = {}
    for name in dict.fromkeys((*before, *after)):
        if name in before and name in after:
            how = by_how_much(before[name], after[name], tolerance)
            if how is not None:
                found[name] = how
        else:
            found[name] = "it is gone" if name in before else "it is new"
    return found


class Unreadable(Exception):
    """A file that holds no tensors, or none that can be read safely."""


def in_files(before: Path, after: Path, tolerance: Tolerance) -> dict[str, Largest | str]:
    """Name within the file -> how it differs. Raises :class:`Unreadable`."""
    one, other = (dict(_flat(_loaded(path), "")) for path in (before, after))
    found = in_states(_tensors(one), _tensors(other), tolerance)
    for name in dict.fromkeys((*one, *other)):
        values = one.get(name), other.get(name)
        if name in found or any(isinstance(value, torch.Tensor) for value in values):
            continue
        if all(isinstance(value, float) for value in values):
            if tolerance.allows(*values):  # type: ignore[arg-type]  # floats, as has just been seen
                continue
            found[name] = largest([values]) or "differs"  # type: ignore[list-item]
        elif values[0] != values[1]:
            found[name] = f"{values[0]!r:.40} is {values[1]!r:.40} now"
    return found


def _tensors(values: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    return {name: value for name, value in values.items() if isinstance(value, torch.Tensor)}


def _loaded(path: Path) -> Any:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        if path.suffix in (".npy", ".npz"):
            import numpy

            loaded = numpy.load(path, allow_pickle=False)
            arrays = dict(loaded) if path.suffix == ".npz" else {"array": loaded}
            return {name: torch.from_numpy(array) for name, array in arrays.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a reader makes of a file that is none of its own
        raise Unreadable(f"{path.name}: {type(error).__name__}") from None


def _flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The leaves of nested dictionaries and lists."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _flat(part, f"{name}.{key}" if name else str(key))
    elif isinstance(value, (list, tuple)):
        for position, part in enumerate(value):
            yield from _flat(part, f"{name}[{position}]")
    else:
        yield name, value
