"""What lint predicts beside what the emulated device counts: on the fixtures, and on the libraries' own code
that programs of tests/emulated reach.

    python benchmarks/agreement.py --write benchmarks/agreement.md

A finding of several runs gets the verdict that says most: confirmed, harmless, refuted, not measured, not
reached. Missed is each line and kind of event in the steps of which no finding speaks; of a library, if
the line is its own. What a page of a high confidence rule gets wrong is to be mended, or told below.
"""

import argparse
import io
import os
import platform
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import chdir, redirect_stdout
from datetime import datetime, timezone
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from perfcheck.cli.joining import evidence_of, verdicts
from perfcheck.cli.linting import Options, lint_paths
from perfcheck.config.lookup import Lookup
from perfcheck.confirm import Verdict
from perfcheck.run.results import read

ROOT = Path(__file__).parent.parent
TRACED = ROOT / "fixtures" / "scripts" / "traced"
PACKAGES = ("accelerate", "lightning", "timm", "torchmetrics", "transformers")
ORDER = ("confirmed", "harmless", "refuted", "not measured", "not reached")
CONFIDENCES = ("high", "medium", "heuristic")

METRICS = """
import torch, torchmetrics
from torchmetrics.classification import MulticlassAUROC, MulticlassAccuracy, MulticlassConfusionMatrix
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
metrics = torchmetrics.MetricCollection(
    [MulticlassAccuracy(3), MulticlassConfusionMatrix(3), MulticlassAUROC(3, thresholds=9)]
).to("cuda")
mean, error = torchmetrics.MeanMetric().to("cuda"), torchmetrics.MeanSquaredError().to("cuda")
for scores, labels in DataLoader(TensorDataset(torch.randn(24, 3), torch.randint(3, (24,))), 6):
    scores, labels = scores.cuda(), labels.cuda()
    metrics.update(scores.softmax(1), labels)
    mean.update(scores.sum(1))
    error.update(scores[:, 0], labels.float())
print(metrics.compute(), mean.compute(), error.compute())
"""


def library_programs() -> dict[str, str]:
    """Those whose libraries are installed."""
    sys.path.append(str(ROOT))
    from tests.emulated.test_libraries import SCRIPTS

    programs = {name: text for name, (text, needed) in SCRIPTS.items() if all(map(find_spec, needed))}
    if find_spec("torchmetrics"):
        programs["torchmetrics"] = METRICS
    return programs


def files_of(packages: Iterable[str]) -> list[str]:
    found = []
    for package in packages:
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            found += [str(path) for path in Path(folder).rglob("*.py")]
    return found


def run_all(scripts: list[str], to: Path, packages: Iterable[str]) -> None:
    """Trace each script on the emulated device, the packages' files counting as the user's; in a process of
    its own.
    """
    import runpy
    import traceback

    from perfcheck.callsite import CallSites
    from perfcheck.capture.counting import Counting
    from perfcheck.run.results import Plan, write_whole
    from perfcheck.run.script import Target
    from perfcheck.run.session import Session
    from perfcheck.run.window import Window

    own = files_of(packages)
    for number, script in enumerate(scripts):
        folder = to / f"{number:02}"
        plan = Plan(Target(script), "emulated", Window(), str(folder), os.getcwd())
        write_whole(folder / "run.json", plan.as_json())
        session = Session(plan, "rank-0", Counting([script, *own]), CallSites([script, *own]))
        session.start()
        try:
            with redirect_stdout(io.StringIO()):
                runpy.run_path(script, run_name="__main__")
        except Exception:  # what it reached is told all the same
            traceback.print_exc()
        finally:
            session.stop()


def runs(scripts: list[Path], packages: Iterable[str], folder: Path) -> list[Path]:
    command = [sys.executable, __file__, "--run", str(folder), *packages, "--", *map(str, scripts)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    subprocess.run(command, check=True, cwd=folder, env=environment)
    return sorted(path.parent for path in folder.glob("*/run.json"))


def judged(folders: list[Path]) -> list[Verdict]:
    """The verdicts of all runs together."""
    evidences = [evidence_of(read(folder)) for folder in folders]
    files = {
        os.path.join(one.run.plan.directory, path)
        for one in evidences
        for path, lines in one.seen.lines.items()
        if len(lines) > 1
    }
    with chdir(evidences[0].run.plan.directory):  # paths are told relative to it
        lookup = Lookup(overrides={"tier": "heuristic"})
        outcome = lint_paths(sorted(files), lookup, Options(events=True), lambda done, total: None)
    best: dict[tuple[object, ...], Verdict] = {}
    for evidence in evidences:
        for one in verdicts(outcome, evidence.seen):
            finding = one.finding
            key = (one.path, one.line, one.event, finding and (finding.rule, finding.fingerprint))
            if key not in best or _says(one) < _says(best[key]):
                best[key] = one
    return sorted(best.values(), key=lambda one: (one.path, one.line, one.event))


def _says(one: Verdict) -> int:
    return ORDER.index(one.verdict) if one.verdict in ORDER else -1


def table(found: list[Verdict]) -> Iterator[str]:
    """A row for each rule and confidence that ran."""
    counts: Counter[tuple[str, str, str]] = Counter(
        (one.finding.rule, one.finding.confidence, one.verdict) for one in found if one.finding is not None
    )
    yield f"| rule | confidence | {' | '.join(ORDER)} |"
    yield "| --- | --- |" + " ---: |" * len(ORDER)
    for confidence in CONFIDENCES:
        rules = sorted({rule for rule, tier, _ in counts if tier == confidence})
        for rule in rules:
            numbers = [counts[rule, confidence, verdict] for verdict in ORDER]
            if any(numbers[:3]):
                yield f"| {rule} | {confidence} | {' | '.join(map(str, numbers))} |"
        totals = [sum(counts[rule, confidence, verdict] for rule in rules) for verdict in ORDER]
        yield f"| **all** | {confidence} | {' | '.join(f'**{number}**' for number in totals)} |"


def places(found: list[Verdict], verdict: str) -> Iterator[str]:
    for one in found:
        if one.verdict != verdict:
            continue
        if one.finding is not None:
            why = f"{one.finding.rule}, {one.finding.confidence}"
        else:
            why = f"{', '.join(one.operators)}, {one.count}×"
            if one.predicted:
                why += ", expected by lint, but no rule speaks of it"
        yield f"* `{_short(one.path)}:{one.line}` {one.event} ({why})"


def _short(path: str) -> str:
    plain = path.replace(os.sep, "/")
    for mark in ("/site-packages/", "/fixtures/scripts/"):
        _, found, inside = plain.rpartition(mark)
        if found:
            return inside
    return os.path.basename(path)


def section(title: str, found: list[Verdict]) -> list[str]:
    lines = [f"## {title}", "", *table(found)]
    for verdict, heading in (("refuted", "Refuted"), ("missed", "Missed by lint")):
        listed = list(places(found, verdict))
        lines += ["", f"{heading}: {len(listed)}", "", *listed]
    return [*lines, ""]


NOTES = """\
## What stands behind it

* Refuted, of high confidence: in torchmetrics' `_safe_divide` the line ran, and what stands behind its
  `and` did not, since it is asked for with `"warn"` alone. Line by line a run cannot tell that from a wrong
  prediction.
* Refuted, heuristic, and not shown unless asked for: `.to()` of what is on the device already; a number
  assigned to a slice, which fills it without a wait.
* Missed in the fixtures: waits in the backward pass (`index_put` of a mask's gradient, the buckets of
  DistributedDataParallel), the one that `GradScaler.step` cannot do without, copies that a library makes
  within one call (`Trainer.train`, `fit`, a prepared loader), and hidden copies, of which rules tell only
  those that have a remedy.
* Missed in libraries: mostly set-up that lint takes for what it is (the beginning of `generate`, saving,
  moving a model). One program runs several models, so that it falls into the steps of the first. Helpers
  that move whatever they are given are told where they are called.
"""


def main() -> None:
    if sys.argv[1:2] == ["--run"]:
        split = sys.argv.index("--")
        run_all(sys.argv[split + 1 :], Path(sys.argv[2]), sys.argv[3:split])
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--only", choices=("fixtures", "libraries"))
    options = parser.parse_args()
    write = options.write and options.write.absolute()
    lines = []
    with tempfile.TemporaryDirectory() as name:
        if options.only != "libraries":
            folder = Path(name) / "fixtures"
            folder.mkdir()
            scripts = [*sorted(TRACED.glob("*.py")), *sorted((TRACED / "mended").glob("*.py"))]
            lines += section("Fixtures", judged(runs(scripts, (), folder)))
        if options.only != "fixtures":
            folder = Path(name) / "libraries"
            folder.mkdir()
            paths = []
            for program, text in library_programs().items():
                paths.append(folder / f"{program}_program.py")
                paths[-1].write_text(text, encoding="utf-8")
            found = judged(runs(paths, PACKAGES, folder))
            lines += section("Libraries", [one for one in found if "_program.py" not in one.path])
    head = [
        "# Lint and the emulated device",
        "",
        f"{datetime.now(timezone.utc).date()}, torch {version('torch')}, Python {platform.python_version()}.",
        "",
    ]
    text = "\n".join([*head, *lines, NOTES])
    if write:
        write.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
