"""An emulated device for a test, taken out again after it."""

from collections.abc import Iterator

import pytest

pytest.importorskip("torch", reason="needs torch")

from perfcheck.counted import Tally
from perfcheck.emulated import install


@pytest.fixture
def tally() -> Iterator[Tally]:
    """What is counted while the test runs on an emulated device."""
    tally = Tally()
    device = install(tally)
    yield tally
    device.uninstall()
