"""Values that outlive a step together with the autograd graph that made them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from perfcheck.events import Hotness
from perfcheck.lint.detectors.names import derived, last, mentions, targets, within
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_RECURRENT = re.compile(r"loss|hidden|cell|memory|cache|context|weights_cum|coverage|align|state")
"""State that is meant to be differentiated through: within a sequence, or until the losses are added up."""

LoopStatement = ast.For | ast.AsyncFor | ast.While

_KEEPS_GRAPH = frozenset(
    """mean sum min max view reshape squeeze unsqueeze to cpu cuda float double half clone div mul add sub
    sqrt exp log flatten transpose permute contiguous type""".split()
)


def loss_accumulated(scope: Scope) -> Iterator[Match]:
    """``total += loss`` in the loop that calls ``loss.backward()``."""
    for node in scope.walk(ast.AugAssign, ast.Assign):
        total, added = _addition(node)
        if total is None or added is None or not isinstance(node, ast.stmt):
            continue
        for loop, losses in _training_loops(scope, node):
            term = _with_graph(scope, added, losses)
            if term is not None and _outlives(scope, total, loop) and not _differentiated(scope, total):
                if not _rebound_after_backward(loop, term, node):
                    yield Match(node, {"A": ast.parse(total, mode="eval").body, "T": term})
                break


STEPS = frozenset(
    """training_step train_step train_batch train_on_batch train_one_step train_one_batch optimize_parameters
    learn process_batch""".split()
)
TRAINING_STEPS = frozenset({"training_step", "train_step", "training_batch", "train_batch"})
"""Methods of which the trainer differentiates what they return."""


def outputs_kept(scope: Scope) -> Iterator[Match]:
    """``losses.append(loss)``, ``outputs.append(output)`` in the loop that calls backward;
    ``self.outputs.append(loss)`` in a training step that returns the loss."""
    yield from _kept_by_steps(scope)
    yield from _kept_by_meters(scope)
    for call in scope.calls("append", "extend", "appendleft"):
        if not isinstance(call.func, ast.Attribute) or len(call.args) != 1:
            continue
        kept = chain(call.func.value)
        if kept is None or _bounded_queue(scope, kept, call):
            continue
        for loop, losses in _training_loops(scope, call):
            term = _with_graph(scope, call.args[0], losses)
            if term is not None and _outlives(scope, kept, loop) and not _differentiated(scope, kept):
                if not _rebound_after_backward(loop, term, call):
                    yield Match(call, {"T": term})
                break


_FEEDS = re.compile(r"^(update|add|append|accumulate|record)(_(value|val|values|loss|metric))?$")
_METER = re.compile(
    r"(^|_)(avg|average|meters?|loss(es)?|metrics?|tracker|stats?|scores?|history|top1|recorder)(_|$)"
)
_READS = frozenset("item detach data float numpy tolist no_grad inference_mode".split())


def _kept_by_meters(scope: Scope) -> Iterator[Match]:
    """``meter.update(loss, n)`` in the loop that calls backward; the project's meter keeps the graph."""
    for call in scope.walk(ast.Call):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        owner = last(call.func.value)
        if not _FEEDS.match(call.func.attr) or not _METER.search(owner.lower()):
            continue
        if not scope.parameters_of(call) or not _READS.isdisjoint(scope.names_of(call)):
            continue
        for loop, losses in _training_loops(scope, call):
            terms = [found for part in call.args if (found := _with_graph(scope, part, losses)) is not None]
            if terms and not _rebound_after_backward(loop, terms[0], call):
                yield Match(call, {"T": terms[0]})
            break


def _kept_by_steps(scope: Scope) -> Iterator[Match]:
    if scope.qualname.rpartition(".")[2] not in TRAINING_STEPS:
        return
    losses = {name for node in scope.walk(ast.Return) for name in _returned_losses(node)}
    for call in scope.calls("append"):
        if not isinstance(call.func, ast.Attribute) or len(call.args) != 1:
            continue
        own = (chain(call.func.value) or "").startswith("self.")
        kind = scope.value(call.args[0]).kind
        if own and chain(call.args[0]) in losses and kind in ("tensor", "dict", "unknown"):
            yield Match(call, {"T": call.args[0]})


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
        name, value = chain(target), node.value
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


# ---- training loops -----------------------------------------------------------------------------


def _training_loops(scope: Scope, node: ast.AST) -> Iterator[tuple[LoopStatement, frozenset[str]]]:
    """The loops around a place that call backward, innermost first, with what they call it on."""
    for loop in reversed(scope.loops(node)):
        if isinstance(loop, (ast.For, ast.AsyncFor, ast.While)):
            losses = _differentiated_in(loop.body) | _returned_by_steps(scope, loop)
            if losses or any(_is_step(scope, part) for part in within(*loop.body)):
                yield loop, losses


def _returned_by_steps(scope: Scope, loop: LoopStatement) -> frozenset[str]:
    """``loss = self.train_step(batch)``"""
    return frozenset(
        name
        for node in within(*loop.body)
        if isinstance(node, ast.Assign) and _is_step(scope, node.value)
        for target in node.targets
        if (name := chain(target))
    )


def _is_step(scope: Scope, node: ast.AST) -> bool:
    """A call of a function of the project that goes backward and returns a tensor, undetached."""
    if not isinstance(node, ast.Call) or last(node) not in STEPS:
        return False
    names = scope.names_of(node)
    return "backward" in names and names.isdisjoint(_READS) and scope.value(node).kind == "tensor"


def _differentiated_in(body: list[ast.stmt]) -> frozenset[str]:
    """The names that backward is called on: ``loss.backward()``, ``accelerator.backward(loss)``,
    ``scaler.scale(loss).backward()``, ``(loss / n).backward()``."""
    found: set[str] = set()
    for call in within(*body):
        if not isinstance(call, ast.Call) or last(call) not in {"backward", "manual_backward"}:
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
    """The names an arithmetic expression is made of."""
    if isinstance(node, ast.BinOp):
        yield from _terms(node.left)
        if isinstance(node.op, (ast.Add, ast.Sub)):
            yield from _terms(node.right)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and last(node) in _KEEPS_GRAPH:
        yield from _terms(node.func.value)
    else:
        yield node


# ---- what carries a graph -----------------------------------------------------------------------


def _with_graph(scope: Scope, node: ast.expr, losses: frozenset[str]) -> ast.expr | None:
    """The part of a value that is a differentiated tensor, or has a graph for certain."""
    if isinstance(node, (ast.Name, ast.Attribute)):
        value = scope.value(node)
        if value.kind not in ("tensor", "unknown"):
            return None
        if chain(node) in losses:  # what backward is called on has a graph
            return node if scope.no_grad(node) is not True else None
        return node if value.kind == "tensor" and value.grad is True else None
    if isinstance(node, ast.BinOp):
        return _with_graph(scope, node.left, losses) or _with_graph(scope, node.right, losses)
    if _is_step(scope, node):
        return node
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _KEEPS_GRAPH:
        return _with_graph(scope, node.func.value, losses)
    if isinstance(node, (ast.Tuple, ast.List)):
        return next(
            (found for part in node.elts if (found := _with_graph(scope, part, losses)) is not None), None
        )
    return None


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
    operands = {
        name for part in within(value) if isinstance(part, ast.Name) and (name := chain(part)) and name != own
    }
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


def _rebound_after_backward(loop: LoopStatement, term: ast.expr, use: ast.expr | ast.stmt) -> bool:
    """Is the name given another value between backward and the place (``loss = reduce(loss)``)?"""
    name = chain(term)
    place = (use.lineno, use.col_offset)
    calls = [
        (node.lineno, node.col_offset)
        for node in within(*loop.body)
        if isinstance(node, ast.Call) and last(node) in {"backward", "manual_backward"}
    ]
    before = max((call for call in calls if call < place), default=None)
    return before is not None and any(
        before < (node.lineno, node.col_offset) < place
        for node in within(*loop.body)
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign))
        and any(chain(target) == name for target in targets(node))
    )


# ---- how long it lives --------------------------------------------------------------------------


def _addition(node: ast.AST) -> tuple[str | None, ast.expr | None]:
    """(total, term) of ``total += term`` and ``total = total + term``."""
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
        return _stored(node.target), node.value
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.value, ast.BinOp):
        total, value = _stored(node.targets[0]), node.value
        if isinstance(value.op, ast.Add) and total is not None:
            if _stored(value.left) == total:
                return total, value.right
            if _stored(value.right) == total:
                return total, value.left
    return None, None


def _stored(node: ast.expr) -> str | None:
    """A name, an attribute, or the entry of a dictionary by a literal key."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        owner = chain(node.value)
        return f"{owner}[{node.slice.value!r}]" if owner else None
    return chain(node)


def _outlives(scope: Scope, name: str, loop: LoopStatement) -> bool:
    """Is it not begun anew in each turn of the loop, nor in each step around it?"""
    owner = name.partition("[")[0]
    begun = [
        node
        for node in scope.walk(ast.Assign, ast.AnnAssign)
        if any(chain(target) in (name, owner) for target in targets(node))
        and not mentions(node.value, [owner])  # type: ignore[attr-defined]
    ]
    inside = {id(node) for node in within(*loop.body)}
    return not any(
        id(node) in inside or (scope.loops(node) and scope.hotness(node) >= Hotness.STEP) for node in begun
    )


def _differentiated(scope: Scope, name: str) -> bool:
    """Is backward called on it, or on something made of it, anywhere in the function?"""
    owner = name.partition("[")[0]
    body = scope.node.body
    return bool(derived([owner], body) & _differentiated_in(body))


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
