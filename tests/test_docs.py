"""The documentation says what is so: commands shown in it give what stands below them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs import list_rules
from perfcheck.rulebook.book import load_rules
from tests.cli.command import perfcheck
from tests.recordings import TRACES, needs_recordings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ADDING = (ROOT / "docs" / "adding-a-rule.md").read_text(encoding="utf-8")

PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])


def block(text: str, language: str) -> str:
    """The first fenced block of that language."""
    found = re.search(rf"^(```+){language}\n(.*?)^\1$", text, re.DOTALL | re.MULTILINE)
    if found is None:
        raise LookupError(f"no block of {language}")
    return found[2]


def test_the_readme_shows_what_the_command_prints(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(block(README, "python"), encoding="utf-8")
    shown = block(README, "console")
    assert shown == "$ perfcheck lint train.py\n" + perfcheck("lint", "train.py", cwd=tmp_path).out


def test_the_lists_of_rules_are_up_to_date() -> None:
    rules = load_rules()
    remedy = "run python docs/list_rules.py"
    assert list_rules.LIST.read_text(encoding="utf-8") == list_rules.list_of_rules(rules), remedy
    assert list_rules.readme(README, rules) == README, remedy


def test_the_page_that_is_explained_holds(tmp_path: Path) -> None:
    page = tmp_path / "perf_rules" / "reduce-dict-in-step.md"
    page.parent.mkdir()
    page.write_text(block(ADDING, "markdown"), encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(block(ADDING, "toml"), encoding="utf-8")
    assert perfcheck("rule", "--check", "perf_rules/", cwd=tmp_path).code == 0
    (tmp_path / "train.py").write_text(
        "from acme import metrics\n\n\ndef train(model, loader):\n    for batch in loader:\n"
        "        metrics.reduce_dict(model(batch))\n",
        encoding="utf-8",
    )
    found = perfcheck("lint", "--select", "ACME101", "--output-format", "concise", cwd=tmp_path)
    assert found.out.startswith("train.py:6:9: ACME101 ")


@needs_recordings
@pytest.mark.parametrize("page", ["README.md", "docs/diff.md"])
def test_what_is_shown_of_recordings_is_what_the_commands_print(page: str) -> None:
    """``PERFCHECK_WRITE_GOLDEN=1`` writes it anew."""
    text = (ROOT / page).read_text(encoding="utf-8")
    shown = re.compile(r"^(\$ perfcheck ((?:analyze|diff) 0.*)\n)(?:(?!```).*\n)*(?=```)", re.MULTILINE)
    assert shown.search(text)
    printed = shown.sub(lambda found: found[1] + perfcheck(*found[2].split(), cwd=TRACES).out, text)
    if os.environ.get("PERFCHECK_WRITE_GOLDEN"):
        (ROOT / page).write_text(printed, encoding="utf-8", newline="\n")
    assert text == printed


def test_the_site_has_every_page_and_no_link_that_leads_nowhere(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    config = ROOT / "docs" / "site" / "mkdocs.yml"
    built = subprocess.run(
        [
            sys.executable,
            "-m",
            "mkdocs",
            "build",
            "--strict",
            "--config-file",
            config,
            "--site-dir",
            tmp_path,
        ],
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    for rule in load_rules():
        assert (tmp_path / rule.url.partition("readthedocs.io/")[2] / "index.html").exists()
    assert "perfcheck gate" in (tmp_path / "commands" / "index.html").read_text(encoding="utf-8")
    assert 'id="budgets"' in (tmp_path / "ci" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    targets = [link for link in links if "://" not in link]
    assert [target for target in targets if not (page.parent / target).exists()] == []
