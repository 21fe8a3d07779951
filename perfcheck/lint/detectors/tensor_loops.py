"""Python loops over a dimension of a tensor whose turns could run as one batched operation."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from perfcheck.lint.detectors.names import derived, last, mentions, root, targets, variables, within
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_STACKS = frozenset({"stack", "vstack", "hstack", "dstack"})
_VIEWS = frozenset(
    """append extend view reshape squeeze unsqueeze size dim numel len range int float isinstance print shape
    permute transpose expand contiguous item tolist to cpu cuda detach clone""".split()
)
_RAGGED = frozenset(
    """nonzero argwhere masked_select unique nms batched_nms item tolist numpy cpu linear_sum_assignment split
    repeat_interleave topk_indices decode encode grad batch_norm""".split()
)
"""What has to be done for each on its own: lengths of its own, a gradient, the statistics of a batch."""
_ON_HOST = ("numpy.", "scipy.", "cv2.", "torchvision.io.", "torch.from_numpy")
_FACTORIES = ("zeros", "ones", "empty", "full", "new_zeros", "new_ones", "new_empty", "new_full", "linspace")
_SELECTS = frozenset({"nonzero", "argwhere", "masked_select", "unique", "nms", "batched_nms"})
_DELIBERATE = re.compile(r"(^|_)(loop|naive|slow|reference|chunked|sequential)(_|$)")
_SEVERAL = 2  # operators a turn
_FEW = 4  # elements that are not worth batching
_DEPTH = 3  # definitions followed


class _Turn(NamedTuple):
    """What changes from turn to turn: an index, or the elements themselves."""

    names: frozenset[str]
    tensor: ast.expr


def loop_over_batch(scope: Scope) -> Iterator[Match]:
    """Loops with independent turns whose results have one shape: stored by index, stacked or summed up."""
    if _DELIBERATE.search(scope.qualname.rpartition(".")[2]):
        return
    extents = _Extents(scope)
    for loop in scope.walk(ast.For):
        if isinstance(loop, ast.For):
            turn = _turn(extents, loop.iter, loop.target, loop.body)
            if turn is None:
                continue
            if _calls_kernel(scope, loop, turn) or (
                _collects(scope, loop, turn) and _independent(loop, turn.names)
            ):
                yield Match(loop.iter, {"T": turn.tensor})
            else:
                for node in _element_arithmetic(scope, loop, turn):
                    yield Match(node, {"T": turn.tensor})
    for made in scope.walk(ast.ListComp):
        if not isinstance(made, ast.ListComp) or len(made.generators) != 1 or made.generators[0].ifs:
            continue
        turn = _turn(extents, made.generators[0].iter, made.generators[0].target, [made.elt])
        if turn is not None and _stacked(scope, made) and _batchable(scope, [made.elt], turn.names):
            yield Match(made, {"T": turn.tensor})
        elif turn is None and _stacked(scope, made):
            table = _picked_from(scope, made.elt, variables(made.generators[0].target))
            if table is not None:
                yield Match(made, {"T": table})


def _picked_from(scope: Scope, element: ast.expr, names: frozenset[str]) -> ast.expr | None:
    """The tensor of which ``table[places[name]]`` takes a row for each name: one index would take all."""
    if not isinstance(element, ast.Subscript) or isinstance(element.slice, (ast.Slice, ast.Tuple)):
        return None
    table = scope.value(element.value)
    picked = table.on_device is True and not table.assumed and mentions(element.slice, names)
    return element.value if picked and not mentions(element.value, names) else None


_PLAIN = (
    ast.Assign, ast.AugAssign, ast.Expr, ast.If, ast.Name, ast.Attribute, ast.Subscript, ast.Constant,
    ast.BinOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.BoolOp, ast.Tuple, ast.Slice, ast.operator,
    ast.unaryop, ast.cmpop, ast.boolop, ast.expr_context,
)  # fmt: skip


def _element_arithmetic(scope: Scope, loop: ast.For, turn: _Turn) -> list[ast.expr]:
    """Where a loop does nothing but arithmetic with elements, each turn perhaps with what the last one gave:
    the loop, and what takes an element. What needs no other turn can be computed for all elements before,
    and a recurrence of numbers on the host."""
    operators = 0
    steps: list[ast.expr] = [loop.iter]
    carried = {name for node in within(*loop.body) for part in targets(node) if (name := chain(part))}
    free = False
    for node in within(*loop.body):
        if isinstance(node, ast.Call):
            if last(node) not in ("append", "insert"):
                return []
        elif not isinstance(node, _PLAIN):
            return []
        if isinstance(node, ast.BinOp):
            operators += scope.value(node).is_tensor is True
            if not isinstance(scope.parent(node), ast.BinOp) and _takes_element(node, turn.names):
                steps.append(node)
            free = free or (_takes_element(node, turn.names) and not mentions(node, carried))
    numbers = all(
        isinstance(node.slice, ast.Name)
        for node in within(*loop.body)
        if isinstance(node, ast.Subscript) and mentions(node.slice, turn.names)
    )
    return steps if operators >= _SEVERAL and len(steps) > 1 and (free or numbers) else []


def _takes_element(node: ast.AST, names: frozenset[str]) -> bool:
    return any(isinstance(part, ast.Subscript) and mentions(part.slice, names) for part in within(node))


def _calls_kernel(scope: Scope, loop: ast.For, turn: _Turn) -> bool:
    """``kernel(x[i], y[i], out[i])``, and nothing else: it writes to what it is given."""
    call = loop.body[0].value if len(loop.body) == 1 and isinstance(loop.body[0], ast.Expr) else None
    if not isinstance(call, ast.Call) or scope.value(call.func).kind == "module":
        return False
    given = [
        part
        for part in call.args
        if isinstance(part, ast.Subscript)
        and isinstance(part.slice, ast.Name)
        and part.slice.id in turn.names
        and scope.value(part.value).on_device is True
    ]
    return len(given) > 1


def _turn(extents: _Extents, over: ast.expr, target: ast.expr, body: Sequence[ast.AST]) -> _Turn | None:
    """``for i in range(len(x))`` where the body takes ``x[i]``; ``for row in x``, ``zip(x, y)``."""
    index = extents.index(over, target, body)
    if index is not None:
        tensor = _indexed(extents, index, body, _stored(body)) or _filled(extents.scope, index, body)
        return None if tensor is None else _Turn(frozenset({index}), tensor)
    names = variables(target)
    wrapped = isinstance(over, ast.Call) and chain(over.func) in {"zip", "enumerate"}
    sources = over.args if isinstance(over, ast.Call) and wrapped else [over]
    rows = [
        source for source in sources if extents.is_batch(source) and not _may_be_list(extents.scope, source)
    ]
    return _Turn(names, rows[0]) if rows and len(rows) == len(sources) else None


def _may_be_list(scope: Scope, source: ast.expr) -> bool:
    """``isinstance(x, torch.Tensor)`` is asked somewhere, so it need not be one."""
    return any(call.args and chain(call.args[0]) == chain(source) for call in scope.calls("isinstance"))


class _Extents:
    """Which expressions are the size of a tensor's dimension."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.names = {
            name
            for node in scope.walk(ast.Assign)
            if isinstance(node, ast.Assign) and self._is_shape(node.value)
            for target in targets(node)
            if (name := chain(target))
        }

        self.sizes = frozenset(
            ast.unparse(size)
            for call in scope.calls(*_FACTORIES)
            for argument in (*call.args, *(k.value for k in call.keywords if k.arg in ("size", "steps")))
            for size in (argument.elts if isinstance(argument, (ast.Tuple, ast.List)) else (argument,))
            if isinstance(size, (ast.Name, ast.Attribute))
        )

    @cached_property
    def shaped(self) -> frozenset[str | None]:
        """What is asked for its shape."""
        asked = (node for node in self.scope.walk(ast.Attribute) if isinstance(node, ast.Attribute))
        return frozenset(chain(node.value) for node in asked if node.attr in ("shape", "size")) - {None}

    def is_tensor(self, node: ast.expr) -> bool:
        """A tensor, or what ``forward`` is given, so that it lies on the device, and has a shape."""
        value = self.scope.value(node)
        if value.is_tensor is True:
            return value.on_device is not False
        return value.kind == "unknown" and value.device is True and chain(node) in self.shaped

    def index(self, over: ast.expr, target: ast.expr, body: Iterable[ast.AST]) -> str | None:
        """The loop variable of ``for i in range(extent)``, where it counts the elements of a tensor."""
        if not isinstance(target, ast.Name) or not isinstance(over, ast.Call):
            return None
        if chain(over.func) == "reversed" and len(over.args) == 1 and isinstance(over.args[0], ast.Call):
            over = over.args[0]
        if chain(over.func) != "range" or not over.args:
            return None
        backwards = len(over.args) == 3 and isinstance(over.args[2], ast.UnaryOp)
        if len(over.args) == 3 and not backwards:
            return None
        end = over.args[0] if backwards else over.args[-1]
        known = self.scope.value(end)
        if known.has_const and isinstance(known.const, int) and known.const <= _FEW:
            return None
        return target.id if self._is_extent(end) or self._takes_only(target.id, body) else None

    def _takes_only(self, index: str, body: Iterable[ast.AST]) -> bool:
        """Does the index serve to take elements of tensors, and nothing else?"""
        uses = [node for node in within(*body) if isinstance(node, ast.Name) and node.id == index]
        return bool(uses) and all(map(self._takes, uses))

    def _takes(self, use: ast.Name) -> bool:
        around = self.scope.parent(use)
        if isinstance(around, ast.Tuple):
            around = self.scope.parent(around)
        return isinstance(around, ast.Subscript) and self.is_tensor(around.value)

    def is_batch(self, node: ast.expr) -> bool:
        """A device tensor of rows, not of numbers."""
        value = self.scope.value(node)
        return value.is_tensor is True and value.on_device is True and value.rank not in (0, 1)

    def _is_extent(self, node: ast.expr, depth: int = 0) -> bool:
        if isinstance(node, (ast.Name, ast.Attribute)) and ast.unparse(node) in self.sizes:
            return True
        if isinstance(node, ast.Name):
            if node.id in self.names:
                return True
            made = self.scope.definition(node.id, node)
            return made is not None and depth < _DEPTH and self._is_extent(made, depth + 1)
        if isinstance(node, ast.Call) and last(node) == "len" and node.args:
            return self.is_tensor(node.args[0])
        if isinstance(node, ast.Call) and chain(node.func) == "int" and node.args:
            return self._is_extent(node.args[0], depth)
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Div, ast.FloorDiv, ast.Sub)):
            return isinstance(node.right, ast.Constant) and self._is_extent(node.left, depth)
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "size"
            and node.args
        ):
            return self.is_tensor(node.func.value)
        return isinstance(node, ast.Subscript) and self._is_shape(node.value)

    def _is_shape(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Attribute) and node.attr == "shape":
            return self.is_tensor(node.value)
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "size"
            and not node.args
        ):
            return self.is_tensor(node.func.value)
        return (
            isinstance(node, ast.Subscript)
            and isinstance(node.slice, ast.Slice)
            and self._is_shape(node.value)
        )


def _stored(body: Iterable[ast.AST]) -> frozenset[str | None]:
    """What is written by index."""
    return frozenset(root(t) for n in within(*body) for t in targets(n) if isinstance(t, ast.Subscript))


def _indexed(
    extents: _Extents, index: str, body: Iterable[ast.AST], written: frozenset[str | None]
) -> ast.expr | None:
    """A device tensor that the turns take an element of, and do not write to."""
    for node in within(*body):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "select":
            given = (*node.args, *(keyword.value for keyword in node.keywords))
            if any(_is_element(part, index) for part in given) and extents.is_tensor(node.func.value):
                return node.func.value
        if not (isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load)):
            continue
        taken = root(node) not in written and any(_is_part(part, index) for part in _parts(node))
        if taken and extents.is_tensor(node.value):
            return node.value
    return None


def _filled(scope: Scope, index: str, body: Iterable[ast.AST]) -> ast.expr | None:
    """A device tensor that each turn writes an element of, where the index serves to take elements only."""
    found: ast.expr | None = None
    for node in within(*body):
        if isinstance(node, ast.Name) and node.id == index:
            around = scope.parent(node)
            while isinstance(around, (ast.BinOp, ast.Slice, ast.Tuple)):
                around = scope.parent(around)
            if not isinstance(around, ast.Subscript) or not _like_tensor(scope, around):
                return None
            if isinstance(around.ctx, ast.Store) and scope.value(around.value).on_device is True:
                found = around.value
    return found


def _like_tensor(scope: Scope, node: ast.Subscript) -> bool:
    """A tensor, or something unknown that takes an index for each dimension."""
    value = scope.value(node.value)
    return value.is_tensor is True or (value.kind == "unknown" and isinstance(node.slice, ast.Tuple))


def _parts(node: ast.Subscript) -> list[ast.expr]:
    return node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]


def _is_element(part: ast.expr, index: str) -> bool:
    """``i``, or ``i : i + 1``."""
    if isinstance(part, ast.Slice) and part.lower is not None and part.upper is not None:
        return ast.unparse(part.lower) == index and ast.unparse(part.upper) in (
            f"{index} + 1",
            f"1 + {index}",
        )
    return isinstance(part, ast.Name) and part.id == index


def _is_part(part: ast.expr, index: str) -> bool:
    """An element, or a block of so many elements as the source says."""
    if isinstance(part, ast.Slice) and _is_block(part) and isinstance(part.lower, ast.BinOp):
        return any(isinstance(side, ast.Constant) for side in (part.lower.left, part.lower.right))
    return _is_element(part, index)


def _is_block(part: ast.Slice) -> bool:
    """``n * i : n * (i + 1)``: as wide in every turn."""
    low, high = part.lower, part.upper
    if not (isinstance(low, ast.BinOp) and isinstance(high, ast.BinOp)):
        return False
    if not (isinstance(low.op, ast.Mult) and isinstance(high.op, ast.Mult)):
        return False
    sides = {ast.unparse(low.left), ast.unparse(low.right)}
    return any(
        {ast.unparse(width), name} == sides and ast.unparse(following) == f"{name} + 1"
        for width, following in ((high.left, high.right), (high.right, high.left))
        for name in sides
    )


def _collects(scope: Scope, loop: ast.For, turn: _Turn) -> bool:
    """``out[i] = …``, or ``outs.append(…)`` and a ``torch.stack(outs)``; and no way out of the loop."""
    if loop.orelse or any(
        isinstance(n, (ast.Break, ast.Return, ast.Yield, ast.Await)) for n in within(*loop.body)
    ):
        return False
    if not _batchable(scope, loop.body, turn.names):
        return False
    if any(scope.value(added).kind in ("tensor", "unknown") for added in _totals(loop).values()):
        return True
    if any(
        isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Subscript)
        and mentions(node.targets[0].slice, turn.names)
        and scope.value(node.targets[0].value).is_tensor is True
        for node in within(*loop.body)
    ):
        return True
    appended = {
        chain(statement.value.func.value)
        for statement in loop.body
        if isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and isinstance(statement.value.func, ast.Attribute)
        and statement.value.func.attr == "append"
    } - {None}
    alike = _takes_slices(loop.body, turn.names) or any(map(_adds_dimension, within(*loop.body)))
    joins = ("stack", "cat", "sum") if alike else ("stack", "sum")
    return any(
        call.args
        and chain(call.args[0]) in appended
        and (scope.resolve(call.func) or "").startswith(("torch.", "builtins.sum"))
        for call in scope.calls(*joins)
    )


def _totals(loop: ast.For) -> dict[str, ast.expr]:
    """What each turn adds to, and does not look at: ``loss += …``, ``loss = loss + …``; with what it adds."""
    added: dict[str, ast.expr] = {}
    own: list[str] = []
    for node in within(*loop.body):
        match node:
            case ast.AugAssign(target=ast.Name(id=total), op=ast.Add(), value=value):
                own += [total]
            case ast.Assign(
                targets=[ast.Name(id=total)], value=ast.BinOp(ast.Name(id=same), ast.Add(), value)
            ):
                if total != same:
                    continue
                own += [total, total]
            case _:
                continue
        added[total] = value
    mentioned = [node.id for node in within(*loop.body) if isinstance(node, ast.Name)]
    return {name: value for name, value in added.items() if mentioned.count(name) == own.count(name)}


def _adds_dimension(node: ast.AST) -> bool:
    """``x.unsqueeze(0)``, ``x[None]``: of which ``cat`` makes what ``stack`` makes of others."""
    if isinstance(node, ast.Subscript):
        return any(isinstance(part, ast.Constant) and part.value is None for part in _parts(node))
    return isinstance(node, ast.Call) and last(node) == "unsqueeze"


def _takes_slices(body: Sequence[ast.AST], names: frozenset[str]) -> bool:
    """``x[i : i + 1]``, ``x[4 * i : 4 * (i + 1)]``: parts of one size, which ``cat`` joins."""
    return any(
        isinstance(part, ast.Slice) and any(_is_part(part, name) for name in names)
        for node in within(*body)
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load)
        for part in _parts(node)
    )


def _batchable(scope: Scope, body: Sequence[ast.AST], names: frozenset[str]) -> bool:
    return _launches(body, names) and not _ragged(scope, body, names)


def _independent(loop: ast.For, names: frozenset[str]) -> bool:
    """No turn reads what an earlier one wrote: not to a name but a total, nor to another element."""
    written: set[str] = set()
    carried: set[str] = set()
    totals = _totals(loop).keys()
    for statement in loop.body:
        for node in within(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in written:
                carried.add(node.id)
            if (
                isinstance(node, ast.AugAssign)
                and isinstance(node.target, ast.Name)
                and node.target.id not in written | totals
            ):
                return False
        for node in within(statement):
            written |= {t.id for t in targets(node) if isinstance(t, ast.Name)}
    if (carried & written) - totals:
        return False
    stored = _stored(loop.body)
    for node in within(*loop.body):
        if not (isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and root(node) in stored):
            continue
        if any(mentions(part, names) and not isinstance(part, ast.Name) for part in _parts(node)):
            return False  # out[i - 1]
    return True


def _launches(body: Sequence[ast.AST], names: frozenset[str]) -> bool:
    """Is anything computed from an element, beyond moving it about?"""
    elements = derived(names, [node for node in body if isinstance(node, ast.stmt)])
    for node in within(*body):
        if isinstance(node, ast.Call) and last(node) not in _VIEWS and mentions(node, elements):
            return True
        if isinstance(node, ast.BinOp) and any(
            isinstance(part, ast.Subscript) and mentions(part.slice, names) for part in within(node)
        ):
            return True
    return False


def _ragged(scope: Scope, body: Sequence[ast.AST], names: frozenset[str]) -> bool:
    """Elements of different sizes, look-ups in host containers, or work that needs the host."""
    elements = derived(names, [node for node in body if isinstance(node, ast.stmt)])
    for node in within(*body):
        if isinstance(node, ast.Call) and last(node) in _RAGGED and not _splits_alike(node, elements):
            return True
        if isinstance(node, ast.Call) and not _SELECTS.isdisjoint(scope.names_of(node)):
            return True
        if isinstance(node, ast.Call) and (scope.resolve(node.func) or "").startswith(_ON_HOST):
            return True
        if (
            isinstance(node, ast.Slice)
            and any(bound is not None and mentions(bound, elements) for bound in (node.lower, node.upper))
            and not (_is_block(node) or any(_is_element(node, name) for name in names))
        ):
            return True
        if isinstance(node, (ast.If, ast.IfExp)) and mentions(node.test, elements):
            return True
        if isinstance(node, ast.Subscript) and mentions(node.slice, elements):
            kind = scope.value(node.value).kind
            host = kind in {"dict", "list", "tuple", "array", "str"} or (
                kind != "tensor" and _is_lookup(node)
            )
            if host or _is_mask(scope, node.slice):
                return True
    return False


def _splits_alike(call: ast.Call, elements: frozenset[str]) -> bool:
    """``torch.split(x, [a, b], dim=-1)`` into parts of the same sizes in every turn."""
    sizes = call.args[1:] if chain(call.func) == "torch.split" else call.args
    given = bool(sizes) and not isinstance(sizes[0], ast.Constant)
    return last(call) == "split" and given and not any(mentions(size, elements) for size in sizes)


def _is_mask(scope: Scope, index: ast.expr) -> bool:
    """Selects as many elements as the data decide."""
    named = any(isinstance(part, ast.Name) and "mask" in part.id for part in within(index))
    return named or scope.value(index).dtype == "bool" or isinstance(index, ast.Compare)


def _is_lookup(node: ast.Subscript) -> bool:
    """``table[index[i]]``: the key is itself looked up."""
    return isinstance(node.slice, ast.Subscript) and not isinstance(node.slice.slice, ast.Tuple)


def _stacked(scope: Scope, made: ast.ListComp) -> bool:
    """Is the list an argument of ``torch.stack``, which wants equal shapes?"""
    around = scope.parent(made)
    if isinstance(around, ast.Call):
        return last(around) in _STACKS and (scope.resolve(around.func) or "").startswith("torch.")
    return False
