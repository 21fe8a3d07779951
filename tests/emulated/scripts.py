"""Running whole scripts in a process of their own, plain or on an emulated device.

``python scripts.py emulated SCRIPT...`` prints, as JSON, per script what it prints itself and which lines
made the host wait how often.
"""

import contextlib
import io
import json
import os
import runpy
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any


def run(scripts: list[Path], cwd: Path, emulated: bool = True, **environment: str) -> str:
    """What the scripts, run one after the other by a new interpreter, show."""
    package = str(Path(__file__).parents[2])
    path = os.pathsep.join([package, os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, __file__, "emulated" if emulated else "plain", *map(str, scripts)],
        check=False,
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **environment},
    )
    if done.returncode:
        raise RuntimeError(f"{scripts} ended with {done.returncode}: {done.stderr[-3000:]}")
    return done.stdout


def _run(script: str, emulated: bool) -> dict[str, Any]:
    from perfcheck.counted import Tally
    from perfcheck.emulated import install

    tally, printed = Tally(), io.StringIO()
    device = install(tally, own=[script]) if emulated else None
    with contextlib.redirect_stdout(printed):
        runpy.run_path(script, run_name="__main__")
    if device is not None:
        device.uninstall()
    waits: Counter[str] = Counter()
    for one in tally.counted():
        if one.event == "host-sync" and one.path == script:
            waits[str(one.line)] += one.count
    left_out = sorted({one.feature for one in tally.left_out()})
    return {"prints": printed.getvalue(), "waits": dict(waits), "left out": left_out}


if __name__ == "__main__":
    sys.path.pop(0)
    kind, *paths = sys.argv[1:]
    shown = {}
    for path in paths:
        sys.argv = [path]
        shown[os.path.basename(path)] = _run(os.path.realpath(path), kind == "emulated")
    json.dump(shown, sys.stdout, sort_keys=True)
