"""Tensors on the device that are converted twice in a row, where one call does both."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final, NamedTuple

from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_METHODS: Final = {
    "bool": "bool", "byte": "uint8", "char": "int8", "short": "int16", "int": "int32", "long": "int64",
    "half": "float16", "bfloat16": "bfloat16", "float": "float32", "double": "float64",
}  # fmt: skip
"""What a method without arguments converts to."""
_ALIASES: Final = {
    "float": "float32",
    "double": "float64",
    "half": "float16",
    "long": "int64",
    "int": "int32",
}
_NARROW: Final = frozenset({"float16", "bfloat16"})


class Conversion(NamedTuple):
    """One call, to a type (an argument, or what a method stands for) or to a memory format."""

    source: ast.expr
    method: str
    dtype: ast.expr | str | None
    format: ast.expr | None

    @property
    def word(self) -> str:
        """The last name of the type: "float16"; "" where a variable stands for it."""
        name = self.dtype if isinstance(self.dtype, str) else chain(self.dtype) or ""
        name = name.rpartition(".")[2]
        name = _ALIASES.get(name, name)
        return name if name in _METHODS.values() else ""


def converted_twice(scope: Scope) -> Iterator[Match]:
    """``x.half().to(memory_format=…)``, ``mask.long().float()``, ``x.double().float()``."""
    for call in scope.calls("to", "type", "contiguous", *_METHODS):
        pair = conversions(scope, call)
        if pair is not None:
            layout = pair[0].format or pair[1].format
            certain = _converts(scope, *pair) if layout else _exact(scope, *pair)
            yield Match(call, {"X": pair[0].source}, "Tensor.to", certain)


def conversions(scope: Scope, call: ast.expr) -> tuple[Conversion, Conversion] | None:
    """The two conversions of which the call is the second, if one call gives the same values."""
    second = _conversion(scope, call)
    first = _conversion(scope, second.source) if second is not None else None
    if first is None or second is None:
        return None
    if (first.format is None) != (second.format is None):
        return first, second
    if first.word == second.word or not second.word or first.format is not None:
        return None
    return (first, second) if _exact(scope, first, second) is not False else None


def _converts(scope: Scope, first: Conversion, second: Conversion) -> bool | None:
    """Has the source another type? None: the one it is given is what most tensors have, or not known."""
    another = scope.value(first.source).dtype in ("bool", "int")
    return True if another or (first.word or second.word) in _NARROW | {"float64"} else None


def _exact(scope: Scope, first: Conversion, second: Conversion) -> bool | None:
    """Does the first type hold every value of the source, so that nothing is rounded on the way? None: not if
    the source is ``float64``."""
    source = scope.value(first.source).dtype
    if source == "bool" and first.word:
        return True
    if source == "float" and first.word == "float64":
        return True
    if source == "float" and first.word == "float32" and second.word in _NARROW:
        return None
    return False


def _conversion(scope: Scope, node: ast.expr) -> Conversion | None:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    source, method = node.func.value, node.func.attr
    given = [(None, argument) for argument in node.args] + [(k.arg, k.value) for k in node.keywords]
    if not given:
        return Conversion(source, method, _METHODS[method], None) if method in _METHODS else None
    name, argument = given[0]
    if len(given) > 1 or isinstance(argument, ast.Starred):
        return None
    if name == "memory_format" and method in ("to", "contiguous"):
        return Conversion(source, method, None, argument)
    if name in (None, "dtype") and method in ("to", "type") and scope.value(argument).kind == "dtype":
        return Conversion(source, method, argument, None)
    return None
