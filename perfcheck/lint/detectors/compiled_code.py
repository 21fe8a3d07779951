"""What ends a graph, or has it compiled again, in code that runs under torch.compile."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from perfcheck.events import Hotness
from perfcheck.lint.detectors.names import last
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope
from perfcheck.lint.spelling import spelled

_LEVELS = frozenset({"debug", "info", "warning", "warn", "error", "exception", "critical", "log"})
_LOGGER = re.compile(r"^_*(logger|logging|log)$", re.IGNORECASE)
_ONCE = re.compile(
    r"^_*((log|warn|warning|info|logger|rank_zero)_(once|info|warn|warning|debug)|log_once|print_once|warning_once)$"
)
_is_said_once = spelled(_ONCE.match)
_MODEL_CODE = re.compile(r"(^|\.)(forward|\w*attention_(forward|call|fn))$")
_COUNTED = frozenset(
    {"torch.nonzero", "torch.argwhere", "torch.masked_select", "torch.unique", "torch.unique_consecutive"}
)
_COUNTED_METHODS = frozenset({"nonzero", "argwhere", "masked_select", "unique", "unique_consecutive"})


def branch_on_tensor(scope: Scope) -> Iterator[Match]:
    """``if``, ``while`` and conditional expressions on a tensor; assertions are compiled."""
    if scope.compiled() is not True:
        return
    for node in scope.walk(ast.If, ast.While, ast.IfExp):
        if isinstance(node, (ast.If, ast.While, ast.IfExp)):
            condition = _tensor_in(scope, node.test)
            if condition is not None:
                yield Match(condition, {"T": condition})


def _tensor_in(scope: Scope, test: ast.expr) -> ast.expr | None:
    """The part of a condition whose truth is a tensor's value."""
    if isinstance(test, ast.BoolOp):
        return next((found for part in test.values if (found := _tensor_in(scope, part)) is not None), None)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return _tensor_in(scope, test.operand)
    return test if scope.value(test).is_tensor is True else None


def dynamic_shape(scope: Scope) -> Iterator[Match]:
    """Operators whose result has as many elements as the data decide."""
    if scope.compiled() is not True:
        return
    for node in scope.walk(ast.Call, ast.Subscript):
        subject = _counted(scope, node)
        if subject is not None and isinstance(node, ast.expr):
            yield Match(node, {"T": subject})


def _counted(scope: Scope, node: ast.AST) -> ast.expr | None:
    if isinstance(node, ast.Subscript):
        mask = scope.value(node.slice)
        reads = isinstance(node.ctx, ast.Load) and scope.value(node.value).is_tensor is True
        return (
            node.slice
            if reads and mask.is_tensor is True and mask.dtype == "bool" and mask.rank != 0
            else None
        )
    if not isinstance(node, ast.Call):
        return None
    name = scope.resolve(node.func)
    method = isinstance(node.func, ast.Attribute) and scope.value(node.func.value).is_tensor is True
    subject = (
        node.func.value
        if method and isinstance(node.func, ast.Attribute)
        else node.args[0]
        if node.args
        else None
    )
    if name in _COUNTED or (method and last(node) in _COUNTED_METHODS):
        return subject
    if name == "torch.where" and len(node.args) == 1 and not node.keywords:
        return subject
    if name == "torch.repeat_interleave" or (method and last(node) == "repeat_interleave"):
        repeats = scope.keyword(node, "repeats", 0 if method else 1)
        sized = scope.keyword(node, "output_size") is not None
        return (
            subject if repeats is not None and scope.value(repeats).is_tensor is True and not sized else None
        )
    return None


def logging(scope: Scope) -> Iterator[Match]:
    """``print``, loggers and warnings; on every step of what may be compiled, only those that always run."""
    compiled = scope.compiled()
    if compiled is False or (compiled is None and not _MODEL_CODE.search(scope.qualname)):
        return
    for call in scope.walk(ast.Call) if _may_log(scope) else ():
        if not isinstance(call, ast.Call) or not _logs(scope, call) or _skipped_by_compiler(scope, call):
            continue
        if compiled is True and not _only_warns(scope, call):
            yield Match(call, {"F": call.func})
        elif compiled is None and _may_matter(scope, call):
            yield Match(call, {"F": call.func}, certain=None)


def _only_warns(scope: Scope, call: ast.Call) -> bool:
    """A warning under a condition: the compiler traces the branches that are taken, which this hardly is."""
    name = scope.resolve(call.func) or ""
    warns = name.startswith("warnings.") or last(call) in _LEVELS - {"debug", "info", "log"}
    return warns and any(isinstance(choice, ast.If) for choice in scope.ancestors(call))


def _may_matter(scope: Scope, call: ast.Call) -> bool:
    """On every step, under no ``if`` that asks about more than a type; a deprecation is no log."""
    if scope.hotness(call) < Hotness.STEP or (scope.resolve(call.func) or "").startswith("warnings."):
        return False
    return not any(
        isinstance(choice, ast.If)
        and not (isinstance(choice.test, ast.Call) and last(choice.test) == "isinstance")
        for choice in scope.ancestors(call)
    )


def _may_log(scope: Scope) -> bool:
    """Is there any name by which :func:`_logs` knows a call?"""
    return any(name in _LEVELS or _is_said_once(name) for name in scope.names) or any(
        ref is not None and _is_log(ref) for ref in scope.refs
    )


def _is_log(name: str) -> bool:
    return name in ("builtins.print", "warnings.warn") or name.startswith("logging.")


def _logs(scope: Scope, call: ast.Call) -> bool:
    if _is_log(scope.resolve(call.func) or "") or _is_said_once(last(call)):
        return True
    if isinstance(call.func, ast.Attribute) and call.func.attr in _LEVELS:
        return _LOGGER.match(last(call.func.value)) is not None
    return False


def _skipped_by_compiler(scope: Scope, node: ast.AST) -> bool:
    """Under ``if not torch.compiler.is_compiling()``."""
    return any(
        isinstance(choice, ast.If)
        and any(
            isinstance(part, ast.Call) and last(part) in {"is_compiling", "is_dynamo_compiling"}
            for part in ast.walk(choice.test)
        )
        for choice in scope.ancestors(node)
    )


def state_changed(scope: Scope) -> Iterator[Match]:
    """Integers on ``self`` or in a global that count, lists there that grow."""
    if scope.compiled() is not True:
        return
    shared = {name for node in scope.walk(ast.Global) if isinstance(node, ast.Global) for name in node.names}
    for node in scope.walk(ast.AugAssign, ast.Call):
        if isinstance(node, ast.AugAssign):
            name = chain(node.target) or ""
            step = scope.value(node.value)
            counts = isinstance(step.const, int) if step.has_const else False
            tensor = scope.value(node.target).kind == "tensor"
            if counts and not tensor and (name.startswith("self.") or name in shared):
                yield Match(node, {"S": node.target})
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "append"
        ):
            owner = node.func.value
            if (chain(owner) or "").startswith("self.") and scope.value(owner).kind == "list":
                yield Match(node, {"S": owner})
