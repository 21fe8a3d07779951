"""Models run by code that does not call itself an evaluation: services, scripts, collections of outputs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from perfcheck.lint.detectors.model_calls import (
    MODEL_NAME,
    OTHER_ROLE,
    decorated,
    definition,
    runs_model,
    touches_autograd,
)
from perfcheck.lint.detectors.names import last, root, targets, within, words
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_TRAINING = frozenset(
    """train backward zero_grad autograd grad requires_grad requires_grad_ no_grad inference_mode
    set_grad_enabled is_grad_enabled export""".split()
)


def served(scope: Scope) -> Iterator[Match]:
    """A class around a model that it puts into evaluation mode, in a file that neither trains nor speaks of
    autograd: the method that runs the model."""
    name = scope.qualname.rpartition(".")[2]
    if "eval" not in scope.class_names() or name in ("__init__", "eval") or OTHER_ROLE.search(name.lower()):
        return
    if not _TRAINING.isdisjoint(scope.file_names()) or scope.called_without_grad():
        return
    if re.search(r"loss|guid|critic|attack|train", scope.qualname, re.IGNORECASE):
        return
    for call in scope.walk(ast.Call):
        if (
            isinstance(call, ast.Call)
            and runs_model(scope, call)
            and (chain(call.func) or "").startswith("self.")
        ):
            if not isinstance(scope.node, ast.Module):
                yield Match(definition(scope.node), {"M": call}, certain=None)
            yield Match(call, {"M": call}, certain=None)
            return


_LOADED = re.compile(r"(^|_)(load|pretrained|checkpoint|ckpt|eval)(_|$)")
_APPLIES = frozenset(
    "encode decode reconstruct predict infer inference embed translate transcribe synthesize".split()
)


def scripted(scope: Scope) -> Iterator[Match]:
    """A model that a script loads, and runs for what it returns, in a file that neither trains nor speaks of
    autograd."""
    if "." in scope.qualname or not _TRAINING.isdisjoint(scope.file_names()):
        return
    loaded = {root(call.func) for call in scope.calls("load_state_dict", "eval")} | {
        chain(target)
        for node in scope.walk(ast.Assign)
        if isinstance(node, ast.Assign) and any(_LOADED.search(word) for word in words(node.value))
        for target in targets(node)
    }
    for call in scope.walk(ast.Call):
        if not isinstance(call, ast.Call) or root(call.func) not in loaded or root(call.func) is None:
            continue
        if isinstance(scope.parent(call), ast.Expr):
            continue
        if isinstance(call.func, ast.Name):
            runs = runs_model(scope, call)
        else:
            data = bool(call.args) and scope.value(call.args[0]).on_device is True
            runs = last(call) in _APPLIES and (data or scope.records_grad(call))
        if runs and scope.no_grad(call) is not True:
            if not scope.called_without_grad():
                yield Match(call, {"M": call}, certain=None)
            return


_STEPS = """eval_step validation_step valid_step val_step test_step evaluation_step
_eval_step _validation_step _valid_step _val_step _test_step _evaluation_step""".split()
_SWITCHES = frozenset({"no_grad", "inference_mode", "set_grad_enabled"})


def steps_taken(scope: Scope) -> Iterator[Match]:
    """``self.eval_step(batch)`` by a class that trains as well, where no step of that name switches
    autograd off."""
    if isinstance(scope.node, ast.Module) or "." not in scope.qualname or decorated(scope.node):
        return
    for call in scope.calls(*_STEPS):
        if (chain(call.func) or "").rpartition(".")[0] != "self" or scope.no_grad(call) is True:
            continue
        steps = scope.functions_named(last(call))
        if not steps or touches_autograd(scope):
            return
        trains = not {"train_step", "_train_step"}.isdisjoint(scope.names | scope.class_names())
        if trains and not any(_SWITCHES & step for step in steps):
            if not scope.called_without_grad():
                yield Match(call, {"M": call}, certain=None)
            return


_METHODS = frozenset({"cpu", "float", "half", "to", "squeeze", "mean"})
_RUNS = re.compile(r"^(encode|embed)(_\w+)?$")
_LEARNS = re.compile(r"(^|_)(loss(es)?|criterion|optim(izer)?|train|backward|grad|checkpoint)(_|$)")


def gathered(scope: Scope) -> Iterator[Match]:
    """``parts.append(model(batch))`` for all of some data, then ``torch.cat(parts)``: with every graph."""
    if isinstance(scope.node, ast.Module) or scope.called_without_grad() or decorated(scope.node):
        return
    joined = {chain(call.args[0]) for call in scope.calls("cat", "stack", "vstack") if call.args}
    for append in scope.calls("append"):
        kept = append.func.value if isinstance(append.func, ast.Attribute) else None
        loops = [loop for loop in scope.loops(append) if isinstance(loop, ast.For)]
        if kept is None or chain(kept) not in joined or len(append.args) != 1 or not loops:
            continue
        if not _goes_through_data(scope, loops[-1].iter):
            continue
        call = _run_for(scope, append.args[0], loops[-1])
        if call is not None and scope.no_grad(call) is not True and not touches_autograd(scope):
            if not any(_LEARNS.search(word) for part in scope.node.body for word in words(part)):
                yield Match(definition(scope.node), {"M": call}, certain=None)
                yield Match(call, {"M": call}, certain=None)
            return


_DATA = re.compile(
    r"(^|_)(loaders?|batches|dataset|corpus|texts|sentences|documents|docs|queries|passages|images|files|paths|videos)$"
)


def _goes_through_data(scope: Scope, over: ast.expr) -> bool:
    """A loader, or a collection that is named for its samples."""
    if scope.value(over).kind in ("loader", "tensor"):
        return scope.value(over).kind == "loader"
    return any(_DATA.search(word) for word in words(over))


def _run_for(scope: Scope, kept: ast.expr, loop: ast.For) -> ast.Call | None:
    """The model's call that gives what is kept, itself or as a variable of the turn."""
    while isinstance(kept, (ast.Attribute, ast.Subscript)) or _passes_on(kept):
        kept = _owner(kept)
    if isinstance(kept, ast.Name):
        made = [
            node.value
            for node in within(*loop.body)
            if isinstance(node, ast.Assign) and any(chain(target) == kept.id for target in targets(node))
        ]
        return (
            _run_for(scope, made[0], loop) if len(made) == 1 and not isinstance(made[0], ast.Name) else None
        )
    if isinstance(kept, ast.Call) and (runs_model(scope, kept) or _encodes(kept)):
        return kept
    return None


def _passes_on(node: ast.expr) -> bool:
    """A method whose result has the graph of its tensor."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS


def _owner(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Call):
        node = node.func
    return node.value if isinstance(node, (ast.Attribute, ast.Subscript)) else node


def _encodes(call: ast.Call) -> bool:
    """``model.encode_text(…)``, ``self.encode(…)``"""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    named = owner is not None and (chain(owner) == "self" or MODEL_NAME.search(last(owner)) is not None)
    return named and _RUNS.match(last(call)) is not None
