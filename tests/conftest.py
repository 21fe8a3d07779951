"""What every test has: a home of its own, so that none writes to the user's, and processes that can be
interrupted."""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

# Machines differ in speed, and a run of the tests should say the same twice.
settings.register_profile("perfcheck", deadline=None, derandomize=True)
settings.load_profile("perfcheck")


def pytest_configure() -> None:
    """What a shell runs in the background ignores interrupts, and so would every process started here."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def own_cache_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache-home"))
    yield
    if before is None:
        del os.environ["XDG_CACHE_HOME"]
    else:
        os.environ["XDG_CACHE_HOME"] = before
