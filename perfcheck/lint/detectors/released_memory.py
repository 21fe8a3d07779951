"""Memory that is given back, or looked for, on every step."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from perfcheck.lint.facts import Match, Scope

_CACHES = frozenset({"torch.cuda.empty_cache", "torch.accelerator.empty_cache", "torch.xpu.empty_cache"})
_OPTION = re.compile(r"empty|clear|cache|mem|gc|collect|free|release|offload", re.IGNORECASE)


def empty_cache(scope: Scope) -> Iterator[Match]:
    """``torch.cuda.empty_cache()`` that no option asks for."""
    return _unasked(scope, (c for c in scope.calls("empty_cache") if scope.resolve(c.func) in _CACHES))


def collect_garbage(scope: Scope) -> Iterator[Match]:
    """``gc.collect()`` of all generations, likewise."""
    calls = (c for c in scope.calls("collect") if scope.resolve(c.func) == "gc.collect")
    return _unasked(scope, (c for c in calls if not c.keywords and all(_is_full(a) for a in c.args)))


def _is_full(generation: ast.expr) -> bool:
    return isinstance(generation, ast.Constant) and generation.value == 2


def _unasked(scope: Scope, calls: Iterable[ast.Call]) -> Iterator[Match]:
    if _OPTION.search(scope.qualname.rpartition(".")[2]):
        return  # that is what the function is for
    for call in calls:
        if not any(_asks(choice) for choice in scope.ancestors(call)):
            yield Match(call, {})


def _asks(choice: ast.AST) -> bool:
    """``if args.empty_unused_memory_level:``"""
    return isinstance(choice, ast.If) and any(
        _OPTION.search(part.attr if isinstance(part, ast.Attribute) else part.id) is not None
        for part in ast.walk(choice.test)
        if isinstance(part, (ast.Name, ast.Attribute))
    )
