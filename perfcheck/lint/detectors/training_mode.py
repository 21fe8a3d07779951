"""Models that are put into training mode, in which they are already, on every step."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from perfcheck.lint.detectors.names import last, words
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Loop, Match, Scope

_SETS_MODE = re.compile(r"(^|_)(train|mode)$")
"""Functions that are there to do it: ``on_validation_model_train``."""


def train_mode_every_step(scope: Scope) -> Iterator[Match]:
    """``model.train()`` where every step passes, and nothing of the step leaves training mode."""
    if isinstance(scope.node, ast.Module):
        return
    for call in scope.calls("train"):
        model = call.func.value if isinstance(call.func, ast.Attribute) else None
        if model is None or not _switches(scope, call, model):
            continue
        if not scope.loops(call) and (_SETS_MODE.search(scope.qualname) or _is_whole_epoch(scope)):
            continue
        if any(map(_names_epoch, scope.loops(call))):
            continue  # an epoch on all of the data at once: others may evaluate between
        if not any(_evaluates(scope, other, model) for other in scope.calls("eval")):
            # the rest of its loop may evaluate what others hold as well
            shared = not isinstance(model, ast.Name) and scope.loops(call)
            yield Match(call, {"M": model}, certain=None if shared else True)


def _is_whole_epoch(scope: Scope) -> bool:
    """Is it given no data, in a file that evaluates as well?"""
    given = isinstance(scope.node, ast.FunctionDef) and [
        a.arg for a in scope.node.args.args if a.arg != "self"
    ]
    return not given and "eval" in scope.file_names()


def _names_epoch(loop: Loop) -> bool:
    return isinstance(loop, ast.For) and any("epoch" in word.lower() for word in words(loop.target))


def _switches(scope: Scope, call: ast.Call, model: ast.expr) -> bool:
    """Alone in its statement, without a choice of mode, and of a module."""
    chosen = [*call.args, *(keyword.value for keyword in call.keywords)]
    if any(not (isinstance(mode, ast.Constant) and mode.value is True) for mode in chosen):
        return False
    value = scope.value(model)
    module = value.kind == "module" or (value.kind in ("unknown", "instance") and "model" in last(model))
    return module and isinstance(scope.parent(call), ast.Expr)


def _evaluates(scope: Scope, other: ast.Call, model: ast.expr) -> bool:
    """``model.eval()`` as often."""
    return (
        isinstance(other.func, ast.Attribute)
        and chain(other.func.value) == chain(model)
        and not scope.guarded(other)
    )
