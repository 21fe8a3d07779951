"""Reads of device values that can wait, or be one."""

from __future__ import annotations

import ast
from typing import Final

from perfcheck.lint.detectors.names import last
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match
from perfcheck.lint.remedies.loops import interval_guard
from perfcheck.lint.remedies.writing import GiveUp, LoopStatement, Writer

_HARMLESS: Final = frozenset(
    """item float int bool str len range enumerate zip min max abs round print append extend format join
    sorted sum""".split()
)


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
    plain = detached or writer.scope.no_grad(read) is True
    writer.replace(read, "$T" if plain else "$T.detach()", {"T": tensor})


def _keeps_value(writer: Writer, cast: str, tensor: ast.expr) -> bool:
    """``float`` of what may be a float, ``int`` of what is one."""
    return cast == "float" or (cast == "int" and writer.scope.value(tensor).dtype == "int")


def _sum(writer: Writer, match: Match, statement: ast.AugAssign) -> str:
    loop = writer.loop(statement)
    if not isinstance(statement.target, ast.Name) or len(_reads(writer, match, statement.value)) != 1:
        raise GiveUp
    total = statement.target.id
    if len(writer.uses(total, loop)) != 1 or not _is_local(writer, total):
        raise GiveUp
    _tensor(writer, match)
    writer.insert_after(loop, f"{total} = torch.as_tensor({total}).item()")
    return f"sum on the device and read `{total}` once, after the loop"


def _collect(writer: Writer, match: Match, statement: ast.Expr) -> str:
    loop, call = writer.loop(statement), statement.value
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or len(call.args) != 1:
        raise GiveUp
    values = call.func.value
    if call.args[0] is not match.node or not isinstance(values, ast.Name) or not _is_local(writer, values.id):
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


def _is_local(writer: Writer, name: str) -> bool:
    """A variable of this body alone."""
    shared = any(
        isinstance(part, (ast.Global, ast.Nonlocal)) and name in part.names
        for part in ast.walk(writer.scope.node)
    )
    inner = any(
        part is not writer.scope.node
        and isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        and writer.uses(name, part)
        for part in ast.walk(writer.scope.node)
    )
    return not shared and not inner


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
            if writer.scope.assigned(_header(loop)) & _names(element.slice)
        ),
        None,
    )
    if loop is None:
        raise GiveUp
    statement = writer.scope.statement(read) if isinstance(loop, ast.comprehension) else loop
    if not isinstance(loop, ast.comprehension) and not _leaves_alone(writer, loop, name):
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
    return writer.replace(call, "torch.stack($T)", {"T": values})


def _header(loop: ast.For | ast.AsyncFor | ast.While | ast.comprehension) -> ast.AST:
    return loop.test if isinstance(loop, ast.While) else loop.target


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _is_number(writer: Writer, element: ast.Subscript) -> bool:
    """Is the index one whole number?"""
    if isinstance(element.slice, (ast.Tuple, ast.Slice)):
        return False
    value = writer.scope.value(element.slice)
    return value.kind == "number" and value.dtype != "bool"


def _leaves_alone(writer: Writer, loop: LoopStatement, name: str) -> bool:
    """Is it certain that no turn of the loop writes to the tensor, under whatever name?

    It is where nothing but numbers and lists is worked on.
    """
    for part in ast.walk(loop):
        if isinstance(part, ast.Call) and last(part) not in _HARMLESS:
            return False
        if isinstance(part, (ast.Await, ast.Yield, ast.YieldFrom)):
            return False
        changed: ast.expr | None = part.target if isinstance(part, ast.AugAssign) else None
        if isinstance(part, ast.Subscript) and not isinstance(part.ctx, ast.Load):
            changed = part.value
        if changed is not None and writer.scope.value(changed).kind not in ("number", "str", "list", "dict"):
            return False
    return all(isinstance(use.ctx, ast.Load) for use in writer.uses(name, loop))
