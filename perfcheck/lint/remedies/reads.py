"""Reads of device values that can wait, or be one."""

from __future__ import annotations

import ast
from typing import Final

from perfcheck.lint.certainty import bound_before, is_builtin, is_tensor, only_binding
from perfcheck.lint.detectors.names import last, variables
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match
from perfcheck.lint.remedies.loops import interval_guard
from perfcheck.lint.remedies.writing import GiveUp, Writer
from perfcheck.lint.scope import BodyScope

_HARMLESS: Final = frozenset(
    "float int bool str len range enumerate zip min max abs round print sorted sum any all list tuple".split()
)
_CONSUMERS: Final = frozenset("sum any all list tuple set sorted min max dict join".split())
"""Calls that go through a generator at once."""
_METHODS: Final[dict[str, frozenset[str]]] = {
    "list": frozenset({"append", "extend"}),
    "str": frozenset({"join", "format"}),
    "tensor": frozenset({"item", "tolist"}),
}
_PLAIN: Final = frozenset({"number", "str", "list", "tuple", "dict", "set", "size", "none"})


def collect_and_read_after_loop(writer: Writer, match: Match) -> str:
    """``total += loss.item()`` and ``losses.append(loss.item())`` keep the tensor and read it after the loop;
    what is only logged is logged in every n-th turn."""
    statement = writer.scope.statement(match.node)
    if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add):
        return _sum(writer, match, statement)
    if isinstance(statement, ast.Expr) and last(statement.value) == "append":
        return _collect(writer, match, statement)
    return interval_guard(writer, match)


def _tensor(writer: Writer, match: Match) -> None:
    """Leave the tensor where its value was read."""
    read, tensor = match.node, match.bindings.get("T")
    if not isinstance(read, ast.Call) or not isinstance(tensor, ast.expr):
        raise GiveUp
    method = isinstance(read.func, ast.Attribute) and read.func.attr == "item" and read.func.value is tensor
    cast = (
        isinstance(read.func, ast.Name)
        and read.args == [tensor]
        and _keeps_value(writer, read.func.id, tensor)
    )
    if not method and not cast:
        raise GiveUp
    detached = isinstance(tensor, ast.Call) and last(tensor) == "detach"
    whole = writer.scope.value(tensor).dtype in ("int", "bool")
    plain = detached or whole or writer.scope.no_grad(read) is True
    writer.replace(read, "$T" if plain else "$T.detach()", {"T": tensor})


def _keeps_value(writer: Writer, cast: str, tensor: ast.expr) -> bool:
    """``float`` of what may be a float, ``int`` of what is one."""
    return cast == "float" or (cast == "int" and writer.scope.value(tensor).dtype == "int")


def _sum(writer: Writer, match: Match, statement: ast.AugAssign) -> str:
    loop = writer.loop(statement)
    if not isinstance(statement.target, ast.Name) or len(_reads(writer, match, statement.value)) != 1:
        raise GiveUp
    total = statement.target.id
    if len(writer.uses(total, loop)) != 1 or not writer.is_local(total):
        raise GiveUp
    _tensor(writer, match)
    writer.insert_after(loop, f"{total} = torch.as_tensor({total}).item()")
    return f"sum on the device and read `{total}` once, after the loop"


def _collect(writer: Writer, match: Match, statement: ast.Expr) -> str:
    loop, call = writer.loop(statement), statement.value
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or len(call.args) != 1:
        raise GiveUp
    values = call.func.value
    if call.args[0] is not match.node or not isinstance(values, ast.Name) or not writer.is_local(values.id):
        raise GiveUp
    block = writer.block(loop)
    before = block[: block.index(loop)]
    begun = next((n for n in range(len(before) - 1, -1, -1) if writer.uses(values.id, before[n])), None)
    if begun is None or not _is_empty_list(before[begun]) or len(writer.uses(values.id, loop)) != 1:
        raise GiveUp
    _tensor(writer, match)
    writer.insert_after(
        loop, f"{values.id} = torch.stack({values.id}).flatten().tolist() if {values.id} else []"
    )
    return f"keep the tensors and read `{values.id}` once, after the loop"


def _is_empty_list(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, (ast.Assign, ast.AnnAssign))
        and isinstance(statement.value, ast.List)
        and not statement.value.elts
    )


def _reads(writer: Writer, match: Match, node: ast.AST) -> list[ast.AST]:
    """The reads of device values below a node."""
    waits = {id(raised.node) for raised in writer.scope.events if raised.event == "host-sync"}
    return [part for part in ast.walk(node) if id(part) in waits]


def list_before_loop(writer: Writer, match: Match) -> str:
    """``x[i].item()`` becomes ``x_values[i]``, with ``x_values = x.tolist()`` above the loop."""
    read, base = match.node, match.bindings.get("X")
    name = chain(base)
    if name is None or not isinstance(read, ast.Call) or not isinstance(base, ast.expr):
        raise GiveUp
    if isinstance(read.func, ast.Attribute) and read.func.attr == "item":
        element = read.func.value
    elif isinstance(read.func, ast.Name) and read.func.id in ("float", "int") and len(read.args) == 1:
        element = read.args[0]
    else:
        raise GiveUp
    if not isinstance(element, ast.Subscript) or element.value is not base or not _is_number(writer, element):
        raise GiveUp
    loop = next(
        (
            loop
            for loop in writer.scope.loops(read)
            if writer.scope.assigned(_header(loop)) & variables(element.slice)
        ),
        None,
    )
    if loop is None or (isinstance(loop, ast.While) and any(part is read for part in ast.walk(loop.test))):
        raise GiveUp
    statement = _run_once(writer, read) if isinstance(loop, ast.comprehension) else loop
    rank = writer.scope.value(base).rank
    if rank is not None and rank != 1:
        raise GiveUp  # an element of a matrix is a row
    if rank is None or not _leaves_alone(writer, statement, name) or not _is_there(writer, name, statement):
        writer.unsafe()
    values = writer.fresh(f"{name.rpartition('.')[2].strip('_')}_list")
    writer.insert_before(statement, f"{values} = $X.tolist()", X=base)
    cast = read.func.id if isinstance(read.func, ast.Name) else ""
    writer.replace(read, f"{cast}({values}[$I])" if cast else f"{values}[$I]", {"I": element.slice})
    return f"read `{name}` once, above the loop"


def stack(writer: Writer, match: Match) -> str:
    """``torch.tensor([a, b])`` of tensors becomes ``torch.stack([a, b])``."""
    call, values = match.node, match.bindings.get("T")
    if not isinstance(call, ast.Call) or call.keywords or call.args != [values] or values is None:
        raise GiveUp
    value = writer.scope.value(values)
    parts = value.items if value.items is not None else (value.element,)
    if not all(part is not None and part.kind == "tensor" for part in parts):
        raise GiveUp
    writer.replace(call, "torch.stack($...T)", {"T": ast.Tuple([call.args[0]], ast.Load())})
    return "join them with `torch.stack`, on the device"


def _header(loop: ast.For | ast.AsyncFor | ast.While | ast.comprehension) -> ast.AST:
    return loop.test if isinstance(loop, ast.While) else loop.target


def _is_number(writer: Writer, element: ast.Subscript) -> bool:
    """Is the index one whole number?"""
    if isinstance(element.slice, (ast.Tuple, ast.Slice)):
        return False
    value = writer.scope.value(element.slice)
    return value.kind == "number" and value.dtype != "bool"


def _run_once(writer: Writer, read: ast.expr) -> ast.stmt:
    """The statement of a read in a comprehension, above which the list can be made."""
    scope = writer.scope
    for around in scope.ancestors(read):
        lazy = isinstance(around, ast.GeneratorExp) and not _consumed(writer, around)
        if lazy or isinstance(around, (ast.Lambda, ast.While)):
            raise GiveUp  # it runs later, or more than once
        if isinstance(around, ast.stmt):
            parent = scope.parent(around)
            if isinstance(around, ast.If) and isinstance(parent, ast.If) and parent.orelse == [around]:
                raise GiveUp  # nothing can be put between `if` and `elif`
            return around
    raise GiveUp


def _consumed(writer: Writer, generator: ast.GeneratorExp) -> bool:
    call = writer.scope.parent(generator)
    return isinstance(call, ast.Call) and last(call) in _CONSUMERS and generator in call.args


def _is_there(writer: Writer, name: str, statement: ast.stmt) -> bool:
    """Does the name stand for a tensor on every way to the statement?"""
    made = bound_before(writer.scope, name, statement)
    if made is not None:
        return is_tensor(writer.scope, made)
    parameter = only_binding(writer.scope, name)
    return isinstance(parameter, ast.arg) and any(
        isinstance(use, ast.Name) and is_tensor(writer.scope, use) for use in writer.uses(name, statement)
    )


def _leaves_alone(writer: Writer, statement: ast.stmt, name: str) -> bool:
    """Is it certain that the statement, a loop as a rule, does not write to the tensor, under whatever name?

    It is where nothing but numbers, lists and strings is worked on.
    """
    scope = writer.scope
    for part in ast.walk(statement):
        match part:
            case ast.Call() if not _is_harmless(scope, part):
                return False
            case ast.Await() | ast.Yield() | ast.YieldFrom() | ast.With() | ast.AsyncWith() | ast.AsyncFor():
                return False
            case ast.For(iter=over) | ast.comprehension(iter=over):
                sources = over.args if isinstance(over, ast.Call) else [over]
                if any(scope.value(each).kind not in (*_PLAIN, "tensor") for each in sources):
                    return False  # a generator may do anything
            case ast.AugAssign(target=changed) | ast.Subscript(value=changed, ctx=ast.Store() | ast.Del()):
                if scope.value(changed).kind not in _PLAIN:
                    return False
            case ast.Attribute(ctx=ast.Store() | ast.Del()):
                return False
    return all(isinstance(use.ctx, ast.Load) for use in writer.uses(name, statement))


def _is_harmless(scope: BodyScope, call: ast.Call) -> bool:
    """A built-in function, or a method of lists and strings, that writes to no tensor."""
    match call.func:
        case ast.Name(id=name):
            return name in _HARMLESS and is_builtin(scope, name)
        case ast.Attribute(value=owner, attr=name):
            return name in _METHODS.get(scope.value(owner).kind, ())
    return False
