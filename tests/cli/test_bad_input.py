"""What bad input gets: an entry in ``errors`` or a message and exit code 2.

Never a traceback, and nothing is lost elsewhere.
"""

import ast
import json
import os
import resource
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from perfcheck.cli.linting import Options, lint_paths, lint_text
from perfcheck.cli.main import cli
from perfcheck.config.lookup import Lookup
from tests.cli.command import Ran, environment, lint, perfcheck, write
from tests.sources import LINE, TRAIN
from tests.unprivileged import reachable_directory, unprivileged

FOUND = ("train.py", "PC101", LINE)


def test_every_kind_of_bad_file_is_told_and_hides_nothing(tmp_path: Path) -> None:
    told = {
        "syntax.py": b"x = 1\ndef f(:\n",
        "python2.py": b"x = 1\nprint 'hello'\nexec 'x'\n",
        "later.py": b"class C[T]:\n    type X = int\n"
        if sys.version_info < (3, 12)
        else b"x = (yield = 3)\n",
        "latin.py": b"x = 1\ny = '\xe9'\n",
        "unknown.py": b"# coding: klingon\n",
        "declared.py": b"# coding: ascii\ny = '\xc3\xa9'\n",
        "utf16.py": "x = 1\n".encode("utf-16"),
        "nul.py": b"x = 1\n\0\n",
        "tabs.py": b"if x:\n\ty\n        z\n",
        "indent.py": b"  x = 1\n y = 2\n",
        "string.py": b"x = '''\n",
        "bracket.py": b"x = (\n",
        "binary.py": bytes(range(256)),
        "nested.py": b"x = " + b"(" * 5_000 + b")" * 5_000,
        "broken.ipynb": b'{"cells": [',
        "list.ipynb": b"[]",
        "cell.ipynb": json.dumps(
            {"cells": [{"cell_type": "code", "source": "def (:"}, {"cell_type": "code", "source": TRAIN}]}
        ).encode(),
    }
    fine = {
        "train.py": TRAIN.encode(),
        "empty.py": b"",
        "bom.py": b"\xef\xbb\xbf" + TRAIN.encode(),
        "crlf.py": TRAIN.replace("\n", "\r\n").encode(),
        "cr.py": TRAIN.replace("\n", "\r").encode(),
        "feed.py": TRAIN.replace("\n\n\n", "\n\x0c\n\n", 1).encode(),
        "declared_latin.py": b"# coding: latin-1\n" + TRAIN.replace("fit", "fït").encode("latin-1"),
        "bom_only.py": b"\xef\xbb\xbf",
        "no_newline.py": TRAIN.rstrip().encode(),
        "inner.py/train.py": TRAIN.encode(),
    }
    write(tmp_path, {**told, **fine})
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "self.py").symlink_to("self.py")
    (tmp_path / "nowhere.py").symlink_to("missing.py")
    os.mkfifo(tmp_path / "pipe.py")
    ran = lint(cwd=tmp_path)
    assert ran.err == ""
    assert ran.code == 1
    errors = {error["path"]: error for error in ran.document["errors"]}
    assert set(errors) == {*told, "self.py", "nowhere.py", "pipe.py"}
    lines = {
        path: errors[path]["line"]
        for path in ("syntax.py", "python2.py", "latin.py", "nul.py", "declared.py")
    }
    assert lines == {"syntax.py": 2, "python2.py": 2, "latin.py": 2, "nul.py": 2, "declared.py": 2}
    at = dict.fromkeys([path for path, content in fine.items() if len(content) > 10], LINE)
    at["declared_latin.py"] += 1
    at["cell.ipynb"] = LINE
    assert sorted(ran.found) == sorted((path, "PC101", line) for path, line in at.items())


def test_what_is_named_and_cannot_be_read_hides_nothing() -> None:
    with reachable_directory() as root:
        write(root, {"train.py": TRAIN, "locked.py": TRAIN})
        (root / "locked.py").chmod(0)
        (root / "nowhere.py").symlink_to("missing.py")

        def work() -> Ran:
            os.chdir(root)
            named = ("train.py", "locked.py", "nowhere.py")
            asked = ["lint", "--no-cache", "--output-format", "json", *named]
            result = CliRunner().invoke(cli, asked, standalone_mode=False)
            return Ran(result.return_value, result.stdout, result.stderr)

        ran = unprivileged(work)
        assert (ran.code, ran.err, ran.found) == (1, "", [FOUND])
        assert [(error["path"], error["message"]) for error in ran.document["errors"]] == [
            ("locked.py", "cannot be read: Permission denied"),
            ("nowhere.py", "cannot be read: No such file or directory"),
        ]


@pytest.mark.parametrize("name", [".gitignore", "sub/.gitignore", ".git/info/exclude"])
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_git_ignores_cannot_be_told_without_end(tmp_path: Path, name: str, kind: str) -> None:
    write(tmp_path, {"train.py": TRAIN, "sub/x.py": "", ".git/info/x": ""})
    if kind == "pipe":
        os.mkfifo(tmp_path / name)
    else:
        (tmp_path / name).symlink_to("/dev/zero")
    ran = limited("lint", "--output-format", "json", cwd=tmp_path)
    assert (ran.code, ran.err, ran.found) == (1, "", [FOUND])


def test_a_baseline_without_end(tmp_path: Path) -> None:
    write(tmp_path, {"train.py": TRAIN, "perfcheck.toml": "baseline = '/dev/zero'\n"})
    for arguments in (["lint"], ["lint", "--isolated", "--baseline", "/dev/zero"]):
        ran = limited(*arguments, cwd=tmp_path)
        assert (ran.code, ran.out) == (2, "")
        assert "/dev/zero: the baseline cannot be read: not a regular file" in ran.err


def limited(*arguments: str, cwd: Path) -> Ran:
    """The command with 4 GiB of memory, which a file without end fills."""
    run = subprocess.run(
        [sys.executable, "-m", "perfcheck", *arguments],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30)),
        timeout=120,
        check=False,
    )
    return Ran(run.returncode, run.stdout.decode(), run.stderr.decode())


def test_only_errors_is_nothing_found(tmp_path: Path) -> None:
    write(tmp_path, {"broken.py": "def ("})
    assert lint(cwd=tmp_path).code == 0
    text = perfcheck("lint", cwd=tmp_path)
    assert text.code == 0
    assert "broken.py:1: not linted: " in text.out
    assert text.out.endswith("No findings in 0 files; 1 file not linted.\n")
    told = " ".join(perfcheck("lint", "--help", cwd=tmp_path).out.split())
    assert "Files that cannot be read or parsed are told, and do not change it." in told


@pytest.mark.parametrize(
    "expression",
    [
        "-" * 50_000 + "1",
        "not " * 20_000 + "1",
        "[" * 150 + "]" * 150,
        "x" + ".a" * 50_000,
        "f" + "()" * 50_000,
        "1" + " + 1" * 50_000,
        "lambda: " * 20_000 + "1",
        "x = " * 20_000 + "1",
        "{1: " * 90 + "2" + "}" * 90,
    ],
    ids=lambda text: text[:8],
)
def test_deep_nesting(tmp_path: Path, expression: str) -> None:
    write(tmp_path, {"deep.py": TRAIN + "\n\n" + expression + "\n", "train.py": TRAIN})
    ran = lint(cwd=tmp_path)
    assert ran.err == ""
    assert ran.code == 1
    assert FOUND in ran.found
    assert ("deep.py", "PC101", LINE) in ran.found
    depth = TRAIN.count("\n") + 3
    assert {(error["path"], error["line"]) for error in ran.document["errors"]} <= {("deep.py", depth)}
    diff = perfcheck("lint", "--diff", "--unsafe-fixes", cwd=tmp_path)
    assert (diff.code, "+++ train.py" in diff.out, "internal" in diff.err) == (1, True, False)


def test_what_is_deep_and_can_be_read_is_told_where_it_is_met(tmp_path: Path) -> None:
    write(tmp_path, {"deep.py": f"{TRAIN}\n\n{'a if b else ' * 5_000}c\n", "train.py": TRAIN})
    ran = lint(cwd=tmp_path)
    assert (ran.code, ran.err, FOUND in ran.found) == (1, "", True)
    in_file = {path for path, _, _ in ran.found} | {error["path"] for error in ran.document["errors"]}
    assert "deep.py" in in_file


def test_deep_blocks(tmp_path: Path) -> None:
    deep = "".join(" " * level + "if x:\n" for level in range(99)) + " " * 99 + "y\n"
    many = "if x:\n    y\n" + "elif x:\n    y\n" * 3_000
    write(tmp_path, {"deep.py": deep, "many.py": many, "train.py": TRAIN})
    ran = lint(cwd=tmp_path)
    assert (ran.code, ran.err) == (1, "")
    assert ran.found == [FOUND]


def test_a_generated_file_of_ten_megabytes(tmp_path: Path) -> None:
    row = '    "' + "0123456789abcdef" * 6 + '",\n'
    table = "table = [\n" + row * (10_000_000 // len(row)) + "]\n"
    write(tmp_path, {"huge.py": TRAIN + "\n\n" + table})
    assert (tmp_path / "huge.py").stat().st_size > 9_900_000
    ran = lint(cwd=tmp_path)
    assert (ran.code, ran.err, ran.found) == (1, "", [("huge.py", "PC101", LINE)])


def test_a_very_long_line(tmp_path: Path) -> None:
    write(tmp_path, {"long.py": "x = '" + "y" * 2_000_000 + "'\n" + TRAIN})
    assert lint(cwd=tmp_path).found == [("long.py", "PC101", LINE + 1)]
    assert len(perfcheck("lint", cwd=tmp_path).out) < 10_000


def test_names_that_are_not_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.py")
    (tmp_path / name).write_text(TRAIN)
    (tmp_path / "new\nline.py").write_text(TRAIN)
    for output_format in ("text", "concise", "json", "github", "gitlab", "sarif", "junit"):
        ran = perfcheck("lint", "--output-format", output_format, cwd=tmp_path)
        assert (ran.code, ran.err) == (1, "")
    assert [path for path, _, _ in lint(cwd=tmp_path).found] == ["caf\\udce9.py", "new\nline.py"]


def test_a_terminal_that_has_few_characters(tmp_path: Path) -> None:
    write(tmp_path, {"train.py": TRAIN.replace("total += loss.item()", "total += loss.item()  # é")})
    for output_format in ("text", "concise", "github", "json"):
        ran = perfcheck(
            "lint",
            "--output-format",
            output_format,
            cwd=tmp_path,
            env={"LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
        )
        assert (ran.code, ran.err) == (1, "")


def test_what_may_not_be_read() -> None:
    with reachable_directory() as root:
        write(root, {"train.py": TRAIN, "locked.py": TRAIN, "closed/x.py": TRAIN})
        (root / "locked.py").chmod(0)
        (root / "closed").chmod(0)

        def work() -> tuple[list[str], list[tuple[str, str]]]:
            os.chdir(root)
            outcome = lint_paths(["."], Lookup(isolated=True), Options(cache=False), lambda done, total: None)
            return (
                [finding.path for finding in outcome.result.findings],
                [(error.path, error.message) for error in outcome.result.errors],
            )

        found, errors = unprivileged(work)
        assert found == ["train.py"]
        assert errors == [(path, "cannot be read: Permission denied") for path in ("closed", "locked.py")]


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ("selct = ['PC1']", 'perfcheck.toml: unknown key "selct"; did you mean "select"?'),
        ("jobs = 'many'", 'perfcheck.toml: jobs must be a whole number from 1 to 1024, not "many"'),
        ("select = [", "perfcheck.toml: not valid TOML"),
        ("a" * 100_000 + " = " + "[" * 100_000, "perfcheck.toml: not valid TOML"),
        ("rules = ['nowhere/']", "nowhere"),
        ("select = ['PC99999']", "perfcheck.toml: no rule is selected by `PC99999`"),
        ("per-file-ignores = {'a' = ['PC99999']}", "perfcheck.toml: no rule is selected by `PC99999`"),
        (b"\xff\xfe", "perfcheck.toml:1: not valid UTF-8"),
    ],
)
def test_a_bad_configuration(tmp_path: Path, config: str | bytes, complaint: str) -> None:
    write(tmp_path, {"perfcheck.toml": config, "train.py": TRAIN})
    ran = lint(cwd=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("perfcheck: ")
    assert complaint in ran.err
    assert "Traceback" not in ran.err


def test_a_hostile_configuration_cannot_hang_or_write_elsewhere(tmp_path: Path) -> None:
    patterns = json.dumps(["*a" * 200 + "b", "**/" * 100 + "x", "[" * 500, "?" * 5_000])
    outside = tmp_path / "outside"
    outside.mkdir()
    write(
        tmp_path / "project",
        {
            "perfcheck.toml": f"exclude = {patterns}\nper-file-ignores = {{'{'*a' * 200}' = ['PC1']}}\n",
            "a" * 200 + ".py": TRAIN,
        },
    )
    (tmp_path / "project" / ".perfcheck_cache").symlink_to(outside)
    ran = lint(cwd=tmp_path / "project")
    assert (ran.code, ran.err) == (1, "")
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("damage", ["garbage", "empty", "truncated", "swapped", "directories"])
def test_a_corrupted_cache_changes_nothing(tmp_path: Path, damage: str) -> None:
    write(
        tmp_path,
        {"pyproject.toml": "", "a.py": TRAIN, "b.py": TRAIN.replace("fit", "fit2"), "c.py": "x = 1\n"},
    )
    fresh = lint("--events", cwd=tmp_path)
    cache = tmp_path / ".perfcheck_cache"
    entries = sorted(path for path in cache.rglob("*") if path.is_file())
    assert len(entries) > 3
    contents = [path.read_bytes() for path in entries]
    for path, content, other in zip(entries, contents, [*contents[1:], contents[0]], strict=True):
        if damage == "directories":
            path.unlink()
            path.mkdir()
        else:
            new = {
                "garbage": b"\x80garbage" * 50,
                "empty": b"",
                "truncated": content[: len(content) // 2],
                "swapped": other,
            }
            path.write_bytes(new[damage])
    again = lint("--events", cwd=tmp_path)
    assert again == fresh
    assert lint("--events", cwd=tmp_path) == fresh


def test_a_cache_that_cannot_be_kept_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "", "train.py": TRAIN, "file": ""})
    expected = lint("--no-cache", cwd=tmp_path)
    assert lint("--cache-dir", "file", cwd=tmp_path) == expected
    assert lint("--cache-dir", "file/below", cwd=tmp_path) == expected
    assert lint("--cache-dir", "/proc/perfcheck", cwd=tmp_path) == expected
    assert lint(cwd=tmp_path, env={"XDG_CACHE_HOME": str(tmp_path / "file")}) == expected


def test_a_full_disk_costs_only_the_cache(tmp_path: Path) -> None:
    """No file may grow, as on a full disk."""
    write(tmp_path, {"pyproject.toml": "", "train.py": TRAIN})
    run = subprocess.run(
        [sys.executable, "-m", "perfcheck", "lint", "--output-format", "json"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
        check=False,
    )
    ran = Ran(run.returncode, run.stdout.decode(), run.stderr.decode())
    assert (ran.code, ran.err, ran.found) == (1, "", [FOUND])


def test_half_a_report_is_not_left_on_a_full_disk(tmp_path: Path) -> None:
    write(tmp_path, {"train.py": TRAIN})
    run = subprocess.run(
        [sys.executable, "-m", "perfcheck", "lint", "--no-cache", "-o", "report.txt"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
        check=False,
    )
    assert (run.returncode, run.stderr) == (2, b"perfcheck: report.txt cannot be written: File too large\n")
    assert os.listdir(tmp_path) == ["train.py"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, the device that is always full")
def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    write(tmp_path, {"train.py": TRAIN})
    ran = lint("-o", "/dev/full", cwd=tmp_path)
    assert (ran.code, ran.err) == (2, "perfcheck: /dev/full cannot be written: No space left on device\n")
    with open("/dev/full", "wb") as full:
        run = subprocess.run(
            [sys.executable, "-m", "perfcheck", "lint"],
            cwd=tmp_path,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert run.returncode == 2
    assert run.stderr == b"perfcheck: standard output cannot be written: No space left on device\n"


def test_a_closed_pipe_is_quiet(tmp_path: Path) -> None:
    write(tmp_path, {f"train{number}.py": TRAIN for number in range(5)})
    for command in (["lint"], ["lint", "--help"], ["rule", "--all"], ["--version"]):
        reading, writing = os.pipe()
        os.close(reading)
        run = subprocess.run(
            [sys.executable, "-m", "perfcheck", *command],
            cwd=tmp_path,
            env=environment(),
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
        )
        os.close(writing)
        assert run.stderr == b"", command
        assert run.returncode in (0, 1), command


def test_closed_streams(tmp_path: Path) -> None:
    write(tmp_path, {"train.py": TRAIN})
    for stream, command, code in ((0, "-", 0), (1, "train.py", 1), (2, "train.py", 1), (2, "nowhere.py", 2)):
        run = subprocess.run(
            ["/bin/sh", "-c", f'exec "$0" -m perfcheck lint {command} {stream}>&-', sys.executable],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            check=False,
        )
        assert (run.returncode, run.stderr) == (code, b""), (stream, command)


def interrupted(*arguments: str, cwd: Path, after: float) -> tuple[int, str]:
    with subprocess.Popen(
        [sys.executable, "-m", "perfcheck", *arguments],
        cwd=cwd,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        time.sleep(after)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    return process.returncode, err.decode()


def test_an_interrupt_while_reading(tmp_path: Path) -> None:
    code, err = interrupted("lint", "-", cwd=tmp_path, after=2.0)
    assert code == 2
    assert err.strip() == "perfcheck: interrupted"


@pytest.mark.parametrize("module", ["click", "perfcheck.cli.lint", "perfcheck.lint.check"])
def test_an_interrupt_while_modules_are_loaded(tmp_path: Path, module: str) -> None:
    write(tmp_path, {"train.py": TRAIN})
    program = (
        "-c",
        "import os, signal, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from perfcheck.__main__ import main\n"
        "main()\n",
    )
    ran = perfcheck("lint", "--no-cache", cwd=tmp_path, program=program)
    assert (ran.code, ran.out, ran.err.strip()) == (2, "", "perfcheck: interrupted")


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupt_while_linting(tmp_path: Path, jobs: str) -> None:
    functions = "\n\n".join(TRAIN.replace("def fit", f"def fit{number}") for number in range(150))
    write(tmp_path, {"pyproject.toml": "", **{f"m{number}.py": functions for number in range(40)}})
    code, err = interrupted("lint", "--no-cache", "--jobs", jobs, cwd=tmp_path, after=2.5)
    assert code == 2
    assert err.strip() == "perfcheck: interrupted"


@pytest.mark.parametrize(
    ("missing", "extra", "command"),
    [
        ("torch", "trace", "verify --fix x.py"),
        ("pygls", "server", "server"),
        ("lsprotocol", "server", "server"),
    ],
)
def test_what_is_not_installed_is_named(tmp_path: Path, missing: str, extra: str, command: str) -> None:
    write(tmp_path, {"x.py": ""})
    program = (
        "-c",
        f"import sys; sys.modules[{missing!r}] = None\nfrom perfcheck.__main__ import main\nmain()\n",
    )
    ran = perfcheck(*command.split(), cwd=tmp_path, program=program)
    assert (ran.code, ran.out) == (2, "")
    assert f"{command.split()[0]} needs {missing}: pip install 'perfcheck[{extra}]'" in ran.err


def test_a_mistake_of_ours_names_the_file_and_keeps_its_traceback_to_itself(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "x = 1\n", "train.py": TRAIN})
    program = (
        "-c",
        "import sys, perfcheck.lint.check as check\n"
        "from perfcheck.cli.main import main\n"
        "def lint(targets, *, progress, **others):\n"
        "    progress(1, len(targets))\n"
        "    raise RuntimeError('boom')\n"
        "check.lint = lint\n"
        "main()\n",
    )
    ran = perfcheck("lint", cwd=tmp_path, program=program)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("perfcheck: internal error while linting train.py: RuntimeError: boom")
    assert ran.err.count("\n") == 1
    assert "Traceback" in perfcheck("lint", "-v", cwd=tmp_path, program=program).err


pieces = st.sampled_from(
    [
        "(",
        ")",
        "[",
        "]",
        ":",
        "=",
        "\n",
        "    ",
        "loss",
        ".item()",
        "for ",
        " in ",
        "#",
        "'",
        "\\",
        "\0",
        "\t",
        "\f",
        "\r",
        "é",
        "lambda ",
        "@",
        ",",
    ]
)
mutations = st.lists(
    st.tuples(st.integers(0, len(TRAIN)), st.integers(0, 30), st.lists(pieces, max_size=4)),
    min_size=1,
    max_size=4,
)


@pytest.fixture(scope="module")
def lookup(tmp_path_factory: pytest.TempPathFactory) -> Lookup:
    """With a cache, which spares reading the rules again for every mutation."""
    return Lookup(isolated=True, overrides={"cache_dir": str(tmp_path_factory.mktemp("cache"))})


@settings(max_examples=200)
@given(mutations=mutations)
def test_mutated_sources(lookup: Lookup, mutations: list[tuple[int, int, list[str]]]) -> None:
    """Every mutation is linted or told to be broken, just as Python itself would say."""
    text = TRAIN
    for at, length, inserted in mutations:
        text = text[:at] + "".join(inserted) + text[at + length :]
    data = text.encode()
    result = lint_text(data, "/nowhere/train.py", lookup, Options(), lambda done, total: None).result
    try:
        ast.parse(data)
    except (SyntaxError, ValueError):
        assert len(result.errors) == 1 and not result.findings
    else:
        assert not result.errors


def test_python_s_own_tests(tmp_path: Path) -> None:
    """Hundreds of odd sources: each is linted or in ``errors``, as are those that are broken on purpose."""
    library = Path(sysconfig.get_paths()["stdlib"]) / "test"
    files = sorted(library.glob("*.py")) + sorted((library / "encoded_modules").glob("*.py"))
    files += sorted(library.glob("**/bad*.py")) + sorted(library.glob("tokenizedata/*"))
    if len(files) < 100:
        pytest.skip("this Python comes without its tests")
    ran = lint("--isolated", "--no-cache", *sorted(set(files)), cwd=tmp_path)
    assert ran.code in (0, 1), ran.err
    assert ran.err == ""
    told = {error["path"] for error in ran.document["errors"]}
    for file in files:
        if file.name.startswith("bad"):
            assert (file.as_posix() in told) == (not compiles(file)), file


def compiles(path: Path) -> bool:
    try:
        ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return False
    return True
