"""What is certain enough to promise that a fix changes no result.

A finding may rest on what is presumed: an annotation, the name of a parameter. What is promised to compute
the same, bit for bit, may not: a ``float`` may be NumPy's, a tensor may be written to under another name.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from typing import Final, Literal

from perfcheck.lint.dotted import dotted
from perfcheck.lint.nodes import block_in
from perfcheck.lint.scope import BodyScope

Word = Literal["bool", "int", "float"]

LARGEST: Final = 3.4028234663852886e38
"""Of ``torch.float32``; what lies beyond is infinite to ``torch.tensor`` and an error to ``torch.full``."""

_CALLS: Final[dict[str, Word]] = {
    "len": "int", "int": "int", "ord": "int", "bool": "bool", "isinstance": "bool", "hasattr": "bool",
    "callable": "bool", "all": "bool", "any": "bool", "issubclass": "bool",
}  # fmt: skip
"""Built-in functions that give a number of Python's own type whatever they are given."""
_COUNTS: Final = frozenset({"size", "numel", "nelement", "dim", "ndimension", "element_size", "stride"})
_CONSTANTS: Final = frozenset({"math.inf", "math.nan", "math.pi", "math.e", "math.tau"})
_WHOLE: Final = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod)
_ASKING: Final = (ast.Is, ast.IsNot, ast.In, ast.NotIn)
_DEEPEST: Final = 8


# ---- numbers -----------------------------------------------------------------------------------------


def python_number(scope: BodyScope, node: ast.AST, depth: int = 0) -> Word | None:
    """The type of a number that Python itself has made, and that fits into torch's type for it; None
    where NumPy may have made it, or where it is not known."""
    if depth > _DEEPEST:
        return None

    def kind(part: ast.AST) -> Word | None:
        return python_number(scope, part, depth + 1)

    match node:
        case ast.Constant(value=bool()):
            return "bool"
        case ast.Constant(value=int(value)):
            return "int" if abs(value) < 2**63 else None
        case ast.Constant(value=float(value)):
            return "float" if abs(value) <= LARGEST or not math.isfinite(value) else None
        case ast.UnaryOp(op=ast.Not()):
            return "bool"
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            found = kind(operand)
            return "int" if found == "bool" else found
        case ast.BinOp(left=left, right=right, op=op) if isinstance(op, (*_WHOLE, ast.Div)):
            if {kind(left), kind(right)} <= {"int", "bool"}:
                return "float" if isinstance(op, ast.Div) else "int"
        case ast.IfExp(body=first, orelse=second):
            found = kind(first)
            return found if found == kind(second) else None
        case ast.Compare(left=left, ops=ops, comparators=others):
            if all(isinstance(op, _ASKING) for op in ops) or all(map(kind, [left, *others])):
                return "bool"
        case ast.Call():
            return _called(scope, node, kind)
        case ast.Subscript(value=whole):
            return "int" if scope.value(whole).kind == "size" and not _is_slice(node) else None
        case ast.Attribute(attr=name, value=owner):
            if name == "ndim" and scope.value(owner).kind == "tensor":
                return "int"
            return "float" if scope.run.resolve_static(node) in _CONSTANTS else None
        case ast.Name(id=name):
            return _named(scope, name, node, depth)
    return None


def _called(scope: BodyScope, call: ast.Call, kind: object) -> Word | None:
    function = call.func
    if isinstance(function, ast.Attribute):
        counts = function.attr in _COUNTS and (function.attr not in ("size", "stride") or call.args)
        return "int" if counts and scope.value(function.value).kind == "tensor" else None
    if not isinstance(function, ast.Name) or not is_builtin(scope, function.id):
        return None
    if function.id == "float" and len(call.args) == 1 and isinstance(call.args[0], ast.Constant):
        text = call.args[0].value
        return "float" if isinstance(text, str) and not math.isfinite(_float(text)) else None
    return _CALLS.get(function.id)


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _is_slice(node: ast.Subscript) -> bool:
    return isinstance(node.slice, (ast.Slice, ast.Tuple))


def _named(scope: BodyScope, name: str, use: ast.Name, depth: int) -> Word | None:
    binding = only_binding(scope, name)
    match binding:
        case ast.Assign(targets=[ast.Name()], value=value) | ast.AnnAssign(value=ast.expr() as value):
            return python_number(scope, value, depth + 1)
        case ast.Assign(targets=[ast.Tuple(elts=parts)], value=value):
            plain = not any(isinstance(part, ast.Starred) for part in parts)
            return "int" if plain and scope.value(value).kind == "size" else None
        case ast.For(target=target, iter=over) | ast.comprehension(target=target, iter=over):
            return "int" if _counts(scope, target, over, name) else None
    return None


def _counts(scope: BodyScope, target: ast.expr, over: ast.expr, name: str) -> bool:
    """Does a loop over ``range(…)``, or the first of what ``enumerate(…)`` gives, bind the name?"""
    if not isinstance(over, ast.Call) or not isinstance(over.func, ast.Name):
        return False
    if not is_builtin(scope, over.func.id):
        return False
    if over.func.id == "enumerate" and len(over.args) == 1 and isinstance(target, ast.Tuple):
        target = target.elts[0]
    elif over.func.id != "range":
        return False
    return isinstance(target, ast.Name) and target.id == name


# ---- names -------------------------------------------------------------------------------------------


def is_builtin(scope: BodyScope, name: str) -> bool:
    """Does the name mean Python's own function there?"""
    module, record = scope.function.module, scope.function.record
    hidden = name in module.globals or name in module.imports or bool(module.stars)
    return not hidden and name not in record.params and name not in record.locals


def only_binding(scope: BodyScope, name: str) -> ast.AST | None:
    """The assignment, loop or comprehension of the body that binds a local name, if nothing else can."""
    found = list(_bindings(scope.node, name))
    return found[0] if len(found) == 1 else None


def _bindings(body: ast.AST, name: str) -> Iterator[ast.AST]:
    """All that gives the name a value, nested functions included; the node itself where that is no
    assignment and no loop."""
    for node in ast.walk(body):
        match node:
            case ast.Assign(targets=targets):
                yield from (node for target in targets if _stores(target, name))
            case ast.AnnAssign(target=target) | ast.AugAssign(target=target) | ast.NamedExpr(target=target):
                if _stores(target, name):
                    yield node
            case ast.For(target=target) | ast.AsyncFor(target=target) | ast.comprehension(target=target):
                if _stores(target, name):
                    yield node
            case ast.withitem(optional_vars=ast.expr() as target):
                if _stores(target, name):
                    yield node
            case ast.Delete(targets=targets):
                yield from (node for target in targets if _stores(target, name))
            case (
                ast.arg(arg=own)
                | ast.ExceptHandler(name=own)
                | ast.MatchAs(name=own)
                | ast.MatchStar(name=own)
                | ast.MatchMapping(rest=own)
            ):
                if own == name:
                    yield node
            case ast.FunctionDef(name=own) | ast.AsyncFunctionDef(name=own) | ast.ClassDef(name=own):
                if own == name and node is not body:
                    yield node
            case ast.alias(name=whole, asname=own):
                if (own or whole.partition(".")[0]) in (name, "*"):
                    yield node
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                if name in names:
                    yield node


def _stores(target: ast.AST, name: str) -> bool:
    return any(
        isinstance(part, ast.Name) and part.id == name and not isinstance(part.ctx, ast.Load)
        for part in ast.walk(target)
    )


def looks_at_all_names(scope: BodyScope) -> bool:
    """Does the body hand its variables to somebody by ``locals()``, ``eval`` or the like?"""
    return not scope.names.isdisjoint({"locals", "vars", "eval", "exec", "globals"})


def bound_before(scope: BodyScope, name: str, statement: ast.stmt) -> ast.expr | None:
    """What a local name stands for when a statement begins, on every way to it: the value of the last
    assignment before it in the blocks around it, if nothing else binds the name, or the parameter."""
    while True:
        around = scope.parent(statement) or scope.node
        block = block_in(around, statement) or [statement]
        before = [s for s in block[: block.index(statement)] if any(_bindings(s, name))]
        if before:
            last = before[-1]
            if isinstance(last, ast.Assign) and all(isinstance(t, ast.Name) for t in last.targets):
                return last.value
            return last.value if isinstance(last, ast.AnnAssign) else None
        if around is scope.node or not isinstance(around, ast.stmt):
            return None
        statement = around


# ---- tensors -----------------------------------------------------------------------------------------


def temporary(node: ast.AST) -> bool:
    """Is it what a call gives, to which nobody else has a name?"""
    return isinstance(node, ast.Call)


def is_tensor(scope: BodyScope, node: ast.AST, depth: int = 0) -> bool:
    """A tensor in any case, and not only on some way to the place, or by convention."""
    value = scope.value(node)
    if value.kind != "tensor" or depth > _DEEPEST:
        return False
    if not value.assumed:
        return True
    match node:
        case ast.Name(id=name):
            bindings = list(_bindings(scope.node, name))
            return bool(bindings) and all(_binds_tensor(scope, found, depth) for found in bindings)
        case ast.Call(func=function):
            if (scope.resolve(function) or "").startswith("torch."):
                return True
            called = scope.value(function)
            if called.kind == "module":
                return (called.ref or "").startswith("torch.nn.")
            return isinstance(function, ast.Attribute) and is_tensor(scope, function.value, depth + 1)
        case ast.BinOp(left=left, right=right):
            return is_tensor(scope, left, depth + 1) or is_tensor(scope, right, depth + 1)
        case ast.Compare(left=left, ops=[ast.Lt() | ast.LtE() | ast.Gt() | ast.GtE()]):
            return is_tensor(scope, left, depth + 1)
        case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq()], comparators=[right]):
            plain = scope.value(right).kind in ("number", "tensor")  # `x == None` is no tensor
            return plain and is_tensor(scope, left, depth + 1)
        case ast.Subscript(value=whole):
            return is_tensor(scope, whole, depth + 1)
    return False


def _binds_tensor(scope: BodyScope, binding: ast.AST, depth: int) -> bool:
    match binding:
        case ast.Assign(targets=[ast.Name()], value=value):
            return is_tensor(scope, value, depth + 1)
        case ast.arg(annotation=ast.expr() as annotation):
            return scope.run.resolve_static(annotation) == "torch.Tensor"
    return False


_DEVICES: Final = frozenset({"torch.device", "str", "int"})


def is_device(scope: BodyScope, node: ast.AST, depth: int = 0) -> bool:
    """A device and nothing else: more than a name says so, which a dtype or a tensor may bear too."""
    value = scope.value(node)
    if value.kind not in ("device", "str") or depth > _DEEPEST:
        return False
    match node:
        case ast.Constant(value=str()):
            return True
        case ast.Call(func=function):
            return scope.resolve(function) == "torch.device"
        case ast.Attribute(attr="device", value=owner):
            return scope.value(owner).kind == "tensor"
        case ast.Name(id=name):
            bindings = list(_bindings(scope.node, name))
            if not bindings:
                return not value.assumed and not value.origin  # a constant of the module
            return all(_binds_device(scope, found, depth) for found in bindings)
    return False


def _binds_device(scope: BodyScope, binding: ast.AST, depth: int) -> bool:
    match binding:
        case ast.Assign(targets=[ast.Name()], value=value):
            return is_device(scope, value, depth + 1)
        case ast.arg(annotation=ast.expr() as annotation):
            parts = [annotation]
            while isinstance(parts[0], ast.BinOp):  # str | torch.device
                parts[:1] = [parts[0].left, parts[0].right]
            return all(scope.run.resolve_static(part) in _DEVICES for part in parts)
    return False


def default_device_kept(scope: BodyScope, node: ast.AST) -> bool:
    """Are tensors made where ``device=`` or their data say, and not where a setting or a ``with`` says?"""
    settings = {"set_default_device", "set_default_tensor_type"}
    for module in scope.run.engine.project.modules.values():
        if any(not settings.isdisjoint(function.names) for function in module.functions.values()):
            return False
    return not any(
        isinstance(around, (ast.With, ast.AsyncWith))
        and any(_may_set_device(scope, item.context_expr) for item in around.items)
        for around in scope.ancestors(node)
    )


def _may_set_device(scope: BodyScope, context: ast.expr) -> bool:
    if scope.value(context).kind == "device":
        return True
    name = scope.resolve(context.func) if isinstance(context, ast.Call) else None
    return name is None or not name.startswith("torch.")


_QUESTIONS: Final = frozenset({"shape", "size", "dtype", "ndim", "dim", "device", "numel", "is_cuda"})


def handed_over(scope: BodyScope, tensor: ast.AST, copy: ast.AST) -> bool:
    """Is the batch that is copied looked at by nobody else, so that nobody can write to it while the copy
    runs?

    Its name must be bound by a loop, and is then used for copies and questions about its shape alone, or
    given to the copy.
    """
    base = tensor
    while isinstance(base, (ast.Subscript, ast.Attribute)):
        base = base.value
    if not isinstance(base, ast.Name) or looks_at_all_names(scope):
        return False
    if any("collate_fn" in line for line in scope.lines):
        return False  # it may hand out the same pinned buffer every time
    statement = scope.statement(copy)
    bindings = list(_bindings(scope.node, base.id))
    renamed = isinstance(statement, ast.Assign) and statement.value is copy and base is tensor
    renamed = renamed and any(_stores(target, base.id) for target in statement.targets)  # type: ignore[attr-defined]
    others = [binding for binding in bindings if binding is not statement]
    if len(others) != 1 or not isinstance(others[0], ast.For) or (statement in bindings and not renamed):
        return False
    renamed = renamed and _runs_in_each_turn(scope, statement, others[0])
    for node in ast.walk(scope.node):
        if isinstance(node, ast.Name) and node.id == base.id and isinstance(node.ctx, ast.Load):
            after = renamed and node.lineno > (statement.end_lineno or 0)
            if node is not base and not after and not _only_looked_at(scope, node):
                return False
    return True


def _runs_in_each_turn(scope: BodyScope, statement: ast.stmt, loop: ast.For) -> bool:
    for around in scope.ancestors(statement):
        if around is loop:
            return statement not in loop.orelse
        if not isinstance(around, ast.With):
            return False
        statement = around
    return False


def _only_looked_at(scope: BodyScope, name: ast.Name) -> bool:
    """``x.to(device)``, ``x["labels"].to(device)``, ``x.shape``, ``len(x)``."""
    node: ast.AST = name
    parent = scope.parent(node)
    if isinstance(parent, ast.Subscript) and parent.value is node:
        node, parent = parent, scope.parent(parent)
    if isinstance(parent, ast.Call) and dotted(parent.func) == "len" and node in parent.args:
        return is_builtin(scope, "len")
    if not isinstance(parent, ast.Attribute):
        return False
    call = scope.parent(parent)
    copied = parent.attr in ("to", "cuda") and call is not None and scope.value(call).on_device is True
    return copied or parent.attr in _QUESTIONS
