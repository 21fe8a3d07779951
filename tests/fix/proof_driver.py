"""Run programs before and after their fix, with the same seed, and write down whether they computed the same:
used by test_safe_fixes.py.

``python proof_driver.py FOLDER`` looks at the ``program.py`` in FOLDER/before/DEVICE/CODE and
FOLDER/after/DEVICE/CODE.
"""

import contextlib
import importlib
import io
import json
import linecache
import re
import sys
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import torch

from perfcheck.counted import Tally
from perfcheck.emulated import install

SEED = 17


class Ran(NamedTuple):
    """What a run gave: ``values`` as plain data that tells every bit, ``events`` at lines with a mark."""

    values: Any
    printed: str
    generator: list[int]
    events: int
    cost: int | None


def plain(value: Any) -> Any:
    """A value as data; tensors with all that can be asked of them but where they are."""
    if isinstance(value, torch.Tensor):
        held = value.detach().cpu().contiguous()
        bits = held.view(torch.uint8) if held.numel() and held.dim() else held.reshape(-1).view(torch.uint8)
        facts = [str(value.dtype), list(value.shape), value.requires_grad, value.is_leaf]
        return [*facts, bits.flatten().tolist()]
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return [type(value).__name__, value.hex() if isinstance(value, float) else str(value)]


def run(folder: Path, emulated: bool) -> Ran:
    files = [str(path) for path in folder.glob("*.py")]
    tally, printed = Tally(), io.StringIO()
    device = install(tally, own=files) if emulated else None
    sys.path.insert(0, str(folder))
    try:
        program = importlib.import_module("program")
        gone = getattr(program, "GONE", ())
        torch.manual_seed(SEED)
        with contextlib.redirect_stdout(printed):
            values = plain(program.run())
        generator = torch.get_rng_state().tolist()
        events = sum(
            one.count
            for one in tally.counted()
            if one.event in gone and re.search(r"# PC\d+", linecache.getline(one.path, one.line))
        )
        with contextlib.redirect_stdout(io.StringIO()):
            cost = program.cost() if hasattr(program, "cost") else None
    finally:
        sys.path.remove(str(folder))
        for name in ("program", "example"):
            sys.modules.pop(name, None)
        if device is not None:
            device.uninstall()
    return Ran(values, printed.getvalue(), generator, events, cost)


def compared(folder: Path, code: str, where: str) -> dict[str, Any]:
    before, after = (run(folder / name / where / code, where == "emulated") for name in ("before", "after"))
    return {
        "same": before[:3] == after[:3],
        "values": len(json.dumps(before.values)),
        "events": [before.events, after.events],
        "cost": [before.cost, after.cost],
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.dont_write_bytecode = True  # the same module names, of one second
    folder = Path(sys.argv[1]).resolve()
    found = {
        f"{path.name} on {where}": compared(folder, path.name, where)
        for where in ("cpu", "emulated")
        for path in sorted((folder / "before" / where).iterdir())
    }
    json.dump(found, sys.stdout)
