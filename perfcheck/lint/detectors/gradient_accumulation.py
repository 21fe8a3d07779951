"""Gradient accumulation that synchronizes gradients on every micro-batch."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.detectors.names import last, root, within
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_DATA_PARALLEL = frozenset(
    {
        "torch.nn.parallel.DistributedDataParallel",
        "torch.nn.parallel.distributed.DistributedDataParallel",
        "torch.distributed.fsdp.FullyShardedDataParallel",
        "torch.distributed.fsdp.fully_sharded_data_parallel.FullyShardedDataParallel",
    }
)
_DEFERS = frozenset(
    """no_sync no_backward_sync accumulate set_requires_gradient_sync require_backward_grad_sync
    set_is_last_backward join skip_gradient_sync""".split()
)


def accumulation_without_no_sync(scope: Scope) -> Iterator[Match]:
    """backward in each turn, the optimizer's step in every n-th, and nothing that defers the reduction."""
    if any(node.attr in _DEFERS for node in scope.walk(ast.Attribute) if isinstance(node, ast.Attribute)):
        return
    for call in scope.calls("backward"):
        loops = [loop for loop in scope.loops(call) if isinstance(loop, (ast.For, ast.While))]
        if not loops or scope.guarded(call) or not _steps_now_and_then(scope, loops[-1]):
            continue
        if _wrapped(scope) or _managed(scope, call):
            yield Match(call, {})


def _steps_now_and_then(scope: Scope, loop: ast.For | ast.While) -> bool:
    steps = [
        node
        for node in within(*loop.body)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "step"
        and ("optim" in (chain(node.func.value) or "") or scope.value(node.func.value).kind == "optimizer")
    ]
    return bool(steps) and all(_on_interval(scope, step, loop) for step in steps)


def _on_interval(scope: Scope, step: ast.AST, loop: ast.AST) -> bool:
    """Under ``if (i + 1) % n == 0``, inside the loop."""
    for ancestor in scope.ancestors(step):
        if ancestor is loop:
            return False
        if isinstance(ancestor, ast.If) and any(
            isinstance(part, ast.BinOp) and isinstance(part.op, ast.Mod) for part in ast.walk(ancestor.test)
        ):
            return True
    return False


def _wrapped(scope: Scope) -> bool:
    """Is a model in reach that is wrapped for data-parallel training?"""
    return any(
        scope.value(node).ref in _DATA_PARALLEL and scope.value(node).kind in ("module", "class")
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
