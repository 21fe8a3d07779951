"""A safe fix changes no result, bit for bit, and what it is there for is gone.

Each rule with a safe fix has a program in ``proofs/``, which uses the example of the rule's page
(``example``). Both are mended by the command, and run before and after with the same seed: on the CPU, and
on an emulated device. The lines that are mended end in ``# CODE``. ``GONE`` names the events that must not
happen there any more; a program with ``cost()`` counts instead what no device sees.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from perfcheck.rulebook.book import load_rules
from perfcheck.rulebook.rule import Rule
from tests.cli.command import environment, lint, perfcheck, write

PROOFS = Path(__file__).parent / "proofs"
DRIVER = Path(__file__).with_name("proof_driver.py")
SAFE = {rule.code: rule for rule in load_rules() if rule.fix is not None and rule.fix.safety == "safe"}


def example(rule: Rule) -> str:
    """The example of which the page shows what the fix makes, with its marks."""
    fixed = next(one for one in rule.examples if one.kind == "fixed")
    return [one for one in rule.examples if one.kind == "bad" and one.line < fixed.line][-1].code


@pytest.fixture(scope="module")
def mended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all proofs, before and after their fixes, for each device."""
    folder = tmp_path_factory.mktemp("proofs")
    for name in ("before", "after"):
        for code, rule in SAFE.items():
            program = (PROOFS / f"{code}.py").read_text(encoding="utf-8")
            write(folder / name / "emulated" / code, {"program.py": program, "example.py": example(rule)})
    assert perfcheck("lint", "--isolated", "--fix-only", ".", cwd=folder / "after" / "emulated").code == 0
    for name in ("before", "after"):
        for path in (folder / name / "emulated").rglob("*.py"):
            text = path.read_text(encoding="utf-8").replace('"cuda"', '"cpu"')
            write(folder / name / "cpu" / path.parent.name, {path.name: text})
    return folder


@pytest.fixture(scope="module")
def compared(mended: Path) -> dict[str, Any]:
    pytest.importorskip("torch")
    ran = subprocess.run(
        [sys.executable, str(DRIVER), str(mended)],
        env={**environment(), "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    document: dict[str, Any] = json.loads(ran.stdout)
    return document


def test_every_safe_fix_has_a_proof() -> None:
    assert {path.stem for path in PROOFS.glob("*.py")} == SAFE.keys()


def test_the_marked_lines_are_mended_and_no_others(mended: Path) -> None:
    before, after = (mended / name / "emulated" for name in ("before", "after"))
    found = {
        (one["path"], place["line"], one["rule"], one["fix"]["safety"])
        for one in lint("--isolated", ".", cwd=before).document["findings"]
        if one["rule"] in SAFE
        for place in (one, *one["places"])
    }
    marked = {
        (str(path.relative_to(before)), number, mark[1], "safe")
        for path in before.rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1)
        if (mark := re.search(r"# (PC\d+)", line))
    }
    assert found == marked
    left = lint("--isolated", ".", cwd=after).document["findings"]
    assert [one for one in left if one["rule"] in SAFE] == []


@pytest.mark.parametrize("where", ["cpu", "emulated"])
@pytest.mark.parametrize("code", SAFE)
def test_results_are_the_same_bit_for_bit(code: str, where: str, compared: dict[str, Any]) -> None:
    proof = compared[f"{code} on {where}"]
    assert proof["same"]
    assert proof["values"] > 100


@pytest.mark.parametrize("code", SAFE)
def test_what_it_is_there_for_is_gone(code: str, compared: dict[str, Any]) -> None:
    proof = compared[f"{code} on emulated"]
    events, costs = proof["events"], proof["cost"]
    if costs == [None, None]:
        assert events[0] > events[1] == 0
    else:
        assert costs[0] > costs[1]
