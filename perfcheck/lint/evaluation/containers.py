"""Methods of lists, tuples, dictionaries and sets."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from perfcheck.lint.evaluation.arguments import Arguments, moved
from perfcheck.lint.evaluation.binding import rebind
from perfcheck.lint.evaluation.builtin_functions import order
from perfcheck.lint.values import (
    INT,
    NONE,
    STR,
    UNKNOWN,
    Value,
    elements,
    iterated,
    join,
    join_all,
)

if TYPE_CHECKING:
    from perfcheck.lint.evaluation.evaluator import Evaluator


def container_method(
    ev: Evaluator, owner: Value, name: str, func: ast.Attribute, arguments: Arguments
) -> Value:
    inside = elements(owner)
    if name in ("append", "add", "insert", "extend", "appendleft") and arguments.positional:
        added = arguments.positional[-1].value
        if name == "extend":
            added = iterated(added)
        known = owner.element if owner.element is not None else join_all(owner.items) if owner.items else None
        grown = owner._replace(element=added if known is None else join(known, added), items=None)
        rebind(ev, func.value, grown)
        return NONE
    if name == "items":
        pair = Value("tuple", items=(STR, inside))
        return Value("list", element=pair)
    if name == "values":
        return Value("list", element=inside)
    if name == "keys":
        return Value("list", element=STR)
    if name == "get":
        key = arguments.value(0)
        if owner.keys is not None and key is not None and isinstance(key.const, str):
            for word, value in owner.keys:
                if word == key.const:
                    return value
        default = arguments.value(1)
        return inside if default is None else join(inside, default)
    if name == "update" and owner.kind == "dict":
        _update(ev, owner, func, arguments)
        return NONE
    if name in ("pop", "popleft", "popitem", "setdefault", "next", "__next__"):
        return inside
    if name == "copy":
        return owner
    if name in ("to", "cuda") and owner.kind == "dict":  # what a tokenizer makes moves all it holds
        return owner._replace(element=inside._replace(device=moved(name, arguments, inside.device)))
    if name in ("index", "count"):
        return INT
    if name == "sort":
        order(ev, arguments, inside, func.value)
    return NONE if name in ("update", "clear", "sort", "reverse", "remove") else UNKNOWN


def fill_entry(ev: Evaluator, node: ast.Call, added: Value) -> bool:
    """``lists[key].append(x)``: the dictionary holds lists of such values."""
    entry = node.func.value if isinstance(node.func, ast.Attribute) else None
    if not isinstance(entry, ast.Subscript):
        return False
    container = ev.values.get(entry.value, UNKNOWN)
    if container.kind not in ("dict", "list"):
        return False
    known = container.element
    inside = added if known is None or known.element is None else join(known.element, added)
    rebind(ev, entry.value, container._replace(element=Value("list", element=inside), keys=None, items=None))
    return True


def _update(ev: Evaluator, owner: Value, func: ast.Attribute, arguments: Arguments) -> None:
    """``d.update(other)``, where the keys of both are known."""
    other = arguments.value(0)
    keys = dict(owner.keys) if owner.keys is not None else None
    if keys is not None and other is not None and other.keys is not None and not arguments.spread:
        keys.update(other.keys)
    elif other is not None or arguments.spread:
        keys = None
    if keys is not None:
        keys.update({name: a.value for name, a in arguments.keywords.items()})
    inside = [elements(owner)] + ([elements(other)] if other is not None else [])
    rebind(
        ev,
        func.value,
        owner._replace(keys=None if keys is None else tuple(keys.items()), element=join_all(inside)),
    )
