import os
import resource
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfcheck.source import cache
from perfcheck.source.cache import Store, default_directory
from tests.unprivileged import reachable_directory, unprivileged


def entries(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file() and len(path.parent.name) == 2)


def test_what_is_put_is_there_for_the_next_run(tmp_path: Path) -> None:
    Store(tmp_path / "c").put("key", b"data")
    assert Store(tmp_path / "c").get("key") == b"data"
    assert Store(tmp_path / "c").get("other") is None
    assert Store(tmp_path / "d").get("key") is None
    assert not (tmp_path / "d").exists()


def test_the_last_put_counts(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put("key", b"1")
    store.put("key", b"")
    assert store.get("key") == b""
    assert len(entries(tmp_path)) == 1


def test_git_does_not_see_it(tmp_path: Path) -> None:
    Store(tmp_path / "c").put("key", b"data")
    assert (tmp_path / "c" / ".gitignore").read_text().endswith("\n*\n")


@given(damage=st.binary(max_size=50), cut=st.integers(0, 50))
def test_a_damaged_entry_is_none(tmp_path_factory: pytest.TempPathFactory, damage: bytes, cut: int) -> None:
    directory = tmp_path_factory.mktemp("cache")
    Store(directory).put("key", b"data")
    (entry,) = entries(directory)
    content = entry.read_bytes()
    damaged = content[:cut] + damage
    entry.write_bytes(damaged)
    assert Store(directory).get("key") == (b"data" if damaged == content else None)


def test_entries_are_not_believed_under_another_key(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put("a", b"about a")
    (first,) = entries(tmp_path)
    store.put("b", b"about b")
    (second,) = set(entries(tmp_path)) - {first}
    first.replace(second)
    assert store.get("b") is None


def test_somebody_else_s_entries_are_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository may bring a cache; what it claims would otherwise be unpickled."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "theirs"))
    Store(tmp_path / "c").put("key", b"claimed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "mine"))
    assert Store(tmp_path / "c").get("key") is None
    assert (tmp_path / "mine" / "perfcheck" / "secret").stat().st_mode & 0o077 == 0


def test_without_a_home_there_is_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    store = Store(tmp_path / "c")
    store.put("key", b"data")
    assert store.get("key") is None
    assert not (tmp_path / "c").exists()


def test_another_version_has_entries_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache._generation.cache_clear()
    Store(tmp_path).put("key", b"old")
    monkeypatch.setattr(cache, "__version__", "999.0")
    cache._generation.cache_clear()
    try:
        assert Store(tmp_path).get("key") is None
    finally:
        monkeypatch.undo()
        cache._generation.cache_clear()
    assert Store(tmp_path).get("key") == b"old"


def test_a_directory_that_cannot_be_written() -> None:
    with reachable_directory() as root:
        Store(root / "c").put("key", b"data")
        os.environ["XDG_CACHE_HOME"], before = str(root), os.environ["XDG_CACHE_HOME"]
        try:
            (root / "perfcheck").mkdir(mode=0o777)
            Store(root / "c")
            (root / "perfcheck" / "secret").chmod(0o444)
            Store(root / "d").put("key", b"data")
            for parent, _, _ in os.walk(root / "d"):
                os.chmod(parent, 0o555)

            def work() -> tuple[bytes | None, bytes | None]:
                store = Store(root / "d")
                store.put("new", b"new")
                return store.get("new"), Store(root / "d").get("key")

            assert unprivileged(work) == (None, b"data")
        finally:
            os.environ["XDG_CACHE_HOME"] = before


def test_a_path_that_cannot_be_a_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = Store(tmp_path / "file" / "c")
    store.put("key", b"data")
    assert store.get("key") is None


def test_a_full_disk_leaves_no_half_entry(tmp_path: Path) -> None:
    """A limit on the size of files fails a write half-way, as a full disk does."""
    Store(tmp_path).put("before", b"1")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    store = Store(tmp_path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        store.put("key", b"x" * 1_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert store.get("key") is None
    assert len(entries(tmp_path)) == 1
    assert Store(tmp_path).get("before") == b"1"


def test_it_stays_within_its_limit_and_keeps_what_was_used_last(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number in range(20):
        store.put(str(number), b"x" * 1_000)
    for age, path in enumerate(entries(tmp_path)):
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    newest = entries(tmp_path)[0]
    (tmp_path / "last-trimmed").unlink()
    Store(tmp_path, limit=10_000).put("one more", b"")
    left = entries(tmp_path)
    assert sum(path.stat().st_size for path in left) <= 7_600
    assert newest in left
    assert len(left) >= 7


def test_use_keeps_an_entry_young(tmp_path: Path) -> None:
    Store(tmp_path).put("key", b"data")
    (entry,) = entries(tmp_path)
    os.utime(entry, (1_000_000, 1_000_000))
    Store(tmp_path).get("key")
    assert entry.stat().st_mtime > 1_000_000


def test_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    project = tmp_path / "project"
    project.mkdir()
    assert default_directory(project) == tmp_path / "home" / "perfcheck"
    (project / "pyproject.toml").touch()
    assert default_directory(project) == project / ".perfcheck_cache"
    (project / ".perfcheck_cache").symlink_to(tmp_path)
    assert default_directory(project) == tmp_path / "home" / "perfcheck"
    with reachable_directory() as root:
        (root / "setup.py").touch()
        root.chmod(0o555)
        assert unprivileged(lambda: default_directory(root)) == tmp_path / "home" / "perfcheck"


def test_links_that_came_with_a_repository_are_not_written_through(tmp_path: Path) -> None:
    theirs = tmp_path / "precious"
    theirs.write_text("content")
    os.utime(theirs, (1_000_000, 1_000_000))
    directory = tmp_path / "cache"
    directory.mkdir()
    (directory / "last-trimmed").symlink_to(theirs)
    store = Store(directory)
    store.put("key", b"data")
    assert (store.get("key"), theirs.read_text()) == (b"data", "content")
