"""The bytes of files that somebody else may have put in place.

A repository decides what stands behind the names in it: where patterns, a configuration or a baseline are
expected, there may be a pipe to which nobody writes, a device that never stops giving, or a disk image.
"""

import errno
import os
import stat
from pathlib import Path


class Unfit(OSError):
    """No regular file, or one that is too large to be what it is read as; ``strerror`` says which."""

    def __init__(self, reason: str) -> None:
        super().__init__(errno.EINVAL, reason)

    def __str__(self) -> str:
        return self.strerror or ""


def content(path: str | Path, largest: int) -> bytes:
    """What a regular file of at most ``largest`` bytes (whole MiB) holds.

    Raises ``OSError``, which is :class:`Unfit` where the file could be read and is not fit to be.
    """
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise Unfit("not a regular file")
    if status.st_size <= largest:
        with open(path, "rb") as stream:
            # What the kernel makes up as it is read has no size, and may have no end.
            data = stream.read() if status.st_size else stream.read(largest + 1)
        if len(data) <= largest:
            return data
    raise Unfit(f"larger than {largest >> 20} MiB")
