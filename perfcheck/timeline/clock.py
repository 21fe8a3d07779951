"""Times of Chrome's trace format, exactly: from decimal text in microseconds to integer nanoseconds.

A double holds a time of 2024 in microseconds (1.7e15) to a quarter of a microsecond only, so text never
becomes one. Digits below a nanosecond are rounded, half to even.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LATEST: Final = 1 << 62
"""Nanoseconds, in both directions: as Unix time the year 2116, and twice that still fits into 64 bits."""

INVALID: Final = np.iinfo(np.int64).min
"""Stands for what is no time: missing, not a number, not finite, or beyond :data:`LATEST`."""

_USUAL: Final = bytes(range(ord("0"), ord("9") + 1)) + b".\n"
_LONGEST: Final = 16  # digits before the point: longer numbers are read one at a time


def nanoseconds(texts: Sequence[Any]) -> "NDArray[np.int64]":
    """The times, in nanoseconds, that JSON values (as bytes) stand for, in microseconds; or
    :data:`INVALID`."""
    if not texts:
        return np.empty(0, np.int64)
    joined = b"\n".join(texts)
    if joined.translate(None, _USUAL):
        return np.array([_nanoseconds(bytes(text)) for text in texts], np.int64)
    data = np.frombuffer(joined, np.uint8)
    ends = np.append(np.flatnonzero(data == ord("\n")), len(data))
    starts = np.append(0, ends[:-1] + 1)
    points = np.flatnonzero(data == ord("."))
    owners = np.searchsorted(ends, points)
    whole_ends = ends.copy()
    whole_ends[owners] = points
    digits = ends - whole_ends - 1  # after the point; -1: there is no point
    usual = (
        (np.bincount(owners, minlength=len(ends)) <= 1)
        & (whole_ends > starts)
        & (whole_ends - starts <= _LONGEST)
        & (digits != 0)
        & (digits <= 3)
    )
    if not usual.all():
        return np.array([_nanoseconds(bytes(text)) for text in texts], np.int64)
    numbers = np.fromstring(joined.replace(b".", b"\n"), np.int64, sep="\n")
    at = np.arange(len(ends)) + np.cumsum(digits > 0) - (digits > 0)
    result: NDArray[np.int64] = numbers[at] * 1000
    fractions = np.flatnonzero(digits > 0)
    result[fractions] += numbers[at[fractions] + 1] * 10 ** (3 - digits[fractions])
    result[np.abs(result) > LATEST] = INVALID
    return result


def _nanoseconds(text: bytes) -> int:
    try:
        microseconds = Decimal(text.decode("ascii"))
        if not microseconds.is_finite() or abs(microseconds) > LATEST // 1000:
            return INVALID
        return round(microseconds * 1000)
    except (ArithmeticError, UnicodeDecodeError):
        return INVALID
