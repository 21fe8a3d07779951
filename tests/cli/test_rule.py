import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from perfcheck.rulebook.book import load_rules
from tests.rulebook.pages import page_named

ROOT = Path(__file__).parents[2]


def environment(**variables: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **variables}


def perfcheck(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "perfcheck", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment(),
        encoding="utf-8",
    )


@pytest.mark.parametrize("word", ["PC101", "pc101", "item-in-hot-loop"])
def test_a_rule_is_explained(word: str) -> None:
    done = perfcheck("rule", word)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("PC101 item-in-hot-loop\n======================\n\nerror, high confidence")
    assert "\nWhy it is slow\n--------------\n" in done.stdout
    assert done.stdout.endswith("/rules/sync/item-in-hot-loop/\n")
    assert "\x1b" not in done.stdout


def test_help_speaks_in_general() -> None:
    page = perfcheck("rule", "iterate-device-tensor").stdout
    assert "`X.tolist()`" in page
    assert "{X}" not in page


def test_json_has_everything() -> None:
    one = json.loads(perfcheck("rule", "PC101", "--output-format", "json").stdout)
    (rule,) = [rule for rule in load_rules() if rule.code == "PC101"]
    assert (one["code"], one["message"], one["sources"]) == (rule.code, rule.message, list(rule.sources))
    assert one["where"] == [predicate.text for predicate in rule.where]
    assert {section["heading"] for section in one["sections"]} == dict(rule.sections).keys()
    assert one["examples"][0]["flagged"] == list(rule.examples[0].flagged)
    several = json.loads(perfcheck("rule", "PC101", "PC102", "--output-format", "json").stdout)
    assert [each["code"] for each in several] == ["PC101", "PC102"]
    everything = json.loads(perfcheck("rule", "--all", "--output-format", "json").stdout)
    assert [each["code"] for each in everything] == [rule.code for rule in load_rules()]


def test_markdown_is_the_page() -> None:
    page = perfcheck("rule", "PC101", "--output-format", "markdown").stdout
    assert page.startswith(
        "# item-in-hot-loop (PC101)\n\n*error, high confidence, sync, event host-sync*\n\n"
    )
    (rule,) = [rule for rule in load_rules() if rule.code == "PC101"]
    for heading, text in rule.sections:
        assert f"\n\n## {heading}\n\n{text}\n" in page


def test_a_terminal_gets_colours() -> None:
    """On a terminal the page is laid out; ``NO_COLOR`` takes the colours away."""

    def shown(**variables: str) -> bytes:
        terminal, other = pty.openpty()
        command = [sys.executable, "-m", "perfcheck", "rule", "PC101"]
        process = subprocess.Popen(
            command, stdout=other, cwd=ROOT, env=environment(TERM="xterm-256color", **variables)
        )
        os.close(other)
        output = b""
        while True:
            try:
                part = os.read(terminal, 4096)
            except OSError:  # Linux says so at the end
                break
            if not part:
                break
            output += part
        os.close(terminal)
        assert process.wait() == 0
        return output

    assert b"\x1b[" in shown()
    assert b"[36" not in shown(NO_COLOR="1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Name the rules to explain, or give --all."),
        (["PC101", "--all"], "Name the rules to explain, or give --all."),
        (["item-in-hot-lop"], "Did you mean item-in-hot-loop?"),
        (["--check", "absent.md"], "There is no file or folder absent.md."),
        (["--check", "perfcheck"], "no rule pages (*.md) are there"),
        (["--output-format", "xml", "PC101"], "'xml' is not one of"),
    ],
)
def test_wrong_use(arguments: list[str], message: str) -> None:
    done = perfcheck("rule", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""


OWN = (
    page_named("MY101", "own-rule")
    .replace('["PC102"]', "[]")
    .replace("# MY101, PC102", "# MY101")
    .replace('where = ["on_device($T)", "not guarded()"]', "where = []")
    .replace("    x.detach()\n", "    x.detach()\n    y = x.detach()\n")
)


def test_pages_of_a_project(tmp_path: Path) -> None:
    pages = tmp_path / "perf_rules"
    pages.mkdir()
    (pages / "own-rule.md").write_text(OWN, encoding="utf-8")
    (tmp_path / "perfcheck.toml").write_text('rules = ["perf_rules/"]\n', encoding="utf-8")
    assert perfcheck("rule", "MY101", cwd=tmp_path).stdout.startswith("MY101 own-rule\n")
    done = perfcheck("rule", "--check", "perf_rules", cwd=tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == ("1 rule page checked, nothing to mend\n", "", 0)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("float($T)", "float($T", "match", "the pattern `float($T` is not Python"),
        (
            "    y = float(x)  # MY101\n",
            "    y = float(x)\n",
            "y = float",
            "MY101 flags this line of the bad",
        ),
        ("    y = float(x)  # MY101\n", "    y = 1.0  # MY101\n", "y = 1.0", "MY101 does not flag this line"),
        ("xs.tolist()", "xs.tolist(", "xs.tolist(", "the good example is not Python"),
        ("xs.tolist()", "xs.item()", "xs.item()", "MY101 flags this line of the good example"),
        ("[]\n\n[fix]", '["PC999"]\n\n[fix]', "+++", "`instead_of` names `PC999`, which is no rule"),
        ("where = []", 'detector = "none"', "detector", "there is no detector `none`"),
        ("MY101", "PC101", "code = ", "the code `PC101` is taken by"),
    ],
)
def test_bad_pages_of_a_project(old: str, new: str, line: str, message: str, tmp_path: Path) -> None:
    text = OWN.replace(old, new)
    assert text != OWN
    page = tmp_path / "loops" / "own-rule.md"
    page.parent.mkdir()
    page.write_text(text, encoding="utf-8")
    done = perfcheck("rule", "--check", str(tmp_path))
    number = next(number for number, each in enumerate(text.split("\n"), 1) if line in each)
    assert done.returncode == 2
    assert f"{page}:{number}: {message}" in done.stdout
    assert "problem" in done.stderr
    assert "Traceback" not in done.stderr
