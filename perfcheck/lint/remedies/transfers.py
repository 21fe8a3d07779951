"""Tensors that are made where they are needed."""

from __future__ import annotations

import ast
from typing import Final

from perfcheck.lint.certainty import is_device
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match
from perfcheck.lint.remedies.writing import GiveUp, Writer

_EXACT: Final = frozenset(
    f"torch.{name}" for name in ("zeros", "ones", "full", "eye", "zeros_like", "ones_like", "full_like")
)
"""Factories that fill in the same values everywhere; others draw from the device's own generator, or may
round in another way."""
_NOT_ON_DEVICE: Final = frozenset({"device", "requires_grad", "out", "pin_memory", None})
"""Arguments that say where the tensor is, or that mean something else there."""
_PURE: Final = (ast.Name, ast.Attribute, ast.Constant)


def device_of_creation(writer: Writer, match: Match) -> str:
    """``torch.zeros(n).to(device)`` becomes ``torch.zeros(n, device=device)``."""
    move = match.node
    if not isinstance(move, ast.Call) or not isinstance(move.func, ast.Attribute):
        raise GiveUp
    scope, made = writer.scope, move.func.value
    if not isinstance(made, ast.Call):
        raise GiveUp  # through a variable: other uses would change, too
    name = scope.resolve(made.func) or ""
    if any(k.arg in _NOT_ON_DEVICE for k in made.keywords):
        raise GiveUp
    if any(isinstance(argument, ast.Starred) for argument in (*made.args, *move.args)):
        raise GiveUp
    whole = name in _EXACT or (name == "torch.arange" and _counts(writer, made))
    if name == "torch.tensor":
        raise GiveUp  # a number: the copy stays, see device-scalar-from-python-number
    if not whole:
        writer.unsafe()
    device = _device(writer, move)
    rest = ast.Tuple([*made.args, *(keyword.value for keyword in made.keywords)], ast.Load())
    bindings: dict[str, ast.AST] = {"F": made.func, "A": rest}
    if device is None:
        return writer.replace(move, "$F($...A, device='cuda')", bindings)
    if not isinstance(device, _PURE):
        writer.unsafe()  # evaluated before the tensor is made, not after
    return writer.replace(move, "$F($...A, device=$D)", {**bindings, "D": device})


def _counts(writer: Writer, call: ast.Call) -> bool:
    """Are all its arguments whole numbers?"""
    return not call.keywords and all(
        writer.scope.value(argument).kind == "number" and writer.scope.value(argument).dtype == "int"
        for argument in call.args
    )


def _device(writer: Writer, move: ast.Call) -> ast.expr | None:
    """The one argument of a move that says where to, and nothing else; None for the current GPU."""
    if isinstance(move.func, ast.Attribute) and move.func.attr == "cuda":
        if move.args or any(k.arg != "non_blocking" for k in move.keywords):
            raise GiveUp
        return None
    others = [k for k in move.keywords if k.arg not in ("device", "non_blocking")]
    target = writer.scope.keyword(move, "device", 0)
    if target is None or others or len(move.args) > 1:
        raise GiveUp
    if not is_device(writer.scope, target):
        writer.unsafe()  # it may be a dtype, or a tensor
        named = (chain(target) or "").rpartition(".")[2] in ("device", "dev")
        if writer.scope.value(target).kind not in ("device", "str") and not named:
            raise GiveUp
    return target


def register_buffer(writer: Writer, match: Match) -> str:
    """``self.table = torch.…`` in the constructor becomes ``self.register_buffer("table", torch.…)``."""
    attribute = match.bindings.get("X")
    scope = writer.scope
    name = (chain(attribute) or "").removeprefix("self.")
    owner = scope.run.class_
    if not name.isidentifier() or owner is None or owner.module.path != scope.function.module.path:
        raise GiveUp
    project = scope.run.engine.project
    made: list[ast.Assign] = []
    for record in owner.module.functions.values():
        if record.owner != owner.record.qualname or name not in record.stores:
            continue
        function = project.trees.function(owner.module, record)
        for part in ast.walk(function) if function is not None else ():
            if isinstance(part, (ast.Assign, ast.AugAssign, ast.AnnAssign)) and _stores(part, f"self.{name}"):
                if not isinstance(part, ast.Assign) or record.name != "__init__" or len(part.targets) != 1:
                    raise GiveUp
                made.append(part)
    if len(made) != 1 or not isinstance(made[0].value, ast.Call):
        raise GiveUp
    writer.replace(
        made[0],
        f'self.register_buffer("{name}", $V, persistent=False)',
        {"V": made[0].value},
    )
    return f"register `self.{name}` as a buffer"


def _stores(statement: ast.Assign | ast.AugAssign | ast.AnnAssign, name: str) -> bool:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return any(chain(part) == name for target in targets for part in ast.walk(target))
