"""Losses and metrics that a training loop averages over all ranks on every step, for a report."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from perfcheck.events import Hotness
from perfcheck.lint.detectors.names import derived, last, mentions, targets, within, words
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_REDUCES = frozenset({"all_reduce", "reduce", "all_gather", "all_gather_into_tensor"})
_HELPER = re.compile(r"reduce|average|mean|gather|sync", re.IGNORECASE)
_REPORTED = re.compile(r"(^|_)(loss(es)?|acc|accuracy|metrics?|top1|top5|prec1|prec5)(_|\d|$)")


def metrics_reduced_in_step(scope: Scope) -> Iterator[Match]:
    """A reduction of a loss or metric in a loop that trains, whose result goes into no backward pass; and of
    the detached copy of one, in what runs on every step."""
    yield from _copies_reduced(scope)
    for call in scope.walk(ast.Call):
        loops = [loop for loop in scope.loops(call) if isinstance(loop, (ast.For, ast.While))]
        if not isinstance(call, ast.Call) or not loops or not _reduces(scope, call) or not call.args:
            continue
        body = loops[-1].body
        subject = call.args[0]
        if not _trains(*body) or not any(_REPORTED.search(name) for name in words(subject)):
            continue
        if _now_and_then(scope, call):
            continue
        statement = scope.statement(call)
        made = {name for target in targets(statement) if (name := chain(target))}
        if last(call) in _REDUCES:  # in place
            if _goes_backward(chain(subject), body):  # autograd knows nothing of the reduction
                yield Match(call, {"T": subject})
                continue
            made |= {name for name in [chain(subject)] if name}
        if made and not _differentiated(derived(made, body), body):
            yield Match(call, {"T": subject})


def _copies_reduced(scope: Scope) -> Iterator[Match]:
    """``reported = loss.clone().detach(); all_reduce(reported)``, without a loop around it."""
    for call in scope.calls("all_reduce"):
        subject = call.args[0] if call.args else None
        if not isinstance(subject, ast.Name) or scope.loops(call) or not _reduces(scope, call):
            continue
        copied = scope.definition(subject.id, call)
        if scope.hotness(call) < Hotness.STEP or scope.guarded(call) or copied is None:
            continue
        if "detach" in words(copied) and any(_REPORTED.search(word) for word in words(copied)):
            yield Match(call, {"T": subject})


def _reduces(scope: Scope, call: ast.Call) -> bool:
    """A collective, or a function of the project that is named for one and calls it."""
    if last(call) in _REDUCES:
        return (scope.resolve(call.func) or "").startswith("torch.distributed")
    return _HELPER.search(last(call)) is not None and not _REDUCES.isdisjoint(scope.names_of(call))


def _trains(*body: ast.stmt) -> bool:
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and (node.func.attr == "backward" or (last(node) == "step" and "optim" in (chain(node.func) or "")))
        for node in within(*body)
    )


def _now_and_then(scope: Scope, call: ast.Call) -> bool:
    """Under ``if step % n == 0``, unless the optimizer's step is there as well (gradient accumulation)."""
    guards = [node for node in scope.ancestors(call) if isinstance(node, ast.If) and _counts(node.test)]
    return not _trains(*guards[0].body) if guards else scope.guarded(call)


def _counts(test: ast.expr) -> bool:
    return any(isinstance(part, ast.BinOp) and isinstance(part.op, ast.Mod) for part in ast.walk(test))


def _goes_backward(name: str | None, body: list[ast.stmt]) -> bool:
    """``loss.backward()``"""
    return name is not None and any(
        isinstance(node, ast.Call) and chain(node.func) == f"{name}.backward" for node in within(*body)
    )


def _differentiated(names: frozenset[str], body: list[ast.stmt]) -> bool:
    """Does a backward pass begin at something that is made of them?"""
    return any(
        isinstance(node, ast.Call) and last(node) == "backward" and mentions(node, names)
        for node in within(*body)
    )
