"""What each kind of statement does: assignments, branches, loops, contexts, definitions.

A handler returns False if control cannot reach its end.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from operator import is_
from typing import TYPE_CHECKING

from perfcheck.lint.conditions import Argument
from perfcheck.lint.dotted import dotted
from perfcheck.lint.evaluation.arithmetic import arithmetic
from perfcheck.lint.evaluation.binding import bind, index_name, rebind
from perfcheck.lint.evaluation.environment import Env, differs, merge
from perfcheck.lint.evaluation.narrowing import cannot_hold, narrow
from perfcheck.lint.grad_mode import switches_grad_off
from perfcheck.lint.index import FunctionNode
from perfcheck.lint.loops import goes_over_batches
from perfcheck.lint.nodes import walk
from perfcheck.lint.values import HOST, NONE, UNKNOWN, Value, iterated

if TYPE_CHECKING:
    from perfcheck.lint.evaluation.evaluator import Evaluator


def _expression(ev: Evaluator, node: ast.Expr) -> None:
    value = ev.expr(node.value)
    func = node.value.func if isinstance(node.value, ast.Call) else None
    if isinstance(func, ast.Attribute) and func.attr in ("to", "cpu", "cuda"):
        owner = ev.values.get(func.value, UNKNOWN)
        if owner.kind == "unknown" and value.device is not None:  # nothing but a module moves in place
            rebind(ev, func.value, owner._replace(device=value.device))


def _assign(ev: Evaluator, node: ast.Assign) -> None:
    value = ev.expr(node.value)
    for target in node.targets:
        bind(ev, target, _made_here(value, target, node.value), node.value)
        if value.kind == "size" and isinstance(target, ast.Tuple):
            _count_dimensions(ev, target, node.value)


def _made_here(value: Value, target: ast.expr, made: ast.expr) -> Value:
    """``net = Net()`` is on the host until somebody moves it; ``self.net`` may be moved with its owner."""
    if value.kind != "module" or not isinstance(target, (ast.Name, ast.Attribute)):
        return value
    if isinstance(target, ast.Attribute):
        return value if value.device else value._replace(device=None)
    return value._replace(device=False) if value.device is None and _constructs(made) else value


def _constructs(node: ast.expr) -> bool:
    """``Net()``, ``nn.Linear(3, 1)``; not ``DataParallel(model)``, ``nn.Linear(3, 1, device=device)``"""
    if not isinstance(node, ast.Call) or any(keyword.arg == "device" for keyword in node.keywords):
        return False
    name = dotted(node.func).rpartition(".")[2]
    return name[:1].isupper() and "Parallel" not in name and name != "DDP"


def _count_dimensions(ev: Evaluator, target: ast.Tuple, size: ast.expr) -> None:
    """``batch, channels, length = x.shape`` tells that ``x`` has three."""
    if isinstance(size, ast.Call):  # x.size()
        size = size.func
    whole = size.value if isinstance(size, ast.Attribute) else None
    if isinstance(whole, ast.Name) and not any(isinstance(part, ast.Starred) for part in target.elts):
        known = ev.env.get(whole.id)
        if known is not None and known.kind == "tensor" and known.rank is None:
            ev.env[whole.id] = known._replace(rank=len(target.elts))


def _annotated_assign(ev: Evaluator, node: ast.AnnAssign) -> None:
    promised = ev.annotation(node.annotation)
    if node.value is None:
        bind(ev, node.target, promised, None)
        return
    value = ev.expr(node.value)
    if value.kind in ("unknown", "none") or (value.kind in ("list", "dict") and value.element is None):
        value = promised if promised.kind != "unknown" else value
    bind(ev, node.target, value, node.value)


def _augmented_assign(ev: Evaluator, node: ast.AugAssign) -> None:
    right = ev.expr(node.value)
    target = node.target
    left = ev.expr(target)
    ev.values[target] = left
    result = arithmetic(ev, left, right, node.op)
    bind(ev, target, result, node.value)


def _return(ev: Evaluator, node: ast.Return) -> bool:
    ev.returns.append(NONE if node.value is None else ev.expr(node.value))
    return False


def _raise(ev: Evaluator, node: ast.Raise) -> bool:
    if node.exc is not None:
        ev.expr(node.exc)
    return False


def _jump(ev: Evaluator, node: ast.stmt) -> bool:
    return False


def _if(ev: Evaluator, node: ast.If) -> bool:
    ev.truth(node.test)
    before = ev.env
    dead = ev.raised.copy() if cannot_hold(ev, node.test) else None
    ev.env = dict(before)
    narrow(ev, node.test, True)
    then_entry = _entry(ev.env, before)
    before_branch = len(ev.returns)
    then_reaches = ev.block(node.body)
    if dead is not None:
        ev.raised = dead
    if _while_compiling(node.test):
        del ev.returns[before_branch:]  # eager code never gets these
    then_env = ev.env
    ev.env = dict(before)
    narrow(ev, node.test, False)
    else_entry = _entry(ev.env, before)
    else_reaches = ev.block(node.orelse)
    else_env = ev.env
    if then_reaches and else_reaches:
        ev.env = merge(then_env, ev.env)
        _widen(ev.env, before, (then_entry, then_env), (else_entry, else_env))
    elif then_reaches:
        ev.env = then_env
    return then_reaches or else_reaches


def _entry(env: Env, before: Env) -> Env:
    """What variables hold as a branch begins; ``before`` itself where the test has told nothing."""
    same = len(env) == len(before) and all(map(is_, env.values(), before.values()))
    return before if same else dict(env)


def _widen(merged: Env, before: Env, *branches: tuple[Env, Env]) -> None:
    """Forget what a test alone told: a variable that no branch assigned is what it was before.

    A branch: what variables held as it began and as it ended.
    """
    tested = {
        name
        for entry, _ in branches
        if entry is not before
        for name, value in entry.items()
        if value is not before.get(name)
    }
    for name in tested:
        if all(end.get(name) is entry.get(name) for entry, end in branches):
            if name in before:
                merged[name] = before[name]
            else:
                del merged[name]


def _for(ev: Evaluator, node: ast.For | ast.AsyncFor) -> None:
    iterable = ev.expr(node.iter)
    element = iterated(iterable)
    if _is_open(element) and goes_over_batches(node):
        element = _of_batch(element)
    if iterable.kind == "tensor":
        ev.operate(node.iter, "Tensor.__iter__", Argument(iterable, node.iter))
    _repeat(ev, node.body, lambda: bind(ev, node.target, element, None))
    _replace_all(ev, node)
    ev.block(node.orelse)


def _replace_all(ev: Evaluator, node: ast.For | ast.AsyncFor) -> None:
    """``for key in batch: batch[key] = batch[key].to(device)``: all that it holds lies there then."""
    keys = {part.id for part in walk(node.target) if isinstance(part, ast.Name)}
    through: set[str] | None = None
    for target in _item_targets(node.body):
        held = ev.values.get(target, UNKNOWN)
        if (
            not isinstance(target.value, ast.Name)
            or index_name(target.slice) not in keys
            or held.device is None
        ):
            continue
        if through is None:
            through = {part.id for part in walk(node.iter) if isinstance(part, ast.Name)}
        name = target.value.id
        container = ev.env.get(name, UNKNOWN) if name in through else NONE
        if container.kind == "unknown":
            ev.env[name] = Value(device=held.device)
        elif container.kind in ("dict", "list"):
            ev.env[name] = container._replace(element=held, items=None, keys=None)


def _item_targets(block: list[ast.stmt]) -> Iterator[ast.Subscript]:
    """The items that a block assigns to, and those that its ``if``s do."""
    for statement in block:
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Subscript):
                    yield target
        elif isinstance(statement, ast.If):
            yield from _item_targets(statement.body)
            yield from _item_targets(statement.orelse)


def _is_open(value: Value) -> bool:
    """Is nothing known of it, or of the things that it unpacks to?"""
    if value.kind == "tuple" and value.items:
        return any(map(_is_open, value.items))
    return value.kind == "unknown" and value.device is None and value.ref is None


def _of_batch(value: Value) -> Value:
    if value.kind == "tuple" and value.items:
        return value._replace(items=tuple(map(_of_batch, value.items)))
    return value._replace(batch=True) if _is_open(value) else value


def _while(ev: Evaluator, node: ast.While) -> None:
    ev.truth(node.test)
    _repeat(ev, node.body, lambda: narrow(ev, node.test, True))
    ev.truth(node.test)
    ev.block(node.orelse)


def _with(ev: Evaluator, node: ast.With | ast.AsyncWith) -> bool:
    quiet, around = 0, ev.default_device
    for item in node.items:
        value = ev.expr(item.context_expr)
        if value.kind == "device":
            ev.default_device = value
        if switches_grad_off(ev.resolve(_callee(item.context_expr)), item.context_expr):
            quiet += 1
        if item.optional_vars is not None:
            bind(ev, item.optional_vars, value if value.kind != "host" else UNKNOWN, None)
    ev.no_grad += quiet
    reaches = ev.block(node.body)
    ev.no_grad -= quiet
    ev.default_device = around
    return reaches


def _try(ev: Evaluator, node: ast.Try) -> bool:
    before = dict(ev.env)
    reaches = ev.block(node.body)
    if reaches:
        reaches = ev.block(node.orelse)
    merged = ev.env if reaches else None
    for handler in node.handlers:
        ev.env = merge(before, ev.env) if reaches else dict(before)
        if handler.name:
            ev.env[handler.name] = HOST
        if ev.block(handler.body):
            merged = ev.env if merged is None else merge(merged, ev.env)
    ev.env = before if merged is None else merged
    ends = ev.block(node.finalbody)
    return ends and (merged is not None or reaches)


def _assert(ev: Evaluator, node: ast.Assert) -> bool:
    if isinstance(node.test, ast.Constant) and not node.test.value:
        return False
    ev.truth(node.test)
    narrow(ev, node.test, True)
    if node.msg is not None:
        entry = ev.raised.copy()
        ev.expr(node.msg)  # evaluated only when it fails: raises nothing that counts
        ev.raised = entry
    return True


def _function(ev: Evaluator, node: FunctionNode) -> None:
    for default in (*node.args.defaults, *node.args.kw_defaults):
        if default is not None:
            ev.expr(default)
    ev.local_functions[node.name] = node
    prefix = (
        ev.function.record.qualname + "." if ev.function is not None and ev.function.record.qualname else ""
    )
    ev.env[node.name] = Value("function", ref=f"{ev.module.name}.{prefix}{node.name}")


def _class(ev: Evaluator, node: ast.ClassDef) -> None:
    prefix = (
        ev.function.record.qualname + "." if ev.function is not None and ev.function.record.qualname else ""
    )
    ev.env[node.name] = Value("class", ref=f"{ev.module.name}.{prefix}{node.name}")


def _delete(ev: Evaluator, node: ast.Delete) -> None:
    for target in node.targets:
        if isinstance(target, ast.Name):
            ev.env.pop(target.id, None)


def _import(ev: Evaluator, node: ast.Import | ast.ImportFrom) -> None:
    for alias in node.names:
        local = alias.asname or alias.name.partition(".")[0]
        ev.env.pop(local, None)
        ev.locals.discard(local)


def _match(ev: Evaluator, node: ast.Match) -> bool:
    ev.expr(node.subject)
    before = ev.env
    merged: Env | None = None
    for case in node.cases:
        ev.env = dict(before)
        for part in ast.walk(case.pattern):
            if isinstance(part, ast.MatchAs) and part.name:
                ev.env[part.name] = UNKNOWN
        if ev.block(case.body):
            merged = ev.env if merged is None else merge(merged, ev.env)
    ev.env = before if merged is None else merge(before, merged)
    return True


def _repeat(ev: Evaluator, body: list[ast.stmt], enter: Callable[[], None]) -> None:
    before = dict(ev.env)
    enter()
    ev.block(body)
    after = merge(before, ev.env)
    if differs(before, after, ev.env):
        ev.env = dict(after)
        enter()
        ev.block(body)
        after = merge(after, ev.env)
    ev.env = after


def _while_compiling(test: ast.expr) -> bool:
    """``torch.compiler.is_compiling()`` and its relatives."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(map(_while_compiling, test.values))
    name = test.func if isinstance(test, ast.Call) else test
    last = name.attr if isinstance(name, ast.Attribute) else name.id if isinstance(name, ast.Name) else ""
    return last.lstrip("_") in (
        "is_compiling",
        "is_dynamo_compiling",
        "is_scripting",
        "is_tracing",
        "is_exporting",
    )


def _callee(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


STATEMENTS: dict[type, Callable[..., bool | None]] = {
    ast.Expr: _expression,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated_assign,
    ast.AugAssign: _augmented_assign,
    ast.Return: _return,
    ast.Raise: _raise,
    ast.Break: _jump,
    ast.Continue: _jump,
    ast.If: _if,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.While: _while,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Try: _try,
    ast.Assert: _assert,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.Delete: _delete,
    ast.Import: _import,
    ast.ImportFrom: _import,
    ast.Match: _match,
}
if hasattr(ast, "TryStar"):
    STATEMENTS[ast.TryStar] = _try
