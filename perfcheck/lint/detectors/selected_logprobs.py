"""Log-probabilities of a whole vocabulary of which one for each position is read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from perfcheck.lint.detectors.names import last, targets, words
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_VOCABULARY = re.compile(
    r"(^|_)(labels?|input_ids?|output_ids|target_ids|tokens?|token_ids|vocab(_?size)?|completions?|responses?|"
    r"sequences?|logprobs?|logps)(_|$)"
)
_ACTIONS = re.compile(r"(^|_)(actions?|acts?|state|states|obs)(_|$)")
_PLAIN = frozenset({"shape", "dtype", "device", "size", "dim", "ndim"})


def log_softmax_gathered(scope: Scope) -> Iterator[Match]:
    """``logits.log_softmax(-1).gather(-1, ids.unsqueeze(-1))``, directly or by a name with no other use."""
    if isinstance(scope.node, ast.Module):
        return
    for call in scope.calls("gather"):
        subject = _gathered(scope, call)
        made = _log_softmax(scope, subject) if subject is not None else None
        if made is None or scope.loops(call) or not _of_tokens(scope):
            continue
        yield Match(made, {"L": _logits(scope, made)})


def _gathered(scope: Scope, call: ast.Call) -> ast.expr | None:
    """What a call takes elements of, along a dimension and by an index."""
    if scope.resolve(call.func) == "torch.gather":
        return scope.keyword(call, "input", 0)
    method = isinstance(call.func, ast.Attribute) and len(call.args) + len(call.keywords) == 2
    return call.func.value if method and isinstance(call.func, ast.Attribute) else None


def _log_softmax(scope: Scope, subject: ast.expr) -> ast.Call | None:
    if isinstance(subject, ast.Name):
        bound = [
            node
            for node in scope.walk(ast.Assign)
            if isinstance(node, ast.Assign) and any(chain(target) == subject.id for target in targets(node))
        ]
        if len(bound) != 1 or not all(_is_gathered(scope, use) for use in _uses(scope, subject.id)):
            return None
        subject = bound[0].value
    return subject if isinstance(subject, ast.Call) and last(subject) == "log_softmax" else None


def _uses(scope: Scope, name: str) -> Iterator[ast.Name]:
    for node in scope.walk(ast.Name):
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
            yield node


def _is_gathered(scope: Scope, use: ast.Name) -> bool:
    around = scope.parent(use)
    if isinstance(around, ast.Attribute):
        return around.attr in _PLAIN or around.attr == "gather"
    if isinstance(around, ast.keyword):
        around = scope.parent(around)
    return isinstance(around, ast.Call) and last(around) == "gather"


def _of_tokens(scope: Scope) -> bool:
    """Does the function speak of tokens, and not of actions, of which there are few?"""
    if isinstance(scope.node, ast.Module):
        return False
    spoken = {argument.arg.lower() for argument in ast.walk(scope.node.args) if isinstance(argument, ast.arg)}
    spoken |= {word.lower() for statement in scope.node.body for word in words(statement)}
    spoken.add(scope.node.name.lower())
    return any(map(_VOCABULARY.search, spoken)) and not any(map(_ACTIONS.search, spoken))


def _logits(scope: Scope, made: ast.Call) -> ast.expr:
    if (scope.resolve(made.func) or "").startswith("torch.") and made.args:
        return made.args[0]
    return made.func.value if isinstance(made.func, ast.Attribute) else made
