"""Gradient accumulation that synchronizes gradients on every micro-batch."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from perfcheck.events import Hotness
from perfcheck.lint.detectors.model_calls import runs_model
from perfcheck.lint.detectors.names import last, root, within
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope
from perfcheck.lint.nodes import block_in

_DATA_PARALLEL = frozenset({"DistributedDataParallel", "FullyShardedDataParallel", "fully_shard"})
_DEFERS = frozenset(
    """no_sync no_backward_sync accumulate set_requires_gradient_sync require_backward_grad_sync
    set_is_last_backward skip_gradient_sync sync_gradients""".split()
)
_ACCUMULATES = re.compile(r"accum|update_freq|micro_?batch|optimizer_period|iter_size", re.IGNORECASE)

_SPREADS = re.compile(
    r"DistributedDataParallel$|FullyShardedDataParallel$|^fully_shard$|distributed_data_parallel|(^|_)ddp(_|$)"
)

LoopStatement = ast.For | ast.While


def accumulation_without_no_sync(scope: Scope) -> Iterator[Match]:
    """backward in each turn, the optimizer's step in every n-th, and nothing that defers the reduction."""
    method = "." in scope.qualname  # what it calls on `self` may be wrapped, or deferred, in other methods
    if not _DEFERS.isdisjoint(scope.file_names() if method else scope.names):
        return
    wrapped = _wrapped(scope) or (method and any(map(_SPREADS.search, scope.file_names())))
    for call in _backward_passes(scope):
        loops = [loop for loop in scope.loops(call) if isinstance(loop, (ast.For, ast.While))]
        if not wrapped and not _managed(scope, call):
            continue
        if _accumulates(scope, loops) if loops else method and _accumulates_over_calls(scope, call):
            yield Match(call, {})
            yield from (Match(forward, {}) for forward in _forward_passes(scope, call))


def _backward_passes(scope: Scope) -> Iterator[ast.Call]:
    """``loss.backward()``, and calls of the project's functions that do it and leave the step to others."""
    for call in scope.walk(ast.Call):
        if isinstance(call, ast.Call):
            names = scope.names_of(call)
            if last(call) == "backward" or ("backward" in names and names.isdisjoint(_DEFERS | {"step"})):
                yield call


def _forward_passes(scope: Scope, backward: ast.Call) -> Iterator[ast.expr]:
    """``loss = model(batch)`` of the same block: the context that defers the reduction has to hold both."""
    inner = scope.statement(backward)
    for statement in block_in(scope.parent(inner), inner):
        if isinstance(statement, ast.Assign) and statement.lineno < backward.lineno:
            call = statement.value
            if isinstance(call, ast.Call) and runs_model(scope, call):
                yield call


def _accumulates(scope: Scope, loops: Sequence[LoopStatement]) -> bool:
    """The step comes now and then within the innermost loop, or after it and within the next one."""
    inner = _steps(scope, loops[-1])
    if inner:
        return all(_on_interval(scope, step, loops[-1]) for step in inner)
    return len(loops) > 1 and bool(_steps(scope, loops[-2]))


def _accumulates_over_calls(scope: Scope, call: ast.Call) -> bool:
    """One micro-batch a call: it goes backward each time, and steps on an interval."""
    steps = _steps(scope, scope.node)
    return (
        scope.hotness(call) >= Hotness.STEP
        and bool(steps)
        and not _on_interval(scope, call, scope.node)
        and all(_on_interval(scope, step, scope.node) for step in steps)
    )


def _steps(
    scope: Scope, around: LoopStatement | ast.FunctionDef | ast.AsyncFunctionDef | ast.Module
) -> list[ast.Call]:
    """The calls of an optimizer's step, or of a gradient scaler's."""
    return [
        node
        for node in within(*around.body)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "step"
        and (
            re.search("optim|scaler", chain(node.func.value) or "") is not None
            or scope.value(node.func.value).kind == "optimizer"
        )
    ]


def _on_interval(scope: Scope, step: ast.AST, loop: ast.AST) -> bool:
    """Under ``if (i + 1) % n == 0`` or ``if waiting == accumulation_steps``, within a loop or a function."""
    for ancestor in scope.ancestors(step):
        if ancestor is loop:
            return False
        if isinstance(ancestor, ast.If) and any(map(_counts, ast.walk(ancestor.test))):
            return True
    return False


def _counts(part: ast.AST) -> bool:
    if isinstance(part, ast.BinOp):
        return isinstance(part.op, ast.Mod)
    return isinstance(part, (ast.Name, ast.Attribute)) and _ACCUMULATES.search(last(part)) is not None


def _wrapped(scope: Scope) -> bool:
    """Is a model in reach that is wrapped for data-parallel training?"""
    return not _DATA_PARALLEL.isdisjoint(scope.names) or any(
        (scope.value(node).ref or "").rpartition(".")[2] in _DATA_PARALLEL
        and scope.value(node).kind in ("module", "class", "function")
        for node in scope.walk(ast.Name, ast.Attribute)
    )


def _managed(scope: Scope, call: ast.Call) -> bool:
    """``accelerator.backward(loss)``, ``fabric.backward(loss)``: the library wraps the model."""
    owner = root(call.func)
    name = chain(call.func.value) if isinstance(call.func, ast.Attribute) else None
    return (
        bool(call.args)
        and owner is not None
        and last(call.func) == "backward"
        and ((name or "").rpartition(".")[2] in {"accelerator", "fabric"})
    )
