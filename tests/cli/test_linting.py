"""What the engine is asked, with a stand-in that writes it down."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from perfcheck.cli.linting import Options, lint_paths
from perfcheck.config.lookup import Lookup
from perfcheck.findings import Finding, LintResult, Place
from perfcheck.lint import check
from perfcheck.lint.check import LintOptions
from perfcheck.rulebook.book import load_rules
from perfcheck.rulebook.rule import Rule
from perfcheck.source.text import SourceFile
from tests.cli.command import write

RULES = {rule.code: rule for rule in load_rules()}


class Asked(NamedTuple):
    names: list[str]
    root: Path
    codes: set[str]
    options: LintOptions
    cached: bool
    jobs: int


def finding(source: SourceFile, code: str, line: int, confidence: Any = "high") -> Finding:
    return Finding(
        rule=code,
        name=RULES[code].name,
        severity=RULES[code].severity,
        confidence=confidence,
        path=source.name,
        place=Place(line, 1, line, 2),
        message="",
        help="",
        url="",
        function="",
        hotness="step",
        fingerprint="",
    )


Answer = Callable[[SourceFile], list[Finding]]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answer], list[Asked]]:
    def install(answer: Answer) -> list[Asked]:
        asked: list[Asked] = []

        def lint(
            targets: Sequence[SourceFile],
            *,
            root: Path,
            rules: Sequence[Rule],
            options: LintOptions,
            store: object,
            jobs: int,
            progress: Callable[[int, int], None],
            standing: object,
        ) -> LintResult:
            names = [target.name for target in targets]
            codes = {rule.code for rule in rules}
            asked.append(Asked(names, root, codes, options, store is not None, jobs))
            for done in range(len(targets)):
                progress(done + 1, len(targets))
            found = [one for target in targets for one in answer(target)]
            return LintResult(tuple(found), files=len(targets), lines=len(targets))

        monkeypatch.setattr(check, "lint", lint)
        return asked

    return install


def silent(done: int, total: int) -> None:
    """Progress that nobody watches."""


def test_files_are_grouped_by_settings_and_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Callable[[Answer], list[Asked]]
) -> None:
    write(
        tmp_path,
        {
            "pyproject.toml": "[tool.perfcheck]\nselect = ['PC1']\njobs = 3\ntorch-version = '2.4'",
            "a.py": "",
            "pkg/b.py": "",
            "other/setup.py": "",
            "other/perfcheck.toml": "sync-allowed = ['log_metrics']\ntier = 'high'\n",
            "other/c.py": "",
        },
    )
    monkeypatch.chdir(tmp_path)
    asked = engine(lambda source: [])
    steps: list[tuple[int, int]] = []
    outcome = lint_paths(["."], Lookup(), Options(events=True), lambda *step: steps.append(step))
    first, second = asked
    assert (first.names, first.root, first.jobs, first.cached) == (["a.py", "pkg/b.py"], tmp_path, 3, True)
    assert first.options == LintOptions(True, (), "2.4")
    assert first.codes and all(code.startswith("PC1") for code in first.codes)
    assert (second.names, second.root) == (["other/c.py", "other/setup.py"], tmp_path / "other")
    assert second.options == LintOptions(True, ("log_metrics",), None)
    assert {RULES[code].confidence for code in second.codes} == {"high"}
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert outcome.result.files == 4


def test_what_is_less_certain_than_its_rule_is_shown_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Callable[[Answer], list[Asked]]
) -> None:
    write(tmp_path, {"a.py": "x\n"})
    monkeypatch.chdir(tmp_path)
    engine(lambda source: [finding(source, "PC101", 1, "heuristic")])

    def shown(**overrides: Any) -> int:
        return len(
            lint_paths(["."], Lookup(overrides=overrides), Options(cache=False), silent).result.findings
        )

    assert shown() == 0
    assert shown(tier="heuristic") == 1
    assert shown(select=("PC101",)) == 1
    assert shown(select=("PC1",)) == 0


def test_findings_are_sorted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Callable[[Answer], list[Asked]]
) -> None:
    write(tmp_path, {"b/setup.py": "", "b/x.py": "x\n" * 9, "a.py": "x\n" * 9})
    monkeypatch.chdir(tmp_path)
    engine(lambda source: [finding(source, code, line) for line in (5, 2) for code in ("PC106", "PC101")])
    result = lint_paths(["b", "a.py"], Lookup(), Options(cache=False), silent).result
    seen = [(one.path, one.place.line, one.rule) for one in result.findings]
    assert seen == sorted(seen)
    assert len(seen) == 12
