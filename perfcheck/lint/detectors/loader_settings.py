"""Settings of data loaders that are gathered in dictionaries first."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.detectors.names import default_of, targets
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_OTHERS = frozenset({"batch_size", "shuffle", "pin_memory", "drop_last", "collate_fn", "sampler"})


def workers_in_settings(scope: Scope) -> Iterator[Match]:
    """``{"num_workers": 4, "shuffle": True}``, or a ``dict(…)`` of that, spread into a loader here, and
    ``settings["num_workers"] = 4`` beside ``settings["pin_memory"] = …``, without ``persistent_workers``."""
    spread = [c for c in scope.calls("DataLoader") if any(k.arg is None for k in c.keywords)]
    stored = _stored(scope)
    if not spread and not any({"num_workers", "pin_memory"} <= keys.keys() for keys in stored.values()):
        return
    given = {chain(k.value) for c in spread for k in c.keywords if k.arg is None} - {None}
    said = any(k.arg == "persistent_workers" for c in spread for k in c.keywords) or any(
        isinstance(word, ast.Constant) and word.value == "persistent_workers"
        for word in scope.walk(ast.Constant)
    )
    if said:
        return
    for node in scope.walk(ast.Dict, ast.Call) if spread else ():
        keys = _settings(node)
        workers = keys.get("num_workers")
        if workers is None or not isinstance(node, ast.expr):
            continue
        if not _OTHERS & keys.keys() and _name_of(scope, node) not in given:
            continue
        if not isinstance(workers, ast.Constant) or workers.value:
            yield Match(node, {"X": workers})
            yield from (
                Match(place, {"X": workers}) for place in stored.get(_name_of(scope, node), {}).values()
            )
    for name, keys in stored.items():
        if name in _given(scope):
            continue  # may hold the setting already
        workers = keys.get("num_workers")
        if workers is not None and "pin_memory" in keys and isinstance(workers, ast.Subscript):
            value = scope.parent(workers)
            if isinstance(value, ast.Assign) and not (
                isinstance(value.value, ast.Constant) and not value.value.value
            ):
                yield from (Match(place, {"X": value.value}) for place in (workers, keys["pin_memory"]))


def pinning_off_by_default(scope: Scope) -> Iterator[Match]:
    """``pin_memory=False`` beside ``num_workers``: among the parameters of what hands it on, the default; in
    a dictionary, what a data module makes its loaders with."""
    if isinstance(scope.node, ast.Module) or scope.in_class("torch.utils.data.DataLoader"):
        return
    if scope.in_class("lightning.LightningDataModule"):
        for settings in map(_settings, scope.walk(ast.Dict, ast.Call)):
            pinned = settings.get(_PIN)
            if isinstance(pinned, ast.Constant) and pinned.value is False and "num_workers" in settings:
                yield Match(pinned, {"X": pinned})
    off = default_of(scope.node.args, _PIN)
    if not isinstance(off, ast.Constant) or off.value is not False or "num_workers" not in _given(scope):
        return
    if any(_hands_on(node) for node in scope.walk(ast.keyword, ast.Assign)):
        yield Match(off, {"X": off})


_PIN = "pin_memory"


def _hands_on(node: ast.AST) -> bool:
    """``pin_memory=pin_memory``, ``self.pin_memory = pin_memory``"""
    if isinstance(node, ast.Assign):
        return chain(node.value) == _PIN and chain(node.targets[0]) == f"self.{_PIN}"
    return isinstance(node, ast.keyword) and node.arg == _PIN and chain(node.value) == _PIN


def _stored(scope: Scope) -> dict[str | None, dict[object, ast.expr]]:
    """By the name of a dictionary: where each of its literal keys is stored to."""
    found: dict[str | None, dict[object, ast.expr]] = {}
    for node in scope.walk(ast.Assign):
        for target in targets(node):
            if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
                found.setdefault(chain(target.value), {})[target.slice.value] = target
    return found


def _given(scope: Scope) -> frozenset[str]:
    if isinstance(scope.node, ast.Module):
        return frozenset()
    return frozenset(part.arg for part in ast.walk(scope.node.args) if isinstance(part, ast.arg))


def _name_of(scope: Scope, settings: ast.expr) -> str | None:
    statement = scope.parent(settings)
    return chain(statement.targets[0]) if isinstance(statement, ast.Assign) else None


def _settings(node: ast.AST) -> dict[object, ast.expr]:
    if isinstance(node, ast.Dict):
        return {k.value: v for k, v in zip(node.keys, node.values) if isinstance(k, ast.Constant)}
    if isinstance(node, ast.Call) and chain(node.func) == "dict":
        return {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg is not None}
    return {}
