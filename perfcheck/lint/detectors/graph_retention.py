"""Values that outlive a step together with the autograd graph that made them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence

from perfcheck.events import Hotness
from perfcheck.lint.detectors.model_calls import runs_model
from perfcheck.lint.detectors.names import derived, last, mentions, targets, variables, within
from perfcheck.lint.detectors.training_loops import (
    READS,
    differentiated_in,
    rebound_after_backward,
    training_loops,
    training_step,
    with_graph,
)
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_RECURRENT = re.compile(r"loss|hidden|cell|memory|cache|context|weights_cum|coverage|align|state")
"""State that is meant to be differentiated through: within a sequence, or until the losses are added up."""


def loss_accumulated(scope: Scope) -> Iterator[Match]:
    """``total += loss`` in the loop that calls ``loss.backward()``."""
    for node in scope.walk(ast.AugAssign, ast.Assign):
        total, added = _addition(node)
        if total is None or added is None or not isinstance(node, ast.stmt):
            continue
        term = _kept_in(scope, total, added, node)
        if term is not None:
            yield Match(node, {"A": ast.parse(total, mode="eval").body, "T": term})


def _kept_in(scope: Scope, kept: str, value: ast.expr, place: ast.stmt | ast.expr) -> ast.expr | None:
    """The part of a value that a loop which goes backward keeps with its graph beyond its turn, or a method
    beyond its call."""
    turns = list(training_loops(scope, place))
    step = training_step(scope) if kept.startswith("self.") and not turns else None
    for loop, attached in turns if step is None else [step]:
        term = with_graph(scope, value, attached)
        if term is not None and _outlives(scope, kept, loop.body) and not _differentiated(scope, kept):
            known = scope.value(term).grad is True
            return term if known or not rebound_after_backward(loop.body, term, place) else None
    return None


TRAINING_STEPS = frozenset({"training_step", "train_step", "training_batch", "train_batch"})
"""Methods of which the trainer differentiates what they return."""


def outputs_kept(scope: Scope) -> Iterator[Match]:
    """``losses.append(loss)``, ``outputs.append(output)`` in the loop that calls backward;
    ``self.outputs.append(loss)`` in a training step that returns the loss."""
    yield from _kept_by_steps(scope)
    yield from _kept_by_meters(scope)
    yield from _written_by_index(scope)
    for call in scope.calls("append", "extend", "appendleft"):
        if not isinstance(call.func, ast.Attribute) or len(call.args) != 1:
            continue
        kept = _stored(call.func.value)
        if kept is None or _bounded_queue(scope, kept, call):
            continue
        term = _kept_in(scope, kept, call.args[0], call)
        if term is not None:
            yield Match(call, {"T": term})


def _written_by_index(scope: Scope) -> Iterator[Match]:
    """``losses[i] = loss`` in the loop over ``i`` that calls backward: one entry after the other of a list or
    dictionary, or of a tensor, which hangs on the graphs of all turns from then on."""
    for node in scope.walk(ast.Assign):
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if not isinstance(node, ast.Assign) or not isinstance(target, ast.Subscript):
            continue
        loops = [loop for loop in scope.loops(node) if isinstance(loop, ast.For)]
        counted = any(mentions(target.slice, variables(loop.target)) for loop in loops)
        if counted and scope.value(target.value).kind in ("tensor", "list", "dict"):
            term = _kept_in(scope, chain(target.value) or "", node.value, node)
            if term is not None:
                yield Match(node, {"T": term})


_FEEDS = re.compile(r"^(update|add|append|accumulate|record)(_(value|val|values|loss|metric))?$")
_METER = re.compile(
    r"(^|_)(avg|average|meters?|loss(es)?|metrics?|tracker|stats?|scores?|history|top1|recorder)(_|$)"
)
_METERS = re.compile(r"Meter|Average|Metric|Tracker|Running|History|Recorder|Accumulator|Statistic")


def _kept_by_meters(scope: Scope) -> Iterator[Match]:
    """``meter.update(loss, n)`` in the loop, or the method, that calls backward; the project's meter keeps
    the graph."""
    for call in scope.walk(ast.Call):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        owner = last(call.func.value)
        class_ = (scope.resolve(call.func) or "").rpartition(".")[0].rpartition(".")[2]
        keeps = _METER.search(owner.lower()) or _METERS.search(class_)
        if not _FEEDS.match(call.func.attr) or not keeps:
            continue
        if not scope.parameters_of(call) or not READS.isdisjoint(scope.names_of(call)):
            continue
        meter = chain(call.func.value) or ""
        terms = (_kept_in(scope, meter, part, call) for part in call.args)
        term = next((found for found in terms if found is not None), None)
        if term is not None:
            yield Match(call, {"T": term})


def _kept_by_steps(scope: Scope) -> Iterator[Match]:
    if scope.qualname.rpartition(".")[2] not in TRAINING_STEPS:
        return
    attached = frozenset(name for node in scope.walk(ast.Return) for name in _returned_losses(node))
    attached |= {name for node in scope.walk(ast.Assign) for name in _outputs(scope, node)}
    for call in scope.calls("append"):
        if not isinstance(call.func, ast.Attribute) or len(call.args) != 1:
            continue
        term = with_graph(scope, call.args[0], attached)
        if term is not None and (chain(call.func.value) or "").startswith("self."):
            yield Match(call, {"T": term})


def _outputs(scope: Scope, node: ast.AST) -> Iterator[str]:
    """``output`` of ``output = self.model(images)``."""
    made = node.value if isinstance(node, ast.Assign) else None
    if isinstance(made, ast.Call) and runs_model(scope, made) and scope.no_grad(made) is not True:
        yield from (name for target in targets(node) if (name := chain(target)))


def _returned_losses(node: ast.AST) -> Iterator[str]:
    """``return loss``, ``return {"loss": loss}``"""
    value = node.value if isinstance(node, ast.Return) else None
    if isinstance(value, ast.Dict):
        said = {
            key.value: part for key, part in zip(value.keys, value.values) if isinstance(key, ast.Constant)
        }
        value = said.get("loss")
    name = chain(value)
    if name is not None:
        yield name


def state_kept(scope: Scope) -> Iterator[Match]:
    """``self.peak = torch.maximum(self.peak, logits)`` where logits have a graph, on every step; and
    statistics of the input of ``forward`` that are written into a buffer without ``detach``."""
    if scope.in_class("torchmetrics.Metric"):
        return  # updated with autograd off
    if scope.stores:
        yield from _carried_on(scope)
    written = scope.stores or not _WRITES.isdisjoint(scope.names)
    if written and scope.qualname.rpartition(".")[2] == "forward" and scope.in_class("torch.nn.Module"):
        yield from _statistics_written(scope)


def _carried_on(scope: Scope) -> Iterator[Match]:
    for node in scope.walk(ast.Assign, ast.AugAssign):
        if not isinstance(node, (ast.Assign, ast.AugAssign)):
            continue
        target = node.target if isinstance(node, ast.AugAssign) else node.targets[0]
        name, value = chain(target) if isinstance(target, ast.Attribute) else None, node.value
        if name is None or not name.startswith("self.") or name.count(".") != 1 or _RECURRENT.search(name):
            continue
        if scope.hotness(node) < Hotness.STEP:
            continue
        carried = isinstance(node, ast.AugAssign) or (mentions(value, [name]) and _accumulates(value))
        if not carried or _reset_nearby(scope, node, name):
            continue
        bindings: dict[str, ast.AST] = {"S": target}
        if _has_graph(scope, value):
            yield Match(node, bindings)
        elif _is_running_statistic(value) and _comes_from_module(scope, value, name):
            yield Match(node, bindings, certain=None)


_STATISTIC = re.compile(r"(^|_)(running|moving|ema|avg|average|mean|var|std|usage|cluster_size|count)(_|$)")
_WRITES = frozenset({"add_", "lerp_", "copy_", "mul_"})


def _statistics_written(scope: Scope) -> Iterator[Match]:
    """``self.running_mean.mul_(1 - m).add_(mean * m)``, ``self.mean = (1 - m) * self.mean + m * mean``, where
    the mean is one of what ``forward`` is given: it has the graph of whatever came before."""
    attached = _inputs(scope)
    for node in scope.walk(ast.Expr, ast.Assign):  # in the order of the source
        if isinstance(node, ast.Assign):
            target, written = node.targets[0], [node.value] if _blends(node) else []
        else:
            target, written = _written_in_place(node.value)  # type: ignore[attr-defined]
        recorded = scope.no_grad(node) is not True
        name = chain(target) or ""
        if name.startswith("self.") and name.count(".") == 1 and _STATISTIC.search(name[5:]):
            live = recorded and any(_carries(part, attached) for part in written)
            if live and isinstance(node, ast.stmt) and not _reset_nearby(scope, node, name):
                yield Match(node, {"S": target}, certain=None)
        if isinstance(node, ast.Assign):
            names = {word for part in targets(node) if (word := chain(part))}
            attached = attached | names if recorded and _carries(node.value, attached) else attached - names


def _inputs(scope: Scope) -> frozenset[str]:
    node = scope.node
    return frozenset() if isinstance(node, ast.Module) else frozenset(a.arg for a in node.args.args[1:])


def _blends(node: ast.Assign) -> bool:
    """``self.x = d * self.x + (1 - d) * y``, ``self.x = lerp(self.x, y, d)``"""
    return mentions(node.value, [chain(node.targets[0]) or ""]) and _accumulates(node.value)


def _written_in_place(node: ast.expr) -> tuple[ast.expr, list[ast.expr]]:
    """(``self.x``, what goes into it) of ``self.x.mul_(d).add_(y)``."""
    written: list[ast.expr] = []
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _WRITES:
        written += node.args
        node = node.func.value
    return node, written


_CUTS = frozenset(
    """detach data item tolist numpy argmax argmin nonzero one_hot bincount unique shape size numel
    training long int bool eq ne gt lt ge le topk sort argsort""".split()
)


def _carries(node: ast.AST, attached: Iterable[str]) -> bool:
    """Does the expression use one of the names other than through ``detach()`` and its like?"""
    if isinstance(node, ast.Call) and last(node) in _CUTS:
        return False
    if isinstance(node, ast.Attribute):
        return node.attr not in _CUTS and _carries(node.value, attached)
    if isinstance(node, ast.Name):
        return node.id in attached
    if isinstance(node, ast.Compare):
        return False
    return any(_carries(part, attached) for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr))


def _has_graph(scope: Scope, node: ast.expr) -> bool:
    """Is part of the value tied to a graph, by a chain without detach?"""
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"detach", "item", "tolist", "numpy"}
    ):
        return False
    if isinstance(node, ast.Attribute) and node.attr in {"data", "shape", "grad", "dtype", "device"}:
        return False
    value = scope.value(node)
    if isinstance(node, (ast.Name, ast.Attribute)):
        return value.kind == "tensor" and value.grad is True
    if value.kind not in ("tensor", "unknown"):
        return False
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and _has_graph(scope, node.func.value)
    ):
        return True
    return any(_has_graph(scope, part) for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr))


def _accumulates(value: ast.expr) -> bool:
    """Arithmetic, a maximum or a minimum; the state of a recurrence comes from a layer instead."""
    return isinstance(value, ast.BinOp) or (
        isinstance(value, ast.Call)
        and last(value) in {"max", "min", "maximum", "minimum", "lerp", "add", "logaddexp"}
    )


def _is_running_statistic(value: ast.expr) -> bool:
    """An undetached maximum or minimum: no cache that grows, no state of a recurrence."""
    detached = any(isinstance(part, ast.Call) and last(part) in {"detach", "item"} for part in within(value))
    return (
        not detached and isinstance(value, ast.Call) and last(value) in {"max", "min", "maximum", "minimum"}
    )


def _comes_from_module(scope: Scope, value: ast.expr, own: str) -> bool:
    """Does another operand come from ``super().forward(…)`` or from a module, undetached?"""
    names = {part.id for part in within(value) if isinstance(part, ast.Name)}
    operands = {name for name in names if name != own and _carries(value, [name])}
    for node in reversed(list(scope.walk(ast.Assign))):
        if not isinstance(node, ast.Assign):
            continue
        stored = {name for target in targets(node) if (name := chain(target))}
        if stored & operands and isinstance(node.value, ast.Call) and last(node.value) == "detach":
            return False
        if stored & operands and isinstance(node.value, ast.Call) and _runs_module(scope, node.value):
            return True
        if stored & operands and isinstance(node.value, ast.Name):
            return _comes_from_module(scope, node.value, own)
    return False


def _runs_module(scope: Scope, call: ast.Call) -> bool:
    if scope.value(call.func).kind == "module":
        return True
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    return last(call) == "forward" and isinstance(owner, ast.Call) and last(owner) == "super"


# ---- how long it lives --------------------------------------------------------------------------


def _addition(node: ast.AST) -> tuple[str | None, ast.expr | None]:
    """(total, term) of ``total += term``, ``total = total + term``, ``counts[k] = counts.get(k, 0) + term``
    and ``average = term if average is None else 0.9 * average + 0.1 * term``."""
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
        return _stored(node.target), node.value
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        total, value = _stored(node.targets[0]), node.value
        choices = (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,)
        for choice in choices if total is not None else ():
            if isinstance(choice, ast.BinOp) and isinstance(choice.op, ast.Add):
                if _is_total(choice.left, total):
                    return total, choice.right
                if _is_total(choice.right, total):
                    return total, choice.left
    return None, None


def _is_total(node: ast.expr, total: str | None) -> bool:
    """Is it the sum so far, or a part of it?"""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return _is_total(node.left, total) or _is_total(node.right, total)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
        return f"{chain(node.func.value)}[" == (total or "").partition("[")[0] + "["
    return _stored(node) == total


def _stored(node: ast.expr) -> str | None:
    """A name, an attribute, or the entry of a dictionary."""
    if isinstance(node, ast.Subscript):
        owner = chain(node.value)
        return f"{owner}[{ast.unparse(node.slice)}]" if owner else None
    return chain(node)


def _outlives(scope: Scope, name: str, body: Sequence[ast.stmt]) -> bool:
    """Is it not begun anew in each turn of the loop, nor in each step around it?"""
    owner = name.partition("[")[0]
    begun = [
        node
        for node in scope.walk(ast.Assign, ast.AnnAssign)
        if any(chain(target) in (name, owner) for target in targets(node))
        and not mentions(node.value, [owner])  # type: ignore[attr-defined]
    ]
    inside = {id(node) for node in within(*body)}
    return not any(
        id(node) in inside or (scope.loops(node) and scope.hotness(node) >= Hotness.STEP) for node in begun
    )


def _differentiated(scope: Scope, name: str) -> bool:
    """Is backward called on it, or on something made of it, anywhere in the function?"""
    owner = name.partition("[")[0]
    body = scope.node.body
    return bool(derived([owner], body) & differentiated_in(body))


def _bounded_queue(scope: Scope, name: str, before: ast.AST) -> bool:
    made = scope.definition(name, before)
    return isinstance(made, ast.Call) and last(made) == "deque"


def _reset_nearby(scope: Scope, node: ast.AST, name: str) -> bool:
    """Is it set to something new in the same function, so that it lives for one call only?"""
    return any(
        other is not node
        and any(chain(target) == name for target in targets(other))
        and not mentions(other.value, [name])  # type: ignore[attr-defined]
        and not scope.guarded(other)
        for other in scope.walk(ast.Assign)
    )
