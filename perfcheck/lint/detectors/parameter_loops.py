"""Python loops over the parameters of a model that launch kernels for each of them."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator

from perfcheck.lint.detectors import PARAMETERS
from perfcheck.lint.detectors.names import (
    derived,
    last,
    mentions,
    root,
    statements,
    targets,
    variables,
    within,
)
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope
from perfcheck.lint.values import elements
from perfcheck.operators import find

_DEPTH = 5  # definitions followed; `x = list(x)` would never end
_STATES = frozenset({"state_dict", "named_parameters", "parameters", "named_buffers", "buffers"})
_WRAPPERS = frozenset({"zip", "enumerate", "list", "tuple", "reversed", "items", "values", "filter", "tqdm"})
_FREE = frozenset(
    """requires_grad_ detach_ share_memory_ retain_grad register_hook pin_memory zero_ numel size dim stride
    data_ptr is_contiguous element_size type get_device untyped_storage storage
    register_post_accumulate_grad_hook""".split()
)
_REDUCTIONS = frozenset(
    {"norm", "abs", "sum", "mean", "max", "min", "pow", "isfinite", "isnan", "isinf", "any", "all"}
)

_SEVERAL = 2  # operators a turn


def loop_over_parameters(scope: Scope) -> Iterator[Match]:
    """Loops and comprehensions that compute on each parameter or its gradient, whoever gives them."""
    for loop in scope.walk(ast.For):
        if not isinstance(loop, ast.For):
            continue
        names = frozenset(name for target in targets(loop) if (name := chain(target)))
        if _gives_parameters(scope, loop.iter, PARAMETERS):
            computing = (node for node in within(*loop.body) if _computes(node, names))
            if not _averages(loop, names) and not all(map(scope.guarded, computing)):
                yield Match(loop.iter, {})
        elif (_reads_gradients(loop.body, names) or _runs_over_tensors(scope, loop.iter)) and not (
            _has_foreach(scope) or _goes_beyond_foreach(scope, loop, names)
        ):
            launches = list(_launches(scope, loop, names))
            if len(launches) >= _SEVERAL or any(_changes_gradient(node, names) for node in launches):
                yield from (Match(node, {}) for node in (loop.iter, *launches))
    for made in scope.walk(ast.GeneratorExp, ast.ListComp, ast.DictComp):
        if isinstance(made, (ast.GeneratorExp, ast.ListComp, ast.DictComp)):
            over = made.generators[0]
            value = made.value if isinstance(made, ast.DictComp) else made.elt
            names = frozenset(name for target in targets(over) if (name := chain(target)))
            if _gives_parameters(scope, over.iter, PARAMETERS) and _reduces(scope, value, names):
                yield Match(made, {})


def _has_foreach(scope: Scope) -> bool:
    return any(name.startswith("_foreach_") for name in scope.file_names())


def _reads_gradients(body: list[ast.stmt], names: frozenset[str]) -> bool:
    """``p.grad``: what the loop runs over are parameters."""
    return any(
        isinstance(node, ast.Attribute)
        and node.attr == "grad"
        and isinstance(node.ctx, ast.Load)
        and chain(node.value) in names
        for node in within(*body)
    )


def _goes_beyond_foreach(scope: Scope, loop: ast.For, names: frozenset[str]) -> bool:
    """Does each tensor get what no operator on lists gives?"""
    made = derived(names, loop.body)
    for node in within(*loop.body):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult) and mentions(node, made):
            return True
        if isinstance(node, ast.Call) and mentions(node, made):
            whole = {"dim", "axis"}.isdisjoint(keyword.arg for keyword in node.keywords)
            if last(node) in _PRODUCTS or (last(node) in _REDUCTIONS and not whole):
                return True
            if any(mentions(given, made) for given in node.args) and _is_no_operator(scope, node):
                return True
    return False


def _is_no_operator(scope: Scope, call: ast.Call) -> bool:
    """``projection(p, grad)`` of the project, ``manifold.retract(p, grad)``, ``retract(p, grad)`` by a name
    that the function gives: no method that tensors have, and something becomes of its value."""
    if isinstance(scope.parent(call), ast.Expr):
        return False
    if scope.body_of(call) is not None:
        return scope.value(call).kind in ("tensor", "list", "tuple")
    if isinstance(call.func, ast.Name):
        return call.func.id in scope.assigned(scope.node)
    if not isinstance(call.func, ast.Attribute) or scope.resolve(call.func) is not None:
        return False
    return call.func.attr not in _LOOKS_UP and find(f"Tensor.{call.func.attr}") is None


_LOOKS_UP = frozenset({"get", "setdefault", "pop", "index", "append"})
_PRODUCTS = frozenset(
    """einsum matmul mm mv bmm addmm addmm_ addbmm baddbmm outer svd qr eigh cholesky inv inverse pinv
    solve""".split()
)

_UPDATES = frozenset({"addcdiv_", "addcmul_", "lerp_"})


def _runs_over_tensors(scope: Scope, over: ast.expr) -> bool:
    """``for p, g in zip(params, grads)``: lists of tensors, in a function that updates as optimizers do."""
    if _UPDATES.isdisjoint(scope.names):
        return False
    while isinstance(over, ast.Call) and last(over) in {"enumerate", "list", "tuple"} and over.args:
        over = over.args[0]
    lists = over.args if isinstance(over, ast.Call) and last(over) == "zip" else [over]
    values = [scope.value(part) for part in lists]
    return any(value.kind == "list" and elements(value).kind == "tensor" for value in values)


def _launches(scope: Scope, loop: ast.For, names: frozenset[str]) -> Iterator[ast.expr]:
    """The operators of a turn that write to a parameter, its gradient or its state, or compute from one."""
    made = derived(names, loop.body)
    for node in within(*loop.body):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if (_in_place(node.func.attr) and mentions(node.func.value, made)) or (
                node.func.attr in _REDUCTIONS and mentions(node, made)
            ):
                yield node
        elif isinstance(node, ast.BinOp) and scope.value(node).is_tensor and mentions(node, made):
            yield node


def _changes_gradient(node: ast.expr, names: frozenset[str]) -> bool:
    """``p.grad.div_(n)``, ``p.grad.data.clamp_(-c, c)``"""
    receiver = (
        node.func.value if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else node
    )
    owner, _, rest = (chain(receiver) or "").partition(".")
    return owner in names and rest in ("grad", "grad.data")


def _in_place(method: str) -> bool:
    return method.endswith("_") and not method.endswith("__") and method not in _FREE


def ema_loop(scope: Scope) -> Iterator[Match]:
    """Loops that blend one set of parameters into another, and functions that do it for one of them."""
    yield from _blended_for_caller(scope)
    averages = _AVERAGER.search(scope.qualname) is not None
    if not averages and _BLENDS.isdisjoint(scope.names) and not any(scope.walk(ast.BinOp)):
        return
    for loop in scope.walk(ast.For):
        if not isinstance(loop, ast.For):
            continue
        names = frozenset(name for target in targets(loop) if (name := chain(target)))
        for node in statements(*loop.body):
            if (
                averages
                and _hands_to_update(scope, node, names)
                and _gives_parameters(scope, loop.iter, _STATES)
            ):
                yield Match(node, {})
            found = _blend(node)
            if found is None or not _concerns(found, names):
                continue
            entry = not isinstance(node, ast.AugAssign) and _is_entry_of_average(found[0], names)
            if entry or _gives_parameters(scope, loop.iter, _STATES):
                yield Match(node, {})


def _hands_to_update(scope: Scope, node: ast.stmt, names: frozenset[str]) -> bool:
    """``update(e, p)`` and ``e.copy_(update(e, p))``, with what a class around an average is told to do."""
    call = node.value if isinstance(node, ast.Expr) else None
    if isinstance(call, ast.Call) and last(call) == "copy_" and call.args:
        call = call.args[0]
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or _has_foreach(scope):
        return False
    given = isinstance(scope.node, ast.FunctionDef) and call.func.id in {a.arg for a in scope.node.args.args}
    handed = {root(argument) for argument in call.args} & names
    return given and len(handed) > 1


_BLENDS = frozenset({"lerp_", "add_", "copy_"})
"""What blends in place; all else has a sum in it."""
_AVERAGER = re.compile(r"(?i:ema(v\d)?|average[dr]?|avg)\w*\.")


def _blended_for_caller(scope: Scope) -> Iterator[Match]:
    """``return d * average + (1 - d) * value`` in a function that is named for the average and given both."""
    if isinstance(scope.node, ast.Module) or not _AVERAGES.search(scope.qualname.lower()):
        return
    given = {argument.arg for argument in scope.node.args.args}
    if not any("param" in name for name in given) and "parameters" not in scope.file_names():
        return
    for node in scope.walk(ast.Return):
        blend = node.value if isinstance(node, ast.Return) else None
        if blend is not None and _weighted_sum(blend) and len(variables(blend) & given) > 1:
            yield Match(blend, {})


_AVERAGES = re.compile(r"(^|[_.])(ema|avg|average|averaged|moving_average)(_|$)|ema\.")
_AVERAGE = re.compile(r"(^|_)(ema|averages?|averaged|shadow|teacher|target|momentum)(_|$)")


def _is_entry_of_average(target: ast.expr, names: frozenset[str]) -> bool:
    """``self.ema_state[name]``, where the loop runs over names, whoever gives them."""
    return (
        isinstance(target, ast.Subscript)
        and mentions(target.slice, names)
        and _AVERAGE.search(last(target.value)) is not None
    )


def grad_zero_loop(scope: Scope) -> Iterator[Match]:
    """``p.grad.zero_()`` for each parameter, where no other branch drops the gradient."""
    for loop, names in _loops(scope, PARAMETERS):
        drops = any(
            isinstance(node, ast.Assign)
            and last(node.targets[0]) == "grad"
            and isinstance(node.value, ast.Constant)
            and node.value.value is None
            for node in within(*loop.body)
        )
        for node in within(*loop.body):
            gradient = None if drops else _zeroed_gradient(node, names)
            if gradient is not None and isinstance(node, ast.expr):
                yield Match(node, {"G": gradient})


def ema_with_graph(scope: Scope) -> Iterator[Match]:
    """Running averages of live parameters: the target becomes part of their graph."""
    for loop, names in _loops(scope, PARAMETERS):
        live = names & _from_parameters(loop)
        for node in statements(*loop.body):
            found = _blend(node)
            if found is None:
                continue
            target, sources = found
            attached = any(_attached(source, live) for source in sources)
            if attached and not _cut(target) and root(target) not in live:
                yield Match(node, {"T": target})


def _loops(scope: Scope, sources: frozenset[str]) -> Iterator[tuple[ast.For, frozenset[str]]]:
    """The loops over parameters, with the names that stand for them."""
    for loop in scope.walk(ast.For):
        if isinstance(loop, ast.For) and _gives_parameters(scope, loop.iter, sources):
            yield loop, frozenset(name for target in targets(loop) if (name := chain(target)))


def _gives_parameters(scope: Scope, node: ast.expr, sources: frozenset[str], depth: int = 0) -> bool:
    if depth > _DEPTH:
        return False
    if isinstance(node, ast.Name):
        made = scope.definition(node.id, node)
        if isinstance(made, (ast.ListComp, ast.GeneratorExp)):
            return _gives_parameters(scope, made.generators[0].iter, sources, depth + 1)
        return isinstance(made, ast.Call) and _gives_parameters(scope, made, sources, depth + 1)
    if isinstance(node, ast.Call):
        if last(node) in sources and isinstance(node.func, ast.Attribute):
            return True
        if last(node) in _WRAPPERS:
            inner = [node.func.value] if isinstance(node.func, ast.Attribute) else []
            return any(_gives_parameters(scope, part, sources, depth + 1) for part in [*inner, *node.args])
    return False


def _from_parameters(loop: ast.For) -> frozenset[str]:
    """Names bound to what ``parameters()`` gives, where a zip mixes it with other things."""
    over = loop.iter
    while isinstance(over, ast.Call) and last(over) in {"enumerate", "list", "tuple", "tqdm"} and over.args:
        over = over.args[0]
    names = frozenset(name for target in targets(loop) if (name := chain(target)))
    if not (isinstance(over, ast.Call) and last(over) == "zip"):
        return names
    elements = loop.target.elts if isinstance(loop.target, ast.Tuple) else ()
    if len(elements) != len(over.args):
        return frozenset()
    live: set[str] = set()
    for element, part in zip(elements, over.args, strict=True):
        if isinstance(part, ast.Call) and last(part) in PARAMETERS:
            live |= variables(element)
    return frozenset(live)


def _computes(node: ast.AST, names: frozenset[str]) -> bool:
    """A kernel on a parameter or its gradient."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        method = node.func.attr
        on_parameter = root(node.func.value) in names
        if on_parameter and (_in_place(method) or method in _REDUCTIONS):
            return True
    if isinstance(node, ast.AugAssign):
        return root(node.target) in names and chain(node.target) not in names
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
        if last(target) in {"grad", "data"} and root(target) in names:
            return isinstance(node.value, ast.BinOp)
    return False


def _reduces(scope: Scope, node: ast.expr, names: frozenset[str]) -> bool:
    """A sum or a norm of a parameter: ``p.pow(2).sum()``, ``torch.norm(p.grad)``."""
    return any(
        isinstance(part, ast.Call)
        and last(part) in _REDUCTIONS
        and isinstance(part.func, ast.Attribute)
        and (
            root(part.func.value) in names
            or (
                bool(part.args)
                and root(part.args[0]) in names
                and (scope.resolve(part.func) or "").startswith("torch.")
            )
        )
        for part in within(node)
    )


def _zeroed_gradient(node: ast.AST, names: frozenset[str]) -> ast.expr | None:
    """The ``p.grad`` of ``p.grad.zero_()``."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return None
    head, _, rest = (chain(node.func.value) or "").partition(".")
    if head not in names or rest not in {"grad", "grad.data"}:
        return None
    value = node.args[0] if node.args else None
    zero = isinstance(value, ast.Constant) and value.value == 0
    return node.func.value if node.func.attr == "zero_" or (node.func.attr == "fill_" and zero) else None


def _averages(loop: ast.For, names: frozenset[str]) -> bool:
    return any(found is not None and _concerns(found, names) for found in map(_blend, statements(*loop.body)))


def _concerns(found: tuple[ast.expr, list[ast.expr]], names: frozenset[str]) -> bool:
    target, sources = found
    return root(target) in names or any(mentions(source, names) for source in sources)


def _blend(node: ast.stmt) -> tuple[ast.expr, list[ast.expr]] | None:
    """(what is updated, what goes into it) of ``e.mul_(d).add_(p, alpha=1 - d)``, ``e.lerp_(p, w)``,
    ``e.copy_(d * e + (1 - d) * p)``, ``e = d * e + (1 - d) * p`` and ``e *= d; e += (1 - d) * p``."""
    if (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
    ):
        call, receiver = node.value, node.value.func.value
        method = node.value.func.attr
        if method == "lerp_" and call.args:
            return receiver, [call.args[0]]
        if method == "add_" and call.args:
            weight = next((k.value for k in call.keywords if k.arg == "alpha"), None)
            scaled = _scaled(receiver)
            if scaled is not None:
                return scaled, [call.args[0]]
            if _complement(weight) or _is_rest(call.args[0]):
                return receiver, [call.args[0]]
        if method == "copy_" and call.args and _weighted_sum(call.args[0]):
            return receiver, [call.args[0]]
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and _weighted_sum(node.value):
        return node.targets[0], [node.value]
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add) and _is_rest(node.value):
        return node.target, [node.value]
    return None


def _scaled(node: ast.expr) -> ast.expr | None:
    """The e of ``e.mul_(d)``."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "mul_":
        return node.func.value
    return None


def _complement(node: ast.expr | None) -> bool:
    """``1 - d``"""
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Sub)
        and isinstance(node.left, ast.Constant)
        and node.left.value == 1
    )


def _is_rest(node: ast.expr) -> bool:
    """``(1 - d) * p``"""
    product = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)
    return product and (_complement(node.left) or _complement(node.right))  # type: ignore[attr-defined]


def _weighted_sum(node: ast.expr) -> bool:
    """``d * e + (1 - d) * p``, ``0.99 * e + 0.01 * p``, in any order."""
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add)):
        return False
    sides = (node.left, node.right)
    products = [s for s in sides if isinstance(s, ast.BinOp) and isinstance(s.op, ast.Mult)]
    factors = [factor for product in products for factor in (product.left, product.right)]
    weights = [f.value for f in factors if isinstance(f, ast.Constant) and isinstance(f.value, float)]
    rest = any(map(_complement, factors)) or (len(weights) == 2 and math.isclose(sum(weights), 1))
    return len(products) == 2 and rest


def _attached(node: ast.expr, live: frozenset[str]) -> bool:
    """Does it use a live parameter other than through ``.data`` or ``.detach()``?"""
    if isinstance(node, ast.Attribute) and node.attr in {"data", "shape", "dtype", "device", "grad"}:
        return False
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"detach", "item", "numpy"}
    ):
        return False
    if isinstance(node, ast.Name):
        return node.id in live
    if isinstance(node, ast.keyword):
        return False
    return any(_attached(child, live) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr))


def _cut(target: ast.expr) -> bool:
    """``e.data``: written behind autograd's back."""
    return isinstance(target, ast.Attribute) and target.attr == "data"
