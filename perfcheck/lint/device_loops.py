"""Loops over data on the device, or that compute there in each turn: hot in whatever function they stand."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from perfcheck.lint.detectors.model_calls import is_layer
from perfcheck.lint.dotted import dotted
from perfcheck.lint.loops import calls_in
from perfcheck.lint.nodes import walk
from perfcheck.lint.roles import is_setup, role
from perfcheck.lint.values import Value, elements

if TYPE_CHECKING:
    from perfcheck.lint.scope import BodyScope

_FEW = 16  # turns of a loop that are not worth a word
_NUMBERS = frozenset(f"Tensor.{name}" for name in ("item", "__int__", "__float__", "__bool__", "__index__"))
_READS = _NUMBERS | {"Tensor.tolist", "Tensor.cpu", "Tensor.numpy"}

WALKS: Final = frozenset({"all", "any", "max", "min", "set", "sorted", "sum"})
"""Functions of Python that go from element to element."""


def goes_over_device_data(scope: BodyScope, iterable: ast.expr, surely: bool = False) -> bool:
    """``for x in tensor``, ``range(len(tensor))``, ``range(tensor.shape[0])``; also ``for x in groups``,
    tensors in any number that lie on the host, as indices into others do."""
    if _runs_once(scope):
        return False
    if isinstance(iterable, ast.Call) and isinstance(iterable.func, ast.Name):
        if iterable.func.id in ("enumerate", "zip", "reversed", "tqdm"):
            return any(goes_over_device_data(scope, argument, surely) for argument in iterable.args)
        if iterable.func.id == "range" and iterable.args:
            extent = iterable.args[-1] if len(iterable.args) < 3 else iterable.args[1]
            return _is_there(scope.value(_whose_extent(_defined(scope, extent, iterable))), surely)
        return False
    value = scope.value(iterable)
    if value.kind == "list" and value.items is None:
        return elements(value).on_device is False and elements(value).kind == "tensor"
    return value.kind == "tensor" and _is_there(value, surely)


def iterates_on_device(scope: BodyScope, loop: ast.For | ast.AsyncFor) -> bool:
    """``for _ in range(n): …; i = int(distances.argmax())``: an algorithm that computes on the device in each
    turn, and reads what it has computed."""
    if not _counts_up(loop.iter) or is_setup(scope.function) or _runs_once(scope):
        return False
    computed = frozenset[str]().union(*map(scope.assigned, loop.body))
    return any(
        raised.event == "host-sync"
        and raised.certain is True
        and raised.operator in _READS
        and raised.subject is not None
        and loop in scope.loops(raised.node)
        and any(
            dotted(part) in computed and scope.value(part).kind not in ("number", "size")
            for part in _variables(raised.subject)
        )
        for raised in scope.events
    )


def reads_one_by_one(scope: BodyScope, loop: ast.For | ast.AsyncFor) -> bool:
    """``for i in range(len(games)): games[i] = values[i].item()``"""
    counter = dotted(loop.target)
    return (
        _counts_up(loop.iter)
        and not is_setup(scope.function)
        and not _runs_once(scope)
        and any(
            raised.operator in _NUMBERS
            and raised.certain is True
            and isinstance(raised.subject, ast.Subscript)
            and loop in scope.loops(raised.node)
            and any(dotted(part) == counter for part in _variables(raised.subject.slice))
            for raised in scope.events
        )
    )


def runs_model(scope: BodyScope, loop: ast.For | ast.AsyncFor) -> bool:
    """``for x, y in self.dev_set: … self.lm(x)``: whatever it goes over, a model runs in each turn; not what
    is tried for a few types or sizes that are written down. Without gradients, what is handed over and called
    is a model too, and what is set up by it (``make_animation``) takes as many turns."""
    few = isinstance(loop.iter, (ast.Tuple, ast.List, ast.Set))
    counted = isinstance(loop.iter, ast.Call) and dotted(loop.iter.func) == "range"
    if few or (counted and not _counts_up(loop.iter)) or _runs_once(scope):
        return False
    calls = list(calls_in(loop))
    model = any(call.args and _is_model(scope.value(call.func)) for call in calls)
    if model and not is_setup(scope.function):
        return True
    return (model or any(_runs_parameter(scope, call) for call in calls)) and scope.no_grad(loop) is True


def infers(scope: BodyScope, loop: ast.For | ast.AsyncFor) -> bool:
    """``for i in range(0, n, stride): with torch.no_grad(): loss = model(tokens[i:])``"""
    return _counts_up(loop.iter) and any(
        call.args
        and (_is_model(scope.value(call.func)) or _runs_parameter(scope, call))
        and scope.no_grad(call) is True
        for call in calls_in(loop)
    )


def _runs_parameter(scope: BodyScope, call: ast.Call) -> bool:
    """``detector(image)``, which the function was handed, with a tensor"""
    called = dotted(call.func)
    return called in scope.function.record.params and any(
        scope.value(given).kind == "tensor" for given in call.args
    )


def _is_model(value: Value) -> bool:
    return value.kind == "module" and not value.assumed and not is_layer(value.ref)


def _runs_once(scope: BodyScope) -> bool:
    """Tests, constructors, checkpointing."""
    return role(scope.run.engine.project, scope.function)[1] or scope.function.record.name == "__init__"


def _is_there(data: Value, surely: bool) -> bool:
    return data.on_device is True and not (surely and data.assumed)


def _defined(scope: BodyScope, extent: ast.expr, at: ast.AST) -> ast.expr:
    """``x.size(0)`` of ``n = x.size(0)``, ``x.shape`` of ``n, m = x.shape``."""
    if not isinstance(extent, ast.Name):
        return extent
    made = scope.definition(extent.id, at) or scope.unpacked(extent.id, at)
    return made if made is not None and _whose_extent(made) is not made else extent


def _whose_extent(node: ast.expr) -> ast.expr:
    """``x`` of ``len(x)``, ``x.size(0)``, ``x.shape`` and ``x.shape[0]``."""
    if isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Attribute) and node.attr == "shape":
        return node.value
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id == "len" and node.args:
            return node.args[0]
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("size", "numel"):
            return node.func.value
    return node


def _counts_up(iterable: ast.expr) -> bool:
    """``range(n)``, ``tqdm(range(1, n))``, ``range(128)``, not ``range(4)``"""
    if not isinstance(iterable, ast.Call):
        return False
    name = dotted(iterable.func).rpartition(".")[2]
    if name in ("range", "trange"):
        return any(
            not isinstance(bound, ast.Constant) or (isinstance(bound.value, int) and bound.value > _FEW)
            for bound in iterable.args
        )
    return name in ("tqdm", "track", "reversed") and bool(iterable.args) and _counts_up(iterable.args[0])


def _variables(node: ast.AST) -> list[ast.AST]:
    return [part for part in walk(node) if isinstance(part, (ast.Name, ast.Attribute))]
