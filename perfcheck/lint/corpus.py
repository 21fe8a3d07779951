"""The texts of a project, and the index of each file: parsed, or remembered from an earlier run."""

from __future__ import annotations

import ast
import hashlib
import os
import pickle
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from perfcheck.findings import LintError
from perfcheck.lint.index import SOURCES, ModuleRecord, index
from perfcheck.lint.too_deep import Lines, blanked, too_deep
from perfcheck.source.text import SourceFile, read_bytes


class Store(Protocol):
    """Bytes by key; see :class:`perfcheck.source.cache.Store`."""

    def get(self, key: str) -> bytes | None: ...

    def put(self, key: str, data: bytes) -> None: ...


class Indexed(NamedTuple):
    """What indexing a file gave; neither, if nothing in it can matter."""

    record: ModuleRecord | None = None
    error: LintError | None = None
    left_out: tuple[Lines, ...] = ()  # of which the record knows nothing


class Seen(NamedTuple):
    """A file as it was on disk: size and time of its last change (ns), and its index."""

    state: tuple[int, int]
    indexed: Indexed


_RELEVANT = ("torch", "cuda", "CUDA", "tensor", "loader", "lightning", "accelerat", "transformers", "jax")


class Corpus:
    """Texts on demand: the targets as they were given, their surroundings from disk."""

    def __init__(
        self, root: Path, targets: Sequence[SourceFile], others: Iterable[str], store: Store | None,
        seen: dict[str, Seen] | None = None,
    ) -> None:  # fmt: skip
        """``seen`` has the files that were indexed from disk before, and gets those that are now."""
        self.root = root
        self.targets = {str(target.path): target for target in targets}
        self.paths = sorted({*self.targets, *others})  # whatever is asked for first, or alone
        self._store = store
        self._seen = seen
        self._left_out: dict[str, tuple[Lines, ...]] = {}

    def leave_out(self, indexed: Iterable[Indexed]) -> None:
        """Have the texts without what the index of each file, in the order of ``paths``, left out."""
        self._left_out = {path: found.left_out for path, found in zip(self.paths, indexed) if found.left_out}

    def text(self, path: str) -> str:
        """The text of a file; "" where it cannot be had."""
        text = self._whole(path)
        return blanked(text, self._left_out[path]) if path in self._left_out else text

    def _whole(self, path: str) -> str:
        target = self.targets.get(path)
        if target is not None:
            return target.text
        from perfcheck.source.text import decoded

        data = read_bytes(Path(path), path)
        if isinstance(data, LintError):
            return ""
        source = decoded(data, Path(path), path)
        return "" if isinstance(source, LintError) else source.text

    def digest(self) -> str:
        """A digest of all names and texts, those of the surroundings as they are on disk."""
        total = hashlib.blake2b(digest_size=20)
        for path in sorted(self.paths):
            target = self.targets.get(path)
            if target is not None:
                data: bytes | LintError = f"{target.name}\0{target.text}".encode(errors="surrogatepass")
            else:
                data = read_bytes(Path(path), path)
            if isinstance(data, LintError):
                data = b""
            total.update(f"{path}\0{path in self.targets}\0{len(data)}\0".encode(errors="surrogatepass"))
            total.update(data)
        return total.hexdigest()

    def index(self, path: str) -> Indexed:
        """The index of one file, from the store or by parsing; only a target's errors are told."""
        if self._seen is None or path in self.targets:
            return self._index(path)
        state = _state_of(path)
        known = self._seen.get(path)
        if known is None or known.state != state:
            known = self._seen[path] = Seen(state, self._index(path))
        return known.indexed

    def _index(self, path: str) -> Indexed:
        text = self.text(path)
        target = self.targets.get(path)
        if (
            target is None
            and not path.endswith("__init__.py")
            and not any(word in text for word in _RELEVANT)
        ):
            return Indexed()  # not even re-exports
        name, is_package = module_name(self.root, path)
        key = ""
        if self._store is not None:
            content = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=20).hexdigest()
            key = f"index {engine_state()} {path} {name} {is_package} {content}"
            known = self._store.get(key)
            if known is not None:
                found: Indexed = pickle.loads(known)  # signed by the store
                return self._named(found, target)
        found = self._parse(path, text, name, is_package)
        if self._store is not None:
            self._store.put(key, pickle.dumps(found, pickle.HIGHEST_PROTOCOL))
        return self._named(found, target)

    @staticmethod
    def _named(found: Indexed, target: SourceFile | None) -> Indexed:
        if found.error is None:
            return found
        if target is None:
            return found._replace(error=None)
        return found._replace(error=LintError(target.name, found.error.line, found.error.message))

    @staticmethod
    def _parse(path: str, text: str, name: str, is_package: bool) -> Indexed:
        try:
            tree = ast.parse(text)
            return Indexed(index(tree, name, path, is_package, text))
        except (SyntaxError, ValueError) as error:
            python = "Python {}.{}".format(*sys.version_info)  # newer syntax is none to it
            message = f"cannot be parsed by {python}: {getattr(error, 'msg', None) or error}"
            return Indexed(error=LintError(path, getattr(error, "lineno", None) or 1, message))
        except (RecursionError, MemoryError):
            left_out = too_deep(text, lambda part: index(ast.parse(part), name, path, is_package, part))
            if not left_out:
                return Indexed(error=LintError(path, 1, "cannot be analysed: nested too deeply"))
        found = Corpus._parse(path, blanked(text, left_out), name, is_package)
        if found.error is not None:
            return found
        where = ", ".join(f"{first}-{last}" for first, last in left_out)
        told = LintError(path, left_out[0][0], f"nested too deeply to be analysed (left out: lines {where})")
        return Indexed(found.record, told, left_out)


def _state_of(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return -1, -1  # its text is ""
    return status.st_size, status.st_mtime_ns


def module_name(root: Path, path: str) -> tuple[str, bool]:
    """The dotted name a file is imported by, seen from the project's root (``src`` left out)."""
    start = str(root) + os.sep
    relative = path[len(start) :] if path.startswith(start) else os.path.basename(path)
    parts = relative.split(os.sep)
    if parts[0] in SOURCES and len(parts) > 1:
        parts = parts[1:]
    parts[-1] = parts[-1].rpartition(".")[0] or parts[-1]
    is_package = parts[-1] == "__init__"
    if is_package:
        parts.pop()
    return ".".join(parts) if parts else root.name, is_package


def engine_state() -> str:
    """Changes with the engine's own code, so that an installed update believes no older results."""
    global _state
    if not _state:
        package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        total = hashlib.blake2b(digest_size=12)
        for folder in ("lint", "lint/evaluation", "lint/detectors", "lint/remedies", "operators", "rulebook"):
            with os.scandir(os.path.join(package, folder)) as entries:
                for entry in sorted(entries, key=lambda e: e.name):
                    if entry.name.endswith(".py"):
                        status = entry.stat()
                        total.update(
                            f"{folder} {entry.name} {status.st_size} {status.st_mtime_ns}\0".encode()
                        )
        _state = total.hexdigest()
    return _state


_state = ""
