import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from perfcheck.rulebook import book
from perfcheck.rulebook.book import built_in_pages, find_pages, load_rules, read_pages
from perfcheck.rulebook.packed import PACKED, pack, unpack
from perfcheck.rulebook.page import BadPages
from tests.rulebook.pages import page_named


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pages, packed."""
    for name, code in (("one", "PC901"), ("two", "PC902")):
        page = tmp_path / "rules" / "sync" / f"{name}.md"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(page_named(code, name), encoding="utf-8")
    folder = tmp_path / "rules"
    (folder / PACKED).write_bytes(pack(folder, read_pages([(page, True) for page in find_pages(folder)])))
    return folder


def test_what_is_unpacked_is_what_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    shutil.copytree(built_in_pages(), folder)
    pages = find_pages(folder)
    rules = read_pages([(page, True) for page in pages])
    (folder / PACKED).write_bytes(pack(folder, rules))
    assert unpack(folder, pages) == list(rules)


def test_rules_stand_where_their_pages_are(folder: Path, tmp_path: Path) -> None:
    elsewhere = folder.rename(tmp_path / "site-packages")
    pages = find_pages(elsewhere)
    assert unpack(elsewhere, pages) == list(read_pages([(page, True) for page in pages]))


@pytest.mark.parametrize(
    "change",
    [
        lambda page: page.write_text(page.read_text(encoding="utf-8") + "More.\n", encoding="utf-8"),
        lambda page: page.unlink(),
        lambda page: page.with_name("three.md").write_text(page_named("PC903", "three"), encoding="utf-8"),
        lambda page: (page.parents[1] / PACKED).unlink(),
    ],
    ids=["edited", "gone", "new", "not packed"],
)
def test_pages_that_are_not_as_they_were_are_read(
    folder: Path, change: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book, "built_in_pages", lambda: folder)
    change(folder / "sync" / "two.md")
    pages = find_pages(folder)
    assert unpack(folder, pages) is None
    assert load_rules() == read_pages([(page, True) for page in pages])


def test_pages_of_a_project_stand_beside_them(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book, "built_in_pages", lambda: folder)
    own = tmp_path / "own" / "mine.md"
    own.parent.mkdir()
    own.write_text(page_named("MY101", "mine"), encoding="utf-8")
    assert [rule.code for rule in load_rules([own])] == ["MY101", "PC901", "PC902"]
    own.write_text(page_named("PC901", "mine"), encoding="utf-8")
    with pytest.raises(BadPages):
        load_rules([own])
