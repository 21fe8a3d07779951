"""Run all traced fixtures on a real GPU and on the emulated one, and compare: to be run on a machine with
a GPU.

    python benchmarks/gpu.py            # prints the comparison, and writes it to benchmarks/gpu.md
    python benchmarks/gpu.py --record   # also keeps the recordings in fixtures/traces/, with their origin

For each script: how often each line makes the host wait, measured and emulated, in the same steps; and
how much longer a step takes in the window than outside of it. Lines on which the two disagree are where
the table of operators is wrong.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SCRIPTS = ROOT / "fixtures" / "scripts" / "traced"
TRACES = ROOT / "fixtures" / "traces"
WINDOW = ("--wait=1", "--warmup=0", "--steps=3")


def traced(script: Path, device: str, folder: Path) -> dict[str, Any]:
    """The document of a run; both devices look at the same steps."""
    command = [sys.executable, "-m", "perfcheck", "trace", f"--device={device}", *WINDOW, "--deep"]
    out = folder / f"{device}.json"
    ran = subprocess.run(
        [*command, f"--results={folder / device}", "-o", str(out), "--output-format=json", str(script)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if not out.exists():
        raise RuntimeError(f"{script.name} on {device}: {ran.stderr.strip()[-500:]}")
    document: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return document


def syncs(document: dict[str, Any], script: Path) -> dict[int, int]:
    """Line -> how often the host waited there, in the steps."""
    found: dict[int, int] = {}
    for row in document["events"]:
        if row["event"] == "host-sync" and Path(row["path"]).name == script.name:
            times = row["count"] - row["set_up"]
            if times:
                found[row["line"]] = found.get(row["line"], 0) + times
    return found


def slower(folder: Path) -> str:
    """What the run says of its overhead."""
    ran = subprocess.run(
        [sys.executable, "-m", "perfcheck", "trace", "--report", str(folder / "cuda")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return next((line for line in ran.stdout.splitlines() if "recording made it" in line), "").strip()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--record", action="store_true", help="keep the recordings in fixtures/traces/")
    arguments = parser.parse_args()
    import torch

    if not torch.cuda.is_available():
        print("there is no GPU here: nothing to compare with", file=sys.stderr)
        return 2
    gpu = torch.cuda.get_device_name()
    lines = [f"# Emulated and real, on {gpu}", "", f"torch {torch.__version__}, {date.today()}.", ""]
    lines += ["| script | line | measured | emulated | |", "|---|---|---|---|---|"]
    notes, differing = [], 0
    for script in sorted(SCRIPTS.glob("*.py")) + sorted((SCRIPTS / "mended").glob("*.py")):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            try:
                real = syncs(traced(script, "cuda", folder), script)
                counted = syncs(traced(script, "emulated", folder), script)
            except RuntimeError as error:
                notes.append(f"* {error}")
                continue
            for line in sorted({*real, *counted}):
                same = real.get(line, 0) == counted.get(line, 0)
                differing += not same
                mark = "" if same else "**differs**"
                name = str(script.relative_to(SCRIPTS))
                lines.append(f"| {name} | {line} | {real.get(line, 0)} | {counted.get(line, 0)} | {mark} |")
            notes.append(f"* {script.relative_to(SCRIPTS)}: {slower(folder)}")
            recording = folder / "cuda" / "rank-0" / "lines.json.gz"
            if arguments.record and recording.exists():
                TRACES.mkdir(exist_ok=True)
                kept = TRACES / f"{script.parent.name}-{script.stem}.json.gz"
                shutil.copy(recording, kept)
                origin = (
                    f"{kept.name}: perfcheck trace of {script.relative_to(ROOT)} on {gpu}, {date.today()}\n"
                )
                with open(TRACES / "ORIGIN", "a", encoding="utf-8") as file:
                    file.write(origin)
    text = "\n".join([*lines, "", f"{differing} lines differ.", "", *notes, ""])
    (ROOT / "benchmarks" / "gpu.md").write_text(text, encoding="utf-8")
    print(text)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
