"""Running a piece of a test as somebody whom permissions bind: root reads and writes everything."""

import os
import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NOBODY = 65534


def unprivileged(function: Callable[[], Any]) -> Any:
    """The function's result, computed by another user where this one is root."""
    if os.geteuid() != 0:
        return function()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            answer: tuple[bool, Any] = (True, function())
        except BaseException as error:  # told to the parent, which raises it
            answer = (False, repr(error))
        with open(writing, "wb") as stream:
            stream.write(pickle.dumps(answer))
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as stream:
        succeeded, result = pickle.loads(stream.read())
    os.waitpid(child, 0)
    if not succeeded:
        raise AssertionError(result)
    return result


@contextmanager
def reachable_directory() -> Iterator[Path]:
    """A temporary directory that other users may enter; pytest's are for their owner alone."""
    directory = Path(tempfile.mkdtemp(prefix="perfcheck-test-")).resolve()
    directory.chmod(0o777)
    try:
        yield directory
    finally:
        for parent, _, _ in os.walk(directory):
            os.chmod(parent, 0o777)
        shutil.rmtree(directory)
