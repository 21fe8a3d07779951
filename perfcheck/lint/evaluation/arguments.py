"""The evaluated arguments of a call, and what they tell where nothing else does."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from perfcheck.lint.conditions import Argument
from perfcheck.lint.operations import device_of
from perfcheck.lint.values import UNKNOWN, Value, elements, iterated

if TYPE_CHECKING:
    from perfcheck.events import Truth
    from perfcheck.lint.evaluation.evaluator import Evaluator


class Arguments:
    """The evaluated arguments of a call."""

    __slots__ = ("keywords", "node", "positional", "spread")

    def __init__(self, ev: Evaluator, node: ast.Call) -> None:
        self.node = node
        positional: list[Argument] = []
        self.positional = positional
        self.keywords: dict[str, Argument] = {}
        self.spread = False
        for argument in node.args:
            if type(argument) is ast.Starred:
                value = ev.expr(argument.value)
                ev.values[argument] = value
                if value.items is not None:
                    positional.extend(Argument(item, argument) for item in value.items)
                else:
                    self.spread = True
                    positional.append(Argument(iterated(value), argument))
            else:
                positional.append(Argument(_handed_over(ev, argument), argument))
        for keyword in node.keywords:
            value = _handed_over(ev, keyword.value)
            if keyword.arg is None:
                if value.keys is not None:
                    self.keywords.update({k: Argument(v, keyword.value) for k, v in value.keys})
                else:
                    self.spread = True
            else:
                self.keywords[keyword.arg] = Argument(value, keyword.value)

    def value(self, position: int, keyword: str = "") -> Value | None:
        if position < len(self.positional):
            return self.positional[position].value
        found = self.keywords.get(keyword)
        return None if found is None else found.value

    def node_of(self, value: Value) -> ast.expr | None:
        """Where the argument stands that has this very value."""
        everything = (*self.positional, *self.keywords.values())
        return next((argument.node for argument in everything if argument.value is value), None)

    @property
    def all(self) -> list[Value]:
        return [a.value for a in self.positional] + [a.value for a in self.keywords.values()]


def _handed_over(ev: Evaluator, node: ast.expr) -> Value:
    """The value of an argument. Whoever is handed a module may move it."""
    value = ev.expr(node)
    if value.kind == "module" and value.device is False:
        value = value._replace(device=None)
        if isinstance(node, ast.Name):
            ev.env[node.id] = value
    return value


def unknown_result(arguments: Arguments) -> Value:
    """Something unknown was handed tensors: what comes back, if it is a tensor, is where they are."""
    inside = [v if v.kind not in ("list", "tuple", "dict") else elements(v) for v in arguments.all]
    devices = [v.device for v in inside if v.kind == "tensor"]
    if True in devices:
        return Value(device=True)
    if devices and all(d is False for d in devices):
        return Value(device=None)
    return UNKNOWN


def moved(name: str, arguments: Arguments, device: Truth) -> Truth:
    """Where ``to(…)``, ``cuda()`` and ``cpu()`` leave what lies at ``device``."""
    if name != "to":
        return name == "cuda"
    target = arguments.value(0, "device")
    return device if target is None or target.kind == "dtype" else device_of(target)


def surely_on_host(arguments: Arguments) -> bool:
    """Is every tensor among them made, or moved, on the host, and no part of a batch?"""
    tensors = [value for value in arguments.all if value.kind == "tensor"]
    return bool(tensors) and all(v.device is False and not (v.assumed or v.batch) for v in tensors)


def device_of_arguments(arguments: Arguments) -> bool | None:
    inside = [v if v.kind not in ("list", "tuple", "dict") else elements(v) for v in arguments.all]
    devices = [v.device for v in inside if v.kind in ("tensor", "unknown")]
    if True in devices:
        return True
    if devices and all(d is False for d in devices):
        return True if all(v.batch for v in inside if v.kind in ("tensor", "unknown")) else None
    return True
