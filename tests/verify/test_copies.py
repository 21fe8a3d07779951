"""A copy of a project: what is in it, what is linked, and what writing through a link does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from perfcheck.verify import copies
from tests.cli.command import environment, write


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = write(
        tmp_path / "project",
        {
            "pkg/train.py": "print()\n",
            "data/small.txt": "small",
            ".git/HEAD": "ref",
            "env/pyvenv.cfg": "",
            "env/lib.py": "",
            "pkg/__pycache__/train.pyc": b"",
        },
    )
    with (root / "data" / "large.bin").open("wb") as stream:
        stream.truncate(copies.SMALL + 1)
    for number in range(copies.MANY + 1):
        (root / "images").mkdir(exist_ok=True)
        (root / "images" / f"{number}.png").touch()
    (root / "latest").symlink_to("data")
    return root


def _files(tree: Path) -> set[str]:
    return {
        os.path.relpath(os.path.join(directory, name), tree)
        for directory, directories, files in os.walk(tree)
        for name in (*directories, *files)
    }


def test_what_is_copied_and_what_is_linked(project: Path, tmp_path: Path) -> None:
    copied = copies.copy(project, tmp_path / "copy")
    assert _files(tmp_path / "copy") == {
        "pkg", "pkg/train.py", "data", "data/small.txt", "data/large.bin", "images", "latest",
    }  # fmt: skip
    assert copied.linked == ("data/large.bin", "images")
    assert (tmp_path / "copy/latest").resolve() == tmp_path / "copy/data"
    copies.again(tmp_path / "copy", tmp_path / "second")
    assert copies.written(tmp_path / "second", tmp_path / "copy") == ()
    write(tmp_path / "second", {"out/log.txt": "1", "pkg/train.py": "other\n"})
    assert copies.written(tmp_path / "second", tmp_path / "copy") == ("out/log.txt", "pkg/train.py")


WRITING = """\
import os, sys, torch
from perfcheck.verify.links import Links
links = Links(sys.argv[1], sys.argv[2])
links.watch()
os.chdir(sys.argv[1])
with open("data/large.bin", "r+b") as stream:
    stream.write(b"new")
open("images/new.txt", "w").close()
os.remove("images/0.png")
os.rename("images/1.png", "images/one.png")
os.makedirs("images/made/below")
torch.save(torch.zeros(3), "weights.pt")
with open(os.path.join(sys.argv[2], "log.txt"), "w"):
    pass
print(sorted(links.trespassed))
"""


def test_what_is_written_through_a_link_stays_in_the_copy(project: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (project / "weights.pt").write_bytes(bytes(copies.SMALL + 1))
    copy = tmp_path / "copy"
    copies.copy(project, copy)
    before = _files(project)
    ran = subprocess.run(
        [sys.executable, "-c", WRITING, str(copy), str(project)],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == f"['{project}/log.txt']\n"  # by its own path: told, not kept from it
    assert _files(project) - before == {"log.txt"}
    assert (project / "data/large.bin").read_bytes()[:3] == bytes(3)
    assert (project / "weights.pt").stat().st_size == copies.SMALL + 1
    assert (copy / "data/large.bin").read_bytes()[:3] == b"new"
    assert (copy / "data/large.bin").stat().st_size == copies.SMALL + 1
    assert (copy / "weights.pt").stat().st_size < copies.SMALL
    assert {"new.txt", "one.png", "2.png", "made"} <= set(os.listdir(copy / "images"))
    assert not {"0.png", "1.png"} & set(os.listdir(copy / "images"))
