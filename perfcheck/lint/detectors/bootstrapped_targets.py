"""Targets of temporal differences that are computed with a graph, though nobody differentiates them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from perfcheck.lint.detectors import BACKWARD
from perfcheck.lint.detectors.model_calls import is_layer
from perfcheck.lint.detectors.names import last, within, words
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_COPY = re.compile(r"(^|_)(target|targ|tgt)(_|\d|$)")
"""A copy of a network that follows it slowly, or by steps."""
_NETWORK = re.compile(
    r"(^|_)(model|net|nets|network|actor|critic|policy|q|qf|vf|qnet|dqn|value|value_func|value_function|q_func)\d*(_|$)"
)
_NEXT = re.compile(
    r"(^|_)next(_|$)|^(s|state|states|obs|o)_(prime|p|tp1)?$|_(prime|tp1)$|^(s|o|obs|state)_?2$|^(ns|nobs|new_(states?|obs))$"
)
_DISCOUNT = re.compile(r"(^|_)(gammas?|discounts?)(_|$)")
_ENDS = re.compile(r"^(not_?|non_?)?(dones?|terminals?|terminated|final)(_\w+)?$")
"""By which a value of the next state is taken to be nothing, whatever the discount is called."""
_TARGET_FUNCTION = re.compile(r"^_*(compute|calc|calculate|get|make|td)_(\w+_)?targets?(_|$)")
_METHODS = frozenset("forward sample evaluate act get_action predict_values action_log_prob".split())
_OTHER = re.compile(
    r"^_*(update|sync|soft|hard|polyak|copy|load|save|get|set|compute|calc|calculate|make|build)_|loss|error"
)
"""What is called on networks and is none."""
_THROUGH = re.compile(
    r"actor_?loss|policy_?loss|actor_?update|update_?actor|dreamer|imagin|world_?model", re.IGNORECASE
)
"""Losses of a policy, which are meant to reach it through the values."""


def target_with_graph(scope: Scope) -> Iterator[Match]:
    """``self.critic_target(next_states)`` with autograd on, in a function that differentiates a loss of it or
    returns it as the target."""
    if isinstance(scope.node, ast.Module) or _THROUGH.search(scope.qualname):
        return
    spoken = {word.lower() for statement in scope.node.body for word in words(statement)}
    named = _TARGET_FUNCTION.match(scope.qualname.rpartition(".")[2]) is not None
    discounts = any(map(_DISCOUNT.search, spoken)) or any(map(_ENDS.match, spoken))
    if not (named or discounts) or (not _trains(scope) and scope.called_without_grad()):
        return
    frozen = not {"requires_grad", "requires_grad_"}.isdisjoint(scope.file_names())
    for call in scope.walk(ast.Call):
        if not isinstance(call, ast.Call) or scope.no_grad(call) is True:
            continue
        network = _network(scope, call)
        if network is None or _differentiated_through(scope, call) or _detached(scope, call):
            continue
        if any(map(_joins_states, call.args)):
            continue
        copy = _COPY.search(network) is not None
        if _of_next_state(scope, call) and not (copy and frozen):
            yield Match(call, {"M": call})


def _trains(scope: Scope) -> bool:
    return not BACKWARD.isdisjoint(scope.names)


def _network(scope: Scope, call: ast.Call) -> str | None:
    """The name of the network that is called, itself or by a method that runs it."""
    function = call.func
    if isinstance(function, ast.Attribute) and function.attr in _METHODS:
        function = function.value
    name = (chain(function) or "").rpartition(".")[2].lower()
    value = scope.value(function)
    if not name or not (call.args or call.keywords) or _OTHER.search(name):
        return None
    if value.kind == "module":
        return None if is_layer(value.ref) else name
    known = _NETWORK.search(name) or _COPY.search(name)
    return name if known and value.kind in ("unknown", "instance") else None


def _of_next_state(scope: Scope, call: ast.Call) -> bool:
    return any(
        _NEXT.search(word.lower())
        for argument in (*call.args, *(keyword.value for keyword in call.keywords))
        for word in words(argument)
    )


def _joins_states(given: ast.expr) -> bool:
    """``torch.cat((states, next_states))``: half of what comes out is differentiated."""
    parts = given.args[0] if isinstance(given, ast.Call) and last(given) == "cat" and given.args else None
    return isinstance(parts, (ast.Tuple, ast.List)) and not all(
        any(_NEXT.search(word.lower()) for word in words(part)) for part in parts.elts
    )


def _detached(scope: Scope, node: ast.AST) -> bool:
    """Is it detached at once? That is told of any network."""
    parent = scope.parent(node)
    while isinstance(parent, (ast.Attribute, ast.Subscript, ast.Call)) and node not in getattr(
        parent, "args", ()
    ):
        if isinstance(parent, ast.Call) and last(parent) == "detach":
            return True
        node, parent = parent, scope.parent(parent)
    return False


def _differentiated_through(scope: Scope, call: ast.Call) -> bool:
    """Is it given what another network says, to train that one (``critic(state, actor(state))``)?"""
    return any(
        isinstance(part, ast.Call) and _network(scope, part) is not None and not _of_next_state(scope, part)
        for argument in call.args
        for part in within(argument)
    )
