"""What is known on either side of a test: ``isinstance``, ``is None``, ``is_cuda``."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from perfcheck.lint.dotted import chain
from perfcheck.lint.values import NONE, NUMBER, UNKNOWN, Value

if TYPE_CHECKING:
    from perfcheck.lint.evaluation.evaluator import Evaluator


def narrow(ev: Evaluator, test: ast.expr, outcome: bool) -> None:
    if isinstance(test, ast.Compare):
        if len(test.ops) == 1:
            _narrow_comparison(ev, test, test.ops[0], outcome)
    elif isinstance(test, ast.Call):
        _narrow_call(ev, test, outcome)
    elif isinstance(test, ast.UnaryOp):
        if isinstance(test.op, ast.Not):
            narrow(ev, test.operand, not outcome)
    elif isinstance(test, ast.BoolOp):
        if isinstance(test.op, ast.And) is outcome:
            for part in test.values:
                narrow(ev, part, outcome)
    elif isinstance(test, ast.Attribute) and test.attr == "is_cuda":
        key = chain(test.value) or ""
        if key and key in ev.env and ev.env[key].kind == "tensor":
            ev.env[key] = ev.env[key]._replace(device=outcome)


def _narrow_comparison(ev: Evaluator, test: ast.Compare, op: ast.cmpop, outcome: bool) -> None:
    right = test.comparators[0]
    key = chain(test.left)
    if key is None:
        return
    if isinstance(right, ast.Constant) and right.value is None:
        is_none = isinstance(op, ast.Is) is outcome
        known = ev.env.get(key)
        if is_none and isinstance(op, (ast.Is, ast.IsNot)):
            ev.env[key] = NONE
        elif known is not None and known.kind == "none":
            ev.env[key] = UNKNOWN
    if outcome and isinstance(op, ast.Eq) and key.endswith((".device.type", ".device")):
        on_cpu = isinstance(right, ast.Constant) and right.value == "cpu"
        if key.endswith(".device"):  # x.device == torch.device("cpu")
            compared = ev.values.get(right, UNKNOWN)
            on_cpu = on_cpu or (compared.kind == "device" and compared.device is False)
        owner = key.removesuffix(".type").removesuffix(".device")
        if on_cpu and owner in ev.env and ev.env[owner].kind == "tensor":
            ev.env[owner] = ev.env[owner]._replace(device=False)


def asks_for_tensor(ev: Evaluator, test: ast.expr) -> str:
    """The variable of ``isinstance(x, torch.Tensor)`` or ``torch.is_tensor(x)``, else ""."""
    if not isinstance(test, ast.Call) or not test.args:
        return ""
    if isinstance(test.func, ast.Name) and test.func.id == "isinstance" and len(test.args) == 2:
        found = _type_named(ev, test.args[1]).kind == "tensor"
    else:
        found = ev.resolve(test.func) == "torch.is_tensor"
    return (chain(test.args[0]) or "") if found else ""


def cannot_hold(ev: Evaluator, test: ast.expr) -> bool:
    """Does a test ask whether a number that was computed here, or that constructors keep, is a tensor?"""
    key = asks_for_tensor(ev, test)
    if not key:
        return False
    known = ev.env.get(key) or ev.values.get(test.args[0], UNKNOWN)  # type: ignore[attr-defined]
    return known.kind == "number" and (not known.origin or key.startswith("self."))


def _narrow_call(ev: Evaluator, test: ast.Call, outcome: bool) -> None:
    key = chain(test.args[0]) if test.args else None
    if key is None:
        return
    if isinstance(test.func, ast.Name) and test.func.id in ("isinstance", "is_tensor"):
        known = ev.env.get(key, ev.values.get(test.args[0], UNKNOWN))
        wanted = (
            Value("tensor", True, assumed=True) if test.func.id == "is_tensor"
            else _type_named(ev, test.args[1]) if len(test.args) > 1 else UNKNOWN
        )  # fmt: skip
    elif ev.resolve(test.func) == "torch.is_tensor":
        known = ev.env.get(key, UNKNOWN)
        wanted = Value("tensor", True, assumed=True)
    else:
        return
    if outcome:
        if wanted.kind == "unknown":
            if known.kind == "tensor":
                ev.env[key] = UNKNOWN
        elif known.kind in ("number", "str", "none") and wanted.kind == "tensor":
            ev.env[key] = UNKNOWN  # cannot be: the branch is for other callers
        elif wanted.kind != known.kind:
            device = known.device if known.kind in ("unknown", "list") else wanted.device
            if wanted.kind == "tensor":
                wanted = wanted._replace(
                    device=True if device is None and known.origin else device,
                    batch=known.batch,
                    origin=known.origin,
                )
            ev.env[key] = wanted
    elif wanted.kind == known.kind and known.kind in ("tensor", "number", "str", "array"):
        ev.env[key] = UNKNOWN


def _type_named(ev: Evaluator, node: ast.expr) -> Value:
    """The instance type in ``isinstance(x, ...)``."""
    if isinstance(node, ast.Tuple):
        found = {_type_named(ev, part) for part in node.elts}
        return found.pop() if len(found) == 1 else UNKNOWN
    if ev.resolve(node) in ("numpy.number", "numpy.generic", "numpy.integer", "numpy.floating"):
        return NUMBER
    return ev.annotation(node)
