"""The summary against what it should look like.

After a wanted change, ``PERFCHECK_WRITE_GOLDEN=1 pytest tests/report`` writes the files anew, to be read in
the diff.
"""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfcheck.report.stalls import words
from perfcheck.report.stalls.text import render
from perfcheck.stalls.analysis import CAUSES, Site
from tests.report.stalls.sample import (
    CUT,
    EVIL,
    FINDING,
    LOADER,
    MS,
    READ,
    TRAINING,
    analysis,
    device,
    ranks,
    recording,
    training,
)

GOLDEN = Path(__file__).parent / "golden"

CASES = {
    "training": render(TRAINING),
    "training-color": render(TRAINING, color=True, columns=80),
    "training-ascii": render(TRAINING, ascii_only=True, columns=60),
    "findings": render(
        replace(TRAINING, findings=(replace(FINDING, severity="warning", rule="stall"), *[FINDING] * 4))
    ),
    "ranks": render(ranks(12)),
    "no-steps": render(analysis(device(training(), steps=0, step_ns=300 * MS), health=(CUT,))),
    "not-concluded": render(analysis(replace(device([]), concluded=False))),
    "no-device": render(analysis()),
}


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str) -> None:
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("PERFCHECK_WRITE_GOLDEN"):
        file.write_text(CASES[name], encoding="utf-8", newline="\n")
    assert CASES[name] == file.read_bytes().decode()


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_it_fits_a_screen(columns: int) -> None:
    text = render(TRAINING, columns=columns)
    assert len(text.splitlines()) <= 24
    assert max(map(len, text.splitlines())) <= columns


@given(st.text())
def test_no_name_steers_the_terminal(name: str) -> None:
    text = render(replace(TRAINING, recordings=(recording(f"{name}\x1b[2J{EVIL}[bold]"),)))
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", text)


def test_sums_that_do_not_close_are_told() -> None:
    wrong = replace(TRAINING.devices[0], unattributed_ns=412)
    assert "sums do not close" in render(analysis(wrong))
    assert "sums close" in render(TRAINING)


def test_every_cause_has_a_meaning() -> None:
    assert words.MEANINGS.keys() == set(CAUSES)


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (1_000, "1.00 µs"),
        (69_300_000, "69.3 ms"),
        (4_310_000_000, "4.31 s"),
        (-1_500, "-1.50 µs"),
        (123_456_000_000_000, "123,456 s"),
    ],
)
def test_durations(ns: int, text: str) -> None:
    assert words.duration(ns) == text


def test_places_say_what_their_line_is() -> None:
    assert words.place(Site("a.py", 3, "call", "f")) == "a.py:3 (f)"
    assert words.place(Site("a.py", 3, "definition", "f")) == "f (defined at a.py:3)"
    assert words.place(Site(function="f")) == "f"
    assert words.label(READ) == "train_step (defined at src/train.py:41) · aten::item"
    assert words.label(LOADER) == LOADER.operator
    assert words.label(Site(annotation="forward")) == "[forward]"
    assert words.label(Site()) == "nothing recorded"
    assert words.milliseconds(MS) == "1.00"
