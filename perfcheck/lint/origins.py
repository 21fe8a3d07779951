"""What an expression is made of: what was made here, handed over, or settled beforehand."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from perfcheck.lint.detectors.transfers import FACTORIES, is_filled
from perfcheck.lint.dotted import dotted, plain
from perfcheck.lint.loops import steps_environment
from perfcheck.lint.values import elements

if TYPE_CHECKING:
    from perfcheck.lint.scope import BodyScope

_DEEPEST = 6


def is_settled(scope: BodyScope, node: ast.AST, depth: int = 0) -> bool:
    """Is it made of literals, shapes, numbers, and attributes of ``self`` or of a configuration alone?

    Such a tensor can be made once, or on the device. What is made of other data of the host cannot.
    """
    if _is_filled_list(scope, node):
        return True
    inner = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
    return depth <= _DEEPEST and all(
        _is_settled_leaf(scope, leaf, depth) for leaf in _leaves(scope, node) if plain(leaf) not in inner
    )


def _is_filled_list(scope: BodyScope, node: ast.AST) -> bool:
    """``[temperature] * n``: the device fills with one number what the host would copy."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
        return False
    pair = (node.left, node.right)
    lists = [part for part in pair if isinstance(part, ast.List) and len(part.elts) == 1]
    return len(lists) == 1 and scope.value(lists[0].elts[0]).kind in ("number", "unknown")


def _leaves(scope: BodyScope, node: ast.AST) -> list[ast.AST]:
    """Names and attributes as a whole, and calls of functions that may give anything."""
    if isinstance(node, (ast.Name, ast.Attribute)):
        return [node]
    if isinstance(node, ast.Call):
        callee = dotted(node.func)
        if _GETTER.match(callee) and not node.args and not node.keywords:
            return []
        if callee == "len" and node.args and scope.value(node.args[0]).kind == "tensor":
            return []  # a part of its shape
        inside = [leaf for a in (*node.args, *(k.value for k in node.keywords)) for leaf in _leaves(scope, a)]
        if callee.rpartition(".")[2] in _SIZES and isinstance(node.func, ast.Attribute):
            return inside
        if callee.rpartition(".")[2] in _PURE:
            owner = node.func.value if isinstance(node.func, ast.Attribute) else None
            return inside if owner is None else [*inside, *_leaves(scope, owner)]
        return [node]
    if isinstance(node, ast.comprehension):
        return [leaf for part in (node.iter, *node.ifs) for leaf in _leaves(scope, part)]
    return [leaf for child in ast.iter_child_nodes(node) for leaf in _leaves(scope, child)]


_GETTER = re.compile(r"(self|cls)\.get_\w+$|([\w.]+\.)?get_(\w+_)?(rank|size|epsilon|id)$")
"""What tells a setting, or this process' place among others."""
_SIZES = frozenset({"size", "dim", "numel"})
_PURE = frozenset(
    """Tensor FloatTensor LongTensor from_numpy array asarray range len list tuple sorted float int min max
    sum abs round enumerate zip sqrt log exp floor ceil prod keys values tensor as_tensor arange zeros
    ones full eye linspace empty outer log2 float long half double to view reshape unsqueeze squeeze
    expand repeat t cos sin cumsum flip clone detach triu tril size dim numel get meshgrid stack cat
    manual_seed concatenate array_split hstack vstack tile astype copy""".split()
)
"""Calls that give the same for the same arguments, and no more than they are given."""


def _is_settled_leaf(scope: BodyScope, leaf: ast.AST, depth: int) -> bool:
    if isinstance(leaf, ast.Call):
        return False
    value = scope.value(leaf)
    if value.kind in ("number", "dtype", "device", "size", "python-module", "function", "class"):
        return True
    root = leaf
    while isinstance(root, (ast.Attribute, ast.Subscript)):
        if isinstance(root, ast.Attribute) and root.attr in ("shape", "device", "dtype", "ndim"):
            return True
        root = root.value
    name = plain(root)
    if isinstance(leaf, ast.Attribute):
        return name in ("self", "cls") or bool(_SETTINGS.match(name))
    if name in scope.function.module.globals and name not in scope.run.env:
        return True
    if _is_list_by_default(scope, name):
        return True
    definition = scope.definition(name, leaf) or _rebound(scope, name, leaf)
    grows = any(dotted(call.func) == f"{name}.{call.func.attr}" for call in scope.calls(*_GROWS))  # type: ignore[attr-defined]
    return definition is not None and not grows and is_settled(scope, definition, depth + 1)


def _is_list_by_default(scope: BodyScope, name: str) -> bool:
    """``def look_at(eye, up=[0, 1, 0])``"""
    arguments = getattr(scope.node, "args", None)
    if arguments is None:
        return False
    positional = [*arguments.posonlyargs, *arguments.args]
    given = zip(reversed(positional), reversed(arguments.defaults))
    default = next((default for argument, default in given if argument.arg == name), None)
    return isinstance(default, (ast.List, ast.Tuple)) and bool(default.elts)


_GROWS = ("append", "extend", "insert")


def makes_on_host(scope: BodyScope, node: ast.AST) -> bool:
    """Does an expression call a factory of torch's, without a device, or have NumPy draw indices?"""
    calls = [part for part in ast.walk(node) if isinstance(part, ast.Call)]
    return any(
        (name := scope.resolve(call.func)) in _DRAWN
        or (
            name in FACTORIES
            and scope.keyword(call, "device") is None
            and scope.keyword(call, "pin_memory") is None
        )
        for call in calls
    )


_DRAWN = frozenset(
    {"numpy.arange", "numpy.random.choice", "numpy.random.permutation", "numpy.random.randint"}
)


def is_loop_variable(scope: BodyScope, node: ast.AST) -> bool:
    """``x`` where ``for x in …`` goes around it."""
    return isinstance(node, ast.Name) and any(
        not isinstance(loop, ast.While) and isinstance(loop.target, ast.Name) and loop.target.id == node.id
        for loop in scope.loops(node)
    )


def is_made_here(scope: BodyScope, node: ast.AST, at: ast.AST) -> bool:
    """Does a factory of torch's make it on the host, here or as a variable's only value?"""
    made = scope.definition(node.id, at) if isinstance(node, ast.Name) else node
    return made is not None and makes_on_host(scope, made)


def is_made_index(scope: BodyScope, index: ast.expr) -> bool:
    """Does the body make a part of it on the host: a tensor, ``range(n)``, or the list of one number?"""
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    return any(_makes_index(scope, part) for part in parts)


def _makes_index(scope: BodyScope, part: ast.expr) -> bool:
    if isinstance(part, ast.List):
        return len(part.elts) == 1 and scope.value(part.elts[0]).kind == "number"
    if isinstance(part, ast.Call) and dotted(part.func) == "range":
        return True
    value = scope.value(part)
    made = scope.definition(part.id, part) if isinstance(part, ast.Name) else part
    if value.kind == "array":
        return isinstance(made, ast.Call) and scope.resolve(made.func) in _DRAWN
    handed = made is not None and is_handed(scope, made)
    return value.kind == "tensor" and value.device is False and not (value.origin or value.assumed or handed)


def is_handed(scope: BodyScope, node: ast.AST, depth: int = 0) -> bool:
    """Does it come from another function, or from data of the host, so that it is not made here?"""
    if isinstance(node, (ast.ListComp, ast.GeneratorExp)):
        return is_handed(scope, node.generators[0].iter, depth + 1)
    calls = []
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        if isinstance(node, ast.Call):
            calls.append(node)
        node = node.func if isinstance(node, ast.Call) else node.value
    name = plain(node)
    if depth > _DEEPEST:
        return False
    callee = (scope.resolve(calls[-1].func) or "") if calls else ""
    if name in ("self", "cls") and calls:
        func = calls[-1].func  # self.codec.encode(x), not self.make_mask(n) and self.table.unsqueeze(0)
        owner = func.value if isinstance(func, ast.Attribute) else func
        if isinstance(owner, ast.Name):
            return _encodes(scope, calls[-1])
        made = ("tensor", "array", "unknown")
        return isinstance(owner, ast.Attribute) and scope.value(owner).kind not in made
    if _LIBRARIES.match(callee):
        maker = callee.rpartition(".")[2]
        return maker in _OF_DATA and not all(
            (maker == "from_numpy" and plain(given) in scope.function.record.params)
            or _is_made_of(scope, given, depth)
            for given in calls[-1].args
        )
    if is_filled(scope, node):
        return True
    definition = (scope.definition(name, node) or _last_bound(scope, name, node)) if name else None
    if isinstance(definition, ast.Call) and steps_environment(definition):
        return True
    if definition is not None:
        return is_handed(scope, definition, depth + 1)
    return (
        bool(calls)
        and (bool(callee) or isinstance(calls[-1].func, ast.Name))
        and not _tabulates(scope, calls[-1])
    )


def _is_made_of(scope: BodyScope, given: ast.expr, depth: int) -> bool:
    """Is it settled, or made by calls of libraries whose arguments are?"""
    if isinstance(given, (ast.Tuple, ast.List)):
        return all(_is_made_of(scope, part, depth) for part in given.elts)
    if isinstance(given, ast.Compare):
        return all(_is_made_of(scope, part, depth) for part in (given.left, *given.comparators))
    if is_settled(scope, given):
        return True
    while isinstance(given, ast.Attribute):
        given = given.value
    made = _last_bound(scope, given.id, given) if isinstance(given, ast.Name) else given
    return isinstance(made, ast.Call) and not is_handed(scope, made, depth + 1)


def _encodes(scope: BodyScope, call: ast.Call) -> bool:
    """``self.build_target(annotations)``, that gives arrays of what the caller handed over, of no tensor?"""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    arrays = scope.value(call)
    parts = (arrays, *(arrays.items or ()), elements(arrays))
    return any(part.kind == "array" for part in parts) and any(
        isinstance(argument, ast.Name)
        and argument.id in scope.function.record.params
        and scope.value(argument).kind not in ("tensor", "number", "size", "device")
        for argument in given
    )


def _tabulates(scope: BodyScope, call: ast.Call) -> bool:
    """``third_octaves(rate, bands)``: is a function of the project given numbers and settings alone? It gives
    the same again, if it does not draw or read something."""
    name = dotted(call.func).rpartition(".")[2]
    given = (*call.args, *(keyword.value for keyword in call.keywords))
    known = isinstance(call.func, ast.Name) and scope.value(call.func).kind == "function"
    return known and bool(given) and not _DRAWS.search(name) and all(is_settled(scope, a) for a in given)


_DRAWS = re.compile(
    r"(^|_)(sample\w*|rand\w*|draw|next|batch\w*|load\w*|read\w*|fetch|augment\w*|generate)(_|$)"
)


def _rebound(scope: BodyScope, name: str, node: ast.AST) -> ast.expr | None:
    """The last assignment above, if nothing is between that may run without it: ``y = torch.tensor(y)``."""
    line = scope.statement(node).lineno
    binding = (
        a for a in scope.walk(ast.Assign, ast.AugAssign, ast.For, ast.With) if name in scope.assigned(a)
    )
    last = max((a for a in binding if a.lineno < line), key=lambda a: a.lineno, default=None)  # type: ignore[attr-defined]
    if not isinstance(last, ast.Assign) or plain(last.targets[0]) != name or is_filled(scope, node):
        return None
    return last.value if scope.parent(last) in (scope.node, *scope.ancestors(node)) else None


def _last_bound(scope: BodyScope, name: str, before: ast.AST) -> ast.expr | None:
    """What the last assignment above binds a name to; ``f(x)`` of ``a, b = f(x)``, too."""
    found: ast.expr | None = None
    for assign in scope.walk(ast.Assign):
        if isinstance(assign, ast.Assign) and assign.lineno < before.lineno:  # type: ignore[attr-defined]
            for target in assign.targets:
                parts = target.elts if isinstance(target, ast.Tuple) else [target]
                if name in (
                    names := ["" if isinstance(part, ast.Subscript) else plain(part) for part in parts]
                ):
                    found = assign.value
                    if isinstance(found, ast.Tuple) and len(found.elts) == len(parts) > 1:
                        found = found.elts[names.index(name)]
                    elif isinstance(target, ast.Tuple) and not isinstance(found, ast.Call):
                        found = None
    return found


_OF_DATA = frozenset(
    """tensor as_tensor from_numpy Tensor FloatTensor LongTensor IntTensor BoolTensor pad_sequence
    stack cat concatenate array asarray""".split()
)
_LIBRARIES = re.compile(r"(torch|numpy|builtins)\.")


_SETTINGS = re.compile(r"(^|_)(cfg|config|args|opts?|options|hparams|settings)$")
