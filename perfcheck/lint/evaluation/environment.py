"""What the variables of a body hold, and what they hold where two ways meet."""

from __future__ import annotations

from perfcheck.lint.values import Value, join

Env = dict[str, Value]
"""Values by the name of a variable, or of an attribute of one (``self.x``).

What was stored in containers stands under ``ITEMS``, as the keys of one value: where two ways meet, also of
tensors that one of them has stored, if they are on the device."""

ITEMS = "[]"
NO_ITEMS = Value("dict", keys=())


def stored(env: Env, container: str, index: str) -> Value | None:
    """What was last stored in ``container[index]``, both as written."""
    keys = env.get(ITEMS, NO_ITEMS).keys
    if keys:
        wanted = f"{container}[{index}]"
        for name, value in keys:
            if name == wanted:
                return value
    return None


def store(env: Env, container: str, index: str, value: Value, others: bool) -> None:
    """Note what is stored in ``container[index]``; ``others``: no other item of it may be the same."""
    keys = env.get(ITEMS, NO_ITEMS).keys or ()
    wanted = f"{container}[{index}]"
    kept = [
        (name, known)
        for name, known in keys
        if name != wanted and (others or not name.startswith(f"{container}["))
    ]
    env[ITEMS] = NO_ITEMS._replace(keys=(*kept, (wanted, value)))


def forget(env: Env, variable: str) -> None:
    """A variable is bound anew: what was stored in it, or by it, stands elsewhere."""
    keys = env.get(ITEMS, NO_ITEMS).keys
    if keys:
        inside = (f"{variable}[", f"{variable}.")
        kept = [
            (name, known)
            for name, known in keys
            if not name.startswith(inside) and not name.endswith(f"[{variable}]")
        ]
        if len(kept) < len(keys):
            env[ITEMS] = NO_ITEMS._replace(keys=tuple(kept))


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
    if ITEMS in merged:
        ours, theirs = dict(a.get(ITEMS, NO_ITEMS).keys or ()), dict(b.get(ITEMS, NO_ITEMS).keys or ())
        both = [(name, join(value, theirs[name])) for name, value in ours.items() if name in theirs]
        apart = [(name, value) for name, value in ours.items() if name not in theirs]
        apart += [(name, value) for name, value in theirs.items() if name not in ours]
        both += [(name, _perhaps(value)) for name, value in apart if value.on_device]
        merged[ITEMS] = NO_ITEMS._replace(keys=tuple(both))
    return merged


def _perhaps(stored: Value) -> Value:
    """``if cuda: batch["x"] = batch["x"].cuda()``: a tensor, moved or not."""
    return stored._replace(device=None, pinned=None, batch=None, contiguous=None, assumed=True)


def differs(before: Env, after: Env, last: Env) -> bool:
    for name, value in after.items():
        known = before.get(name)
        if known is not value and known != value and known is not None:
            return True
    return False
