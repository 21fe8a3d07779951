"""Bytes of a recording: plain or gzip, from a file or any URL that fsspec can open, a block at a time."""

import zlib
from collections.abc import Iterator
from typing import IO, Any, Final, cast

BLOCK: Final = 1 << 20
"""Bytes read, and at most twice that handed on, at once."""

_CRUMB: Final = 64  # bytes of packed data

_SUSPECT: Final = 256 << 20
_RATIO: Final = 250
"""Recordings shrink to a tenth or a thirtieth. What comes out at more than 250 times its size, and is
larger than 256 MiB, was made to fill memory."""


class RecordingError(Exception):
    """A recording that cannot be analysed; the message names the file, what is wrong, and the remedy."""


class Source:
    """A recording's text, decompressed. ``cut`` says, after reading, why not all of it could be had."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.cut = ""

    def blocks(self) -> Iterator[bytes]:
        """The text, in blocks. Raises :class:`RecordingError` if there is nothing that can be read."""
        with self._opened() as stream:
            first = self._read(stream)
            yield from (
                self._unzipped(first, stream) if first[:2] == b"\x1f\x8b" else self._plain(first, stream)
            )

    def _opened(self) -> IO[bytes]:
        try:
            if "://" in self.path:
                return self._fetched()
            return open(self.path, "rb")
        except OSError as error:
            raise RecordingError(f"{self.path} cannot be read: {error.strerror or error}") from None

    def _fetched(self) -> IO[bytes]:
        files, path = filesystem(self.path)
        return cast("IO[bytes]", files.open(path, "rb"))

    def _read(self, stream: IO[bytes]) -> bytes:
        try:
            return stream.read(BLOCK)
        except OSError as error:
            raise RecordingError(f"{self.path} cannot be read: {error.strerror or error}") from None

    def _plain(self, block: bytes, stream: IO[bytes]) -> Iterator[bytes]:
        while block:
            yield block
            block = self._read(stream)

    def _unzipped(self, block: bytes, stream: IO[bytes]) -> Iterator[bytes]:
        packed = unpacked = 0
        inflate: Any = zlib.decompressobj(wbits=31)
        while block:
            packed += len(block)
            while block:
                before = inflate.copy()
                try:
                    text = inflate.decompress(block, 2 * BLOCK)
                except zlib.error:
                    self.cut = "its gzip data is damaged"
                    yield from _salvaged(before, block)
                    return
                block = inflate.unconsumed_tail
                unpacked += len(text)
                if unpacked > _SUSPECT and unpacked > _RATIO * packed:
                    raise RecordingError(
                        f"{self.path} unpacks to more than {_RATIO} times its size, which no recording does; "
                        "decompress it yourself if you trust it"
                    )
                if text:
                    yield text
                if inflate.eof:  # another member, or padding
                    block = inflate.unused_data.lstrip(b"\0")
                    if not block.startswith(b"\x1f"):
                        block = b""
                        break
                    inflate = zlib.decompressobj(wbits=31)
            block = self._read(stream) if not inflate.eof else self._next_member(stream)
            if inflate.eof and block:
                inflate = zlib.decompressobj(wbits=31)
        if not inflate.eof:
            self.cut = "its gzip data ends early"

    def _next_member(self, stream: IO[bytes]) -> bytes:
        block = self._read(stream).lstrip(b"\0")
        return block if block.startswith(b"\x1f") else b""


def _salvaged(inflate: Any, block: bytes) -> Iterator[bytes]:
    """What can be unpacked of a block that holds damage: decompression in one go would lose all of it."""
    for place in range(0, len(block), _CRUMB):
        try:
            text = inflate.decompress(block[place : place + _CRUMB])
        except zlib.error:
            return
        if text:
            yield text


def filesystem(url: str) -> tuple[Any, str]:
    """The fsspec file system of a URL, and the path on it. Raises :class:`RecordingError`."""
    try:
        from fsspec.core import url_to_fs
    except ModuleNotFoundError:
        raise RecordingError(
            f"{url} is a URL, which takes fsspec to read: pip install 'perfcheck[analyze]'"
        ) from None
    try:
        files, path = url_to_fs(url)
    except (
        ValueError,
        ImportError,
        OSError,
    ) as error:  # an unknown protocol, or one whose library is missing
        raise RecordingError(f"{url} cannot be read: {error}") from None
    return files, path
