"""Evaluation under ``no_grad`` of which nothing is left but numbers."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Final

from perfcheck.events import Hotness
from perfcheck.lint.detectors.model_calls import runs_model
from perfcheck.lint.detectors.names import last, targets, within
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope
from perfcheck.lint.values import Value, elements

_TRAINS: Final = frozenset(
    """backward manual_backward zero_grad autograd grad requires_grad requires_grad_ enable_grad
    set_grad_enabled is_grad_enabled retain_grad train optim GradScaler compile export quantize
    register_forward_hook FullyShardedDataParallel FSDP fully_shard DistributedDataParallel DDP
    deepspeed""".split()
)
"""Words of files whose tensors may meet autograd again, and of wrappers and hooks that keep some."""
_PLAIN: Final = frozenset(
    """number str none array size device dtype module optimizer scheduler loader dataset class function
    python-module host""".split()
)
_READS: Final = frozenset({"item", "tolist", "numpy"})
_DEEPEST: Final = 3


def no_grad_around_inference(scope: Scope) -> Iterator[Match]:
    """``with torch.no_grad():`` and ``@torch.no_grad()`` in files that evaluate a model and never train."""
    if isinstance(scope.node, ast.Module):
        return
    for block in scope.walk(ast.With):
        if isinstance(block, ast.With):
            switches = [item.context_expr for item in block.items if _is_no_grad(scope, item.context_expr)]
            if switches and leaves_numbers(scope, block.body):
                yield Match(switches[0], {"S": switches[0]})
    for decorator in scope.node.decorator_list:
        if _decorates(decorator) and leaves_numbers(scope, scope.node.body):
            yield Match(decorator, {"S": decorator})


def _is_no_grad(scope: Scope, switch: ast.expr) -> bool:
    return isinstance(switch, ast.Call) and scope.resolve(switch.func) == "torch.no_grad"


def _decorates(decorator: ast.expr) -> bool:
    """``@torch.no_grad()`` as it is spelled: a decorator is no part of the body."""
    return isinstance(decorator, ast.Call) and chain(decorator.func) in ("torch.no_grad", "no_grad")


def leaves_numbers(scope: Scope, block: Sequence[ast.stmt]) -> bool:
    """Does a model run there on every step, in a file that never trains, and no tensor get out?

    Where nobody looks at what it returns, it runs for what it keeps: to calibrate, to fill a cache.
    """
    names = scope.file_names()
    if "eval" not in names or not _TRAINS.isdisjoint(names):
        return False
    inside = list(within(*block))
    calls = [node for node in inside if isinstance(node, ast.Call)]
    models = [call for call in calls if runs_model(scope, call)]
    if not any(scope.hotness(call) >= Hotness.STEP for call in models):
        return False
    if any(_thrown_away(scope, call) for call in models):
        return False
    return (
        not any(_gets_out(scope, node) for node in inside)
        and all(_keeps_nothing(scope, call) for call in calls)
        and all(
            _plain(scope.value(use)) or _ends_in_read(scope, use)
            for use in _uses_outside(scope, block, inside)
        )
    )


def _thrown_away(scope: Scope, call: ast.Call) -> bool:
    statement = scope.statement(call)
    alone = isinstance(statement, ast.Expr) and statement.value is call
    return alone or scope.assigned(statement) == {"_"}


def _gets_out(scope: Scope, node: ast.AST) -> bool:
    """Is a tensor returned, or stored where others see it?"""
    match node:
        case ast.Return(value=ast.expr() as value):
            return not _read(scope, value)
        case ast.Yield() | ast.YieldFrom() | ast.Await() | ast.Global() | ast.Nonlocal():
            return True
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value) | ast.AugAssign(value=value):
            stored = any(not isinstance(target, ast.Name) for target in targets(node))
            return stored and not _read(scope, value)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Lambda():
            return True
    return False


def _keeps_nothing(scope: Scope, call: ast.Call) -> bool:
    """A model, a loss, PyTorch, a tensor's own method, a built-in function; others may only get numbers."""
    name = scope.resolve(call.func) or ""
    if name.startswith(("torch.", "builtins.", "tqdm.")) or runs_model(scope, call):
        return True
    if scope.value(call.func).kind == "module" or last(call) in ("decode", "batch_decode"):
        return True
    if isinstance(call.func, ast.Attribute) and scope.value(call.func.value).kind == "tensor":
        return True
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    return all(_read(scope, argument) for argument in arguments)


def _read(scope: Scope, node: ast.expr) -> bool:
    """Is it no tensor any more?"""
    return _plain(scope.value(node)) or (isinstance(node, ast.Call) and last(node) in _READS)


def _plain(value: Value, depth: int = 0) -> bool:
    """Numbers, text, arrays, models and loaders, and collections of them: no tensors."""
    if value.kind in ("list", "tuple", "dict", "set"):
        if value.keys is not None:
            return all(_plain(part, depth + 1) for _, part in value.keys)
        return depth < _DEEPEST and (value.items == () or _plain(elements(value), depth + 1))
    return value.kind in _PLAIN


def _uses_outside(scope: Scope, block: Sequence[ast.stmt], inside: Sequence[ast.AST]) -> Iterator[ast.Name]:
    """Where names that the block binds are looked at by other code of the function."""
    bound = frozenset().union(*(scope.assigned(statement) for statement in block))
    own = {id(node) for node in inside}
    names = (node for node in ast.walk(scope.node) if isinstance(node, ast.Name) and id(node) not in own)
    return (name for name in names if name.id in bound and isinstance(name.ctx, ast.Load))


def _ends_in_read(scope: Scope, use: ast.expr) -> bool:
    """``total.item()``, ``out[0].cpu().numpy()``, ``float(loss.mean())``"""
    node: ast.AST | None = use
    while node is not None:
        parent = scope.parent(node)
        match parent:
            case ast.Attribute(attr=name):
                if name in _READS:
                    return True
            case ast.Call(func=function) if function is not node:
                return scope.resolve(function) in ("builtins.float", "builtins.int")
            case ast.Subscript(value=whole) if whole is node:
                pass
            case ast.Call():
                pass
            case _:
                return False
        node = parent
    return False
