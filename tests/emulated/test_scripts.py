"""Whole scripts: the waits that were written down by hand before they ran, and the values of the CPU."""

import json
import os
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs torch")

from tests.emulated.scripts import run

SHARED = Path(os.environ.get("PERFCHECK_SHARED", Path(__file__).parents[3] / "shared"))
SCRIPTS = SHARED / "prototypes" / "emulated_scripts"

pytestmark = pytest.mark.skipif(not SCRIPTS.is_dir(), reason=f"{SCRIPTS} is not there")


def scripts() -> list[Path]:
    return [
        path
        for path in sorted(SCRIPTS.glob("*.py"))
        if path.name != "accel.py" or find_spec("accelerate") is not None
    ]


def test_every_wait_at_its_line_each_time_and_the_prints_of_the_cpu(tmp_path: Path) -> None:
    expected = json.loads((SCRIPTS / "expected.json").read_text())
    first, second = (json.loads(run(scripts(), tmp_path, PYTHONHASHSEED=str(seed))) for seed in (0, 1))
    assert {name: first[name]["waits"] for name in first} == {name: expected[name] for name in first}
    assert second == first

    same = ("mnist.py", "gan.py", "accel.py")  # the others print times, or compute in half precision on a GPU
    host = json.loads(run([path for path in scripts() if path.name in same], tmp_path, emulated=False))
    assert {name: host[name]["prints"] for name in host} == {name: first[name]["prints"] for name in host}
