"""Mixture-of-experts layers that go through their experts one by one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from perfcheck.events import Truth
from perfcheck.lint.detectors.model_calls import calls_by_index
from perfcheck.lint.detectors.names import last, mentions, targets, within
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_EXPERTS = re.compile(r"(^|_)(num_|n_|local_|routed_|all_)*experts?(_|$)", re.IGNORECASE)
_SELECTS = frozenset({"nonzero", "where", "argwhere", "masked_select", "index_select", "index_add_", "eq"})
_NESTING = frozenset({"range", "enumerate", "zip", "len"})


def expert_loop(scope: Scope) -> Iterator[Match]:
    """A loop over experts that selects tokens by expert and runs it on them."""
    for loop in scope.walk(ast.For):
        if not isinstance(loop, ast.For) or not (_over_experts(loop.iter) or calls_by_index(scope)):
            continue
        names = {name for target in targets(loop) if (name := chain(target))}
        calls = (node for node in within(*loop.body) if isinstance(node, ast.Call))
        if not _over_experts(loop.iter) and not any(_is_expert(call.func, names) for call in calls):
            continue
        if _selects(loop, names) and (runs := _runs(scope, loop, names)) is not False:
            yield Match(loop.iter, {}, certain=runs)


def _over_experts(node: ast.expr) -> bool:
    return any(
        _EXPERTS.search(last(part)) is not None
        for part in within(node)
        if isinstance(part, (ast.Name, ast.Attribute)) and last(part) not in _NESTING
    )


def _is_expert(called: ast.expr, names: set[str]) -> bool:
    """``self.experts[i]``"""
    return isinstance(called, ast.Subscript) and _over_experts(called.value) and mentions(called.slice, names)


def _selects(loop: ast.For, names: set[str]) -> bool:
    for node in within(*loop.body):
        if isinstance(node, ast.Call) and last(node) in _SELECTS and mentions(node, names):
            return True
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq) and mentions(node, names):
            return True
    return False


def _runs(scope: Scope, loop: ast.For, names: set[str]) -> Truth:
    """``expert(x)``, ``self.experts[i](x)``: yes. ``x @ weights[i]`` with the weights in one tensor may be
    the fallback of something faster: unknown."""
    modules = set(names) | {
        name
        for node in within(*loop.body)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Subscript)
        and _over_experts(node.value.value)
        for target in targets(node)
        if (name := chain(target))
    }
    found: Truth = False
    for node in within(*loop.body):
        if isinstance(node, ast.Call):
            called = node.func
            if chain(called) in modules and scope.value(called).kind not in {"number", "str", "tensor"}:
                return True
            if isinstance(called, ast.Subscript) and _over_experts(called.value):
                return True
            if last(node) in {"linear", "matmul", "mm", "bmm"} and mentions(node, names):
                found = None
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult) and mentions(node, names):
            found = None
    return found
