"""From a place that a rule has found, and the facts about it, to the steps that mend it.

A page's ``[fix]`` is a template, keyword arguments, or the name of a codemod: a function here that looks at
the facts and writes down steps (:class:`perfcheck.findings.Rewrite`), or gives up. Nothing is rewritten here,
and libcst is not needed: :mod:`perfcheck.fix` carries the steps out when somebody asks for them.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from typing import Final, NamedTuple, cast

from perfcheck.findings import Rewrite, Safety
from perfcheck.lint.facts import Match
from perfcheck.lint.remedies.writing import GiveUp, Writer
from perfcheck.lint.scope import BodyScope
from perfcheck.rulebook.predicates import Ask, Predicate, evaluate
from perfcheck.rulebook.rule import FixRecipe


class Remedy(NamedTuple):
    """How to mend one place."""

    message: str
    safety: Safety
    rewrites: tuple[Rewrite, ...]


Codemod = Callable[[Writer, Match], str]
"""Writes the steps down and says what they do; raises :class:`GiveUp` where the place cannot be mended so. It
may call :meth:`Writer.unsafe` where the page is too hopeful."""

_MODULES: Final[dict[str, str]] = {
    "collect-and-read-after-loop": "reads:collect_and_read_after_loop",
    "detach": "graphs:detach",
    "device-of-creation": "transfers:device_of_creation",
    "hoist-above-loop": "loops:hoist_above_loop",
    "interval-guard": "loops:interval_guard",
    "list-and-one-cat": "loops:list_and_one_cat",
    "list-before-loop": "reads:list_before_loop",
    "loader-workers": "loaders:loader_workers",
    "merge-conversions": "conversions:merge_conversions",
    "no-grad": "graphs:no_grad",
    "persistent-workers": "loaders:persistent_workers",
    "stack": "reads:stack",
    "register-buffer": "transfers:register_buffer",
    "remove-statement": "statements:remove_statement",
    "unless-compiling": "statements:unless_compiling",
    "where-for-mask": "masks:where_for_mask",
    "zero-grad": "graphs:zero_grad",
}


@cache
def codemod(name: str) -> Codemod:
    """The codemod a page names; :class:`KeyError` if there is none of that name."""
    module, function = _MODULES[name].split(":")
    return cast(Codemod, getattr(import_module(f"{__name__}.{module}"), function))


def remedy(
    recipe: FixRecipe, match: Match, scope: BodyScope, asking: Callable[[Match], Ask]
) -> Remedy | None:
    """The steps that mend a place; None where the recipe's conditions do not hold there."""
    writer = Writer(scope, recipe.safety)
    template = recipe.replace
    for pattern, text in recipe.by_pattern:
        bindings = pattern.match(match.node, scope.resolve)
        if bindings is not None:
            match, template = match._replace(bindings={**match.bindings, **bindings}), text
            break
    if recipe.where and not _holds(recipe.where, asking(match)):
        return None
    if recipe.proven and not _holds(recipe.proven, asking(match)):
        writer.unsafe()
    try:
        if recipe.codemod is not None:
            message = codemod(recipe.codemod)(writer, match)
        elif recipe.keywords:
            message = _keywords(recipe, match, writer)
        elif template is not None:
            message = writer.replace(match.node, template, match.bindings, of_page=True)
        else:
            return None
    except (GiveUp, LookupError):  # a node that a detector made up belongs to no statement
        return None
    return Remedy(message, writer.safety, tuple(writer.rewrites)) if writer.rewrites else None


def _holds(conditions: Sequence[Predicate], ask: Ask) -> bool:
    return all(evaluate(condition, ask) is True for condition in conditions)


def _keywords(recipe: FixRecipe, match: Match, writer: Writer) -> str:
    call = match.node.value if isinstance(match.node, ast.Expr) else match.node
    if not isinstance(call, ast.Call):
        raise GiveUp
    parts = [writer.keyword(call, name, value) for name, value in recipe.keywords]
    return " and ".join(part for part in parts if part)
