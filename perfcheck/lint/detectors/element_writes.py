"""Tensors of the device that are filled one element at a time."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perfcheck.lint.detectors.names import derived, last, mentions, root, targets, variables
from perfcheck.lint.facts import Match, Scope
from perfcheck.lint.nodes import walk


def element_writes(scope: Scope) -> Iterator[Match]:
    """``x[i, j] = …`` and ``x[i][j] = …`` where two loops run over ``i`` and ``j``: the inner loop, once."""
    told: set[ast.AST] = set()
    for node in scope.walk(ast.Assign) if scope.walk(ast.For) else ():
        if not isinstance(node, ast.Assign):
            continue
        for target in targets(node):
            tensor, indices = _element(target)
            if len(indices) < 2:
                continue
            loops = [loop for loop in scope.loops(node) if isinstance(loop, ast.For)]
            over = [loop for loop in loops if indices & variables(loop.target)]
            if len(over) < 2 or over[-1] in told:
                continue
            value = scope.value(tensor)
            if value.is_tensor is True and value.on_device is True:
                told.add(over[-1])
                yield Match(over[-1].iter, {"T": tensor})


def _element(target: ast.expr) -> tuple[ast.expr, frozenset[str]]:
    """(tensor, the names of its indices); no names where an index is anything but a name."""
    indices: list[ast.expr] = []
    while isinstance(target, ast.Subscript):
        indices += target.slice.elts if isinstance(target.slice, ast.Tuple) else [target.slice]
        target = target.value
    names = [index.id for index in indices if isinstance(index, ast.Name)]
    return target, frozenset(names if len(names) == len(indices) else ())


def counts_in_loop(scope: Scope) -> Iterator[Match]:
    """``for t, p in zip(targets, predictions): matrix[t, p] += 1``: the loop."""
    for node in scope.walk(ast.AugAssign) if scope.walk(ast.For) else ():
        if not isinstance(node, ast.AugAssign) or not isinstance(node.target, ast.Subscript):
            continue
        loops = [loop for loop in scope.loops(node) if isinstance(loop, ast.For)]
        counted = isinstance(node.op, ast.Add) and isinstance(node.value, ast.Constant)
        if not loops or not counted or scope.value(node.target.value).is_tensor is False:
            continue
        index = node.target.slice
        parts = index.elts if isinstance(index, ast.Tuple) else [index]
        if all(root(part) in _elements(scope, loops[-1]) for part in map(_unwrapped, parts)):
            yield Match(loops[-1].iter, {"T": node.target.value})


def _elements(scope: Scope, loop: ast.For) -> frozenset[str]:
    """The names that stand for elements of tensors in a loop over one, or over several by ``zip``."""
    over = loop.iter
    zipped = isinstance(over, ast.Call) and last(over) == "zip"
    sources = over.args if isinstance(over, ast.Call) and zipped else [over]
    known = {scope.value(source).is_tensor for source in sources}
    return variables(loop.target) if True in known and False not in known else frozenset()


def _unwrapped(index: ast.expr) -> ast.expr:
    """The ``t`` of ``int(t)``, ``t.long()`` and ``t.item()``."""
    if isinstance(index, ast.Call) and last(index) == "int" and index.args:
        return index.args[0]
    return index


def slices_copied(scope: Scope) -> Iterator[Match]:
    """``for i in …: out[:, order[i]] = x[:, i]``, or ``mask[i, : i * n] = 1``, and nothing else: the loop."""
    for loop in scope.walk(ast.For):
        if not (isinstance(loop, ast.For) and isinstance(loop.target, ast.Name) and not loop.orelse):
            continue
        filled = _filled(scope, loop)
        if filled is not None and scope.value(filled).on_device is True and not _is_short(scope, loop):
            yield Match(loop.iter, {"T": filled})
            continue
        copies = [_copied_slice(statement, loop.target.id) for statement in loop.body]
        tensors = [tensor for pair in copies if pair is not None for tensor in pair]
        if None not in copies and all(scope.value(tensor).on_device is True for tensor in tensors):
            yield Match(loop.iter, {"T": tensors[0]})


def _copied_slice(statement: ast.stmt, counter: str) -> tuple[ast.expr, ast.expr] | None:
    """(to, from), where one slice of a tensor is copied into one of another in each turn."""
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return None
    target, source = statement.targets[0], statement.value
    if not (isinstance(target, ast.Subscript) and isinstance(source, ast.Subscript)):
        return None
    both = _takes_turns(target.slice, counter) and _takes_turns(source.slice, counter)
    return (target.value, source.value) if both else None


def _takes_turns(index: ast.expr, counter: str) -> bool:
    """``i``, ``:, order[i]``, ``:, 0, i + 1``: places that the counter chooses, the others whole or fixed."""
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    fixed = [
        part
        for part in parts
        if isinstance(part, ast.Constant)
        or (isinstance(part, ast.Slice) and part.lower is part.upper is part.step)
    ]
    others = [part for part in parts if part not in fixed]
    return bool(others) and all(_is_turn(part, counter) for part in others)


def _is_turn(part: ast.expr, counter: str) -> bool:
    if isinstance(part, ast.Subscript):
        part = part.slice
    elif isinstance(part, ast.BinOp) and isinstance(part.right, ast.Constant):
        part = part.left
    return isinstance(part, ast.Name) and part.id == counter


def _filled(scope: Scope, loop: ast.For) -> ast.expr | None:
    """The tensor into which a loop that does nothing else writes a constant, at places that arithmetic with
    the counter gives."""
    assigned = [statement for statement in loop.body if isinstance(statement, ast.Assign)]
    if len(assigned) < len(loop.body):
        return None
    parts = (part for statement in assigned for part in walk(statement))
    if any(isinstance(part, ast.Call) and last(part) != "float" for part in parts):
        return None
    counters = derived(variables(loop.target), loop.body)
    tensor: ast.expr | None = None
    for statement in assigned:
        target = statement.targets[0]
        if isinstance(target, ast.Subscript):
            if not mentions(target.slice, counters) or scope.value(statement.value).kind != "number":
                return None
            tensor = target.value
        elif not isinstance(target, ast.Name) or isinstance(statement.value, ast.Subscript):
            return None
    return tensor


def _is_short(scope: Scope, loop: ast.For) -> bool:
    """Does it go over a few numbers only, or over a list?"""
    if not isinstance(loop.iter, ast.Call) or last(loop.iter) != "range":
        return True
    lengths = (n for n in ast.walk(loop.iter) if isinstance(n, ast.Call) and last(n) == "len" and n.args)
    if any(scope.value(length.args[0]).is_tensor is not True for length in lengths):
        return True
    ends = [scope.value(argument) for argument in loop.iter.args]
    return any(end.has_const and isinstance(end.const, int) and 0 < end.const <= _FEW for end in ends)


_FEW = 4
