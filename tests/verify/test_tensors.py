"""Files of tensors, compared element by element."""

import math
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from perfcheck.verify.differences import Largest, Tolerance  # noqa: E402 - they need torch
from perfcheck.verify.tensors import Unreadable, by_how_much, in_files  # noqa: E402

EXACT = Tolerance()


def test_equal_to_the_bit() -> None:
    nan = torch.tensor([1.0, math.nan])
    assert by_how_much(nan, nan.clone(), EXACT) is None
    zero = by_how_much(torch.tensor([0.0]), torch.tensor([-0.0]), EXACT)
    assert isinstance(zero, str) and "signs of zeros" in zero
    assert by_how_much(torch.tensor([0.0]), torch.tensor([-0.0]), Tolerance(absolute=1e-9)) is None


def test_by_how_much() -> None:
    before = torch.tensor([1.0, 100.0, 0.0])
    after = torch.tensor([1.0, 101.0, 0.5])
    assert by_how_much(before, after, EXACT) == Largest(1.0, math.inf, 100.0, 101.0)
    assert by_how_much(before, after, Tolerance(relative=0.1)) == Largest(0.5, math.inf, 0.0, 0.5)
    assert by_how_much(before, after.half(), EXACT) == "torch.float32 is torch.float16 now"
    assert by_how_much(before, after[:2], EXACT) == "shape (3,) is (2,) now"


def test_checkpoints_are_compared_by_what_they_hold(tmp_path: Path) -> None:
    one, other, third = tmp_path / "one.pt", tmp_path / "other.pt", tmp_path / "third.pt"
    torch.save({"model": {"w": torch.ones(2)}, "epoch": 1, "loss": 0.5}, one)
    torch.save({"epoch": 1, "model": {"w": torch.ones(2)}, "loss": 0.5}, other)
    torch.save({"model": {"w": torch.zeros(2)}, "epoch": 2, "loss": 0.25}, third)
    assert in_files(one, other, EXACT) == {}
    assert in_files(one, third, EXACT) == {
        "model.w": Largest(1.0, 1.0, 1.0, 0.0),
        "epoch": "1 is 2 now",
        "loss": Largest(0.25, 0.5, 0.5, 0.25),
    }
    other.write_bytes(b"no checkpoint")
    with pytest.raises(Unreadable, match=r"other\.pt"):
        in_files(one, other, EXACT)
