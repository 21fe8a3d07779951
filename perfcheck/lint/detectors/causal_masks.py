"""Causal masks that are handed over where the kernel, or the layer, would rather be told."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from perfcheck.lint.detectors.names import last, within
from perfcheck.lint.facts import Match, Scope

_STACKS: Final = {
    "TransformerEncoder": (("mask", 1, "is_causal", 3),),
    "TransformerDecoder": (("tgt_mask", 2, "tgt_is_causal", 6),),
    "Transformer": (("src_mask", 2, "src_is_causal", 8), ("tgt_mask", 3, "tgt_is_causal", 9)),
}
"""Names and positions of a mask, and of the word on whether it is causal, without which it is compared."""
_LAYERS = frozenset(f"torch.nn.{path}{name}" for path in ("", "modules.transformer.") for name in _STACKS)
_BUILDING = frozenset(
    """tril triu ones full new_ones new_full ones_like full_like zeros float bool to type masked_fill log
    device logical_not unsqueeze view expand""".split()
)
"""What a causal mask alone is made of."""


def causal_mask_detected(scope: Scope) -> Iterator[Match]:
    """``self.transformer_encoder(x, mask=mask)``: the layer compares the mask with a causal one."""
    if scope.refs.isdisjoint(_LAYERS):
        return
    for call in scope.walk(ast.Call):
        if not isinstance(call, ast.Call) or not (len(call.args) > 1 or call.keywords):
            continue
        layer = scope.value(call.func)
        if layer.kind != "module" or layer.ref is None or layer.ref not in _LAYERS:
            continue
        for mask, position, flag, flag_position in _STACKS[layer.ref.rpartition(".")[2]]:
            given = scope.keyword(call, mask, position)
            if given is None or (isinstance(given, ast.Constant) and given.value is None):
                continue
            if scope.keyword(call, flag, flag_position) is None and scope.value(given).rank in (None, 2):
                yield Match(call, {"F": call.func, "T": given, "K": ast.Name(flag, ast.Load())})


def causal_mask_given(scope: Scope) -> Iterator[Match]:
    """``scaled_dot_product_attention(q, k, v, attn_mask=torch.ones(n, n).tril())``"""
    for call in scope.calls("scaled_dot_product_attention"):
        given = scope.keyword(call, "attn_mask", 3)
        made = scope.definition(given.id, call) if isinstance(given, ast.Name) else given
        if made is not None and given is not None and _is_causal(scope, made):
            yield Match(call, {"T": given})


def _is_causal(scope: Scope, made: ast.expr) -> bool:
    """A square's lower triangle, or the negation of what is above it, and nothing else."""
    calls = [node for node in within(made) if isinstance(node, ast.Call)]
    triangles = [node for node in calls if last(node) in ("tril", "triu")]
    if len(triangles) != 1 or any(last(node) not in _BUILDING for node in calls):
        return False
    if _diagonal(scope, triangles[0]) != (1 if last(triangles[0]) == "triu" else 0):
        return False
    return not any(isinstance(node, (ast.BinOp, ast.BoolOp, ast.Subscript)) for node in within(made))


def _diagonal(scope: Scope, triangle: ast.Call) -> object:
    """The diagonal at which it begins, as written; 0 if not."""
    of_tensor = scope.resolve(triangle.func) is None  # a method
    given = scope.keyword(triangle, "diagonal", 0 if of_tensor else 1)
    if given is None:
        return 0
    return given.value if isinstance(given, ast.Constant) else None
