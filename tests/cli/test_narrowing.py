"""Baselines and changed lines, as people use them; ``tests/gate`` has the cases."""

from pathlib import Path

import pytest

from tests.cli.command import lint, perfcheck, write
from tests.gate.programs import AGAIN, MENDED, TRAIN, conflict, repository


def test_a_baseline_from_its_making_to_its_pruning(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": '[tool.perfcheck]\nbaseline = "known.json"\n', "src/a.py": TRAIN})
    missing = perfcheck("lint", cwd=tmp_path)
    assert missing.code == 2 and "there is no such baseline; perfcheck lint --write-baseline" in missing.err
    made = perfcheck("lint", "--write-baseline", "known.json", cwd=tmp_path)
    assert made == (0, "", "perfcheck: known.json holds 1 place of 1 file\n")
    held = perfcheck("lint", cwd=tmp_path)
    assert held == (
        0,
        "No findings in 1 file.\n",
        "perfcheck: 1 place not told: in the baseline known.json\n",
    )
    write(tmp_path, {"src/a.py": AGAIN})
    assert lint("--baseline", "../known.json", cwd=tmp_path / "src").found == [("a.py", "PC101", 11)]
    write(tmp_path, {"src/a.py": MENDED})
    told = perfcheck("lint", cwd=tmp_path)
    assert (told.code, told.err) == (
        0,
        "perfcheck: 1 place mended or moved away: "
        "known.json still holds them; --prune-baseline takes them out\n"
        "perfcheck:   src/a.py: PC101 in train\n",
    )
    assert perfcheck("lint", "--tier", "high", cwd=tmp_path).err == ""
    assert "taken out of known.json" in perfcheck("lint", "--prune-baseline", cwd=tmp_path).err
    assert perfcheck("lint", cwd=tmp_path).err == ""


def test_a_damaged_baseline_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": TRAIN, "bad.json": "{"})
    for option in ("--baseline", "--write-baseline"):
        ran = perfcheck("lint", option, "bad.json", cwd=tmp_path)
        assert ran.code == 2 and "bad.json: no baseline of perfcheck's, or a damaged one" in ran.err
    assert (tmp_path / "bad.json").read_text() == "{"


def test_changed_lines_alone(tmp_path: Path) -> None:
    repository(write(tmp_path, {"src/a.py": TRAIN}))
    write(tmp_path, {"src/a.py": AGAIN})
    ran = lint("--since", "HEAD", cwd=tmp_path / "src")
    assert (ran.code, ran.found, ran.err) == (1, [("a.py", "PC101", 11)], "")
    conflict(repository(write(tmp_path / "merging", {"a.py": TRAIN})), "a.py")
    ran = perfcheck("lint", "--since", "HEAD", cwd=tmp_path / "merging")
    assert ran.code == 2 and "--since: the repository is in the middle of a merge" in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--write-baseline", "b.json", "--since", "HEAD"),
        ("--baseline", "known.json", "--prune-baseline", "--select", "PC1"),
        ("--since", "HEAD", "-"),
        ("--prune-baseline",),
    ],
)
def test_options_that_contradict_each_other(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ran = perfcheck("lint", *arguments, cwd=tmp_path)
    assert ran.code == 2 and "Usage: perfcheck lint" in ran.err
    assert not (tmp_path / "b.json").exists()
