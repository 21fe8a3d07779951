"""Forward passes whose graph is thrown away as soon as it is made."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from perfcheck.lint.detectors.graph_ends import GRAPH_ENDS, graph_ends
from perfcheck.lint.detectors.model_calls import definition, is_frozen, is_layer, runs_model, touches_autograd
from perfcheck.lint.detectors.names import last, targets
from perfcheck.lint.detectors.unnamed_evaluation import encodes
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_ENDS = ("argmax", "argmin", "item", "tolist")
"""What nobody can differentiate through."""


def detach_after_forward(scope: Scope) -> Iterator[Match]:
    """``teacher(x).detach()``, ``target(x).max(1)[0].detach()``, ``policy(x).argmax(1)``, ``net(x).data``."""
    models = [(match, match.bindings["M"]) for match in _detached(scope)]
    found = [match for match, model in models if isinstance(model, ast.Call) and not is_frozen(scope, model)]
    if found and not scope.heated_without_grad():
        yield from found


def _detached(scope: Scope) -> Iterator[Match]:
    for call in scope.calls("detach"):
        if isinstance(call.func, ast.Attribute):
            model = _model_call(scope, call.func.value)
            if model is not None:
                yield Match(model, {"M": model})
    yield from _kept_without_graph(scope)
    for node, value in _ends(scope):
        model = _model_call(scope, value)
        if model is not None and runs_model(scope, model) and not scope.called_without_grad():
            known = scope.value(model.func).kind == "module"
            yield Match(model, {"M": model, "E": node}, certain=True if known else None)


def _ends(scope: Scope) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Where a graph ends, and of what."""
    for call in scope.calls(*_ENDS):
        if isinstance(call.func, ast.Attribute):
            yield call, call.func.value
    for node in scope.walk(ast.Attribute):
        if isinstance(node, ast.Attribute) and node.attr == "data" and isinstance(node.ctx, ast.Load):
            yield node, node.value


def _kept_without_graph(scope: Scope) -> Iterator[Match]:
    """``features = model(x)``, where all that is ever made of the features has no graph; the function itself,
    if that is so of every model that it runs."""
    if GRAPH_ENDS.isdisjoint(scope.names) or scope.called_without_grad():
        return
    runs = [
        call
        for call in scope.walk(ast.Call)
        if isinstance(call, ast.Call) and (_runs(scope, call) or encodes(scope, call))
    ]
    vain = [call for call in runs if graph_ends(scope, call)]
    whole = len(vain) == len(runs) and not touches_autograd(scope)
    for call in vain:
        certain = True if scope.value(call.func).kind == "module" else None
        if whole and not isinstance(scope.node, ast.Module):
            yield Match(definition(scope.node), {"M": call}, certain=certain)
            yield Match(call, {"M": call}, certain=certain)
        else:
            yield Match(call, {"M": call, "E": call}, certain=certain)


def _runs(scope: Scope, call: ast.Call) -> bool:
    return runs_model(scope, call) and not is_layer(scope.value(call.func).ref)


_TEACHER = re.compile(
    r"(^|_)(teacher(_(model|net|network))?|(ema|ref|reference|target|momentum)_(model|net|network|encoder))$"
)


_RUNS = re.compile(r"(^|_)(model|net|network|module|backbone|encoder|decoder|actor|critic|policy|forward)$")
"""What a function names that runs a model."""
_NAMES = 3  # by way of which a result is followed
_SEVERAL = 8  # names of a function whose graph is more than a few operators


def _model_call(scope: Scope, node: ast.expr) -> ast.Call | None:
    """The call of a module at the bottom of a chain of methods, attributes, subscripts and functions of
    torch, also by way of names that nothing else reads."""
    named = 0
    while True:
        if isinstance(node, ast.Call):
            value = scope.value(node.func)
            if value.kind == "module":
                return None if is_layer(value.ref) else node
            if value.kind == "function" and value.ref and not value.ref.startswith("torch."):
                names = scope.names_of(node)  # of a function of the project
                runs = len(names) >= _SEVERAL or any(map(_RUNS.search, names))
                return node if runs and scope.records_grad(node) and not named else None
            if value.kind == "unknown" and node.args and _TEACHER.search(last(node)):
                return node
            if runs_model(scope, node):
                return node
            if not isinstance(node.func, ast.Attribute):
                return None
            name = scope.resolve(node.func) or ""
            if "autograd" in name:
                return None
            of_torch = name.startswith("torch.")
            node = node.args[0] if of_torch and node.args else node.func.value
        elif isinstance(node, (ast.Attribute, ast.Subscript)):
            node = node.value
        elif isinstance(node, ast.BinOp):
            node = node.left
        elif isinstance(node, ast.Name) and _read_once(scope, node.id):
            made = scope.definition(node.id, node) or _unpacked(scope, node.id)
            if made is None or named == _NAMES:
                return None
            node, named = made, named + 1
        else:
            return None


def _unpacked(scope: Scope, name: str) -> ast.expr | None:
    """``x.max(1)`` of ``values, name = x.max(1)``, if that is where it comes from."""
    made = [node for node in scope.walk(ast.Assign) if any(chain(target) == name for target in targets(node))]
    value = made[0].value if len(made) == 1 and isinstance(made[0], ast.Assign) else None
    return value if isinstance(value, ast.Call) and last(value) in ("max", "min", "topk", "sort") else None


def _read_once(scope: Scope, name: str) -> bool:
    return len(_reads(scope, name)) == 1


def _reads(scope: Scope, name: str) -> list[ast.Name]:
    return [
        n
        for n in scope.walk(ast.Name)
        if isinstance(n, ast.Name) and n.id == name and type(n.ctx) is ast.Load
    ]
