"""Every way of using torch in ``ways.py`` gives on the device what it gives on the CPU."""

import inspect
import warnings
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from perfcheck.counted import Tally  # noqa: E402
from tests.emulated import ways  # noqa: E402
from tests.emulated.test_operators import different, on_host  # noqa: E402

WAYS = [name for name, way in inspect.getmembers(ways, inspect.isfunction) if way.__module__ == ways.__name__]


@pytest.fixture(scope="module")
def host() -> dict[str, Any]:
    return {name: run(name, "cpu") for name in WAYS}


def run(name: str, device: str) -> Any:
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return on_host(getattr(ways, name)(device))


@pytest.mark.parametrize("name", WAYS)
def test_same_as_on_the_cpu(host: dict[str, Any], name: str, tally: Tally) -> None:
    found = run(name, "cuda")
    assert not different(host[name], found), (host[name], found)
    assert not tally.left_out()
