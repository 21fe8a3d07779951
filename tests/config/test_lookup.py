from pathlib import Path

import pytest

from perfcheck.config.lookup import Lookup, inline
from perfcheck.config.settings import ConfigError


def write(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(text, str):
        text = text.encode()
    path.write_bytes(text)
    return path


def test_the_nearest_file_wins(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "[tool.perfcheck]\nselect = ['PC1']\n")
    write(tmp_path / "inner" / "perfcheck.toml", "select = ['PC2']\n")
    (tmp_path / "inner" / "deep" / "er").mkdir(parents=True)
    lookup = Lookup()
    assert lookup.settings(str(tmp_path / "inner" / "deep" / "er")).select == ("PC2",)
    assert lookup.settings(str(tmp_path / "inner")).root == str(tmp_path / "inner")
    assert lookup.settings(str(tmp_path)).select == ("PC1",)


def test_settings_are_not_merged_over_files(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "[tool.perfcheck]\nselect = ['PC1']\njobs = 3\n")
    write(tmp_path / "inner" / "perfcheck.toml", "tier = 'high'\n")
    settings = Lookup().settings(str(tmp_path / "inner"))
    assert (settings.select, settings.jobs, settings.tier) == (("ALL",), None, "high")


def test_perfcheck_toml_wins_over_its_neighbour(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "[tool.perfcheck]\njobs = 1\n")
    write(tmp_path / "perfcheck.toml", "jobs = 2\n")
    assert Lookup().settings(str(tmp_path)).jobs == 2


def test_a_pyproject_without_our_table_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "perfcheck.toml", "jobs = 2\n")
    write(tmp_path / "a" / "pyproject.toml", "[project]\ndependencies = ['perfcheck']\n")
    write(tmp_path / "a" / "b" / "pyproject.toml", "this is not TOML, and not about us")
    assert Lookup().settings(str(tmp_path / "a" / "b")).jobs == 2


def test_a_directory_of_that_name_is_no_configuration(tmp_path: Path) -> None:
    write(tmp_path / "perfcheck.toml", "jobs = 2\n")
    (tmp_path / "a" / "perfcheck.toml").mkdir(parents=True)
    assert Lookup().settings(str(tmp_path / "a")).jobs == 2


def test_isolated_reads_nothing(tmp_path: Path) -> None:
    write(tmp_path / "perfcheck.toml", "broken")
    assert Lookup(isolated=True).settings(str(tmp_path)).source is None


def test_a_named_file_replaces_the_search(tmp_path: Path) -> None:
    write(tmp_path / "perfcheck.toml", "broken")
    named = write(tmp_path / "ci" / "strict.toml", "jobs = 7\nrules = ['r']\n")
    settings = Lookup(file=named).settings(str(tmp_path))
    assert settings.jobs == 7
    assert settings.rules == (str(tmp_path / "ci" / "r"),)


def test_a_named_file_must_exist_and_speak_of_us(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: there is no such configuration file"):
        Lookup(file=tmp_path / "nowhere.toml")
    silent = write(tmp_path / "pyproject.toml", "[project]\nname = 'perfcheck-user'\n")
    with pytest.raises(ConfigError, match=r"there is no \[tool.perfcheck\] in it"):
        Lookup(file=silent)


def test_the_command_line_wins(tmp_path: Path) -> None:
    write(tmp_path / "perfcheck.toml", "tier = 'high'\njobs = 3\n")
    settings = Lookup(overrides={"tier": "heuristic"}).settings(str(tmp_path))
    assert (settings.tier, settings.jobs) == ("heuristic", 3)


def test_ignoring_adds_and_selecting_begins_anew(tmp_path: Path) -> None:
    write(tmp_path / "perfcheck.toml", "select = ['PC1']\nignore = ['PC101']\nextend-select = ['PC3']\n")
    adding = Lookup(overrides={"ignore": ("PC102",), "extend_select": ("PC4",)}).settings(str(tmp_path))
    assert adding.ignore == ("PC101", "PC102")
    assert adding.extend_select == ("PC3", "PC4")
    anew = Lookup(overrides={"select": ("PC101",)}).settings(str(tmp_path))
    assert (anew.select, anew.ignore, anew.extend_select) == (("PC101",), (), ())


def test_inline_settings_are_toml() -> None:
    assert inline("select=['PC1', 'sync']", "/here") == {"select": ("PC1", "sync")}
    with pytest.raises(ConfigError, match="unknown key"):
        inline("selekt=[]", "/here")
    with pytest.raises(ConfigError, match="not valid TOML"):
        inline("jobs=", "/here")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"select = [", "not valid TOML"),
        (b"jobs = 1\njobs = 2\n", "not valid TOML"),
        (b"a = " + b"[" * 100_000, "not valid TOML"),
        (b"jobs = " + b"9" * 10_000, "not valid TOML"),
        (b"jobs = 0x" + b"f" * 10_000, "not a huge number"),
        (b"jobs = 1\n# caf\xe9\n", ":2: not valid UTF-8"),
        (b"jobs = 1\0", "not valid TOML"),
        (b"#" * (5 << 20), "larger than 4 MiB"),
        ("[tool.perfcheck]\n".encode("utf-16"), "not valid UTF-8"),
    ],
)
def test_broken_and_hostile_files_are_told(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = write(tmp_path / "perfcheck.toml", content)
    with pytest.raises(ConfigError) as told:
        Lookup().settings(str(tmp_path))
    assert str(path) in str(told.value)
    assert complaint in str(told.value)


def test_a_table_that_is_none_is_told(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "[tool]\nperfcheck = 3\n")
    with pytest.raises(ConfigError, match=r"pyproject\.toml: \[tool\.perfcheck\] must be a table"):
        Lookup().settings(str(tmp_path))


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    write(tmp_path / "perfcheck.toml", b"\xef\xbb\xbfjobs = 2\r\ntier = 'high'\r\n")
    assert Lookup().settings(str(tmp_path)).jobs == 2
