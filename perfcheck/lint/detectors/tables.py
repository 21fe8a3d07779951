"""Tensors that depend on nothing but the shapes of what a function is given, computed in every call."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.detectors.names import last, variables
from perfcheck.lint.facts import Match, Scope
from perfcheck.lint.values import elements

_FACTORIES = ("arange", "linspace", "meshgrid", "tril", "triu", "eye")
_DESCRIBES = frozenset(
    """shape device dtype ndim size dim numel new_tensor new_zeros new_ones new_full new_empty is_cuda
    type layout""".split()
)
_LIKE = frozenset(
    {"type_as", "to", "isinstance", "len", "zeros_like", "ones_like", "empty_like", "full_like"}
)
_CHANCE = frozenset(
    """rand randn randint randperm rand_like randn_like normal normal_ uniform_ bernoulli bernoulli_
    multinomial dropout sample rsample""".split()
)
_SEVERAL = 4  # operators that are worth keeping the result of


def tables_made(scope: Scope) -> Iterator[Match]:
    """``t = torch.arange(x.shape[1])`` and what follows, where nothing but the shape of x is looked at;
    ``torch.tensor([(i, j) for i in range(h) for j in range(w)])``."""
    node = scope.node
    if isinstance(node, ast.Module):
        return
    for call in scope.calls("tensor"):
        if (
            call.args
            and _of_counters(scope, call.args[0])
            and (scope.resolve(call.func) or "") == "torch.tensor"
        ):
            yield Match(call, {"F": call.func})
    if scope.stores or not _CHANCE.isdisjoint(scope.names):
        return
    if any("cache" in name for name in scope.names) or not _looks_at_shapes_alone(scope, node):
        return
    operators = 0
    for part in scope.walk(ast.Call, ast.BinOp):
        value = scope.value(part)
        if value.grad is True or (isinstance(part, ast.Call) and scope.value(part.func).kind == "module"):
            return
        operators += value.is_tensor is True
    made = [
        call for call in scope.calls(*_FACTORIES) if (scope.resolve(call.func) or "").startswith("torch.")
    ]
    if made and operators >= _SEVERAL and _returns_tensors(scope):
        yield Match(made[0], {"F": made[0].func})


def _of_counters(scope: Scope, data: ast.expr) -> bool:
    """A comprehension over ranges of some shape, not of what a list has come to hold, whose elements are made
    of their counters alone."""
    if not isinstance(data, ast.ListComp) or not all(last(g.iter) == "range" for g in data.generators):
        return False
    sizes = [size for g in data.generators for size in getattr(g.iter, "args", ())]
    if all(isinstance(size, ast.Constant) for size in sizes):
        return False
    if any(scope.value(p).kind == "list" for s in sizes for p in ast.walk(s) if isinstance(p, ast.Name)):
        return False
    counters = frozenset().union(*(variables(g.target) for g in data.generators))
    plain = (ast.Name, ast.Tuple, ast.List, ast.BinOp, ast.Constant, ast.operator, ast.expr_context)
    return variables(data.elt) <= counters and all(isinstance(part, plain) for part in ast.walk(data.elt))


def _looks_at_shapes_alone(scope: Scope, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Is a tensor among what it is given, and is none of them read?"""
    given = {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}
    tensors = 0
    for name in scope.walk(ast.Name):
        if not isinstance(name, ast.Name) or name.id not in given or not isinstance(name.ctx, ast.Load):
            continue
        value = scope.value(name)
        if value.kind != "tensor" and elements(value).kind != "tensor":
            if value.kind == "unknown" and not _is_described(scope, name):
                return False
            continue
        tensors += 1
        if not _is_described(scope, name):
            return False
    return tensors > 0


def _is_described(scope: Scope, node: ast.expr) -> bool:
    """``x.shape``, ``x[0].device``, ``len(x)``, ``y.type_as(x)``"""
    around = scope.parent(node)
    while isinstance(around, ast.Subscript) and around.value is node:
        node, around = around, scope.parent(around)
    if isinstance(around, ast.Attribute):
        return around.attr in _DESCRIBES
    return isinstance(around, ast.Call) and node in around.args and last(around) in _LIKE


def _returns_tensors(scope: Scope) -> bool:
    values = [
        scope.value(node.value)
        for node in scope.walk(ast.Return)
        if isinstance(node, ast.Return) and node.value is not None
    ]
    return bool(values) and all(
        value.kind == "tensor" or elements(value).kind == "tensor" for value in values
    )
