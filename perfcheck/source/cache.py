"""A store of results by content, on disk.

The cache only ever saves time: whatever goes wrong with it, the answer is "not there". Entries are signed
with a secret of the user's own, so that a cache that came with somebody else's repository is not believed.
"""

import hashlib
import itertools
import os
import sys
import time
from functools import cache
from pathlib import Path

from perfcheck import __version__
from perfcheck.source.files import is_project

_LIMIT = 512 << 20  # bytes, of all versions together
_DAY = 24 * 60 * 60  # seconds
_SIGNATURE = 32  # bytes
_counter = itertools.count()


class Store:
    """Bytes by key, below a directory that is made when the first entry is put."""

    def __init__(self, directory: Path, limit: int = _LIMIT) -> None:
        self.directory = directory
        self._directory = str(directory)
        self._limit = limit
        self._entries = os.path.join(self._directory, _generation())
        self._secret = _secret()
        self._prepared = False
        self._broken = not self._secret

    def get(self, key: str) -> bytes | None:
        """What was put under the key; None if nothing was, or it is not what was put."""
        if self._broken:
            return None
        try:
            with open(self._path(key), "rb") as stream:
                content = stream.read()
                status = os.fstat(stream.fileno())
        except OSError:
            return None
        data = content[_SIGNATURE:]
        if content[:_SIGNATURE] != self._signature(key, data):
            return None
        if time.time() - status.st_mtime > _DAY:
            self._touch(key)
        return data

    def put(self, key: str, data: bytes) -> None:
        """Keep the data. Where that cannot be done (no rights, no space) nothing more is tried."""
        if self._broken:
            return
        path = self._path(key)
        temporary = f"{path}.{os.getpid()}.{next(_counter)}"
        try:
            self._prepare()
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(temporary, "xb") as stream:
                stream.write(self._signature(key, data) + data)
            os.replace(temporary, path)
        except OSError:
            self._broken = True
            _remove(temporary)

    def _path(self, key: str) -> str:
        name = hashlib.blake2b(key.encode(errors="surrogatepass"), digest_size=20).hexdigest()
        return os.path.join(self._entries, name[:2], name[2:])

    def _signature(self, key: str, data: bytes) -> bytes:
        signing = hashlib.blake2b(key=self._secret, digest_size=_SIGNATURE)
        signing.update(f"{key}\0".encode(errors="surrogatepass"))
        signing.update(data)
        return signing.digest()

    def _touch(self, key: str) -> None:
        try:
            os.utime(self._path(key))
        except OSError:
            pass  # it will be dropped earlier than need be

    def _prepare(self) -> None:
        if self._prepared:
            return
        os.makedirs(self._entries, exist_ok=True)
        ignore = os.path.join(self._directory, ".gitignore")
        if not os.path.lexists(ignore):
            with open(ignore, "x", encoding="utf-8") as stream:
                stream.write("# Made by perfcheck.\n*\n")
        self._prepared = True
        self._trim()

    def _trim(self) -> None:
        """Once a day, drop what was used longest ago until the rest is well within the limit."""
        stamp = os.path.join(self._directory, "last-trimmed")
        try:
            if time.time() - os.stat(stamp).st_mtime < _DAY:
                return
        except FileNotFoundError:
            pass
        made = f"{stamp}.{os.getpid()}"
        with open(made, "x", encoding="utf-8"):
            pass
        os.replace(
            made, stamp
        )  # where a link stands there that came with the repository, its target is spared
        entries = sorted(_entries(self._directory))
        total = sum(size for _, size, _ in entries)
        if total <= self._limit:
            return
        for _, size, path in entries:
            _remove(path)
            total -= size
            if total <= self._limit * 3 // 4:
                break


def _entries(directory: str) -> list[tuple[float, int, str]]:
    """Time of last use, size and path of every entry of every generation."""
    found = []
    for parent, _, names in os.walk(directory):
        if parent.count(os.sep) - directory.count(os.sep) == 2:  # a generation, then the first two digits
            for name in names:
                path = os.path.join(parent, name)
                status = os.lstat(path)
                found.append((status.st_mtime, status.st_size, path))
    return found


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass  # gone already, or not ours to remove


@cache
def _generation() -> str:
    """Entries are of use to the same perfcheck under the same Python; the dates of its sources tell."""
    sources = hashlib.blake2b(digest_size=6)
    for parent, directories, names in os.walk(Path(__file__).parent.parent):
        directories.sort()
        for name in sorted(names):
            if name.endswith((".py", ".toml", ".json")):
                status = os.stat(os.path.join(parent, name))
                sources.update(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return f"{__version__}-{sys.implementation.cache_tag}-{sources.hexdigest()}"


def _secret() -> bytes:
    """The user's secret, made when first wanted; empty where it can be neither read nor kept."""
    directory = user_directory()
    if directory is None:
        return b""
    path = directory / "secret"
    try:
        if not path.exists():
            directory.mkdir(parents=True, exist_ok=True)
            temporary = directory / f"secret.{os.getpid()}"
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "wb") as stream:
                stream.write(os.urandom(32))
            os.replace(temporary, path)
        secret = path.read_bytes()
    except OSError:
        return b""
    return secret if len(secret) == 32 else b""


def user_directory() -> Path | None:
    """Where programs keep what they could make again; None for a user without a home."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", "")
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base, "perfcheck") if os.path.isabs(base) else None


def default_directory(root: Path) -> Path | None:
    """Where results about a project are kept: in it, or with the user where it cannot be written."""
    inside = root / ".perfcheck_cache"
    if is_project(str(root)) and os.access(root, os.W_OK) and not inside.is_symlink():
        return inside
    return user_directory()
