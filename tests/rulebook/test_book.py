import os
import subprocess
import sys
from pathlib import Path

import pytest

from perfcheck.rulebook.book import (
    LARGEST,
    MOST,
    built_in_pages,
    find_pages,
    load_rules,
    read_pages,
    unknown_references,
)
from perfcheck.rulebook.page import BadPages
from tests.rulebook.pages import PAGE, page_named


def write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / f"{name}.md"
    page.write_text(text, encoding="utf-8")
    return page


def test_the_built_in_pages_make_up_the_book() -> None:
    rules = load_rules()
    assert len(rules) >= 50
    assert len({rule.category for rule in rules}) >= 11
    assert [rule.code for rule in rules] == sorted({rule.code for rule in rules})
    assert {Path(rule.page) for rule in rules} == set(find_pages(built_in_pages()))


def test_projects_add_pages(tmp_path: Path) -> None:
    write(tmp_path / "mine" / "loops", "own-rule", page_named("MY101", "own-rule"))
    single = write(tmp_path / "more", "other-rule", page_named("MY102", "other-rule"))
    write(tmp_path / "mine", "README", "not a page")
    rules = load_rules([tmp_path / "mine", single])
    own = [rule for rule in rules if rule.code.startswith("MY")]
    assert [(rule.code, rule.category) for rule in own] == [("MY101", "loops"), ("MY102", "more")]
    assert len(rules) == len(load_rules()) + 2


def test_codes_and_names_are_unique(tmp_path: Path) -> None:
    first = write(tmp_path / "a", "one", page_named("MY101", "one"))
    second = write(tmp_path / "b", "two", page_named("MY101", "two").replace("code =", "'code' ="))
    third = write(tmp_path / "c", "one", page_named("MY103", "one"))
    with pytest.raises(BadPages) as bad:
        read_pages([(page, False) for page in (first, second, third)])
    assert [(error.path, error.line, error.message) for error in bad.value.errors] == [
        (str(second), 2, f"the code `MY101` is taken by {first}"),
        (str(third), 3, f"the name `one` is taken by {first}"),
    ]


def test_errors_of_all_pages_are_told_together(tmp_path: Path) -> None:
    write(tmp_path / "a", "one", page_named("MY101", "one").replace("$T.item()", "$T.item("))
    write(tmp_path / "b", "two", "no page")
    with pytest.raises(BadPages) as bad:
        load_rules([tmp_path])
    assert [Path(error.path).name for error in bad.value.errors] == ["one.md", "two.md"]


def test_pages_from_other_editors(tmp_path: Path) -> None:
    page = tmp_path / "sync" / "item-in-hot-loop.md"
    page.parent.mkdir()
    page.write_bytes(b"\xef\xbb\xbf" + PAGE.replace("\n", "\r\n").encode())
    (rule,) = read_pages([(page, True)])
    assert "\r" not in rule.examples[0].code


def test_unreadable_pages(tmp_path: Path) -> None:
    latin = tmp_path / "latin.md"
    latin.write_bytes(b"+++\ncode = '\xe9'\n+++\n")
    folder = tmp_path / "folder.md"
    folder.mkdir()
    with pytest.raises(BadPages) as bad:
        read_pages([(latin, False), (folder, False), (tmp_path / "absent.md", False)])
    by_name = {Path(error.path).name: error for error in bad.value.errors}
    assert (by_name["latin.md"].line, by_name["latin.md"].message) == (2, "the page is not UTF-8")
    assert "not a regular file" in by_name["folder.md"].message
    assert "No such file" in by_name["absent.md"].message


def test_references_to_rules_that_do_not_exist(tmp_path: Path) -> None:
    rules = read_pages([(write(tmp_path / "a", "one", page_named("MY101", "one")), False)])
    (error,) = unknown_references(rules)
    assert "`PC102`, which is no rule" in error.message


def test_loading_imports_nothing_heavy() -> None:
    program = (
        "import sys; from perfcheck.rulebook.book import load_rules; load_rules();"
        "print([name for name in ('click', 'rich', 'libcst', 'torch', 'pandas', 'difflib')"
        " if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, env=environment
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


class Memory(dict[str, bytes]):
    """A store that counts."""

    hits = 0

    def get(self, key: str, default: object = None) -> bytes | None:  # type: ignore[override]
        found = super().get(key)
        self.hits += found is not None
        return found

    def put(self, key: str, data: bytes) -> None:
        self[key] = data


def test_a_store_keeps_the_rules_while_the_pages_stay_the_same(tmp_path: Path) -> None:
    page = write(tmp_path / "a", "one", page_named("MY101", "one"))
    store = Memory()
    first = load_rules([tmp_path], store=store)
    assert load_rules([tmp_path], store=store) == first == load_rules([tmp_path])
    assert store.hits == 1
    assert load_rules(store=store) == load_rules()
    page.write_text(page_named("MY101", "one").replace('"error"', '"warning"'), encoding="utf-8")
    (changed,) = [rule for rule in load_rules([tmp_path], store=store) if rule.code == "MY101"]
    assert changed.severity == "warning"
    page.write_text("no page", encoding="utf-8")
    with pytest.raises(BadPages):
        load_rules([tmp_path], store=store)
    page.unlink()
    with pytest.raises(BadPages):
        load_rules([page], store=store)
    assert store.hits == 1


def test_a_folder_without_pages_is_told(tmp_path: Path) -> None:
    (tmp_path / "README.md").touch()
    with pytest.raises(BadPages, match="no rule pages"):
        load_rules([tmp_path])


def test_a_whole_disk_is_no_folder_of_pages(tmp_path: Path) -> None:
    for number in range(MOST + 1):
        (tmp_path / f"{number}.md").touch()
    with pytest.raises(BadPages, match="more than 1,000 pages") as bad:
        load_rules([tmp_path])
    assert len(bad.value.errors) == 1


def test_a_message_tells_the_first_of_many_errors(tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"{number:03}.md").touch()
    with pytest.raises(BadPages) as bad:
        load_rules([tmp_path])
    assert len(bad.value.errors) == 100
    lines = str(bad.value).split("\n")
    assert (len(lines), lines[-1]) == (21, "and 80 more; perfcheck rule --check tells all")


def test_what_is_no_page_at_all_is_not_read(tmp_path: Path) -> None:
    large = tmp_path / "large.md"
    with large.open("wb") as stream:
        stream.truncate(LARGEST + 1)
    pipe = tmp_path / "pipe.md"
    os.mkfifo(pipe)
    with pytest.raises(BadPages) as bad:
        load_rules([large, pipe, Path("/dev/zero")])
    assert [error.message for error in bad.value.errors] == [
        "not a regular file",  # /dev/zero
        "larger than 1 MiB",
        "not a regular file",
    ]
