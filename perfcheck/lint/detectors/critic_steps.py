"""Steps of a critic that record the generator, which they do not train, and go backward through it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from perfcheck.lint.detectors import BACKWARD, PARAMETERS
from perfcheck.lint.detectors.model_calls import asked_of, is_frozen, is_layer
from perfcheck.lint.detectors.names import last, targets, within
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_WITHOUT_GRAPH = frozenset({"detach", "data", "shape", "size", "dtype", "device"})


_Models = frozenset[str | None]
"""Their names; None for one that has none, as ``models[0]``."""


class _Update(NamedTuple):
    """The calls of a body up to the steps of some optimizers, and those that the steps are of."""

    calls: list[ast.Call]
    optimizers: list[str]


def generator_in_critic_step(scope: Scope) -> Iterator[Match]:
    """``fake = generator(noise)``, of which nothing but ``critic(fake)`` has a graph, where the optimizers
    that step next are the critic's, and the generator has one of its own."""
    updates = [update for update in _updates(scope) if _goes_backward_once(scope, update)]
    if not updates:
        return
    statements = [statement for body in scope.bodies_around() for statement in body]
    trained, optimized = _asked_for_parameters(*statements) - {None}, _optimized(statements)
    for update in updates:
        critics: _Models = frozenset().union(*(optimized.get(name, {None}) for name in update.optimizers))
        if None in critics:
            continue
        for call in update.calls:
            if (
                chain(call.func) in trained - critics
                and _records(scope, call)
                and _goes_to_critic_alone(scope, call, update, critics)
            ):
                yield Match(call, {"M": call, "G": call.func})


def _updates(scope: Scope) -> list[_Update]:
    """In source order; what steps without a backward of its own belongs to the update before."""
    found: list[_Update] = []
    calls: list[ast.Call] = []
    for call in scope.walk(ast.Call):
        if not isinstance(call, ast.Call):
            continue
        calls.append(call)
        optimizer = _stepped(call)
        if optimizer is not None:
            if not found or _goes_backward(calls):
                found.append(_Update([], []))
            found[-1].calls.extend(calls)
            found[-1].optimizers.append(optimizer)
            calls = []
    if found and not _goes_backward(calls):
        found[-1].calls.extend(calls)
    return found


def _goes_backward(calls: Iterable[ast.Call]) -> bool:
    return not BACKWARD.isdisjoint(map(last, calls))


def _goes_backward_once(scope: Scope, update: _Update) -> bool:
    """Is the graph freed, so that no other update uses it?"""
    passes = [call for call in update.calls if last(call) in BACKWARD]
    return bool(passes) and all(scope.keyword(call, "retain_graph") is None for call in passes)


def _stepped(call: ast.Call) -> str | None:
    """``optimizer`` of ``optimizer.step()`` and of ``scaler.step(optimizer)``; None for other calls."""
    if last(call) != "step" or not isinstance(call.func, ast.Attribute):
        return None
    name = chain(call.args[0] if call.args else call.func.value)
    return name if name and "opt" in name.lower() else None


def _optimized(statements: Iterable[ast.stmt]) -> dict[str | None, _Models]:
    """By the name of what is made of their parameters, an optimizer as a rule."""
    found: dict[str | None, _Models] = {}
    for node in within(*statements):
        models = _asked_for_parameters(node.value) if isinstance(node, ast.Assign) else ()
        for target in targets(node) if models else ():
            found[chain(target)] = found.get(chain(target), frozenset()).union(models)
    return found


def _asked_for_parameters(*nodes: ast.AST) -> _Models:
    calls = (part for part in within(*nodes) if isinstance(part, ast.Call) and last(part) in PARAMETERS)
    return frozenset(map(asked_of, calls))


def _records(scope: Scope, call: ast.Call) -> bool:
    made = scope.value(call.func)
    return (
        made.kind in ("module", "unknown")
        and not is_layer(made.ref)
        and scope.no_grad(call) is not True
        and not is_frozen(scope, call)
    )


def _goes_to_critic_alone(scope: Scope, call: ast.Call, update: _Update, critics: _Models) -> bool:
    if _is_handed_to_critic(scope, call, update, critics):
        return True
    statement = scope.statement(call)
    if not isinstance(statement, ast.Assign) or statement.value is not call or len(statement.targets) != 1:
        return False
    made = statement.targets[0]
    if not isinstance(made, ast.Name):
        return False
    kept = [read for read in _reads(scope, made) if not _loses_graph(scope, read)]
    return bool(kept) and all(_is_handed_to_critic(scope, read, update, critics) for read in kept)


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


def _is_handed_to_critic(scope: Scope, node: ast.AST, update: _Update, critics: _Models) -> bool:
    parent = scope.parent(node)
    if isinstance(parent, ast.keyword):
        parent = scope.parent(parent)
    return (
        isinstance(parent, ast.Call)
        and node is not parent.func
        and chain(parent.func) in critics
        and parent in update.calls
        and scope.no_grad(parent) is not True
    )
