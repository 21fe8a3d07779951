"""What a loop need not do in each of its turns."""

from __future__ import annotations

import ast
import re

from perfcheck.lint.detectors.names import last
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match
from perfcheck.lint.loops import LoopKind, loop_kind
from perfcheck.lint.remedies.writing import GiveUp, Writer

_EVERY = 50
_INTERVAL = re.compile(r"^(log|print|report|display)\w*_(every|interval|freq|frequency|steps|period)$")
_LOGGERS = frozenset(
    """print info debug warning log log_dict log_metrics add_scalar add_scalars set_postfix set_postfix_str
    set_description log_scalar""".split()
)


def hoist_above_loop(writer: Writer, match: Match) -> str:
    """Compute it once, above the innermost loop."""
    call = match.node
    loop = writer.loop(call)
    if not isinstance(call, ast.Call) or not _invariant(writer, call, loop):
        raise GiveUp
    statement = writer.scope.statement(call)
    target = _only_target(statement, call)
    if target is not None and statement in loop.body:
        stores = [use for use in writer.uses(target, loop) if not isinstance(use.ctx, ast.Load)]
        first = min(writer.uses(target, loop), key=lambda use: (use.lineno, use.col_offset))
        if len(stores) == 1 and first.lineno >= statement.lineno and not _written(writer, target, loop):
            writer.insert_before(loop, f"{target} = $C", C=call)
            writer.remove(statement)
            return f"compute `{target}` once, above the loop"
    name = writer.fresh(f"{_noun(match.bindings.get('T'))}_{_what(writer, call)}", "moved")
    if target is not None and _written(writer, target, loop):
        raise GiveUp
    writer.insert_before(loop, f"{name} = $C", C=call)
    writer.replace(call, name)
    return f"compute `{writer.scope.text(call)}` once, above the loop"


def _what(writer: Writer, move: ast.Call) -> str:
    """Where it is after ``.to(…)``, or what has been done to it."""
    dtype = any(writer.scope.value(argument).kind == "dtype" for argument in move.args)
    return (
        "cast"
        if len(move.args) == 1 and (dtype or "dtype" in writer.scope.text(move.args[0]))
        else "on_device"
    )


def _noun(node: ast.AST | None) -> str:
    return (chain(node) or "tensor").rpartition(".")[2].strip("_") or "tensor"


def _only_target(statement: ast.stmt, value: ast.expr) -> str | None:
    """The x of ``x = value``."""
    if isinstance(statement, ast.Assign) and statement.value is value and len(statement.targets) == 1:
        target = statement.targets[0]
        return target.id if isinstance(target, ast.Name) else None
    return None


def _invariant(writer: Writer, call: ast.Call, loop: ast.stmt) -> bool:
    """Is everything in it the same in each turn?"""
    stored = writer.scope.assigned(loop)
    for part in ast.walk(call):
        if isinstance(part, (ast.Call, ast.Await, ast.Yield, ast.NamedExpr)) and part is not call:
            return False
        if isinstance(part, (ast.Name, ast.Attribute)):
            name = chain(part) or ""
            if name in stored or name.partition(".")[0] in stored or _written(writer, name, loop):
                return False
    return True


def _written(writer: Writer, name: str, loop: ast.stmt) -> bool:
    """Is it changed in place in the loop: ``x += …``, ``x[i] = …``, ``x.add_(…)``, ``out=x``?"""
    for part in ast.walk(loop):
        if isinstance(part, ast.AugAssign) and chain(part.target) == name:
            return True
        if (
            isinstance(part, ast.Subscript)
            and not isinstance(part.ctx, ast.Load)
            and chain(part.value) == name
        ):
            return True
        if isinstance(part, ast.keyword) and part.arg == "out" and chain(part.value) == name:
            return True
        if (
            isinstance(part, ast.Call)
            and isinstance(part.func, ast.Attribute)
            and part.func.attr.endswith("_")
            and chain(part.func.value) == name
        ):
            return True
    return False


def interval_guard(writer: Writer, match: Match) -> str:
    """Do it in every n-th turn: ``if step % 50 == 0``."""
    scope = writer.scope
    statement = scope.statement(match.node)
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        raise GiveUp
    if last(statement.value) not in _LOGGERS or any(
        isinstance(part, (ast.NamedExpr, ast.Await)) for part in ast.walk(statement)
    ):
        raise GiveUp
    loop = writer.loop(statement)
    if not isinstance(loop, ast.For) or loop_kind(loop) is not LoopKind.STEP:
        raise GiveUp
    for around in scope.ancestors(statement):
        if around is loop:
            break
        if isinstance(around, ast.If) and any(isinstance(part, ast.Mod) for part in ast.walk(around.test)):
            raise GiveUp  # every n-th turn already
    every = _interval(writer)
    counter = _counter(loop)
    if counter is None or counter.id.startswith("_"):
        name = writer.fresh("step", "batch_idx", "turn")
        if counter is not None:
            writer.replace(counter, name)
        else:
            writer.replace(loop.target, f"{name}, $B", {"B": loop.target})
            writer.replace(loop.iter, "enumerate($L)", {"L": loop.iter})
    else:
        name = counter.id
    guard = f"{name} % {every} == 0"
    writer.guard(statement, f"if {guard}")
    return f"do it where `{guard}`"


def _counter(loop: ast.For) -> ast.Name | None:
    """The i of ``for i, x in enumerate(…)``, if it counts turns and the loop does not change it."""
    over, target = loop.iter, loop.target
    while isinstance(over, ast.Call) and last(over) in ("tqdm", "track") and over.args:
        over = over.args[0]
    if isinstance(over, ast.Call) and last(over) == "range" and isinstance(target, ast.Name):
        return target
    if not (isinstance(over, ast.Call) and isinstance(over.func, ast.Name) and over.func.id == "enumerate"):
        return None
    first = target.elts[0] if isinstance(target, ast.Tuple) else None
    return first if isinstance(first, ast.Name) else None


def _interval(writer: Writer) -> str:
    """What the function calls its logging interval, or a number."""
    names = {*writer.scope.function.record.params, *writer.scope.function.record.locals}
    return next((name for name in sorted(names) if _INTERVAL.match(name)), str(_EVERY))


def list_and_one_cat(writer: Writer, match: Match) -> str:
    """Collect the parts in a list and join them once, after the loop."""
    call = match.node
    loop = writer.loop(call)
    statement = writer.scope.statement(call)
    if not isinstance(call, ast.Call) or statement.lineno == loop.lineno:
        raise GiveUp
    target, parts = _only_target(statement, call), call.args[0]
    if target is None or not isinstance(parts, (ast.List, ast.Tuple)) or len(parts.elts) != 2:
        raise GiveUp
    first, part = parts.elts
    if chain(first) != target or isinstance(part, ast.Starred) or len(writer.uses(target, loop)) != 2:
        raise GiveUp
    block = writer.block(loop)
    begun = [
        node
        for node in block[: block.index(loop)]
        if isinstance(node, ast.Assign) and any(chain(t) == target for t in node.targets)
    ]
    if not begun or writer.scope.value(begun[-1].value).kind != "tensor":
        raise GiveUp
    further = [*call.args[1:], *(keyword.value for keyword in call.keywords)]
    if not all(isinstance(value, (ast.Constant, ast.UnaryOp)) for value in further):
        raise GiveUp
    name = writer.fresh(f"{target}_parts")
    writer.insert_before(loop, f"{name} = [{target}]")
    writer.replace(statement, f"{name}.append($Y)", {"Y": part})
    rest = ast.Tuple(further, ast.Load())
    writer.insert_after(loop, f"{target} = $F({name}, $...A)", F=call.func, A=rest)
    return f"collect the parts in `{name}` and join them after the loop"
