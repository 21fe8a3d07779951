"""Asking the operator table's conditions of the arguments of one call.

The vocabulary is documented in ``perfcheck/operators/reader.py``; every answer is three-valued.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

from perfcheck.events import Truth
from perfcheck.lint.values import NO_CONST, Value, any_of, elements


class Argument(NamedTuple):
    value: Value
    node: ast.expr | None


class Operands(NamedTuple):
    """The arguments of a call by parameter name, and what they make of its result."""

    by_name: dict[str, Argument]
    all: tuple[Argument, ...]
    spread: bool  # *args or **kwargs: an absent argument may be given after all
    result: Value | None = None
    from_data: bool = (
        False  # torch.tensor: what is given is data of the host, unless it is known to be a tensor
    )

    def get(self, name: str) -> Argument | None:
        found = self.by_name.get(name)
        if found is None and name == "self":
            found = self.by_name.get("input")
        return found


Ask = Callable[[Operands], Truth]


@cache
def condition(text: str) -> Ask:
    """Compile a condition; ValueError names an unknown predicate."""
    return _compile(ast.parse(text, mode="eval").body, text)


def _compile(node: ast.expr, text: str) -> Ask:
    if isinstance(node, ast.BoolOp):
        parts = [_compile(part, text) for part in node.values]
        return _all(parts) if isinstance(node.op, ast.And) else _any(parts)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = _compile(node.operand, text)
        return lambda o: None if (answer := inner(o)) is None else not answer
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        arguments = [ast.literal_eval(argument) for argument in node.args]
        name = node.func.id
        if name in _OF_CALL:
            of_call = _OF_CALL[name]
            return lambda o: of_call(o, *arguments)
        if name in _OF_ARGUMENT:
            of_argument, rest = _OF_ARGUMENT[name], arguments[1:]
            parameter = arguments[0]

            def ask(o: Operands) -> Truth:
                found = o.get(parameter)
                if found is None:
                    return None if o.spread else False
                return of_argument(found, *rest)

            return ask
    raise ValueError(f"operator table: unknown condition {ast.unparse(node)!r} in {text!r}")


def _all(parts: list[Ask]) -> Ask:
    def ask(o: Operands) -> Truth:
        unknown = False
        for part in parts:
            answer = part(o)
            if answer is False:
                return False
            unknown = unknown or answer is None
        return None if unknown else True

    return ask


def _any(parts: list[Ask]) -> Ask:
    return lambda o: any_of([part(o) for part in parts])


# ---- one argument ---------------------------------------------------------------------------------


def _is_kind(*kinds: str) -> Callable[[Argument], Truth]:
    def ask(argument: Argument) -> Truth:
        return None if argument.value.kind == "unknown" else argument.value.kind in kinds

    return ask


def _equals(argument: Argument, value: object) -> Truth:
    const = argument.value.const
    if const is NO_CONST:
        return None if argument.value.kind in ("unknown", "number", "str") else False
    return bool(type(const) is type(value) and const == value)


def _host(argument: Argument) -> Truth:
    value = argument.value
    if value.kind == "tensor":
        return None if value.device is None else not value.device
    if value.kind in ("list", "tuple"):
        inside = elements(value)
        return None if inside.kind == "unknown" else inside.kind in ("number", "list", "tuple")
    if value.kind == "array":
        return True
    return None if value.kind == "unknown" and not value.device else False


def _contains_device(argument: Argument) -> Truth:
    value = argument.value
    if value.kind == "unknown":
        return None
    if value.kind not in ("list", "tuple", "dict", "set"):
        return False
    inside = elements(value)
    if inside.kind in ("list", "tuple"):
        return _contains_device(Argument(inside, None))
    return inside.on_device


def _dtype(dtype: str) -> Callable[[Argument], Truth]:
    def ask(argument: Argument) -> Truth:
        value = argument.value
        if value.kind not in ("tensor", "array"):
            return None if value.kind == "unknown" else False
        return None if value.dtype is None else value.dtype == dtype

    return ask


def _scalar(argument: Argument) -> Truth:
    value = argument.value
    if value.kind != "tensor":
        return None if value.kind == "unknown" else False
    return None if value.rank is None else value.rank == 0


def _surely_scalar(argument: Argument) -> Truth:
    return argument.value.kind == "tensor" and argument.value.rank == 0


def _surely_host(argument: Argument) -> bool:
    return argument.value.kind in ("tensor", "unknown") and argument.value.device is False


def _pinned(argument: Argument) -> Truth:
    value = argument.value
    if value.kind == "tensor":
        return value.pinned
    return None if value.kind == "unknown" else False


def _unpinned(argument: Argument) -> Truth:
    pinned = _pinned(argument)
    return None if pinned is None else not pinned


def index_parts(argument: Argument) -> list[Value]:
    """The index of ``x[...]``, taken apart."""
    value = argument.value
    if value.kind == "tuple":
        return [elements(value)] if value.items is None else list(value.items)
    return [value]


def _is_mask(part: Value, node: ast.expr | None = None) -> Truth:
    if part.kind != "tensor" or part.device is False:
        return False
    if part.dtype is not None:
        return part.dtype == "bool" and part.device
    return part.device if is_called_mask(node) else None


def is_called_mask(node: ast.expr | None) -> bool:
    """``~x``, ``x > 0``, and what is named a mask."""
    match node:
        case ast.UnaryOp(op=ast.Invert()) | ast.Compare():
            return True
        case ast.BinOp(left=left, op=ast.BitAnd() | ast.BitOr(), right=right):
            return is_called_mask(left) or is_called_mask(right)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return "mask" in name.lower()
        case ast.Subscript(value=whole):
            return is_called_mask(whole)
    return False


def _nodes(argument: Argument) -> Sequence[ast.expr | None]:
    """The sources of ``index_parts``, None where they are not one by one."""
    nodes = argument.node.elts if isinstance(argument.node, ast.Tuple) else [argument.node]
    parts = index_parts(argument)
    return nodes if len(nodes) == len(parts) else [None] * len(parts)


def _has_mask(argument: Argument) -> Truth:
    return any_of([_is_mask(part, node) for part, node in zip(index_parts(argument), _nodes(argument))])


def _has_masks(argument: Argument) -> Truth:
    parts = index_parts(argument)
    tensors = [part for part in parts if part.kind == "tensor"]
    return len(tensors) > 1 and any_of([_is_mask(part) for part in tensors])


def _has_device_scalar(argument: Argument) -> Truth:
    answers: list[Truth] = []
    for part in index_parts(argument):
        if part.kind == "host" and part.items:  # a slice: its bounds
            answers += [bound.device for bound in part.items if bound.kind == "tensor"]
        elif (
            part.kind == "tensor"
            and part.device is not False
            and part.dtype in (None, "int")
            and part.rank is not None
        ):
            answers.append(part.rank == 0 and part.device)
    return any_of(answers) if answers else False


def _has_host_index(argument: Argument) -> Truth:
    answers: list[Truth] = []
    for part in index_parts(argument):
        if part.kind in ("list", "tuple"):  # a tuple within the index
            answers.append(
                None if elements(part).kind == "unknown" else elements(part).kind in ("number", "list")
            )
        elif part.kind == "array":
            answers.append(None if part.rank is None else part.rank > 0)
        elif part.kind == "tensor" and part.device is False and part.dtype != "bool":
            answers.append(part.rank != 0 if part.rank is not None else None if part.assumed else True)
    return any_of(answers) if answers else False


def _has_device_index(argument: Argument) -> Truth:
    answers: list[Truth] = []
    for part, node in zip(index_parts(argument), _nodes(argument)):
        index = part.kind == "tensor" and part.device is not False and part.dtype != "bool" and part.rank != 0
        if part.dtype is None and is_called_mask(node):
            index = False
        answers.append(None if index and part.dtype is None else index)  # it may be a mask
    return any_of(answers)


_OF_ARGUMENT: dict[str, Callable[..., Truth]] = {
    "is_true": lambda a: _equals(a, True),
    "is_false": lambda a: _equals(a, False),
    "equals": _equals,
    "tensor": _is_kind("tensor"),
    "device": lambda a: a.value.on_device,
    "host": _host,
    "number": _is_kind("number"),
    "size": _is_kind("number", "size"),
    "scalar": _scalar,
    "surely_scalar": _surely_scalar,
    "surely_host": _surely_host,
    "string": _is_kind("str"),
    "contains_device": _contains_device,
    "bool_dtype": _dtype("bool"),
    "int_dtype": _dtype("int"),
    "complex_dtype": lambda a: False if a.value.dtype is not None else None,
    "pinned": _pinned,
    "unpinned": _unpinned,
    "contiguous": lambda a: a.value.contiguous,
    "has_mask": _has_mask,
    "has_masks": _has_masks,
    "has_device_scalar": _has_device_scalar,
    "has_host_index": _has_host_index,
    "has_device_index": _has_device_index,
}


# ---- the whole call -------------------------------------------------------------------------------


def _given(o: Operands, name: str) -> Truth:
    found = o.get(name)
    if found is None:
        return None if o.spread else False
    return found.value.kind != "none"


def _missing(o: Operands, name: str) -> Truth:
    given = _given(o, name)
    return None if given is None else not given


def _has_no_elements(node: ast.AST) -> bool:
    """``[]``, ``torch.tensor([])``, ``torch.Tensor()``, ``torch.empty(0, n)``, ``torch.zeros((0, 4))``"""
    if isinstance(node, (ast.List, ast.Tuple)):
        return not node.elts
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    if node.func.attr.endswith(("tensor", "Tensor")):
        return not (node.args or node.keywords) or any(map(_has_no_elements, node.args[:1]))
    if not node.args:
        return False
    first = node.args[0]
    sizes = first.elts if isinstance(first, (ast.List, ast.Tuple)) else node.args
    return node.func.attr in ("empty", "zeros", "ones", "rand", "randn") and any(
        isinstance(size, ast.Constant) and size.value == 0 for size in sizes
    )


def _moves(o: Operands, from_device: bool) -> Truth:
    if o.result is None or not o.all:
        return None
    data = o.by_name.get("data") or o.all[0]  # of `x.new_tensor(data)`
    if data.node is not None and _has_no_elements(data.node):
        return False  # nothing to copy
    source, result = data.value, o.result
    if len(o.all) == 2 and o.all[1].value.kind == "dtype":
        return False  # x.to(torch.float16)
    into = "other" in o.by_name and len(o.all) > 1 and o.result.device is o.all[0].value.device
    if into:  # copy_: from the argument into the receiver; not x.type_as(other)
        source, result = o.all[1].value, o.all[0].value
    if result.kind != "tensor" and result.kind != "unknown":
        return False
    if source.kind == "tensor" or (source.kind == "unknown" and source.batch):
        start = source.device
    elif source.kind == "unknown":
        start = False if o.from_data and source.device is None else None
    elif source.kind in ("number", "list", "tuple", "array", "str", "size"):
        start = False
        if source.kind in ("list", "tuple") and elements(source).kind in ("unknown", "tensor"):
            start = elements(source).device
            if start is None and o.from_data and elements(source).kind == "unknown":
                start = False
    else:
        return False
    end = result.device
    if start is not None and start is not from_device:
        return False
    if end is not None and end is from_device:
        return False
    return None if start is None or end is None else True


def _selects_element(o: Operands, name: str) -> Truth:
    found, receiver = o.get(name), o.all[0].value
    if found is None:
        return None
    parts = index_parts(found)
    if any(
        p.kind not in ("number", "unknown") or (p.kind == "number" and p.ref == "ellipsis") for p in parts
    ):
        return False
    if any(p.kind == "unknown" for p in parts):
        return None
    if receiver.rank is None:
        return None
    return len(parts) == receiver.rank


def _validates(o: Operands) -> Truth:
    found = o.get("validate_args")
    if found is None:
        receiver = o.all[0].value if o.all else None
        if receiver is not None and receiver.kind == "distribution" and receiver.const is False:
            return False
        return _on_device(o)
    if found.value.const is False:
        return False
    return _on_device(o) if found.value.const in (True, None) else None


def _on_device(o: Operands) -> Truth:
    facts = [a.value.on_device if a.value.kind == "tensor" else a.value.device for a in o.all]
    return any_of(
        [fact for a, fact in zip(o.all, facts) if a.value.kind in ("tensor", "distribution", "unknown")]
    )


def _changes_layout(o: Operands) -> Truth:
    contiguous = o.all[0].value.contiguous if o.all else None
    return None if contiguous is None else not contiguous


_OF_CALL: dict[str, Callable[..., Truth]] = {
    "given": _given,
    "missing": _missing,
    "to_device": lambda o: _moves(o, False),
    "to_host": lambda o: _moves(o, True),
    "changes_layout": _changes_layout,
    "always": lambda o: True,
    "same_shape": lambda o, p, q: None,  # shapes are not followed
    "count": lambda o, n: None if o.spread else len(o.all) == n,
    "selects_element": _selects_element,
    "validates": _validates,
}
