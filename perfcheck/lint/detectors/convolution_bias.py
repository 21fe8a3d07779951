"""Convolutions whose bias the next layer takes away again."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from perfcheck.lint.facts import Match, Scope

_BIAS_POSITION = 7
_CONVOLUTIONS = frozenset(f"torch.nn.{kind}{n}d" for kind in ("Conv", "ConvTranspose") for n in (1, 2, 3))
_NORMS = frozenset({*(f"torch.nn.BatchNorm{n}d" for n in (1, 2, 3)), "torch.nn.SyncBatchNorm"})


def conv_bias_before_batchnorm(scope: Scope) -> Iterator[Match]:
    """Neighbours in ``nn.Sequential(…)`` or in a list of layers."""
    for node in scope.walk(ast.Call, ast.List, ast.Tuple):
        if isinstance(node, ast.Call):
            layers = node.args if scope.resolve(node.func) == "torch.nn.Sequential" else []
        else:
            layers = node.elts if isinstance(node, (ast.List, ast.Tuple)) else []
        for layer, following in pairwise(layers):
            if (
                _has_bias(scope, layer)
                and isinstance(following, ast.Call)
                and scope.resolve(following.func) in _NORMS
            ):
                yield Match(layer, {})


def _has_bias(scope: Scope, layer: ast.expr) -> bool:
    if (
        not isinstance(layer, ast.Call)
        or scope.resolve(layer.func) not in _CONVOLUTIONS
        or scope.may_pass(layer, "bias")
    ):
        return False
    bias = scope.keyword(layer, "bias", _BIAS_POSITION)
    return bias is None or (isinstance(bias, ast.Constant) and bias.value is True)
