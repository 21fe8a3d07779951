"""Where autograd is switched off."""

from __future__ import annotations

from perfcheck.lint.naming import Names
from perfcheck.lint.project import FunctionRef, Project

_SWITCHES = frozenset({"no_grad", "inference_mode", "set_grad_enabled"})


def switches_grad_off(name: str | None) -> bool:
    return name in ("torch.no_grad", "torch.inference_mode", "torch.autograd.no_grad")


def touches_grad_mode(function: FunctionRef) -> bool:
    """Does a function, or its decorator, name ``no_grad`` or the like?"""
    record = function.record
    return not record.names.isdisjoint(_SWITCHES) or any(
        decorator.rpartition(".")[2] in _SWITCHES for decorator in record.decorators
    )


def runs_without_grad(names: Names, function: FunctionRef) -> bool:
    """Does a decorator switch autograd off?"""
    return any(
        switches_grad_off(names.dotted(function.module, decorator))
        for decorator in function.record.decorators
    )


def named_without_grad(project: Project) -> frozenset[str]:
    """The names used where autograd is switched off, by a decorator or anywhere in the same function."""
    found: set[str] = set()
    for function in project.functions():
        if touches_grad_mode(function):
            found |= function.record.names
    return frozenset(found)
