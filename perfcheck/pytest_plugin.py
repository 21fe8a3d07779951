"""``@pytest.mark.gpu_budget(host_syncs=0)``: a test that fails with the lines if it makes the GPU wait
more often.

Where there is no GPU, a test with this mark runs on an emulated one, its fixtures included.
"""

from collections.abc import Generator
from typing import Any

import pytest

_MARK = "gpu_budget"
_RECORDER = pytest.StashKey[Any]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"{_MARK}(host_syncs=0, h2d_copies=0, ...): what the test may do to the GPU at most; "
        "without a GPU it runs on an emulated one (perfcheck)",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker(_MARK) is None:
        return
    from perfcheck.inside import found_device

    if found_device("auto") == "emulated":
        from perfcheck.capture.counting import listen
        from perfcheck.counted import Tally

        recorder = item.stash[_RECORDER] = Tally()
        recorder.counting = False  # it keeps the device there, for the fixtures
        listen(recorder)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    mark = item.get_closest_marker(_MARK)
    if mark is None:
        return (yield)
    if mark.args:
        pytest.fail(f"{_MARK} takes limits by name, such as host_syncs=0", pytrace=False)
    from perfcheck.inside import OverBudget, budget

    try:
        with budget(**mark.kwargs):
            result = yield
    except OverBudget as over:
        pytest.fail(str(over), pytrace=False)
    except TypeError as error:
        if "no such limit" in str(error):
            pytest.fail(str(error), pytrace=False)
        raise
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    try:
        return (yield)
    finally:
        recorder = item.stash.get(_RECORDER, None)
        if recorder is not None:
            from perfcheck.capture.counting import leave

            leave(recorder)
