import os
from pathlib import Path

import pytest

from perfcheck.source.files import Exclusion, Filter, discover, project_root, python_files, shown
from perfcheck.source.gitignore import Patterns
from tests.unprivileged import reachable_directory, unprivileged


def tree(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def found(
    root: Path, *paths: str, exclude: tuple[str, ...] = (), named: bool = False, gitignore: bool = True
) -> list[str]:
    rules = Filter((Exclusion(str(root), Patterns(exclude), named),), gitignore)
    result = discover([str(root / path) for path in paths or ("",)], lambda _: rules, str(root))
    assert result.errors == []
    return [shown(file, str(root)) for file in result.files]


def test_python_files_and_notebooks_in_a_fixed_order(tmp_path: Path) -> None:
    tree(tmp_path, "b.py", "a.py", "n.ipynb", "stub.pyi", "text.md", "sub/z.py", "sub/.hidden.py", "a/x.py")
    assert found(tmp_path) == ["a.py", "a/x.py", "b.py", "n.ipynb", "sub/.hidden.py", "sub/z.py"]


def test_what_is_named_is_taken_whatever_its_suffix_and_once(tmp_path: Path) -> None:
    tree(tmp_path, "script", "sub/a.py")
    assert found(tmp_path, "script", "sub", "sub/a.py", "script") == ["script", "sub/a.py"]


def test_a_directory_with_a_file_s_name_is_walked(tmp_path: Path) -> None:
    tree(tmp_path, "x.py/inner.py", "y.ipynb/z.py")
    assert found(tmp_path) == ["x.py/inner.py", "y.ipynb/z.py"]
    assert found(tmp_path, "x.py") == ["x.py/inner.py"]


def test_links_to_files_count_and_links_to_directories_do_not(tmp_path: Path) -> None:
    tree(tmp_path, "real/a.py")
    (tmp_path / "real" / "loop").symlink_to(tmp_path)
    (tmp_path / "real" / "loop.py").symlink_to(tmp_path)
    (tmp_path / "link.py").symlink_to(tmp_path / "real" / "a.py")
    (tmp_path / ".#lock.py").symlink_to("user@host.123")
    assert found(tmp_path) == ["link.py", "real/a.py"]
    (tmp_path / "elsewhere").symlink_to(tmp_path / "real")
    assert found(tmp_path, "elsewhere") == ["elsewhere/a.py"]


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    tree(tmp_path, "good.py")
    (tmp_path / "loop.py").symlink_to("loop.py")
    (tmp_path / "nowhere.py").symlink_to("missing")
    os.mkfifo(tmp_path / "pipe.py")
    result = discover([str(tmp_path)], lambda _: Filter(()), str(tmp_path))
    assert [shown(file, str(tmp_path)) for file in result.files] == ["good.py"]
    assert {(error.path, error.message) for error in result.errors} == {
        ("loop.py", "cannot be read: Too many levels of symbolic links"),
        ("nowhere.py", "cannot be read: No such file or directory"),
        ("pipe.py", "not a regular file"),
    }


def test_a_named_pipe_that_is_named_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    result = discover([str(tmp_path / "pipe.py")], lambda _: Filter(()), str(tmp_path))
    assert (result.files, [error.message for error in result.errors]) == ([], ["not a regular file"])


def test_a_link_to_nowhere_that_is_named_is_told_and_hides_nothing(tmp_path: Path) -> None:
    tree(tmp_path, "good.py")
    (tmp_path / "nowhere.py").symlink_to("missing")
    result = discover(
        [str(tmp_path / name) for name in ("nowhere.py", "good.py")], lambda _: Filter(()), str(tmp_path)
    )
    assert [shown(file, str(tmp_path)) for file in result.files] == ["good.py"]
    assert [(error.path, error.message) for error in result.errors] == [
        ("nowhere.py", "cannot be read: No such file or directory")
    ]


def test_a_path_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="none"):
        discover([str(tmp_path / "none")], lambda _: Filter(()), str(tmp_path))


def test_an_unreadable_directory_does_not_hide_its_neighbours() -> None:
    with reachable_directory() as root:
        tree(root, "a/x.py", "locked/y.py", "z/x.py")
        (root / "locked").chmod(0)
        result = unprivileged(lambda: discover([str(root)], lambda _: Filter(()), str(root)))
        assert [shown(file, str(root)) for file in result.files] == ["a/x.py", "z/x.py"]
        assert [(error.path, error.message) for error in result.errors] == [
            ("locked", "cannot be read: Permission denied")
        ]


def test_excludes_prune_directories_and_spare_what_is_named(tmp_path: Path) -> None:
    tree(tmp_path, "a.py", "venv/b.py", "sub/venv/c.py", "sub/gen_x.py", "docs/conf.py", "sub/docs/d.py")
    patterns = ("venv", "gen_*.py", "/docs")
    assert found(tmp_path, exclude=patterns) == ["a.py", "sub/docs/d.py"]
    assert found(tmp_path, "venv", "sub/gen_x.py", exclude=patterns) == ["sub/gen_x.py", "venv/b.py"]
    assert found(tmp_path, "venv/b.py", "a.py", exclude=patterns, named=True) == ["a.py"]


def test_virtual_environments_are_left_out_by_whatever_name(tmp_path: Path) -> None:
    tree(tmp_path, "a.py", "my-env/pyvenv.cfg", "my-env/lib/b.py")
    assert found(tmp_path) == ["a.py"]
    assert found(tmp_path, "my-env") == ["my-env/lib/b.py"]


def test_gitignore_files_nest_and_reach_down_from_above(tmp_path: Path) -> None:
    tree(
        tmp_path,
        ".git/HEAD",
        "gen/a.py",
        "src/b.py",
        "src/out/c.py",
        "src/out/keep.py",
        "src/tmp_x.py",
        "n/gen.py",
    )
    (tmp_path / ".gitignore").write_text("gen/\ntmp_*\n")
    (tmp_path / "src" / ".gitignore").write_text("out/*\n!keep.py\n!tmp_x.py\n")
    (tmp_path / ".git" / "info").mkdir()
    (tmp_path / ".git" / "info" / "exclude").write_text("n\n")
    git = ("src/b.py", "src/out/keep.py", "src/tmp_x.py")
    assert found(tmp_path, exclude=(".git",)) == [*git]
    assert found(tmp_path, "src") == [*git]
    assert found(tmp_path, "src/out") == ["src/out/keep.py"]
    assert found(tmp_path, "gen/a.py") == ["gen/a.py"]
    everything = found(tmp_path, gitignore=False)
    assert len(everything) == 6


def test_gitignore_above_counts_in_a_repository_only(tmp_path: Path) -> None:
    tree(tmp_path, "sub/a.py")
    (tmp_path / ".gitignore").write_text("a.py\n")
    assert found(tmp_path, "sub") == ["sub/a.py"]
    assert found(tmp_path) == []


def test_names_are_relative_below_the_directory_and_always_printable() -> None:
    assert shown("/w/a/b.py", "/w") == "a/b.py"
    assert shown("/w/a/b.py", "/") == "w/a/b.py"
    assert shown("/wider/b.py", "/w") == "/wider/b.py"
    assert shown(os.fsdecode(b"/w/caf\xe9.py"), "/w").encode() == b"caf\\udce9.py"


@pytest.mark.parametrize("marker", ["pyproject.toml", "setup.py", "setup.cfg", "perfcheck.toml", ".git/HEAD"])
def test_a_project_begins_at_its_nearest_marker(tmp_path: Path, marker: str) -> None:
    tree(tmp_path, "pyproject.toml", f"inner/{marker}", "inner/package/deep/x.py")
    assert project_root(tmp_path / "inner" / "package" / "deep" / "x.py") == tmp_path / "inner"
    assert project_root(tmp_path / "inner" / "package") == tmp_path / "inner"


def test_without_a_marker_it_begins_above_the_topmost_package() -> None:
    with reachable_directory() as root:
        tree(root, "lib/p/__init__.py", "lib/p/q/__init__.py", "lib/p/q/x.py", "loose/y.py")
        assert project_root(root / "lib" / "p" / "q" / "x.py") == root / "lib"
        assert project_root(root / "loose" / "y.py") == root / "loose"
        tree(root, "lib/p/testing/helpers/__init__.py", "lib/p/testing/helpers/z.py")
        assert project_root(root / "lib" / "p" / "testing" / "helpers" / "z.py") == root / "lib"
        assert project_root(root / "lib" / "p" / "testing") == root / "lib"


def test_without_a_marker_what_is_worked_in_is_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(tmp_path, "train.py", "models/net.py", "data/x.txt")
    monkeypatch.chdir(tmp_path)
    everything = [tmp_path / "models" / "net.py", tmp_path / "train.py"]
    for target in everything:
        assert project_root(target) == tmp_path
        assert python_files(tmp_path, [target]) == everything


def test_where_packages_are_installed_and_homes_are_no_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(tmp_path, "site/p/a.py", "site/q/b.py", "site/p-1.0.dist-info/RECORD")
    tree(tmp_path, "home/mine/a.py", *(f"home/{number}/x.py" for number in range(1001)))
    tree(tmp_path, "small/mine/a.py", "small/other.py")
    monkeypatch.setenv("HOME", str(tmp_path / "small"))
    for directory, package in (("site", "p"), ("home", "mine"), ("small", "mine")):
        monkeypatch.chdir(tmp_path / directory)
        target = tmp_path / directory / package / "a.py"
        assert project_root(target) == target.parent
        assert python_files(tmp_path / directory, [target]) == [target]


def test_installed_packages_are_no_part_of_the_project_around(tmp_path: Path) -> None:
    tree(tmp_path, "pyproject.toml", ".venv/lib/site-packages/p/x.py")
    installed = tmp_path / ".venv" / "lib" / "site-packages"
    assert project_root(installed / "p" / "x.py") == installed


def test_the_files_of_a_project(tmp_path: Path) -> None:
    tree(
        tmp_path,
        "pyproject.toml",
        "src/a.py",
        "tests/b.py",
        ".venv/c.py",
        "build/lib/a.py",
        "n.ipynb",
        "x/y.py",
    )
    (tmp_path / ".gitignore").write_text("x/\n")
    expected = [tmp_path / "src" / "a.py", tmp_path / "tests" / "b.py"]
    assert python_files(tmp_path) == expected
    assert python_files(tmp_path, [tmp_path / "src" / "a.py"]) == expected


def test_of_installed_packages_only_those_of_the_targets(tmp_path: Path) -> None:
    tree(tmp_path, "p/a.py", "p/b/c.py", "q/d.py", "single.py", "other.py")
    assert python_files(tmp_path, [tmp_path / "p" / "a.py", tmp_path / "single.py"]) == [
        tmp_path / "p" / "a.py",
        tmp_path / "p" / "b" / "c.py",
        tmp_path / "single.py",
    ]
