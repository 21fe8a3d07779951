"""What is computed anew in each turn of a loop, or in each forward pass, though it stays the same."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.detectors.names import last, root, targets, within
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_COMPUTES = frozenset(
    """cat concat stack matmul mm bmm einsum softmax log_softmax exp log sin cos sqrt rsqrt sum mean std var
    cumsum cumprod norm sort argsort topk where arange linspace eye tril triu one_hot repeat repeat_interleave
    interpolate pad outer meshgrid cartesian_prod inverse cdist normalize abs pow clamp rearrange index_select
    gather logical_not logical_and logical_or bitwise_not""".split()
)
"""Operators whose result depends on their operands alone, and that launch a kernel."""


def computed_in_loop(scope: Scope) -> Iterator[Match]:
    """``y = torch.cat([a, b])`` in a loop that changes neither."""
    for loop in scope.walk(ast.For, ast.While):
        if not isinstance(loop, (ast.For, ast.While)):
            continue
        for node in loop.body:
            if not (isinstance(node, ast.Assign) and len(node.targets) == 1):
                continue
            name = chain(node.targets[0])
            if not isinstance(node.targets[0], ast.Name) or name is None or not _computes(scope, node.value):
                continue
            if _is_invariant(scope, node.value, loop) and _stays(name, loop):
                yield Match(node.value, {"X": node.value})


def _computes(scope: Scope, node: ast.expr) -> bool:
    """A device tensor, of others, by operators that give the same for the same operands, one of which is no
    view."""
    if scope.value(node).on_device is not True:
        return False
    if not any(_is_operand(scope, part) for part in within(node)):
        return False
    calls = [part for part in within(node) if isinstance(part, ast.Call)]
    plain = all(last(call) in _COMPUTES | _VIEWS for call in calls)
    return plain and (
        any(last(call) in _COMPUTES for call in calls)
        or any(isinstance(part, ast.BinOp) and scope.value(part).on_device is True for part in within(node))
    )


def _is_operand(scope: Scope, part: ast.AST) -> bool:
    """A tensor of which more is taken than its device, type or shape."""
    around = scope.parent(part)
    asked = isinstance(around, ast.Attribute) and around.attr in ("device", "dtype", "shape")
    return isinstance(part, ast.Name) and scope.value(part).is_tensor is True and not asked


_VIEWS = frozenset(
    """unsqueeze squeeze view reshape expand expand_as flatten permute transpose t size dim len int float max
    min range to long bool half bfloat16 type_as contiguous detach chunk split unbind type numel""".split()
)


def _is_invariant(scope: Scope, node: ast.expr, loop: ast.For | ast.While) -> bool:
    """Does nothing in the loop bind or write to a name of it, or of an object that one of them is part of?"""
    stored = {name.partition(".")[0] for name in scope.assigned(loop)}
    written = {
        root(part.func.value)
        for part in within(*loop.body)
        if isinstance(part, ast.Call)
        and isinstance(part.func, ast.Attribute)
        and (
            part.func.attr.endswith("_") or part.func.attr in ("append", "extend", "insert", "update", "pop")
        )
    } | {root(target) for part in within(*loop.body) for target in targets(part)}
    names = {part.id for part in within(node) if isinstance(part, ast.Name)}
    return bool(names) and names.isdisjoint(stored | written) and "self" not in names


def _stays(name: str, loop: ast.For | ast.While) -> bool:
    """Is it bound once in a turn, and not written to?"""
    bound = sum(chain(target) == name for part in within(*loop.body) for target in targets(part))
    changed = any(
        (
            isinstance(part, ast.Call)
            and isinstance(part.func, ast.Attribute)
            and part.func.attr.endswith("_")
            and root(part.func.value) == name
        )
        or (isinstance(part, ast.Subscript) and not isinstance(part.ctx, ast.Load) and root(part) == name)
        for part in within(*loop.body)
    )
    return bound == 1 and not changed


_ARRAYS = (
    "unique", "array", "asarray", "arange", "linspace", "meshgrid", "concatenate", "argsort", "sort", "zeros",
    "ones", "eye", "stack", "cumsum", "hanning", "hamming", "full", "tile", "repeat",
)  # fmt: skip


def settings_worked_out(scope: Scope) -> Iterator[Match]:
    """NumPy's arrays of nothing but the module's settings, in a method that runs in each forward pass."""
    if isinstance(scope.node, ast.Module) or not scope.in_class("torch.nn.Module"):
        return
    data = {argument.arg for argument in scope.node.args.args[1:]}
    for node in scope.walk(ast.Assign, ast.For):  # in the order of the source
        source = node.iter if isinstance(node, ast.For) else node.value  # type: ignore[attr-defined]
        if any(isinstance(part, ast.Name) and part.id in data for part in within(source)):
            data |= {name for target in targets(node) if (name := chain(target))}
    for call in scope.calls(*_ARRAYS):
        if (scope.resolve(call.func) or "").startswith("numpy.") and (call.args or call.keywords):
            names = {
                part.id
                for argument in (*call.args, *(keyword.value for keyword in call.keywords))
                for part in within(argument)
                if isinstance(part, ast.Name)
            }
            if "self" in names and not names & data:
                yield Match(call, {"X": call})
