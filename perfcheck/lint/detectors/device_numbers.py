"""Device tensors where Python, or a kernel's argument, wants a number."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from perfcheck.lint.facts import Match, Scope

_FILLS: Final = frozenset(
    {
        "torch.full", "torch.full_like", "Tensor.new_full", "torch.arange", "torch.linspace",
        "torch.logspace", "Tensor.fill_diagonal_",
    }
)  # fmt: skip
_COLLECTIONS: Final = frozenset({"torch.tensor", "torch.as_tensor", "torch.asarray", "Tensor.new_tensor"})


def device_scalars_as_integers(scope: Scope) -> Iterator[Match]:
    """Sizes, counts, dimensions: ``torch.zeros(n)``, ``range(n)`` with a device tensor n."""
    for raised in scope.events:
        name, _, variant = raised.operator.partition(":")
        if raised.event != "host-sync" or name in _FILLS:
            continue
        if variant == "number" or name in ("Tensor.__index__", "operator.index"):
            number = _number(scope, raised.node) or raised.subject
            bindings = {} if number is None else {"T": number}
            yield Match(raised.node, {"F": raised.node, **bindings}, name, raised.certain)


def _number(scope: Scope, node: ast.AST) -> ast.expr | None:
    """The device tensor among the arguments of a call that stands for a number: the last one, since what is
    computed on comes first."""
    if not isinstance(node, ast.Call):
        return None
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    parts = [part for a in given for part in (a.elts if isinstance(a, (ast.List, ast.Tuple)) else (a,))]
    return next((part for part in reversed(parts) if scope.value(part).on_device), None)


def tensors_of_device_scalars(scope: Scope) -> Iterator[Match]:
    """``torch.tensor([a, b])`` of tensors a and b that are not known to be on the host."""
    for raised in scope.events:
        if raised.event != "host-sync" or raised.operator not in _COLLECTIONS or raised.subject is None:
            continue
        value = scope.value(raised.subject)
        parts = value.items if value.items is not None else (value.element,)
        if value.kind in ("list", "tuple") and any(
            part is not None and part.kind == "tensor" for part in parts
        ):
            yield Match(raised.node, {"T": raised.subject}, raised.operator, raised.certain)
