"""Copies between host and device whose cause lies in another expression than the copy."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Final

from perfcheck.lint.detectors.names import last, mentions
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Raised, Scope

FACTORIES: Final = frozenset(
    {
        "torch.zeros", "torch.ones", "torch.full", "torch.empty", "torch.eye", "torch.arange",
        "torch.linspace", "torch.logspace", "torch.rand", "torch.randn", "torch.randint", "torch.randperm",
        "torch.zeros_like", "torch.ones_like", "torch.full_like", "torch.empty_like", "torch.rand_like",
        "torch.randn_like", "torch.randint_like", "torch.scalar_tensor",
    }
)  # fmt: skip
"""What makes a tensor on the host unless it is told a device, or shown a tensor."""
_MOVES: Final = ("Tensor.to:h2d", "Tensor.cuda:h2d", "Tensor.type_as:h2d", "Tensor.type:h2d")
_READS: Final = frozenset({"Tensor.cpu", "Tensor.numpy", "Tensor.tolist", "Tensor.item", "Tensor.to:d2h"})
_HOST_READS: Final = frozenset({"numpy", "item", "tolist"})
_WAITS: Final = ("synchronize", "wait", "query", "wait_stream", "wait_event")
_DEPTH: Final = 6  # definitions followed backwards


def factory_then_device(scope: Scope) -> Iterator[Match]:
    """``torch.zeros(...).to(device)``, in one expression or through a variable used for nothing else."""
    for raised in _moves(scope):
        source = _origin(scope, raised.subject, raised.node)
        if not isinstance(source, ast.Call):
            continue
        name = scope.resolve(source.func)
        makes = name in FACTORIES or (
            name == "torch.tensor" and bool(source.args) and scope.value(source.args[0]).kind == "number"
        )
        if (
            makes
            and scope.keyword(source, "generator") is None
            and scope.keyword(source, "pin_memory") is None
            and not is_filled(scope, raised.subject)
        ):
            yield Match(raised.node, {"F": source.func, "T": raised.node}, raised.operator, raised.certain)


def is_filled(scope: Scope, node: ast.AST | None) -> bool:
    """Does a loop above write the elements of a host tensor one by one? One copy at the end is then right."""
    return isinstance(node, ast.Name) and any(
        isinstance(part, ast.Subscript)
        and isinstance(part.ctx, ast.Store)
        and chain(part.value) == node.id
        and part.lineno < node.lineno
        and bool(scope.loops(part))
        for part in scope.walk(ast.Subscript)
    )


def round_trips(scope: Scope) -> Iterator[Match]:
    """Data that goes to the host and comes back to the device."""
    reads = {
        id(r.node): r for r in scope.events if r.operator in _READS and r.event in ("host-sync", "d2h-copy")
    }
    if not reads:
        return
    returns = [r for r in scope.events if r.event == "h2d-copy" and r.subject is not None]
    for raised in dict.fromkeys(returns):
        read = _read_within(scope, _copied(scope, raised), raised.node, reads, _DEPTH)
        if read is not None and read.node is not raised.node:
            certain = True if read.certain and raised.certain else None
            bindings: dict[str, ast.AST] = {"T": read.node}
            yield Match(read.node, bindings, read.operator.partition(":")[0], certain)
            yield Match(raised.node, bindings, raised.operator.partition(":")[0], certain)


def _copied(scope: Scope, raised: Raised) -> ast.expr | None:
    """``x[index]`` copies the index alone, if it is no number."""
    if isinstance(raised.node, ast.Subscript) and raised.operator.startswith("Tensor.__getitem__"):
        return raised.node.slice if scope.value(raised.node.slice).kind in _DATA else None
    return raised.subject


def plain_tensor_attributes(scope: Scope) -> Iterator[Match]:
    """``self.table.to(device)`` in a module, of an attribute that does not move with it."""
    for raised, source, name in _moved_attributes(scope):
        if name not in scope.assigned(scope.statement(raised.node)):
            yield Match(raised.node, {"X": source, "T": raised.node}, raised.operator, raised.certain)


def attributes_moved_in_forward(scope: Scope) -> Iterator[Match]:
    """``self.table = self.table.to(device)``, of such an attribute, in a module's ``forward``."""
    if scope.qualname.rpartition(".")[2] != "forward":
        return
    for raised, source, _ in _moved_attributes(scope):
        statement = scope.parent(raised.node)
        if isinstance(statement, ast.Assign) and [chain(t) for t in statement.targets] == [chain(source)]:
            yield Match(raised.node, {"X": source, "T": raised.node}, raised.operator, raised.certain)


def _moved_attributes(scope: Scope) -> Iterator[tuple[Raised, ast.expr, str]]:
    """The copies of plain attributes of a module that lie on the host: which, of what, and its name."""
    if not scope.in_class("torch.nn.Module"):
        return
    for raised in _moves(scope):
        source = _origin(scope, raised.subject, raised.node)
        while isinstance(source, ast.Subscript):
            source = source.value
        name = chain(source) if source is not None else None
        if source is None or name is None or not name.startswith("self.") or name.count(".") != 1:
            continue
        if scope.value(source).on_device is False:
            yield raised, source, name


def pinned_blocking_copies(scope: Scope) -> Iterator[Match]:
    """Copies out of pinned memory that wait all the same."""
    for raised in scope.events:
        if raised.event != "host-sync" or raised.operator not in _MOVES or raised.subject is None:
            continue
        if scope.value(raised.subject).pinned is True:
            yield Match(raised.node, {"T": raised.subject}, raised.operator, raised.certain)


def casts_before_transfer(scope: Scope) -> Iterator[Match]:
    """``(x.float() / 255).to(device)`` of integers in host memory."""
    for call in scope.calls("to", "cuda"):
        if not isinstance(call.func, ast.Attribute) or scope.value(call.func.value).on_device is True:
            continue
        if call.func.attr == "to" and not any(_names_accelerator(scope, a) for a in _arguments(call)):
            continue
        source = _origin(scope, call.func.value, call)
        if source is None:
            continue
        image, cast = _scaled(source), _cast(source)
        if image is None and cast is not None and scope.value(cast).dtype == "int":
            image = cast
        if image is None:
            continue
        value = scope.value(image)
        if value.dtype != "float" and (value.batch is True or value.on_device is False):
            yield Match(call, {"X": image, "T": call}, "Tensor.to")


def early_host_reads(scope: Scope) -> Iterator[Match]:
    """Reads of a non-blocking copy to the host with nothing that waits in between."""
    for raised in scope.events:
        if raised.event != "d2h-copy" or raised.operator != "Tensor.to:d2h" or raised.certain is not True:
            continue
        call = raised.node
        if not isinstance(call, ast.Call) or not _is_true(scope.keyword(call, "non_blocking")):
            continue
        parent = scope.parent(call)
        if isinstance(parent, ast.Attribute) and parent.attr in _HOST_READS:
            yield Match(parent, {"T": call}, "Tensor.to")
        elif isinstance(parent, ast.Assign) and len(parent.targets) == 1:
            name = chain(parent.targets[0])
            read = _first_read(scope, name, parent) if name is not None else None
            if read is not None:
                yield Match(read, {"T": parent.targets[0]}, "Tensor.to")


def device_copies_in_datasets(scope: Scope) -> Iterator[Match]:
    """``.to("cuda")`` and ``device="cuda"`` in ``__getitem__`` of a data set and in collate functions."""
    name = scope.qualname.rpartition(".")[2]
    if not (name == "__getitem__" and scope.in_class("torch.utils.data.Dataset")) and "collate" not in name:
        return
    for call in scope.calls("cuda", "to"):
        if not isinstance(call.func, ast.Attribute) or scope.resolve(call.func) is not None:
            continue
        moved = scope.value(call)
        names_device = call.func.attr == "cuda" or any(_names_accelerator(scope, a) for a in _arguments(call))
        if names_device and moved.kind in ("tensor", "unknown"):
            yield Match(call, {"T": call}, "Tensor.to")


# ---- following expressions backwards ----------------------------------------------------------------


def _moves(scope: Scope) -> Iterator[Raised]:
    for raised in scope.events:
        if raised.event == "h2d-copy" and raised.operator in _MOVES and raised.subject is not None:
            yield raised


def _origin(scope: Scope, node: ast.expr | None, at: ast.AST) -> ast.expr | None:
    """The expression behind a local name, the node itself if it is none."""
    for _ in range(_DEPTH):
        if not isinstance(node, ast.Name):
            return node
        found = _bound(scope, node.id, at)
        if found is None:
            return node
        node, at = found, found
    return node


def _bound(scope: Scope, name: str, at: ast.AST) -> ast.expr | None:
    """What a name is bound to where ``at`` runs: its only definition, or the last one of the same block."""
    found = scope.definition(name, at)
    if found is not None:
        return None if any(part is at for part in ast.walk(found)) else found
    for statement in reversed(_above(scope, at)):
        if name not in scope.assigned(statement):
            continue
        plain = isinstance(statement, ast.Assign) and chain(statement.targets[0]) == name
        return statement.value if isinstance(statement, ast.Assign) and plain else None
    return None


def _read_within(
    scope: Scope, node: ast.AST | None, at: ast.AST, reads: dict[int, Raised], depth: int
) -> Raised | None:
    """The read of a device value that an expression is made of."""
    if node is None or depth == 0:
        return None
    for part in _same_data(scope, node):
        if (found := reads.get(id(part))) is not None:
            return found
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
            definition = _bound(scope, part.id, at)
            if definition is not None:
                found = _read_within(scope, definition, definition, reads, depth - 1)
                if found is not None:
                    return found
    return None


def _same_data(scope: Scope, node: ast.AST) -> Iterator[ast.AST]:
    """The parts of an expression whose data it holds, as far as torch and NumPy alone worked on them: not the
    sizes that a factory is given, nor the bounds of a slice, nor what another library was handed, if only to
    look something up."""
    yield node
    if isinstance(node, ast.Slice):
        return
    if isinstance(node, ast.Subscript) and scope.value(node.value).kind not in _DATA:
        yield from _same_data(scope, node.value)
        return
    if isinstance(node, ast.Call):
        func = node.func
        name = scope.resolve(func) or ""
        if name in FACTORIES or (isinstance(func, ast.Attribute) and func.attr in _NEW):
            return
        owner = scope.value(func.value).kind if isinstance(func, ast.Attribute) and not name else ""
        if not name.startswith(("torch.", "numpy.", "builtins.")) and owner not in _DATA:
            return
    for child in ast.iter_child_nodes(node):
        yield from _same_data(scope, child)


_NEW: Final = frozenset({"new_full", "new_zeros", "new_ones", "new_empty"})
_DATA: Final = ("tensor", "array", "list", "tuple", "dict")


def _cast(node: ast.expr) -> ast.expr | None:
    """The x of ``x.float()``, ``x.half()``, ``x.to(torch.float32)``."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    if node.func.attr in ("float", "half", "bfloat16") and not node.args:
        return node.func.value
    names_type = any(
        (chain(a) or "").rpartition(".")[2] in ("float32", "float16", "bfloat16", "float")
        for a in _arguments(node)
    )
    return (
        node.func.value
        if node.func.attr in ("to", "type") and len(_arguments(node)) == 1 and names_type
        else None
    )


def _scaled(node: ast.expr) -> ast.expr | None:
    """The x of ``x.float() / 255``, ``x / 255``, ``x.float().div(255)``."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and _is_pixel_range(node.right):
        return _cast(node.left) or node.left
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("div", "div_")
        and node.args
    ):
        return _cast(node.func.value) if _is_pixel_range(node.args[0]) else None
    return None


def _is_pixel_range(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value in (255, 255.0, 256, 256.0, 127.5)


def _is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg in ("device", "dtype"))]


def _names_accelerator(scope: Scope, node: ast.expr) -> bool:
    value = scope.value(node)
    if value.kind == "device":
        return value.device is True
    return isinstance(value.const, str) and value.const.startswith(("cuda", "xpu", "mps", "hpu", "npu"))


# ---- what comes after -------------------------------------------------------------------------------


def _first_read(scope: Scope, name: str, after: ast.stmt) -> ast.expr | None:
    """The next use of a host tensor that needs its values, in the same block and before anything waits."""
    waits = {id(raised.node) for raised in scope.events if raised.event == "host-sync"}
    for statement in _following(scope, after):
        for node in ast.walk(statement):
            if id(node) in waits or (isinstance(node, ast.Call) and last(node) in _WAITS):
                return None
        for node in ast.walk(statement):
            if isinstance(node, ast.Attribute) and node.attr in _HOST_READS and chain(node.value) == name:
                return node
        if mentions(statement, [name]):
            return None  # passed on, bound anew, or used in a way that is not understood
    return None


def _following(scope: Scope, statement: ast.stmt) -> Sequence[ast.stmt]:
    block = scope.block(statement)
    return block[block.index(statement) + 1 :]


def _above(scope: Scope, node: ast.AST) -> Sequence[ast.stmt]:
    block = scope.block(node)
    return block[: block.index(scope.statement(node))]
