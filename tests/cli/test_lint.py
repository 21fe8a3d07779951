"""``perfcheck lint`` as people run it."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from perfcheck import __version__
from tests.cli.command import environment, lint, perfcheck, write
from tests.sources import FIT, LINE, LOOP, TRAIN, trained

CLEAN = "x = 1\n"


def test_findings_exit_with_1(tmp_path: Path) -> None:
    write(tmp_path, {"src/train.py": TRAIN, "src/clean.py": CLEAN})
    ran = lint("src", cwd=tmp_path)
    assert (ran.code, ran.err) == (1, "")
    assert ran.found == [("src/train.py", "PC101", LINE)]
    assert ran.document["errors"] == []


def test_nothing_found_exits_with_0_and_a_line(tmp_path: Path) -> None:
    write(tmp_path, {"clean.py": CLEAN})
    ran = perfcheck("lint", cwd=tmp_path)
    assert (ran.code, ran.out, ran.err) == (0, "No findings in 1 file.\n", "")


def test_nothing_to_lint_is_said(tmp_path: Path) -> None:
    ran = perfcheck("lint", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "perfcheck: no Python files were found there\n")


def test_exit_zero(tmp_path: Path) -> None:
    write(tmp_path, {"train.py": TRAIN})
    assert lint("--exit-zero", cwd=tmp_path).code == 0


@pytest.mark.parametrize(
    ("arguments", "rules"),
    [
        ([], {"PC101", "PC904"}),
        (["--select", "PC101"], {"PC101"}),
        (["--select", "PC9,item-in-hot-loop"], {"PC101", "PC904"}),
        (["--select", "sync"], {"PC101"}),
        (["--ignore", "PC9"], {"PC101"}),
        (["--select", "PC1", "--extend-select", "PC904"], {"PC101", "PC904"}),
        (["--ignore", "PC904", "--ignore", "PC101"], set()),
        (["--select", "PC904", "--select", "PC3"], {"PC904"}),
        (["--severity", "error"], {"PC101"}),
        (["--tier", "high", "--select", "PC1"], {"PC101"}),
    ],
)
def test_choosing_rules(tmp_path: Path, arguments: list[str], rules: set[str]) -> None:
    write(
        tmp_path,
        {"train.py": TRAIN.replace("loss.item()\n", "loss.item()\n        torch.cuda.empty_cache()\n")},
    )
    ran = lint(*arguments, cwd=tmp_path)
    assert {rule for _, rule, _ in ran.found} == rules
    assert ran.code == (1 if rules else 0)


def test_wrong_selectors_exit_with_2_and_a_suggestion(tmp_path: Path) -> None:
    write(tmp_path, {"train.py": TRAIN})
    for option in ("--select", "--fixable"):
        ran = lint(option, "", cwd=tmp_path)
        assert (ran.code, ran.out) == (2, "")
        assert "no rule is named; leave the option out" in ran.err
    ran = lint("--select", "item-in-hot-lop", cwd=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("perfcheck: the command line: no rule is selected by `item-in-hot-lop`")
    assert "item-in-hot-loop" in ran.err
    write(tmp_path, {"perfcheck.toml": "ignore = ['PC99999']"})
    ran = lint(cwd=tmp_path)
    assert ran.code == 2
    assert ran.err.startswith("perfcheck: perfcheck.toml: no rule is selected by `PC99999`")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nowhere.py"], "there is no file or directory nowhere.py"),
        (["-", "x.py"], "- stands for standard input"),
        (["--stdin-filename", "x.py", "x.py"], "--stdin-filename wants - as the path"),
        (["--jobs", "0"], "0 is not in the range"),
        (["--tier", "sure"], "'sure' is not one of"),
        (["--slect", "PC1"], "No such option"),
        (["--config", "nowhere.toml"], "nowhere.toml: there is no such configuration file"),
        (["--config", "jobs='two'"], 'jobs must be a whole number from 1 to 1024, not "two"'),
        (["--config", "a.toml", "--config", "b.toml"], "--config takes one file"),
        (["--config", "a.toml", "--isolated"], "--isolated reads no configuration file"),
    ],
)
def test_wrong_use_exits_with_2_and_says_why(tmp_path: Path, arguments: list[str], complaint: str) -> None:
    write(tmp_path, {"x.py": TRAIN, "a.toml": "", "b.toml": ""})
    ran = perfcheck("lint", *arguments, cwd=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert complaint in ran.err
    assert "Traceback" not in ran.err


def test_standard_input(tmp_path: Path) -> None:
    ran = lint("-", cwd=tmp_path, stdin=TRAIN.encode())
    assert (ran.code, ran.found) == (1, [("-", "PC101", LINE)])
    write(tmp_path, {"perfcheck.toml": "per-file-ignores = {'lib/*' = ['PC101']}"})
    ran = lint("-", "--stdin-filename", "src/new.py", cwd=tmp_path, stdin=TRAIN.encode())
    assert ran.found == [("src/new.py", "PC101", LINE)]
    ran = lint("-", "--stdin-filename", "lib/new.py", cwd=tmp_path, stdin=TRAIN.encode())
    assert (ran.code, ran.found) == (0, [])
    ran = lint("-", cwd=tmp_path, stdin=b"x = '\xe9'")
    assert [error["path"] for error in ran.document["errors"]] == ["-"]


def test_a_notebook_tells_cell_and_line(tmp_path: Path) -> None:
    head, _, body = TRAIN.partition("\n\n\n")
    cells = [["!nvidia-smi\n", head], body.split("\n\n\n")[0]]
    notebook = {"cells": [{"cell_type": "code", "source": cell} for cell in cells], "metadata": {}}
    write(tmp_path, {"n.ipynb": json.dumps(notebook)})
    (found,) = lint(cwd=tmp_path).document["findings"]
    assert (found["path"], found["cell"], found["line"]) == ("n.ipynb", 2, LINE - FIT + 1)
    text = perfcheck("lint", cwd=tmp_path).out
    assert f"n.ipynb:cell 2:{LINE - FIT + 1}:" in text
    assert "total += loss.item()" in text
    assert (
        lint("-", "--stdin-filename", "m.ipynb", cwd=tmp_path, stdin=json.dumps(notebook).encode()).code == 1
    )


def test_the_project_around_a_named_file_is_read(tmp_path: Path) -> None:
    """The loop stands in another file: the engine is sure of what it would only presume without it."""
    step = "import torch\n\n\ndef measured(loss: torch.Tensor) -> float:\n    return loss.item()\n"
    loop = TRAIN.replace("loss.item()", "measured(loss)").replace(
        "import torch\n", "import torch\nfrom step import measured\n", 1
    )
    write(
        tmp_path,
        {
            "pyproject.toml": "",
            "step.py": step,
            "loop.py": loop,
        },
    )
    assert lint("step.py", cwd=tmp_path).found == [("step.py", "PC101", 5)]
    assert [found["confidence"] for found in lint("step.py", cwd=tmp_path).document["findings"]] == ["high"]
    (tmp_path / "loop.py").unlink()
    alone = lint("step.py", cwd=tmp_path).document["findings"]
    assert all(found["confidence"] != "high" for found in alone)


@pytest.mark.parametrize("line", [LINE, LOOP, FIT])
def test_suppressions_on_line_block_and_function(tmp_path: Path, line: int) -> None:
    write(tmp_path, {"train.py": trained("# perfcheck: ignore[PC101] small model", line)})
    ran = lint(cwd=tmp_path)
    assert (ran.code, ran.found) == (0, [])


def test_unused_suppressions_are_reported(tmp_path: Path) -> None:
    write(tmp_path, {"train.py": trained("# perfcheck: ignore[PC106]")})
    assert lint(cwd=tmp_path).found == [("train.py", "PC101", LINE), ("train.py", "PC001", LINE)]
    assert lint("--ignore", "PC001", cwd=tmp_path).found == [("train.py", "PC101", LINE)]


def test_per_file_ignores_and_nearest_configuration(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "pyproject.toml": "[tool.perfcheck.per-file-ignores]\nlegacy = ['sync']\n'*_old.py' = ['PC1']\n",
            "a.py": TRAIN,
            "legacy/b.py": TRAIN,
            "c_old.py": TRAIN,
            "tool/perfcheck.toml": "ignore = ['PC101']",
            "tool/d.py": TRAIN,
            "tool/deep/e.py": TRAIN,
            "lab/perfcheck.toml": "",
            "lab/legacy/f.py": TRAIN,
        },
    )
    assert [path for path, _, _ in lint(cwd=tmp_path).found] == ["a.py", "lab/legacy/f.py"]
    assert [path for path, _, _ in lint("legacy/b.py", "a.py", cwd=tmp_path).found] == ["a.py"]
    isolated = lint("--isolated", cwd=tmp_path)
    assert [path for path, _, _ in isolated.found] == sorted(path for path in isolated_paths(tmp_path))
    chosen = lint("--config", "tool/perfcheck.toml", cwd=tmp_path)
    assert (chosen.code, chosen.found) == (0, [])
    assert lint("--config", "ignore=['PC101']", cwd=tmp_path).found == []


def isolated_paths(root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in root.rglob("*.py")]


def test_a_project_brings_rules_of_its_own(tmp_path: Path) -> None:
    page = (Path(__file__).parent.parent.parent / "rules" / "sync" / "item-in-hot-loop.md").read_text("utf-8")
    page = (
        page.replace('"PC101"', '"MY101"')
        .replace("item-in-hot-loop", "my-item")
        .replace("# PC101", "# MY101")
    )
    write(
        tmp_path,
        {"perf_rules/mine/my-item.md": page, "train.py": TRAIN, "perfcheck.toml": "rules = ['perf_rules/']"},
    )
    found = {rule for _, rule, _ in lint("--select", "MY101", cwd=tmp_path).found}
    assert found == {"MY101"}
    assert {rule for _, rule, _ in lint("--ignore", "PC101", cwd=tmp_path).found} == {"MY101"}
    unworthy = page.replace("worth = [", 'worth = ["test_code()", ')
    write(tmp_path, {"perf_rules/mine/my-item.md": unworthy})
    assert lint("--ignore", "PC101", cwd=tmp_path).found == []  # not what was kept of the page as it was
    write(tmp_path, {"perf_rules/mine/my-item.md": page.replace('severity = "error"', 'severity = "bad"')})
    ran = lint(cwd=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert "my-item.md:" in ran.err and "severity" in ran.err and "Traceback" not in ran.err


def test_what_a_folder_above_the_project_is_called_changes_nothing(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"xla/project/pyproject.toml": "", "xla/project/train.py": TRAIN, "xla/project/xla/ops.py": TRAIN},
    )
    inside = lint(".", cwd=tmp_path / "xla" / "project").found
    assert {path for path, _, _ in inside} == {"train.py"}
    above = lint("xla", cwd=tmp_path).found
    assert above == [(f"xla/project/{path}", rule, line) for path, rule, line in inside]


def test_excluding(tmp_path: Path) -> None:
    files = {"a.py": TRAIN, "gen/b.py": TRAIN, "old/c.py": TRAIN, "vendor/d.py": TRAIN, ".venv/e.py": TRAIN}
    write(
        tmp_path,
        {**files, ".git/HEAD": "", ".gitignore": "gen/\n", "perfcheck.toml": "extend-exclude = ['old']"},
    )

    def paths(*arguments: str) -> list[str]:
        return [path for path, _, _ in lint(*arguments, cwd=tmp_path).found]

    assert paths() == ["a.py", "vendor/d.py"]
    assert paths("--exclude", "vendor,*.pyi") == ["a.py"]
    assert paths("--no-respect-gitignore") == ["a.py", "gen/b.py", "vendor/d.py"]
    assert paths("old/c.py", "gen/b.py") == ["gen/b.py", "old/c.py"]
    assert paths("old/c.py", "a.py", "--force-exclude") == ["a.py"]
    assert paths("vendor/d.py", "a.py", "--exclude", "vendor") == ["a.py"]


def test_showing_files_and_settings(tmp_path: Path) -> None:
    write(tmp_path, {"b.py": "", "a/c.py": "", "perfcheck.toml": "jobs = 3\n"})
    ran = perfcheck("lint", "--show-files", cwd=tmp_path)
    assert (ran.code, ran.out) == (0, "a/c.py\nb.py\n")
    ran = perfcheck("lint", "--show-settings", "--tier", "high", "a", cwd=tmp_path)
    assert ran.code == 0
    assert ran.out.startswith('# perfcheck.toml\nselect = ["ALL"]\n')
    assert 'tier = "high"\n' in ran.out and "jobs = 3\n" in ran.out
    unset = [line for line in ran.out.splitlines() if line.endswith(" is not set")]
    assert unset == [f"# {key} is not set" for key in ("torch-version", "cache-dir", "baseline")]


def test_writing_to_a_file(tmp_path: Path) -> None:
    write(tmp_path, {"train.py": TRAIN})
    ran = lint("--output-file", "out.json", cwd=tmp_path)
    assert (ran.code, ran.out, ran.err) == (1, "", "")
    written = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert written == lint(cwd=tmp_path).document
    ran = lint("-o", "no/such/place.json", cwd=tmp_path)
    assert (ran.code, ran.err) == (
        2,
        "perfcheck: no/such/place.json cannot be written: No such file or directory\n",
    )


@pytest.mark.parametrize("output_format", ["text", "concise", "json", "github", "gitlab", "sarif", "junit"])
def test_every_format_tells_the_finding(tmp_path: Path, output_format: str) -> None:
    write(tmp_path, {"train.py": TRAIN, "perfcheck.toml": f"output-format = '{output_format}'"})
    ran = perfcheck("lint", cwd=tmp_path)
    assert ran.code == 1
    assert "PC101" in ran.out and "train.py" in ran.out
    assert "\x1b" not in ran.out


def test_statistics_explanations_and_events(tmp_path: Path) -> None:
    write(tmp_path, {"train.py": TRAIN})
    assert "1  PC101  item-in-hot-loop\n" in perfcheck("lint", "--statistics", cwd=tmp_path).out
    assert "why it is slow" in perfcheck("lint", "--explain", cwd=tmp_path).out.lower()
    assert "predicted" not in lint(cwd=tmp_path).document
    ran = perfcheck("lint", "--events", cwd=tmp_path)
    assert (ran.code, ran.out) == (2, "") and "--events wants --output-format json" in ran.err
    events = lint("--events", cwd=tmp_path).document["predicted"]
    assert {"event": "host-sync", "line": LINE}.items() <= next(
        e for e in events if e["line"] == LINE
    ).items()


def test_quiet_and_verbose(tmp_path: Path) -> None:
    write(tmp_path, {"clean.py": CLEAN})
    ran = perfcheck("lint", "-q", cwd=tmp_path)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    ran = perfcheck("lint", "-v", cwd=tmp_path)
    assert ran.code == 0
    assert ran.err.startswith("perfcheck: 1 file with 1 line in ")


def terminal(*arguments: str, cwd: Path, env: dict[str, str] | None = None) -> str:
    """What a terminal is shown on standard output."""
    master, slave = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "perfcheck", *arguments],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=subprocess.DEVNULL,
        env=environment({"TERM": "xterm", **(env or {})}),
    ) as process:
        os.close(slave)
        shown = b""
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            shown += piece
        process.wait(timeout=60)
    os.close(master)
    return shown.decode()


def test_colours_on_a_terminal_only_and_not_against_the_user_s_wish(tmp_path: Path) -> None:
    write(tmp_path, {"train.py": TRAIN})
    assert "\x1b[" in terminal("lint", cwd=tmp_path)
    assert "\x1b[" not in terminal("lint", cwd=tmp_path, env={"NO_COLOR": "1"})
    assert "\x1b[" not in terminal("lint", cwd=tmp_path, env={"TERM": "dumb"})
    assert "\x1b[" in perfcheck("lint", cwd=tmp_path, env={"FORCE_COLOR": "1"}).out
    assert "\x1b[" not in perfcheck("lint", "-o", "/dev/stdout", cwd=tmp_path, env={"FORCE_COLOR": "1"}).out


def test_the_same_bytes_whatever_the_order_jobs_and_cache(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "", "a.py": TRAIN, "b/c.py": TRAIN, "d.py": "def (", "n.ipynb": "{}"})
    runs = [
        lint("--events", *arguments, cwd=tmp_path)
        for arguments in (
            ["a.py", "b", "d.py", "n.ipynb"],
            ["n.ipynb", "d.py", "b/c.py", "a.py", "a.py"],
            ["--jobs", "1"],
            ["--jobs", "2"],
            ["--no-cache"],
            ["--cache-dir", "elsewhere"],
        )
    ]
    assert {ran.code for ran in runs} == {1}
    assert len({ran.out for ran in runs}) == 1
    assert (tmp_path / ".perfcheck_cache").is_dir() and (tmp_path / "elsewhere").is_dir()


def test_no_cache_writes_none(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "", "a.py": TRAIN})
    lint("--no-cache", cwd=tmp_path)
    assert not (tmp_path / ".perfcheck_cache").exists()


def test_nothing_of_what_is_linted_runs(tmp_path: Path) -> None:
    mine = "open('ran', 'w').close()\nraise SystemExit(7)\n"
    names = ("torch", "setup", "conftest", "json", "string", "click", "hashlib", "tomllib")
    write(
        tmp_path,
        {"pyproject.toml": "[tool.perfcheck]", **{f"{name}.py": mine for name in names}, "a.py": TRAIN},
    )
    ran = lint(cwd=tmp_path)
    assert (ran.code, ran.err, ran.found) == (1, "", [("a.py", "PC101", LINE)])
    assert not (tmp_path / "ran").exists()


def test_nothing_heavy_is_imported(tmp_path: Path) -> None:
    write(tmp_path, {"train.py": TRAIN})
    ran = perfcheck("lint", "-q", cwd=tmp_path, program=("-X", "importtime", "-m", "perfcheck"))
    imported = {
        line.rpartition("|")[2].strip() for line in ran.err.splitlines() if line.startswith("import time:")
    }
    assert "perfcheck.lint.check" in imported
    heavy = {
        "torch",
        "pandas",
        "numpy",
        "libcst",
        "rich",
        "asyncio",
        "multiprocessing",
        "concurrent.futures",
        "unittest",
    }
    heavy |= {"importlib.metadata", "http", "urllib.request", "email", "xml", "tempfile"}
    assert imported & heavy == set()


def test_version_and_help(tmp_path: Path) -> None:
    assert perfcheck("--version", cwd=tmp_path) == (0, f"perfcheck {__version__}\n", "")
    assert perfcheck("lint", "--version", cwd=tmp_path) == (0, f"perfcheck {__version__}\n", "")
    ran = perfcheck("--help", cwd=tmp_path)
    assert ran.code == 0
    assert all(command in ran.out for command in ("lint", "rule", "completion"))
    assert "Exit codes: 0 nothing to report" in perfcheck("lint", "--help", cwd=tmp_path).out


def test_completion(tmp_path: Path) -> None:
    for shell in ("bash", "zsh", "fish"):
        ran = perfcheck("completion", shell, cwd=tmp_path)
        assert ran.code == 0
        assert "_PERFCHECK_COMPLETE" in ran.out
    asked = {"_PERFCHECK_COMPLETE": "bash_complete", "COMP_WORDS": "perfcheck lint --out", "COMP_CWORD": "2"}
    ran = perfcheck(
        cwd=tmp_path,
        env=asked,
        program=("-c", "import sys; sys.argv[0] = 'perfcheck'; from perfcheck.cli.main import main; main()"),
    )
    assert ran.out.split() == ["plain,--output-format", "plain,--output-file"]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("lint --select item-in", ["item-in-hot-loop"]),
        ("lint --ignore PC101,syn", ["PC101,sync"]),
        ("rule item-in", ["item-in-hot-loop"]),
        ("rule PC10", [f"PC10{number}" for number in range(1, 10)]),
        ("rule syn", ["synchronize-in-hot-loop"]),
    ],
)
def test_completion_of_rules(tmp_path: Path, typed: str, offered: list[str]) -> None:
    words = f"perfcheck {typed}"
    asked = {"_PERFCHECK_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    ran = perfcheck(
        cwd=tmp_path,
        env=asked,
        program=("-c", "import sys; sys.argv[0] = 'perfcheck'; from perfcheck.cli.main import main; main()"),
    )
    assert {f"plain,{word}" for word in offered} <= set(ran.out.split())
    assert "plain,sync" not in ran.out.split()  # no category is a rule
