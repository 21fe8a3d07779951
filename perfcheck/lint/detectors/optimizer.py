"""Optimizers built without a word on which implementation to use."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from perfcheck.lint.facts import Match, Scope

_FUSABLE = frozenset({"torch.optim.Adam", "torch.optim.AdamW"})
_SCALE = re.compile(
    r"fsdp|ddp|distributed|parallel|multi_?gpu|world_size|local_rank|horovod|accelerat|fabric|deepspeed|autocast|bf16|bfloat16|param_groups|optim_groups|"
    r"grouped_parameters|mesh|shard|zero_?[123]|llm|gpt|llama|lora|diffusion|unet|from_pretrained",
    re.IGNORECASE,
)
_CHOICES = ("fused", "foreach", "capturable", "differentiable")


def optimizer_not_fused(scope: Scope) -> Iterator[Match]:
    """``AdamW(model.parameters(), …)``; a literal list of a few tensors is not worth a word."""
    for call in scope.calls("Adam", "AdamW"):
        if scope.resolve(call.func) not in _FUSABLE or not (call.args or call.keywords):
            continue
        parameters = scope.keyword(call, "params", 0)
        if isinstance(parameters, (ast.List, ast.Tuple)) and not any(
            _group(part) for part in parameters.elts
        ):
            continue
        if not any(scope.keyword(call, name) or scope.may_pass(call, name) for name in _CHOICES):
            yield Match(call, {}, certain=True if _is_large(scope) else None)


def _is_large(scope: Scope) -> bool:
    """Does anything in the function speak of training at scale, where the update is worth a word?"""
    names = [node.id for node in scope.walk(ast.Name) if isinstance(node, ast.Name)]
    names += [node.attr for node in scope.walk(ast.Attribute) if isinstance(node, ast.Attribute)]
    return any(_SCALE.search(name) for name in (*names, scope.qualname))


def _group(node: ast.expr) -> bool:
    """A parameter group, which may hold many."""
    return isinstance(node, (ast.Dict, ast.Starred))
