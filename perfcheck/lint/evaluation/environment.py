"""What the variables of a body hold, and what they hold where two ways meet."""

from __future__ import annotations

from perfcheck.lint.values import Value, join

Env = dict[str, Value]


def merge(a: Env, b: Env) -> Env:
    if a is b:
        return a
    merged = dict(a)
    for name, value in b.items():
        other = merged.get(name)
        if other is None:
            merged[name] = value
        elif other is not value:
            merged[name] = join(other, value)
    return merged


def differs(before: Env, after: Env, last: Env) -> bool:
    for name, value in after.items():
        known = before.get(name)
        if known is not value and known != value and known is not None:
            return True
    return False
