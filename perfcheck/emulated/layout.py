"""Is this torch laid out as the bridge expects? Tried out in another process, since a wrong guess crashes."""

import hashlib
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from perfcheck.source.cache import user_directory

OLDEST = (2, 6)
"""Older ones order their hooks in other ways and have no torch.accelerator."""

_REMEDY = "use a torch that perfcheck was tested with (2.13), or --device cuda on a machine with a GPU"
_SECONDS = 300

_TRIAL = """
import torch
from perfcheck.emulated.installation import Installation
from perfcheck.counted import Tally
device = Installation(Tally())
x = torch.arange(4.0, device="cuda", requires_grad=True)
layer = torch.nn.Linear(4, 2).cuda()
layer(x).sum().backward()
assert x.grad.is_cuda and x.grad.cpu().equal(layer.weight.sum(0).cpu())
device.uninstall()
"""


def refusal() -> str | None:
    """Why the emulated device cannot run here, or None."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return "torch is not installed: pip install 'perfcheck[trace]'"
    version = _version()
    if version is not None and _major_minor(version) < OLDEST:
        return f"the emulated device does not know torch {version}: {_REMEDY}"
    remembered = _remembered(spec.origin, version)
    if remembered is not None and remembered.is_file():
        return None
    failure = _trial()
    if failure is not None:
        return f"the emulated device does not work with torch {version} ({failure}): {_REMEDY}"
    if remembered is not None:
        try:
            remembered.parent.mkdir(parents=True, exist_ok=True)
            remembered.touch()
        except OSError:
            pass  # the trial is made again next time
    return None


def _version() -> str | None:
    try:
        return distribution("torch").version
    except PackageNotFoundError:
        return None  # built in place


def _major_minor(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def _remembered(torch: str, version: str | None) -> Path | None:
    """The file that exists once this torch passed the trial with this perfcheck."""
    directory = user_directory()
    if directory is None:
        return None
    library = Path(torch).with_name("lib")
    facts = [version, torch, sys.version, platform.platform()]
    for path in sorted([*library.glob("libtorch_cpu.*"), *Path(__file__).parent.glob("*.py")]):
        status = path.stat()
        facts.append(f"{path} {status.st_size} {status.st_mtime_ns}")
    name = hashlib.sha256(repr(facts).encode()).hexdigest()[:32]
    return directory / "emulated" / name


def _trial() -> str | None:
    """How the trial failed, or None."""
    command = [sys.executable, "-c", _TRIAL]
    package = str(Path(__file__).parents[2])
    path = os.pathsep.join([package, *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    try:
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            env={**os.environ, "PYTHONPATH": path},
        )
    except subprocess.TimeoutExpired:
        return f"a trial took longer than {_SECONDS} s"
    if done.returncode == 0:
        return None
    if done.returncode < 0:
        return f"a trial crashed with signal {-done.returncode}"
    return (done.stderr.strip().splitlines() or [f"a trial ended with {done.returncode}"])[-1]
