"""The traced fixtures: each waits where it should, its mended twin nowhere, and both print what the CPU
prints.
"""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import ROOT, environment

pytest.importorskip("torch")

SCRIPTS = ROOT / "fixtures" / "scripts" / "traced"
DRIVER = Path(__file__).with_name("fixtures_driver.py")
EXPECTED: dict[str, dict[str, dict[str, int]]] = json.loads(
    (SCRIPTS / "expected.json").read_text(encoding="utf-8")
)
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
    assert not [one["error"] for one in found.values() if "error" in one]
    return [found[str(script)] for script in scripts]


WAITS = {"host-sync", "pageable-copy", "d2h-copy"}


def in_steps(counted: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Line -> event -> how often it came there, in the steps: waits and copies."""
    found: dict[str, dict[str, int]] = {}
    for line, event, count, phase in counted["events"]:
        if event in WAITS | {"h2d-copy", "hidden-copy"} and phase == "steps":
            events = found.setdefault(str(line), {})
            events[event] = events.get(event, 0) + count
    return found


def test_there_is_one_of_each() -> None:
    names = {path.name for path in SCRIPTS.glob("*.py")}
    assert names == {path.name for path in (SCRIPTS / "mended").glob("*.py")} == set(EXPECTED)
    assert len(names) >= 12


def here(names: list[str]) -> list[str]:
    return [name for name in names if name not in LIBRARIES or find_spec(LIBRARIES[name]) is not None]


@pytest.mark.parametrize(
    "names", [sorted(EXPECTED.keys() - LIBRARIES), sorted(LIBRARIES)], ids=["torch", "libraries"]
)
def test_each_waits_where_it_should_and_its_twin_nowhere(names: list[str]) -> None:
    names = here(names)
    scripts = drive("count", *(SCRIPTS / name for name in names))
    twins = drive("count", *(SCRIPTS / "mended" / name for name in names))
    plains = drive("plain", *(SCRIPTS / name for name in names if name != MIXED))
    assert {name: in_steps(script) for name, script in zip(names, scripts)} == {
        name: EXPECTED[name] for name in names
    }
    for name, script, twin in zip(names, scripts, twins):
        assert script["out"] == twin["out"] != "", name
        assert not {event for events in in_steps(twin).values() for event in events} & WAITS, name
    assert [plain["out"] for plain in plains] == [
        script["out"] for name, script in zip(names, scripts) if name != MIXED
    ]
