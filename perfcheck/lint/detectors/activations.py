"""Activations that are written out in elementwise operators, though torch has them as one."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.detectors.names import last, within
from perfcheck.lint.facts import Match, Scope

_GELU = 0.044715  # of the approximation by tanh, in whatever order it is written

_GATES = frozenset({"sigmoid", "tanh", "erf"})


def written_out_activations(scope: Scope) -> Iterator[Match]:
    """GELU, SiLU and Mish as products; not what TorchScript fuses."""
    decorators = getattr(scope.node, "decorator_list", ())
    if any("script" in scope.text(decorator) for decorator in decorators):
        return
    for node in scope.walk(ast.BinOp):
        if isinstance(node, ast.BinOp) and not isinstance(scope.parent(node), ast.BinOp):
            subject = _activated(node)
            if subject is not None and not _of_numbers(scope, node):
                yield Match(node, {"X": subject})


def _of_numbers(scope: Scope, product: ast.BinOp) -> bool:
    """``math.tanh(x)``, ``np.tanh(x)``"""
    gates = [call for call in within(product) if isinstance(call, ast.Call) and last(call) in _GATES]
    return any(not (scope.resolve(gate.func) or "torch").startswith("torch") for gate in gates)


def _activated(product: ast.BinOp) -> ast.expr | None:
    """What the activation is applied to, if the product is one."""
    factors = list(_factors(product))
    plain = [factor for factor in factors if isinstance(factor, (ast.Name, ast.Attribute))]
    for factor in factors:
        for subject in plain:
            if subject is not factor and _is_gate(factor, subject, factors):
                return subject
    return None


def _factors(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        yield from _factors(node.left)
        yield from _factors(node.right)
    else:
        yield node


def _is_gate(factor: ast.expr, subject: ast.expr, factors: list[ast.expr]) -> bool:
    """Is it ``sigmoid(x)``, ``tanh(softplus(x))``, or beside 0.5 ``1 + tanh(…)``, ``1 + erf(…)``?"""
    if isinstance(factor, ast.Call):
        of = _argument(factor)
        if last(factor) == "sigmoid":
            return of is not None and _same(of, subject)
        if last(factor) == "tanh" and isinstance(of, ast.Call) and last(of) == "softplus":
            inner = _argument(of)
            return inner is not None and _same(inner, subject)
        return False
    halved = any(isinstance(other, ast.Constant) and other.value == 0.5 for other in factors)
    if not (halved and isinstance(factor, ast.BinOp) and isinstance(factor.op, ast.Add)):
        return False
    calls = {last(part) for part in within(factor) if isinstance(part, ast.Call)}
    constants = {part.value for part in within(factor) if isinstance(part, ast.Constant)}
    about = any(_same(part, subject) for part in within(factor) if isinstance(part, type(subject)))
    return about and 1 in constants and ("erf" in calls or ("tanh" in calls and _GELU in constants))


def _argument(call: ast.Call) -> ast.expr | None:
    """``x`` of ``torch.sigmoid(x)`` and of ``x.sigmoid()``."""
    if call.args:
        return call.args[0]
    return call.func.value if isinstance(call.func, ast.Attribute) else None


def _same(a: ast.AST, b: ast.AST) -> bool:
    return ast.dump(a) == ast.dump(b)
