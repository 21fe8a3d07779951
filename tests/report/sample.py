"""A result with everything that a report may have to show."""

from pathlib import Path

from perfcheck.findings import Edit, Finding, Fix, LintError, LintResult, Place, Predicted
from perfcheck.report.context import Context
from perfcheck.rulebook.page import parse_page
from perfcheck.source.text import SourceFile
from tests.rulebook.pages import PAGE, PATH

RULE = parse_page(PATH, PAGE)

TRAIN = """\
import torch

def train(model, loader):
    total = 0.0
    for x in loader:
\t\ttotal += model(x).item()
    weights = torch.tensor(
        [1.0, 2.0],
        device="cuda",
    )
    print("\x1b[2J\u202eevil", total)
    日本 = float(total)
    return total, total.item()
"""

NOTEBOOK = "import torch\nx = torch.ones(3)\nfor i in range(3):\n    x.item()\n"


def finding(rule: str, path: str, place: Place, **others: object) -> Finding:
    values: dict[str, object] = {
        "name": "item-in-hot-loop",
        "severity": "error",
        "confidence": "high",
        "message": "`model(x)` is read back on every step",
        "help": "Read it once, after the loop.",
        "url": "https://perfcheck.readthedocs.io/rules/sync/item-in-hot-loop/",
        "function": "train",
        "hotness": "step",
        "fingerprint": f"{rule.lower()}-{place.line}",
    }
    return Finding(rule, path=path, place=place, **{**values, **others})  # type: ignore[arg-type]


RESULT = LintResult(
    findings=(
        finding("PC101", "nb/explore.ipynb", Place(2, 5, 2, 13), cell=2, function=""),
        finding(
            "PC101",
            "src/train.py",
            Place(6, 12, 6, 27),
            places=(Place(13, 19, 13, 31),),
            fix=Fix("unsafe", "detach instead", (Edit(Place(6, 20, 6, 27), ".detach()"),)),
        ),
        finding(
            "PC121",
            "src/train.py",
            Place(7, 15, 10, 6),
            name="device-tensor-from-python-data",
            severity="warning",
            confidence="medium",
            message="a tensor of 100% Python data, made anew: a copy, and a wait",
            help="Make it once.",
            url="https://perfcheck.readthedocs.io/rules/sync/device-tensor-from-python-data/",
            evidence={"kind": "predicted", "operator": "torch.tensor"},
        ),
        finding(
            "PC105",
            "src/train.py",
            Place(11, 5, 11, 29),
            name="print-of-device-tensor",
            severity="info",
            message='`print("\x1b[2J\u202eevil", total)` <waits> & "waits"',
            help="Print seldom.",
        ),
        finding("PC102", "src/train.py", Place(12, 10, 12, 22), message="`float(total)` waits", name="cast"),
    ),
    predicted=(Predicted("host-sync", "src/train.py", 6, 6, "Tensor.item", "yes", "step"),),
    errors=(LintError("src/a b,c:d%.py", 3, "cannot be parsed: invalid syntax"),),
    files=12,
    lines=3456,
)

CONTEXT = Context(
    version="1.2.3",
    sources={
        "src/train.py": SourceFile(Path("/project/src/train.py"), "src/train.py", TRAIN),
        "nb/explore.ipynb": SourceFile(
            Path("/project/nb/explore.ipynb"), "nb/explore.ipynb", NOTEBOOK, cells=(1, 3)
        ),
    },
    rules={RULE.code: RULE},
)
