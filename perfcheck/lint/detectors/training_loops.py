"""Loops that train: what backward is called on in each turn, and what hangs on the same graph."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from perfcheck.lint.detectors import BACKWARD, STEPS
from perfcheck.lint.detectors.graph_ends import UNDIFFERENTIABLE
from perfcheck.lint.detectors.model_calls import runs_model
from perfcheck.lint.detectors.names import last, root, targets, within
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Scope

LoopStatement = ast.For | ast.AsyncFor | ast.While

READS: Final = frozenset("item detach data float numpy tolist no_grad inference_mode".split())
_KEEPS_GRAPH: Final = frozenset(
    """mean sum min max view reshape squeeze unsqueeze to cpu cuda float double half clone div mul add sub
    sqrt exp log flatten transpose permute contiguous type""".split()
)
_PARTS: Final = frozenset({"values", "items"})
_WITH_GRAPH: Final = frozenset({"tensor", "unknown", "dict", "list", "tuple", "instance"})
"""What has a graph, or holds what has one."""
_LOSS: Final = re.compile(
    r"(^|_)(loss(es)?|kld?|nll|mse|bce|ce|l1|l2|mae|recon?|reg|penalty|cost|entropy)(_|\d|$)"
)


class TrainingLoop(NamedTuple):
    """A loop that goes backward, or a method that does, and the names that have the graph of its turn: the
    losses, the terms of their sums, and the outputs that criteria are given."""

    loop: LoopStatement | ast.FunctionDef | ast.AsyncFunctionDef
    attached: frozenset[str]


def training_loops(scope: Scope, node: ast.AST) -> Iterator[TrainingLoop]:
    """The loops around a place that call backward, innermost first."""
    for loop in reversed(scope.loops(node)):
        if isinstance(loop, (ast.For, ast.AsyncFor, ast.While)):
            losses = differentiated_in(loop.body) | _returned_by_steps(scope, loop)
            if losses or any(is_step(scope, part) for part in within(*loop.body)):
                yield TrainingLoop(loop, _attached(scope, loop.body, losses))


def training_step(scope: Scope) -> TrainingLoop | None:
    """The method itself, where it goes backward and steps: what it stores on ``self`` outlives the call."""
    if isinstance(scope.node, ast.Module) or "." not in scope.qualname or "step" not in scope.names:
        return None
    losses = differentiated_in(scope.node.body)
    return TrainingLoop(scope.node, _attached(scope, scope.node.body, losses)) if losses else None


def _returned_by_steps(scope: Scope, loop: LoopStatement) -> frozenset[str]:
    """``loss = self.train_step(batch)``, ``loss, output = train_step(model, batch)``"""
    return frozenset(
        name
        for node in within(*loop.body)
        if isinstance(node, ast.Assign)
        for target, attached in zip(targets(node), _returns(scope, node.value))
        if attached and (name := chain(target))
    )


def is_step(scope: Scope, node: ast.AST) -> bool:
    """A call of a function of the project that goes backward and returns the loss, undetached."""
    return _returns(scope, node) == (True,)


def _returns(scope: Scope, node: ast.AST) -> tuple[bool, ...]:
    """Which of the values that a step of the project returns it has gone backward on; () for other calls."""
    if not isinstance(node, ast.Call) or last(node) not in STEPS or "backward" not in scope.names_of(node):
        return ()
    function = scope.body_of(node)
    body = function.body if function is not None else []
    returned = [part for part in within(*body) if isinstance(part, ast.Return) and part.value is not None]
    if len(returned) != 1:
        return ()
    value, losses = returned[0].value, differentiated_in(body)
    parts = value.elts if isinstance(value, ast.Tuple) else [value]
    return tuple(
        part is not None and chain(part) in losses and not rebound_after_backward(body, part, returned[0])
        for part in parts
    )


def differentiated_in(body: Sequence[ast.stmt]) -> frozenset[str]:
    """The names that backward is called on: ``loss.backward()``, ``accelerator.backward(loss)``,
    ``scaler.scale(loss).backward()``, ``(loss / n).backward()``."""
    found: set[str] = set()
    for call in within(*body):
        if not isinstance(call, ast.Call) or last(call) not in BACKWARD:
            continue
        subjects: list[ast.expr] = list(call.args[:1])
        if isinstance(call.func, ast.Attribute) and not subjects:
            receiver = call.func.value
            subjects = (
                list(receiver.args[:1]) if isinstance(receiver, ast.Call) and receiver.args else [receiver]
            )
        for subject in subjects:
            found |= {name for part in _terms(subject) if (name := chain(part))}
    return frozenset(found)


def _terms(node: ast.expr) -> Iterator[ast.expr]:
    """The names an arithmetic expression is made of; of a product the losses or calls, or the
    first factor."""
    node = _receiver(node)
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        yield from _terms(node.left)
        yield from _terms(node.right)
    elif isinstance(node, ast.BinOp):
        sides = (node.left, node.right)
        named = [side for side in sides if _LOSS.search(last(_owner(side)).lower())]
        called = [side for side in sides if isinstance(side, ast.Call)]
        for side in named or called or [node.left]:
            yield from _terms(side)
    else:
        yield node


def _receiver(node: ast.expr) -> ast.expr:
    """``loss`` of ``loss.mean().float()``, whose graph it keeps."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and last(node) in _KEEPS_GRAPH:
        node = node.func.value
    return node


def _owner(node: ast.expr) -> ast.expr:
    """``losses`` of ``losses["kl"].mean()`` and ``losses.values()``."""
    node = _receiver(node)
    while isinstance(node, ast.Subscript):
        node = _receiver(node.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and last(node) in _PARTS:
        return node.func.value
    return node


def _attached(scope: Scope, body: Sequence[ast.stmt], losses: frozenset[str]) -> frozenset[str]:
    made: dict[str | None, list[ast.expr]] = {}
    for node in within(*body):
        if isinstance(node, (ast.Assign, ast.AugAssign)):
            for target in targets(node):
                made.setdefault(chain(target), []).append(node.value)
    found, queue = set(losses), list(losses)
    while queue:
        for value in made.get(queue.pop(), ()):
            for part, criticised in _made_of(value):
                for name in {chain(part), root(part)} - {None, *found}:
                    if name and any(_computed(scope, source, criticised) for source in made.get(name, ())):
                        found.add(name)
                        queue.append(name)
    for node in within(*body):
        if isinstance(node, ast.For) and chain(_owner(node.iter)) in found:
            found |= {name for target in targets(node)[-1:] if (name := chain(target))}
    return frozenset(found)


def _made_of(value: ast.expr) -> Iterator[tuple[ast.expr, bool]]:
    """``a`` and ``b`` of ``a + 2 * b``, ``losses`` of ``sum(losses.values())`` and ``losses["kl"]``; and,
    which is the second value, ``output`` of ``criterion(output, label)``."""
    for part in _terms(value):
        if isinstance(part, ast.Call) and chain(part.func) == "sum" and part.args:
            over = part.args[0]
            yield _owner(over.generators[0].iter if isinstance(over, ast.GeneratorExp) else over), False
        elif isinstance(part, ast.Call):
            yield from ((_owner(argument), True) for argument in part.args)
        else:
            yield _owner(part), False


def _computed(scope: Scope, source: ast.expr, by_model: bool) -> bool:
    """Does a function return it, or a model where it must be one, and is it perhaps a tensor with a graph?"""
    source = _owner(source)
    value = scope.value(source)
    if (
        not isinstance(source, ast.Call)
        or not (source.args or source.keywords)
        or value.dtype in ("int", "bool")
    ):
        return False
    if scope.no_grad(source) is True or value.kind not in _WITH_GRAPH:
        return False
    return value.grad is True or not by_model or runs_model(scope, source)


def with_graph(scope: Scope, node: ast.expr, attached: frozenset[str]) -> ast.expr | None:
    """The part of a value that hangs on the graph of the turn, or has a graph for certain."""
    if isinstance(node, (ast.Name, ast.Attribute)):
        value = scope.value(node)
        if value.kind not in _WITH_GRAPH:
            return None
        if chain(node) in attached or root(node) in attached:
            return node if scope.no_grad(node) is not True else None
        if value.kind == "tensor" and value.grad is True:
            return node
        made = scope.definition(node.id, node) if isinstance(node, ast.Name) else None
        if isinstance(made, (ast.Call, ast.Dict, ast.BinOp)):
            return with_graph(scope, made, attached)
        return None
    if isinstance(node, ast.Subscript):
        return node if with_graph(scope, node.value, attached) is not None else None
    if isinstance(node, ast.BinOp):
        return with_graph(scope, node.left, attached) or with_graph(scope, node.right, attached)
    if isinstance(node, ast.IfExp):
        return with_graph(scope, node.body, attached) or with_graph(scope, node.orelse, attached)
    if is_step(scope, node):
        return node
    if _receiver(node) is not node:
        return with_graph(scope, _receiver(node), attached)
    if isinstance(node, ast.Call) and _differentiable(scope, node):
        given = (*node.args, *(keyword.value for keyword in node.keywords))
        return node if any(with_graph(scope, part, attached) for part in given) else None
    parts: list[ast.expr] = []
    if isinstance(node, (ast.Tuple, ast.List)):
        parts = node.elts
    elif isinstance(node, ast.Dict):
        parts = node.values
    found = (with_graph(scope, part, attached) for part in parts)
    return next((part for part in found if part is not None), None)


def _differentiable(scope: Scope, call: ast.Call) -> bool:
    """Has what it returns the graph of what it is given: a function of torch's, a criterion, a sum, or one of
    the project's whose result is known to have a graph?"""
    name, value = scope.resolve(call.func) or "", scope.value(call)
    if (
        scope.no_grad(call) is True
        or value.dtype in ("int", "bool")
        or value.kind not in ("tensor", "unknown")
    ):
        return False
    if name.startswith("torch."):
        return "autograd" not in name and name.rpartition(".")[2] not in UNDIFFERENTIABLE
    known = name in ("builtins.sum", "functools.reduce") or scope.value(call.func).kind == "module"
    return known or value.grad is True


def rebound_after_backward(body: Sequence[ast.stmt], term: ast.expr, use: ast.expr | ast.stmt) -> bool:
    """Is the name given another value between backward and the place (``loss = reduce(loss)``)?"""
    name = chain(term)
    place = (use.lineno, use.col_offset)
    calls = [
        (node.lineno, node.col_offset)
        for node in within(*body)
        if isinstance(node, ast.Call) and last(node) in BACKWARD
    ]
    before = max((call for call in calls if call < place), default=None)
    return (
        name is not None
        and before is not None
        and any(
            before < (node.lineno, node.col_offset) < place
            for node in within(*body)
            if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign))
            and any(chain(target) == name for target in targets(node))
        )
    )
