"""Graphs that nobody walks back, and gradients."""

from __future__ import annotations

import ast
from typing import Final

from perfcheck.lint.certainty import is_builtin, is_tensor, looks_at_all_names
from perfcheck.lint.detectors.inference_mode import leaves_numbers
from perfcheck.lint.detectors.names import last
from perfcheck.lint.detectors.training_loops import differentiated_in
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match
from perfcheck.lint.remedies.writing import GiveUp, Writer
from perfcheck.lint.scope import BodyScope

_NUMBERS: Final = frozenset({"item", "tolist", "detach"})
_KEEPS: Final = frozenset({"mean", "sum", "sqrt", "exp", "log", "cpu", "float", "double", "squeeze", "clone"})


def detach(writer: Writer, match: Match) -> str:
    """Keep the value without its graph."""
    tensor = match.bindings.get("T")
    if tensor is None and isinstance(match.node, ast.Assign):
        tensor = match.node.value  # of a state
    if not isinstance(tensor, ast.expr) or _may_be_dictionary(writer.scope, tensor):
        raise GiveUp
    kept = match.bindings.get("A")
    if kept is None:
        statement = writer.scope.statement(match.node)
        call = statement.value if isinstance(statement, ast.Expr) else None
        kept = (
            call.func.value if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) else None
        )
    if not is_tensor(writer.scope, tensor) or not _only_read(writer, kept, match):
        writer.unsafe()
    return writer.replace(tensor, "$T.detach()", {"T": tensor})


def _may_be_dictionary(scope: BodyScope, value: ast.expr) -> bool:
    """What a model or a training step returns need not be a tensor; what backward is called on is one."""
    kind = scope.value(value).kind
    if kind == "unknown":
        return "loss" not in last(value) and chain(value) not in differentiated_in(scope.node.body)
    return kind != "tensor"


def _only_read(writer: Writer, kept: ast.AST | None, match: Match) -> bool:
    """Do all uses of what is kept end in a number, so that nobody can ask for its gradient?"""
    scope = writer.scope
    if not isinstance(kept, ast.Name) or not scope.qualname or looks_at_all_names(scope):
        return False
    if not writer.is_local(kept.id):
        return False
    own = scope.statement(match.node)
    return all(
        _ends_in_number(scope, use)
        for use in writer.uses(kept.id, scope.node)
        if isinstance(use.ctx, ast.Load) and scope.statement(use) is not own
    )


def _ends_in_number(scope: BodyScope, use: ast.expr) -> bool:
    """``float(x / n)``, ``x.mean().item()``, ``f"{x:.3f}"``: only arithmetic lies on the way to it."""
    node: ast.AST = use
    while True:
        parent = scope.parent(node)
        match parent:
            case ast.BinOp() | ast.UnaryOp(op=ast.USub() | ast.UAdd()):
                pass
            case ast.Attribute(attr=name):
                call = scope.parent(parent)
                if not isinstance(call, ast.Call) or call.func is not parent:
                    return False
                if name in _NUMBERS:
                    return True
                if name not in _KEEPS:
                    return False
                parent = call
            case ast.Call(func=ast.Name(id="float" | "int" as name), args=[argument]):
                return argument is node and is_builtin(scope, name)
            case ast.FormattedValue(format_spec=spec, conversion=-1):
                return spec is not None or scope.value(use).rank == 0
            case _:
                return False
        node = parent


def no_grad(writer: Writer, match: Match) -> str:
    """Switch autograd off for the whole function, in inference mode where it leaves nothing but numbers; for
    a forward pass whose result is detached, around it."""
    end = match.bindings.get("E")
    detached = _detached(writer, match.node) if end is None else _assigned(writer, end)
    if detached is not None:
        writer.guard(detached, "with torch.no_grad()")
        return "compute it under `torch.no_grad()`"
    function = writer.scope.node
    if not isinstance(function, ast.FunctionDef):
        raise GiveUp
    mode = "inference_mode" if leaves_numbers(writer.scope, function.body) else "no_grad"
    writer.decorate(function, f"torch.{mode}()")
    return f"decorate the function with `@torch.{mode}()`"


def _assigned(writer: Writer, end: ast.AST) -> ast.stmt:
    """The statement ``y = model(x).argmax(1)`` that computes nothing else."""
    statement = writer.scope.parent(end)
    if isinstance(statement, ast.Assign) and statement.value is end:
        return statement
    raise GiveUp


def _detached(writer: Writer, node: ast.AST) -> ast.stmt | None:
    """The statement ``y = model(x).detach()`` around the call of the model."""
    parent: ast.AST | None = node
    while parent is not None and not isinstance(parent, ast.stmt):
        if isinstance(parent, ast.Call) and parent is not node and last(parent) == "detach":
            statement = writer.scope.parent(parent)
            if isinstance(statement, ast.Assign) and statement.value is parent:
                return statement
            raise GiveUp  # the statement computes something else, too
        parent = writer.scope.parent(parent)
    return None


def zero_grad(writer: Writer, match: Match) -> str:
    """Drop the gradients instead of filling them with zeros."""
    node = match.node
    if isinstance(node, ast.Constant):
        return writer.replace(node, "True")
    if not isinstance(node, ast.Call):
        raise GiveUp
    if last(node) == "zero_":
        statement, gradient = writer.scope.statement(node), match.bindings.get("G")
        if not isinstance(statement, ast.Expr) or statement.value is not node or chain(gradient) is None:
            raise GiveUp
        return writer.replace(statement, "$G = None", {"G": gradient} if gradient is not None else {})
    if node.args:
        return writer.replace(node, "$F()", {"F": node.func})
    return writer.keyword(node, "set_to_none", "")
