import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from perfcheck.source.gitignore import Patterns

PATHS = (
    "a",
    "b",
    "ab",
    "a.py",
    "b.py",
    "a/b",
    "a/b.py",
    "a/b/a",
    "a/b/a.py",
    "b/a/b/ab.py",
    "ab/a",
    "ab/b/b.py",
)
DIRECTORIES = sorted({"/".join(path.split("/")[:n]) for path in PATHS for n in range(1, path.count("/") + 1)})


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    for directory in DIRECTORIES:
        (root / directory).mkdir(parents=True, exist_ok=True)
    return root


def ignored_by_git(repository: Path, patterns: list[str], paths: list[str]) -> set[str]:
    (repository / ".gitignore").write_text("".join(f"{pattern}\n" for pattern in patterns), encoding="utf-8")
    run = subprocess.run(
        ["git", "-c", "core.excludesFile=/dev/null", "check-ignore", "--no-index", "--stdin"],
        cwd=repository,
        input="".join(f"{path}\n" for path in paths),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode in (0, 1), run.stderr
    return set(run.stdout.splitlines())


pieces = st.sampled_from(
    ["a", "b", "/", "*", "**", "?", "/**/", "**/", "/**", ".py", "[ab]", "[!a]", "[^b]", "\\a"]
)
pattern_texts = st.builds(
    lambda negated, parts, slash: negated + "".join(parts) + slash,
    st.sampled_from(["", "", "", "!"]),
    st.lists(pieces, min_size=1, max_size=5),
    st.sampled_from(["", "", "/"]),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.filter_too_much])
@given(patterns=st.lists(pattern_texts, min_size=1, max_size=4))
def test_agrees_with_git(repository: Path, patterns: list[str]) -> None:
    # git's answer to "a**" depends on how much of the pattern is literal, against its own documentation
    assume(not any(re.search(r"//|[^/!]\*\*|\*\*[^/]", pattern) for pattern in patterns))
    ours = Patterns(patterns)
    files = [path for path in PATHS if path not in DIRECTORIES]
    expected = ignored_by_git(repository, patterns, [*files, *DIRECTORIES])
    for path in files:
        assert ours.covers(path) == (path in expected), (patterns, path)
    for path in DIRECTORIES:
        above = ["/".join(path.split("/")[:n]) for n in range(1, path.count("/") + 1)]
        found = any(ours.verdict(parent, True) for parent in above) or bool(ours.verdict(path, True))
        assert found == (path in expected), (patterns, path)


def test_comments_blanks_and_escapes() -> None:
    patterns = Patterns(["# no", "", "   ", "\\#yes", "\\!yes", "space\\ ", "plain  ", "end\r\n"])
    for path in ("#yes", "!yes", "space ", "plain", "end"):
        assert patterns.verdict(path, False) is True, path
    for path in ("# no", "space", "plain  ", ""):
        assert patterns.verdict(path, False) is None, path


def test_the_last_match_decides() -> None:
    patterns = Patterns(["*.py", "!keep.py", "a/keep.py"])
    assert patterns.verdict("x.py", False) is True
    assert patterns.verdict("keep.py", False) is False
    assert patterns.verdict("a/keep.py", False) is True
    assert patterns.verdict("x.txt", False) is None


def test_an_ignored_directory_covers_what_is_in_it() -> None:
    patterns = Patterns(["build/", "!build/keep.py"])
    assert patterns.covers("build/keep.py")
    assert not patterns.covers("build")  # a file of that name


@pytest.mark.parametrize("pattern", ["a*" * 40 + "b", "**/" * 30 + "a", "[z-a]", "[", "\\", "*?" * 30])
def test_no_pattern_takes_long_or_fails(pattern: str) -> None:
    patterns = Patterns([pattern])
    assert patterns.verdict("/".join(["a" * 60] * 30), False) in (None, True)
