"""``perfcheck gate`` as people run it."""

import json
from pathlib import Path

import pytest

from tests.cli.command import perfcheck, write
from tests.cli.test_trace import TRAINING

BUDGET = """\
[tool.perfcheck]
baseline = "known.json"

[tool.perfcheck.budget."train.py 1"]
host-syncs = 3
kernel-launches = 1000
"""


def test_a_project_passes_until_it_gets_worse(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    write(tmp_path, {"pyproject.toml": BUDGET, "train.py": TRAINING})
    perfcheck("lint", "--write-baseline", "known.json", cwd=tmp_path)
    passed = perfcheck("gate", "--quiet", cwd=tmp_path)
    assert passed == (0, "", "")

    worse = TRAINING.replace(
        "        total += loss.item()\n", "        total += loss.item()\n        print(1, loss.item())\n"
    )
    write(tmp_path, {"train.py": worse, "job.md": "before\n"})
    files = ("--json", "g.json", "--sarif", "g.sarif", "--junit", "g.xml", "--markdown", "g.md")
    failed = perfcheck("gate", *files, cwd=tmp_path, env={"GITHUB_STEP_SUMMARY": "job.md"})
    assert failed.code == 1
    assert "train.py:20:18: error:" in failed.out
    assert "over  train.py:15 (2), train.py:19 (1), train.py:20 (1)" in failed.out
    assert failed.err == "perfcheck: running train.py 1 on an emulated device\n"
    document = json.loads((tmp_path / "g.json").read_text())
    assert [finding["line"] for finding in document["findings"]] == [20]
    assert document["gate"]["scripts"][0]["limits"][0]["measured"] == 4
    results = json.loads((tmp_path / "g.sarif").read_text())["runs"][0]["results"]
    assert [result["ruleId"] for result in results] == ["PC101", "budget-host-syncs"]
    assert "budget is 3" in (tmp_path / "g.xml").read_text()
    assert (tmp_path / "job.md").read_text() == "before\n" + (tmp_path / "g.md").read_text()


def test_without_budgets_it_is_lint_against_the_baseline(tmp_path: Path) -> None:
    write(tmp_path, {"train.py": "x = 1\n", "known.json": '{"version": 1, "baseline": []}'})
    ran = perfcheck("gate", "--baseline", "known.json", "train.py", cwd=tmp_path)
    assert ran.code == 0
    assert ran.out.endswith("0       0  kept\n\nperfcheck gate: passed\n")


def test_what_cannot_be_judged_exits_with_2(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    write(
        tmp_path,
        {
            "perfcheck.toml": '[budget."fails.py"]\ncopies = 0\n[budget."still.py"]\ncopies = 0\n',
            "fails.py": "print('so far')\nraise ValueError('no data')\n",
            "still.py": "import torch\n",
        },
    )
    ran = perfcheck("gate", cwd=tmp_path)
    assert ran.code == 2
    assert "it ended with exit code 1:\n  so far\n  Traceback" in ran.out
    assert "ValueError: no data" in ran.out and "still.py\n  it took no steps" in ran.out
    assert ran.out.endswith("perfcheck gate: could not judge\n")


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ('[budget."trian.py"]\ncopies = 0\n', "perfcheck.toml: budget of 'trian.py': there is no script"),
        ('[budget."a.py"]\ncopys = 0\n', "perfcheck.toml: budget must be a table with limits among"),
        ('baseline = "none.json"\n', "there is no such baseline"),
    ],
)
def test_a_configuration_that_cannot_be_used(tmp_path: Path, config: str, complaint: str) -> None:
    write(tmp_path, {"perfcheck.toml": config, "a.py": ""})
    ran = perfcheck("gate", cwd=tmp_path)
    assert ran.code == 2 and complaint in ran.err and ran.out == ""
