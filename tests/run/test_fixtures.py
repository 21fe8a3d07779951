"""The traced fixtures: each waits where it should, its mended twin nowhere, and both print what the CPU
prints.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import ROOT, environment

pytest.importorskip("torch")

SCRIPTS = ROOT / "fixtures" / "scripts" / "traced"
DRIVER = Path(__file__).with_name("fixtures_driver.py")
EXPECTED: dict[str, dict[str, int]] = json.loads((SCRIPTS / "expected.json").read_text(encoding="utf-8"))
MIXED = "gpt_mixed_precision.py"
"""Autocast lowers other operators on the CPU than on CUDA, so that its losses differ in the third digit."""

LIBRARIES = {
    "accelerate_loop.py": "accelerate",
    "lightning_fit.py": "lightning",
    "transformers_trainer.py": "transformers",
}


def drive(what: str, *scripts: Path) -> list[dict[str, Any]]:
    ran = subprocess.run(
        [sys.executable, str(DRIVER), what, *map(str, scripts)],
        env={**environment(), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    found = json.loads(ran.stdout)
    return [found[str(script)] for script in scripts]


def waits(counted: dict[str, Any]) -> dict[str, int]:
    """Line -> how often the host waited there, in the steps."""
    found: dict[str, int] = {}
    for line, event, count, phase in counted["events"]:
        if event == "host-sync" and phase == "steps":
            found[str(line)] = found.get(str(line), 0) + count
    return found


def test_there_is_one_of_each() -> None:
    names = {path.name for path in SCRIPTS.glob("*.py")}
    assert names == {path.name for path in (SCRIPTS / "mended").glob("*.py")} == set(EXPECTED)
    assert len(names) >= 12


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_each_waits_where_it_should_and_its_twin_nowhere(name: str) -> None:
    if name in LIBRARIES:
        pytest.importorskip(LIBRARIES[name])
    script, mended = drive("count", SCRIPTS / name, SCRIPTS / "mended" / name)
    assert waits(script) == EXPECTED[name]
    assert waits(mended) == {}
    assert script["out"] == mended["out"] != ""
    if name != MIXED:
        (plain,) = drive("plain", SCRIPTS / name)
        assert script["out"] == plain["out"]
