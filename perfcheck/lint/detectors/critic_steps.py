"""Steps of a critic that record the generator, which they do not train, and go backward through it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from perfcheck.lint.detectors.model_calls import is_frozen, is_layer
from perfcheck.lint.detectors.names import last, targets, within
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_BACKWARD = frozenset({"backward", "manual_backward"})
_PARAMETERS = frozenset({"parameters", "named_parameters"})
_WITHOUT_GRAPH = frozenset({"detach", "data", "shape", "size", "dtype", "device"})


@dataclass
class _Update:
    """The calls of a body up to the steps of some optimizers, and the models that these optimize."""

    calls: list[ast.Call] = field(default_factory=list)
    models: set[str] = field(default_factory=set)
    known: bool = True  # what is optimized


def generator_in_critic_step(scope: Scope) -> Iterator[Match]:
    """``fake = generator(noise)``, of which nothing but ``critic(fake)`` has a graph, where the optimizers
    that step next are the critic's, and the generator has one of its own."""
    updates = _updates(scope)
    trained = _trained(scope) if updates else frozenset()
    for update in updates:
        for call in update.calls if update.known else ():
            name = chain(call.func)
            if (
                name in trained
                and name not in update.models
                and _records(scope, call)
                and _goes_to_critic_alone(scope, call, update)
            ):
                yield Match(call, {"M": call, "G": call.func})


def _updates(scope: Scope) -> list[_Update]:
    """In source order; what steps without a backward of its own belongs to the update before."""
    found = [_Update()]
    stepped = False
    for call in scope.walk(ast.Call):
        if not isinstance(call, ast.Call):
            continue
        optimizer = _stepped(call)
        if stepped and optimizer is None:
            found.append(_Update())
            stepped = False
        update = found[-1]
        update.calls.append(call)
        if optimizer is not None:
            models = _optimized(scope, optimizer)
            stepped = True
            update.models |= models
            update.known = update.known and bool(models)
    merged: list[_Update] = []
    for update in found:
        if merged and _BACKWARD.isdisjoint(map(last, update.calls)):
            merged[-1].calls += update.calls
            merged[-1].models |= update.models
            merged[-1].known = merged[-1].known and update.known
        else:
            merged.append(update)
    return [update for update in merged if update.models and _goes_backward_once(scope, update)]


def _goes_backward_once(scope: Scope, update: _Update) -> bool:
    """Is the graph freed, so that no other update uses it?"""
    passes = [call for call in update.calls if last(call) in _BACKWARD]
    return bool(passes) and all(scope.keyword(call, "retain_graph") is None for call in passes)


def _trained(scope: Scope) -> frozenset[str]:
    """The models that anything, an optimizer as a rule, is handed the parameters of."""
    return frozenset(model for body in scope.bodies_around() for model in _asked_for_parameters(*body))


def _stepped(call: ast.Call) -> str | None:
    """``optimizer`` of ``optimizer.step()`` and of ``scaler.step(optimizer)``; None for other calls."""
    if last(call) != "step" or not isinstance(call.func, ast.Attribute):
        return None
    name = chain(call.args[0] if call.args else call.func.value)
    return name if name and "opt" in name.lower() else None


def _optimized(scope: Scope, optimizer: str) -> frozenset[str]:
    """The models whose parameters an optimizer was handed; none where that cannot be seen."""
    return frozenset(
        model
        for body in scope.bodies_around()
        for node in within(*body)
        if isinstance(node, ast.Assign) and any(chain(target) == optimizer for target in targets(node))
        for model in _asked_for_parameters(node.value)
    )


def _asked_for_parameters(*nodes: ast.AST) -> Iterator[str]:
    for part in within(*nodes):
        if isinstance(part, ast.Call) and last(part) in _PARAMETERS and isinstance(part.func, ast.Attribute):
            yield chain(part.func.value) or ""


def _records(scope: Scope, call: ast.Call) -> bool:
    made = scope.value(call.func)
    return (
        made.kind in ("module", "unknown")
        and not is_layer(made.ref)
        and scope.no_grad(call) is not True
        and not is_frozen(scope, call)
    )


def _goes_to_critic_alone(scope: Scope, call: ast.Call, update: _Update) -> bool:
    if _is_handed_to_critic(scope, call, update):
        return True
    statement = scope.statement(call)
    if not isinstance(statement, ast.Assign) or statement.value is not call or len(statement.targets) != 1:
        return False
    made = statement.targets[0]
    if not isinstance(made, ast.Name):
        return False
    kept = [read for read in _reads(scope, made) if not _loses_graph(scope, read)]
    return bool(kept) and all(_is_handed_to_critic(scope, read, update) for read in kept)


def _reads(scope: Scope, made: ast.Name) -> Iterator[ast.Name]:
    """Of a variable, until it is bound to something else; as they are written."""
    places = [node for node in scope.walk(ast.Name) if isinstance(node, ast.Name) and node.id == made.id]
    for place in places[places.index(made) + 1 :]:
        if not isinstance(place.ctx, ast.Load):
            if scope.statement(place) is not scope.statement(made):
                return
        elif scope.statement(place) is not scope.statement(made):
            yield place


def _loses_graph(scope: Scope, node: ast.AST) -> bool:
    """``fake.detach()``, ``fake.data``, ``fake.size(0)``"""
    parent = scope.parent(node)
    return isinstance(parent, ast.Attribute) and parent.attr in _WITHOUT_GRAPH


def _is_handed_to_critic(scope: Scope, node: ast.AST, update: _Update) -> bool:
    parent = scope.parent(node)
    if isinstance(parent, ast.keyword):
        parent = scope.parent(parent)
    return (
        isinstance(parent, ast.Call)
        and node is not parent.func
        and chain(parent.func) in update.models
        and parent in update.calls
        and scope.no_grad(parent) is not True
    )
