"""What stands in an f-string is mended only where every Python reads the result."""

from pathlib import Path

from tests.cli.command import perfcheck, write

TRAIN = """\
import torch
from torch.utils.data import DataLoader


def train(model, optimizer, loader):
    total = 0.0
    for x in loader:
        loss = model(x.to("cuda", non_blocking=True)).sum()
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total


def main(model, optimizer, data):
    print(f"{train(model, optimizer, DataLoader(data, batch_size=4, pin_memory=True)):.4f}")
"""


def test_a_call_within_an_f_string_gets_no_lines_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, {"train.py": TRAIN})
    ran = perfcheck("lint", "--unsafe-fixes", "--fix-only", "--isolated", "-n", cwd=tmp_path)
    mended = (tmp_path / "train.py").read_text()
    assert ran.code == 0 and "not mended" not in ran.err
    assert "total += loss.detach()" in mended
    assert TRAIN.split("\n")[-2] in mended  # PC401 has to be mended by hand
