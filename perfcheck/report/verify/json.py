"""The JSON document of a verification. The same runs give the same bytes; a run's time is in none."""

import json
import math
from typing import Any

from perfcheck.verify.costs import Cost
from perfcheck.verify.differences import Difference
from perfcheck.verify.verification import Verification


def render(found: Verification, version: str) -> str:
    document = {
        "version": 1,
        "tool": {"name": "perfcheck", "version": version},
        "verify": {
            "verdict": found.verdict,
            "command": found.command,
            "before": found.before,
            "after": found.after,
            "seed": found.seed,
            "tolerance": found.tolerance._asdict(),
            "compared": dict(found.counts),
            "differences": [_difference(one) for one in found.differences],
            "unstable": [_difference(one) for one in found.unstable],
            "unstable_after": [_difference(one) for one in found.after_unstable],
            "costs": [_cost(one) for one in found.costs],
            "worse": [cost.what for cost in found.worse],
            "step": found.times and [time._asdict() for time in found.times],
            "fixes": [one._asdict() for one in found.fixes],
            "left_out": [one._asdict() for one in found.left_out],
            "failure": found.failure,
            "notes": list(found.notes),
        },
        "run": dict(found.run),
    }
    if found.diff:
        document["verify"]["diff"] = found.diff  # type: ignore[index]  # it is a dictionary
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _difference(one: Difference) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "where": one.where,
        "step": one.step,
        "before": one.before,
        "after": one.after,
        "largest": one.largest and {name: _number(value) for name, value in one.largest._asdict().items()},
    }


def _number(value: float) -> float | str:
    """JSON has no infinities."""
    return value if math.isfinite(value) else str(value)


def _cost(cost: Cost) -> dict[str, Any]:
    return {
        "what": cost.what,
        "before": cost.before,
        "after": cost.after,
        "lines": [line._asdict() for line in cost.lines],
    }
