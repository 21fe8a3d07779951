"""``perfcheck lint --fix`` on files as they come: what it writes, and what it leaves alone."""

import difflib
import json
import os
import stat
import sys
from pathlib import Path

import pytest

from tests.cli.command import ROOT, Ran, perfcheck, write
from tests.unprivileged import NOBODY, reachable_directory

NOISE = """\
import torch
from torch import nn


class Noise(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # {comment}
        return x + torch.ones(3).to(x.device)
"""
MADE, MENDED = "torch.ones(3).to(x.device)", "torch.ones(3, device=x.device)"


def fix(*arguments: str, cwd: Path, stdin: bytes = b"", program: str | None = None) -> Ran:
    """Safe fixes alone; ``program`` is Python that runs first in the same process."""
    start = ("-m", "perfcheck")
    if program is not None:
        start = ("-c", f"{program}\nfrom perfcheck.cli.main import main\nmain()")
    return perfcheck("lint", "--isolated", "--fix-only", *arguments, cwd=cwd, stdin=stdin, program=start)


def noise(comment: str = "noise") -> str:
    return NOISE.format(comment=comment)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("utf-8", noise("Größe × ∞").encode()),
        ("byte-order mark", b"\xef\xbb\xbf" + noise("Größe").encode()),
        ("latin-1", ("# -*- coding: latin-1 -*-\n" + noise("Größe")).encode("latin-1")),
        ("shift_jis", ("# coding: shift_jis\n" + noise("雑音")).encode("shift_jis")),
        ("koi8-r", ("#!/usr/bin/env python\n# coding: koi8-r\n" + noise("шум")).encode("koi8-r")),
        ("cp1252 with CRLF", ("# coding: cp1252\n" + noise("€")).replace("\n", "\r\n").encode("cp1252")),
        ("CRLF", noise().replace("\n", "\r\n").encode()),
        ("CR", noise().replace("\n", "\r").encode()),
        ("mixed ends", noise().replace("\n", "\r\n", 4).replace("x + ", "x + \\\r").encode()),
        ("no end", noise().rstrip("\n").encode()),
        ("tabs", noise().replace("    ", "\t").encode()),
        ("form feeds", noise().replace("\n\nclass", "\n\f\nclass").encode()),
        (
            "a string over lines",
            noise('"').replace("# ", '"""\n\t\\\r\f\v ').replace('"\n', '"""\n').encode(),
        ),
        ("a very long line", noise("x" * 20_000).encode()),
    ],
)
def test_all_bytes_stay_but_those_that_are_mended(name: str, data: bytes, tmp_path: Path) -> None:
    write(tmp_path, {"noise.py": data})
    ran = fix("noise.py", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "perfcheck: 1 place mended in 1 file\n")
    assert (tmp_path / "noise.py").read_bytes() == data.replace(MADE.encode(), MENDED.encode())
    assert fix("noise.py", cwd=tmp_path).err == ""


METHODS = """\
# decorators
    @staticmethod
    @bounded(size=3)
    def made(x: torch.Tensor):
        return MADE
# async
    async def made(self, x: torch.Tensor):
        async with lock:
            return MADE
# walrus
    def made(self, x: torch.Tensor):
        if (y := MADE) is not None:
            return y
# match
    def made(self, x: torch.Tensor, kind):
        match kind:
            case {'a': [1, *_]} | None:
                return MADE
# semicolons
    def made(self, x: torch.Tensor):
        a = 1; b = MADE; return b
# one line
    def made(self, x: torch.Tensor): return MADE
# f-string
    def made(self, x: torch.Tensor):
        return f'{x.shape!r:>{x.ndim}}', MADE
# backslash
    def made(self, x: torch.Tensor):
        return 1 + \\
            MADE
# nested
    def made(self, x: torch.Tensor):
        for _ in x:
            while True:
                try:
                    with a, b:  # why
                        return MADE
                finally:
                    pass
# lambda
    def made(self, x: torch.Tensor, f=lambda a, /, b, *, c: a):
        return f(MADE, 1, c=2)
# type parameters
    def made[T](self, x: torch.Tensor, *more: *tuple[T]) -> T:
        return MADE
"""
BODIES = dict(part.split("\n", 1) for part in METHODS.removeprefix("# ").split("\n# "))


@pytest.mark.parametrize("name", BODIES)
def test_all_that_python_has_is_mended_in_place(name: str, tmp_path: Path) -> None:
    if name == "type parameters" and sys.version_info < (3, 12):
        pytest.skip("the syntax of Python 3.12")
    head = "import torch\nfrom torch import nn\n\n\nclass Noise(nn.Module):\n"
    tail = "\n\n    def forward(self, x: torch.Tensor):\n        return self.made(x)\n"
    write(tmp_path, {"noise.py": head + BODIES[name].replace("MADE", MADE) + tail})
    ran = fix("noise.py", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "perfcheck: 1 place mended in 1 file\n")
    assert (tmp_path / "noise.py").read_text() == head + BODIES[name].replace("MADE", MENDED) + tail


def test_the_difference_is_shown_and_nothing_written(tmp_path: Path) -> None:
    write(tmp_path, {"noise.py": noise()})
    ran = fix("--diff", "noise.py", cwd=tmp_path)
    assert ran.code == 1
    shown = difflib.unified_diff(
        noise().splitlines(True), noise().replace(MADE, MENDED).splitlines(True), "noise.py", "noise.py"
    )
    assert ran.out == "".join(shown)
    assert (tmp_path / "noise.py").read_text() == noise()


def test_standard_input_is_mended_to_standard_output(tmp_path: Path) -> None:
    ran = fix("-", cwd=tmp_path, stdin=noise().replace("\n", "\r\n").encode())
    assert (ran.code, ran.out) == (0, noise().replace(MADE, MENDED).replace("\n", "\r\n"))
    write(tmp_path, {"noise.py": "saved = 1\n"})
    ran = fix("--stdin-filename", "noise.py", "-", cwd=tmp_path, stdin=noise().encode())
    assert (ran.code, ran.out) == (0, noise().replace(MADE, MENDED))
    assert (tmp_path / "noise.py").read_text() == "saved = 1\n"


def test_rules_are_chosen(tmp_path: Path) -> None:
    write(tmp_path, {"noise.py": noise()})
    assert fix("--unfixable", "PC201", "noise.py", cwd=tmp_path).err == ""
    assert fix("--fixable", "sync", "noise.py", cwd=tmp_path).err == ""
    assert fix("--fixable", "PC9", "noise.py", cwd=tmp_path).code == 0
    assert (tmp_path / "noise.py").read_text() == noise()
    assert fix("--fixable", "transfer", "noise.py", cwd=tmp_path).err.endswith("1 place mended in 1 file\n")
    wrong = fix("--fixable", "PC299", "noise.py", cwd=tmp_path)
    assert wrong.code == 2
    assert "PC299" in wrong.err


LOADERS = """\
import torch
from torch.utils.data import DataLoader


def loader(data):
    return DataLoader(data, batch_size=8, num_workers=4, persistent_workers=True)
"""
TRAIN = """\
import torch
from loaders import loader


def train(model, data, optimizer):
    for images in loader(data):
        loss = model(images.cuda())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""


def test_what_a_fix_makes_possible_in_another_file_is_mended_too(tmp_path: Path) -> None:
    write(tmp_path, {"loaders.py": LOADERS, "train.py": TRAIN, "pyproject.toml": ""})
    assert fix("--unsafe-fixes", ".", cwd=tmp_path).code == 0
    assert "pin_memory=torch.cuda.is_available()" in (tmp_path / "loaders.py").read_text()
    assert "images.cuda(non_blocking=True)" in (tmp_path / "train.py").read_text()
    assert fix("--unsafe-fixes", ".", cwd=tmp_path).err == ""


EVALUATIONS = """\
import torch


def evaluate(model, loader, criterion):
    model.eval()
    total = 0.0
    for images, labels in loader:
        total += criterion(model(images), labels).item()
    return total


def embed_all(model, loader):
    model.eval()
    return torch.cat([model(images) for images, labels in loader])
"""


def test_autograd_is_switched_off_in_the_mode_that_fits(tmp_path: Path) -> None:
    write(tmp_path, {"run.py": EVALUATIONS})
    fix("--unsafe-fixes", "--tier", "heuristic", "--fixable", "PC801,PC814", ".", cwd=tmp_path)
    mended = EVALUATIONS.replace("def evaluate", "@torch.inference_mode()\ndef evaluate")
    mended = mended.replace("def embed_all", "@torch.no_grad()\ndef embed_all")
    assert (tmp_path / "run.py").read_text() == mended


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    write(tmp_path, {"src/noise.py": noise(), "link/.keep": ""})
    (tmp_path / "src" / "noise.py").chmod(0o750)
    (tmp_path / "link" / "noise.py").symlink_to("../src/noise.py")
    assert fix("link/noise.py", cwd=tmp_path).code == 0
    assert (tmp_path / "link" / "noise.py").is_symlink()
    assert stat.S_IMODE((tmp_path / "src" / "noise.py").stat().st_mode) == 0o750
    assert MENDED in (tmp_path / "src" / "noise.py").read_text()
    assert sorted(os.listdir(tmp_path / "src")) == ["noise.py"]


ASIDE = f"""\
import sys
sys.path.insert(0, {str(ROOT)!r})
import perfcheck.fix.files as files
"""


def test_a_file_that_somebody_else_saves_in_the_meantime_is_theirs(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": noise(), "b.py": noise()})
    saving = f"""{ASIDE}
import tempfile
made = tempfile.mkstemp
def mkstemp(**given):
    if given["prefix"] == ".a.py.":
        with open("a.py", "a") as theirs:
            theirs.write("# saved\\n")
    return made(**given)
tempfile.mkstemp = mkstemp
"""
    ran = fix("a.py", "b.py", cwd=tmp_path, program=saving)
    assert ran.code == 0
    assert "a.py: not mended: it changed in the meantime" in ran.err
    assert (tmp_path / "a.py").read_text() == noise() + "# saved\n"
    assert (tmp_path / "b.py").read_text() == noise().replace(MADE, MENDED)
    (tmp_path / "a.py").write_text(noise())
    alone = fix("a.py", cwd=tmp_path, program=saving)
    assert (alone.code, sorted(os.listdir(tmp_path))) == (2, ["a.py", "b.py"])


@pytest.mark.parametrize("ended", ["raise KeyboardInterrupt", "os._exit(9)"])
def test_an_interrupted_run_leaves_whole_files(ended: str, tmp_path: Path) -> None:
    write(tmp_path, {"a.py": noise(), "b.py": noise(), "c.py": noise()})
    interrupting = f"""{ASIDE}
import os
replace = os.replace
def interrupted(source, target):
    if str(target).endswith("b.py"):
        {ended}
    replace(source, target)
os.replace = interrupted
"""
    ran = fix(".", cwd=tmp_path, program=interrupting)
    assert ran.code == (2 if "Interrupt" in ended else 9)
    assert "Traceback" not in ran.err
    texts = [(tmp_path / name).read_text() for name in ("a.py", "b.py", "c.py")]
    assert texts == [noise().replace(MADE, MENDED), noise(), noise()]
    if "Interrupt" in ended:
        assert sorted(os.listdir(tmp_path)) == ["a.py", "b.py", "c.py"]


AS_NOBODY = f"""{ASIDE}
import os
import perfcheck.cli.fixing as fixing
writing = fixing.replace_file
def written(*given):
    os.setuid({NOBODY})  # not before: what is still to be imported may be for root alone
    return writing(*given)
fixing.replace_file = written
"""


@pytest.mark.parametrize("where", ["the file", "the folder"])
def test_what_may_not_be_written_is_left_alone(where: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("gives files to somebody else, which root alone may")
    with reachable_directory() as folder:
        write(folder, {"own/noise.py": noise()})
        file = folder / "own" / "noise.py"
        file.chmod(0o444 if where == "the file" else 0o666)
        (folder / "own").chmod(0o777 if where == "the file" else 0o555)
        ran = fix("own/noise.py", cwd=folder, program=AS_NOBODY)
        assert ran.code == 2
        assert ran.err.startswith("perfcheck: own/noise.py: not mended: it ")
        assert file.read_text() == noise()
        assert os.listdir(folder / "own") == ["noise.py"]


def notebook(*cells: str | list[str], indent: int | None = 1) -> str:
    listed = [
        {"cell_type": "code", "execution_count": 3, "metadata": {"tags": ["x"]}, "outputs": [{"text": "é"}],
         "source": cell}
        for cell in cells
    ]  # fmt: skip
    whole = {
        "cells": listed,
        "metadata": {"kernelspec": {"name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(whole, indent=indent, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("indent", [1, 2, None])
@pytest.mark.parametrize("lines", [True, False])
def test_notebooks_are_mended_in_their_cells(lines: bool, indent: int | None, tmp_path: Path) -> None:
    def cells(made: str) -> list[str | list[str]]:
        texts = [
            "%matplotlib inline\nimport torch\nfrom torch import nn",
            NOISE.partition("\n\n\n")[2],
            "!ls\nx = 1",
        ]
        texts = [text.replace(MADE, made) for text in texts]
        return [text.splitlines(keepends=True) if lines else text for text in texts]

    write(tmp_path, {"noise.ipynb": notebook(*cells(MADE), indent=indent)})
    ran = fix("noise.ipynb", cwd=tmp_path)
    assert (ran.code, ran.err) == (0, "perfcheck: 1 place mended in 1 file\n")
    assert (tmp_path / "noise.ipynb").read_text() == notebook(*cells(MENDED), indent=indent)


def test_a_notebook_that_nobody_lays_out_so_is_left_alone(tmp_path: Path) -> None:
    text = notebook("import torch\nfrom torch import nn", NOISE.partition("\n\n\n")[2]).replace('"x"', '"x" ')
    write(tmp_path, {"noise.ipynb": text})
    ran = fix("noise.ipynb", cwd=tmp_path)
    assert ran.code == 2
    assert (
        "noise.ipynb: not mended: its JSON is laid out in an unusual way; save it once in Jupyter" in ran.err
    )
    assert (tmp_path / "noise.ipynb").read_text() == text
