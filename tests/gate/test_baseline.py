import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perfcheck.findings import Finding
from perfcheck.gate.baseline import (
    BaselineError,
    Comparison,
    Counts,
    Looked,
    compared,
    pruned,
    read,
    recorded,
    write,
)
from tests.cli.command import write as write_files
from tests.gate.programs import AGAIN, MENDED, TRAIN, linted
from tests.unprivileged import reachable_directory, unprivileged


def test_what_is_no_file_at_all_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(BaselineError, match="cannot be read: not a regular file"):
            read(path)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_files(tmp_path, {"pyproject.toml": "", "src/train.py": TRAIN, "src/other.py": TRAIN})


def record(project: Path, before: Counts | None = None, path: str = "src") -> Counts:
    looked, findings = look(project, path)
    return recorded(findings, looked, before or {})


def compare(project: Path, counts: Counts, path: str = "src") -> Comparison:
    looked, findings = look(project, path)
    return compared(findings, looked, counts)


def look(project: Path, path: str) -> tuple[Looked, tuple[Finding, ...]]:
    outcome = linted(project / path)
    unread = frozenset(error.path for error in outcome.result.errors)
    return Looked(project / "known.json", outcome.sources, unread), outcome.result.findings


def new(comparison: Comparison) -> list[tuple[str, int]]:
    return [
        (Path(finding.path).name, place.line) for finding in comparison.new for place in finding.all_places
    ]


def test_what_a_baseline_holds_is_known_from_any_directory(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = record(project)
    assert [(key.path, key.rule, key.function) for key in counts] == [
        ("src/other.py", "PC101", "train"),
        ("src/train.py", "PC101", "train"),
    ]
    monkeypatch.chdir(project / "src")
    assert compare(project, counts) == Comparison((), 2, {})


@given(st.lists(st.tuples(st.integers(0, 10), st.sampled_from(["", "# note", "    # note"])), max_size=5))
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_blank_lines_and_comments_make_nothing_new(project: Path, edits: list[tuple[int, str]]) -> None:
    write_files(project, {"src/train.py": TRAIN})
    counts = record(project)
    rows = TRAIN.split("\n")
    for at, row in edits:
        rows.insert(at, row)
    write_files(project, {"src/train.py": "\n".join(rows)})
    assert compare(project, counts) == Comparison((), 2, {})


def test_another_line_or_the_same_once_more_is_new_and_told_alone(project: Path) -> None:
    counts = record(project)
    write_files(project, {"src/train.py": AGAIN})
    assert new(compare(project, counts)) == [("train.py", 11)]
    write_files(project, {"src/train.py": TRAIN + "        print(loss.item())\n"})
    assert new(compare(project, counts)) == [("train.py", 11)]


def test_mending_the_first_of_two_makes_nothing_new(project: Path) -> None:
    write_files(project, {"src/train.py": AGAIN})
    counts = record(project)
    write_files(project, {"src/train.py": AGAIN.replace("print(loss.item())", "pass")})
    comparison = compare(project, counts)
    assert new(comparison) == []
    assert list(comparison.vanished.values()) == [1]


def test_pruning_takes_out_what_has_vanished_and_no_more(project: Path) -> None:
    counts = record(project)
    write_files(project, {"src/train.py": MENDED})
    assert compare(project, counts, "src/other.py").vanished == {}
    vanished = compare(project, counts).vanished
    assert [key.path for key in vanished] == ["src/train.py"]
    left = pruned(counts, vanished)
    assert [key.path for key in left] == ["src/other.py"]
    write_files(project, {"src/train.py": TRAIN})
    assert new(compare(project, left)) == [("train.py", 10)]


def test_files_that_are_gone_have_vanished_and_files_that_cannot_be_read_have_not(project: Path) -> None:
    counts = record(project)
    (project / "src" / "other.py").unlink()
    write_files(project, {"src/train.py": "def broken(:\n"})
    assert [key.path for key in compare(project, counts).vanished] == ["src/other.py"]


def test_recording_some_files_keeps_what_is_known_of_others(project: Path) -> None:
    counts = record(project)
    write_files(project, {"src/train.py": MENDED})
    assert [key.path for key in record(project, counts, "src/train.py")] == ["src/other.py"]


def test_cells_of_notebooks(project: Path) -> None:
    def notebook(*cells: str) -> str:
        return json.dumps({"cells": [{"cell_type": "code", "source": cell} for cell in cells]})

    write_files(project, {"a.ipynb": notebook("import torch", TRAIN)})
    counts = record(project, path="a.ipynb")
    write_files(project, {"a.ipynb": notebook("import torch", "x = 1", "\n" + TRAIN)})
    assert compare(project, counts, "a.ipynb") == Comparison((), 1, {})
    write_files(project, {"a.ipynb": notebook("import torch", AGAIN)})
    assert new(compare(project, counts, "a.ipynb")) == [("a.ipynb", 11)]


def test_what_is_written_is_read_and_the_same_bytes(project: Path) -> None:
    counts = record(project)
    write(counts, project / "known.json")
    assert read(project / "known.json") == counts
    first = (project / "known.json").read_bytes()
    write(dict(reversed(list(counts.items()))), project / "known.json")
    assert (project / "known.json").read_bytes() == first
    assert sorted(path.name for path in project.iterdir()) == ["known.json", "pyproject.toml", "src"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "a damaged one (Expecting"),
        ("[]", "JSON of another shape"),
        ("null", "JSON of another shape"),
        ("[" * 100_000, "damaged"),
        (b"\xff\xfe", "not UTF-8"),
        ('{"version": 2, "baseline": []}', "of version 2, and this perfcheck reads version 1"),
        ('{"version": 1, "baseline": [{"path": "a.py"}]}', "JSON of another shape"),
        (
            '{"version": 1, "baseline": [{"path": "a", "rule": "P", "function": "", "fingerprint": "0",'
            ' "count": 0}]}',
            "JSON of another shape",
        ),
    ],
)
def test_a_baseline_that_cannot_be_used(tmp_path: Path, content: str | bytes, complaint: str) -> None:
    write_files(tmp_path, {"bad.json": content})
    with pytest.raises(BaselineError) as raised:
        read(tmp_path / "bad.json")
    assert "bad.json" in str(raised.value) and complaint in str(raised.value)


def test_a_baseline_that_is_not_there_or_has_no_place(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="there is no such baseline; perfcheck lint --write-baseline"):
        read(tmp_path / "none.json")
    with pytest.raises(BaselineError, match="cannot be written: No such file or directory"):
        write({}, tmp_path / "missing" / "known.json")


def test_a_baseline_that_may_not_be_replaced_stays() -> None:
    with reachable_directory() as directory:
        write({}, directory / "known.json")
        before = (directory / "known.json").read_bytes()
        directory.chmod(0o555)

        def writing() -> str:
            try:
                write({}, directory / "known.json")
            except BaselineError as error:
                return str(error)
            return "written"

        assert unprivileged(writing).endswith("known.json: the baseline cannot be written: Permission denied")
        assert (directory / "known.json").read_bytes() == before
