from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perfcheck.gate.changes import Changes, GitError, changed_since, on_changed_lines
from tests.cli.command import write
from tests.gate.programs import AGAIN, MENDED, TRAIN, conflict, git, linted, repository


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write(tmp_path, {"src/train.py": TRAIN, "src/old name.py": TRAIN, ".gitignore": "out/\n"})
    return repository(tmp_path)


def since(revision: str, directory: Path) -> Changes:
    return changed_since(revision, str(directory), [str(directory)])


def test_lines_that_changed_and_files_that_are_new(project: Path) -> None:
    assert since("HEAD", project) == {}
    write(project, {"src/train.py": AGAIN, "new ü\n.py": TRAIN, "out/ignored.py": TRAIN, "a.ipynb": "{}"})
    changed = {str(project / "src/train.py"): frozenset({11})}
    added = {str(project / "new ü\n.py"): None, str(project / "a.ipynb"): None}
    assert since("HEAD", project) == changed | added
    assert since("HEAD", project / "src") == changed | added
    git(project, "add", ".")
    git(project, "commit", "-qm", "second")
    assert since("HEAD", project) == {}
    lines = frozenset(range(1, 11))
    assert since("HEAD~1", project) == changed | added | {str(project / "new ü\n.py"): lines}


LINES = st.lists(
    st.sampled_from(["a", "b", "\x0c", "", "@@ -1 +1 @@", "diff --git a b", "+++ b"]), max_size=8
)


@given(LINES, LINES)
@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_line_that_is_not_among_the_old_ones_has_changed(
    project: Path, before: list[str], after: list[str]
) -> None:
    write(project, {"a.py": "".join(f"{line}\n" for line in before), "b.py": ""})
    git(project, "add", ".")
    git(project, "commit", "-qm", "before", "--allow-empty")
    write(project, {"a.py": "".join(f"{line}\n" for line in after), "b.py": "x = 1\n"})
    changes = dict(since("HEAD", project))
    assert changes.pop(str(project / "b.py")) == frozenset({1})
    lines = changes.get(str(project / "a.py"), frozenset())
    kept = [line for number, line in enumerate(after, 1) if number not in (lines or ())]
    rest = iter(before)
    assert all(line in rest for line in kept), "what has not changed stands in the same order in the old file"
    assert (after == before) == (not changes)


def test_a_moved_file_has_changed_nothing_and_another_branch_does_not_count(project: Path) -> None:
    git(project, "checkout", "-qb", "work")
    git(project, "mv", "src/old name.py", "src/new name.py")
    git(project, "commit", "-qm", "moved")
    git(project, "checkout", "-q", "main")
    write(project, {"src/train.py": MENDED})
    git(project, "commit", "-qam", "mended on main")
    git(project, "checkout", "-q", "work")
    assert since("main", project) == {str(project / "src/new name.py"): frozenset()}


def test_settings_of_git_s_user_change_nothing(project: Path) -> None:
    for key, value in (
        ("diff.noprefix", "true"),
        ("diff.interHunkContext", "99"),
        ("color.ui", "always"),
        ("diff.relative", "true"),
    ):
        git(project, "config", key, value)
    write(project, {"src/train.py": "# moved\n" + AGAIN})
    assert since("HEAD", project / "src") == {str(project / "src/train.py"): frozenset({1, 12})}


def test_in_the_middle_of_a_merge(project: Path) -> None:
    conflict(project, "src/train.py")
    with pytest.raises(GitError, match=r"middle of a merge, with conflicts in src/train\.py: which lines"):
        since("main", project / "src")
    write(project, {"src/train.py": AGAIN})
    git(project, "add", ".")
    assert since("main", project)[str(project / "src/train.py")] == frozenset({11})


def test_what_git_cannot_tell_is_said(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = write(tmp_path_factory.mktemp("plain"), {"a.py": TRAIN})
    git(project, "checkout", "-q", "--orphan", "apart")
    git(project, "commit", "-qm", "apart")
    for revision, directory, paths, complaint in (
        ("nowhere", project, [], "git knows no revision 'nowhere' here; in a shallow clone"),
        ("--help", project, [], "git knows no revision '--help' here"),
        ("main", project, [], "main and HEAD have no common history"),
        ("HEAD", elsewhere, [], r"no work tree of git \(not a git repository"),
        ("HEAD", project / ".git", [], "no work tree of git"),
        ("HEAD", project, [str(elsewhere)], "does not lie in"),
    ):
        with pytest.raises(GitError, match=complaint):
            changed_since(revision, str(directory), paths)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(GitError, match="git cannot be run: No such file or directory"):
        since("HEAD", project)


def test_findings_are_left_at_their_changed_places_alone(project: Path) -> None:
    write(project, {"src/train.py": AGAIN})
    outcome = linted(project)
    assert [len(finding.all_places) for finding in outcome.result.findings] == [1, 2]
    (left,) = on_changed_lines(outcome.result.findings, outcome.sources, since("HEAD", project))
    assert [place.line for place in left.all_places] == [11]
