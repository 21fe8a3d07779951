"""Every sample of the operator table on the device: the values of the CPU, the host syncs of the table."""

import contextlib
import copy
import io
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from perfcheck.counted import Tally, total  # noqa: E402
from perfcheck.operators import find  # noqa: E402
from tests.operators.calls import Call, Sample, resolve, samples  # noqa: E402

# What cannot be the same: identities, places, and memory that nobody has written to.
OF_THE_DEVICE = frozenset(
    """Tensor.__repr__ Tensor.__hash__ Tensor.__deepcopy__ Tensor.get_device Tensor.data_ptr Tensor.is_shared
    Tensor.type Tensor.is_cuda Tensor.is_cpu builtins.str torch.empty torch.empty_like torch.empty_strided
    Tensor.new_empty Tensor.new_empty_strided""".split()
)
REFUSED = {
    "Tensor.apply_": "for CPU tensors alone",
    "Tensor.map_": "for CPU tensors alone",
    "torch.sparse_coo_tensor": "sparse",
}


@pytest.fixture(autouse=True)
def _silence() -> Iterator[None]:
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def moved(value: Any, seen: dict[int, Any]) -> Any:
    """The argument in device memory; what is one object stays one."""
    if isinstance(value, torch.Tensor):
        if id(value) not in seen:
            seen[id(value)] = _parameter(value) if isinstance(value, torch.nn.Parameter) else value.cuda()
        return seen[id(value)]
    if isinstance(value, torch.distributions.Distribution):
        device = copy.copy(value)
        for name, item in vars(value).items():
            setattr(device, name, moved(item, seen))
        return device
    if isinstance(value, slice):
        return slice(*(moved(bound, seen) for bound in (value.start, value.stop, value.step)))
    if type(value) in (list, tuple):
        return type(value)(moved(item, seen) for item in value)
    return value


def _parameter(value: Any) -> Any:
    parameter = torch.nn.Parameter(value.detach().cuda(), value.requires_grad)
    if value.grad is not None:
        parameter.grad = value.grad.cuda()
    return parameter


def called(sample: Sample, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    owner, _, last = sample.name.rpartition(".")
    torch.manual_seed(1)
    if owner in ("Tensor", "Distribution") or owner.startswith("torch.distributions."):
        member = getattr(args[0], last)
        return member(*args[1:], **kwargs) if callable(member) else member
    return resolve(sample.name)(*args, **kwargs)


def on_host(value: Any) -> Any:
    """The values, whatever they lie in."""
    if isinstance(value, torch.Tensor):
        return value.detach().to_dense().cpu() if value.layout is not torch.strided else value.detach().cpu()
    if isinstance(value, dict):
        return {name: on_host(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [on_host(item) for item in value]
    if isinstance(value, torch.distributions.Distribution):
        return on_host(vars(value))
    return value


def different(host: Any, device: Any, rounding: float = 0.0) -> bool:
    if isinstance(host, torch.Tensor):
        return (
            not isinstance(device, torch.Tensor)
            or host.dtype != device.dtype
            or host.shape != device.shape
            or not torch.allclose(host, device, rtol=rounding, atol=rounding, equal_nan=True)
        )
    if isinstance(host, list) and isinstance(device, list):
        return len(host) != len(device) or any(
            different(*pair, rounding) for pair in zip(host, device, strict=True)
        )
    if isinstance(host, dict):
        return any(different(host[name], device.get(name), rounding) for name in host)
    if isinstance(host, bool | int | float | complex | str | bytes | None):
        return not (host == device or host != host)
    return False


def problems(sample: Sample, tally: Tally) -> Iterator[str]:
    call = Call(sample)
    host = called(sample, call.arguments, call.keywords)
    again, seen = Call(sample), dict[int, Any]()
    args = moved(again.arguments, seen)
    kwargs = {name: moved(value, seen) for name, value in again.keywords.items()}
    effects = [e for e in call.operator.effects if e.event == "host-sync" and again.holds(e.when)]
    tally.clear()
    device = called(sample, args, kwargs)
    waits = total(tally.counted(), "host-sync")
    rounding = 1e-4 if ".linalg." in sample.name else 0.0  # LAPACK rounds as the memory is aligned
    if different(on_host(host), on_host(device), rounding):
        yield f"{sample} gives {on_host(device)}, on the host {on_host(host)}"
    if different(on_host(call.arguments), on_host(args)):
        yield f"{sample} leaves other arguments behind"
    knows = not any("to_device()" in effect.when for effect in call.operator.effects)  # where the result goes
    if knows and seen and bool(waits) != bool(effects or call.reads_number()):
        yield f"{sample} waits {waits} times, the table says {effects}: {tally.counted()}"


def by_owner() -> dict[str, list[Sample]]:
    """One spelling of each sample, in-place ones apart."""
    grouped: dict[str, list[Sample]] = {}
    made = set()
    for sample in samples():
        operator = find(sample.name)
        row = operator.names[0] if operator else sample.name
        if (row, sample.arguments) not in made and not {row, sample.name} & OF_THE_DEVICE:
            made.add((row, sample.arguments))
            grouped.setdefault(sample.name.rpartition(".")[0], []).append(sample)
    return grouped


SAMPLES = by_owner()


@pytest.mark.parametrize("owner", SAMPLES)
def test_values_and_waits(owner: str, tally: Tally) -> None:
    found = []
    for sample in SAMPLES[owner]:
        if "sparse" in str(sample) or "sparse" in sample.name or sample.name in REFUSED:
            continue
        try:
            found += list(problems(sample, tally))
        except Exception as error:
            raise AssertionError(f"{sample} raises {type(error).__name__}: {error}") from error
    assert found == []


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_a_device_refuses(name: str, tally: Tally) -> None:
    sample = next(sample for sample in samples() if sample.name == name)
    call = Call(sample)
    with pytest.raises((TypeError, NotImplementedError, RuntimeError)):
        called(sample, moved(call.arguments, {}), call.keywords)
