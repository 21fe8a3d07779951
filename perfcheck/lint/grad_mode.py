"""Where autograd is switched off."""

from __future__ import annotations

import ast
from functools import cached_property

from perfcheck.lint.dotted import dotted
from perfcheck.lint.naming import Names
from perfcheck.lint.project import FunctionRef, Project

_SWITCHES = frozenset({"no_grad", "inference_mode", "set_grad_enabled"})


def switches_grad_off(name: str | None, call: ast.AST | None = None) -> bool:
    """Is it ``no_grad``, or ``set_grad_enabled(False)``?"""
    if name in ("torch.no_grad", "torch.inference_mode", "torch.autograd.no_grad"):
        return True
    given = call.args[:1] if isinstance(call, ast.Call) and name in _SETTERS else []
    return any(isinstance(mode, ast.Constant) and mode.value is False for mode in given)


_SETTERS = frozenset({"torch.set_grad_enabled", "torch.autograd.set_grad_enabled"})


def runs_without_grad(names: Names, function: FunctionRef) -> bool:
    """Does a decorator switch autograd off?"""
    return any(
        switches_grad_off(names.dotted(function.module, decorator))
        for decorator in function.record.decorators
    )


def calls_without_grad(names: Names, caller: FunctionRef, body: ast.AST, name: str) -> bool:
    """Does a function call what bears that name, and autograd is off wherever it does?"""
    off = on = False
    stack = [(body, runs_without_grad(names, caller))]
    while stack:
        node, quiet = stack.pop()
        if isinstance(node, (ast.With, ast.AsyncWith)):
            quiet = quiet or any(_is_switch(names, caller, item.context_expr) for item in node.items)
        elif isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] == name:
            off, on = off or quiet, on or not quiet
        stack += [(part, quiet) for part in ast.iter_child_nodes(node)]
    return off and not on


def _is_switch(names: Names, function: FunctionRef, context: ast.expr) -> bool:
    written = dotted(context.func if isinstance(context, ast.Call) else context)
    return switches_grad_off(names.dotted(function.module, written), context)


class GradModes:
    """Which functions of a project name ``no_grad`` or the like, themselves or in a decorator, which may be
    one of the project's own."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def touched_by(self, function: FunctionRef) -> bool:
        return (
            not function.record.names.isdisjoint(_SWITCHES)
            or (function.module.path, function.record.qualname) in self._around
            or self.decorates(function)
        )

    def decorates(self, function: FunctionRef) -> bool:
        """Does a decorator name a switch, itself or in the function that it makes?"""
        return any(
            decorator.rpartition(".")[2] in self._decorators for decorator in function.record.decorators
        )

    @cached_property
    def called_without(self) -> frozenset[str]:
        """The names used where autograd is switched off, by a decorator or anywhere in the same function."""
        return frozenset().union(*(f.record.names for f in self._project.functions() if self.touched_by(f)))

    @cached_property
    def by_name(self) -> dict[str, bool]:
        """For each name that functions of the project bear: does one of them?"""
        found: dict[str, bool] = {}
        for function in self._project.functions():
            name = function.record.name
            found[name] = found.get(name, False) or self.touched_by(function)
        return found

    @cached_property
    def _decorators(self) -> frozenset[str]:
        """The switches, and the functions that hold a function which names one."""
        return _SWITCHES | {name.rpartition(".")[2] for _, name in self._around}

    @cached_property
    def _around(self) -> frozenset[tuple[str, str]]:
        """The functions that hold one which names a switch, by the paths of their modules and their names."""
        return frozenset(
            (function.module.path, function.record.outer)
            for function in self._project.functions()
            if function.record.outer and not function.record.names.isdisjoint(_SWITCHES)
        )
