"""How calls are laid out: what is new stands as what is around it does, and comments stay where they are."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final, TypeVar

import libcst as cst

_WIDEST: Final = 88  # columns of a call that stays on one line
_DEEP: Final = 16  # columns that a line within a call is taken to be indented by

_NOTHING: Final = cst.SimpleWhitespace("")
_SPACE: Final = cst.SimpleWhitespace(" ")

Node = TypeVar("Node", bound=cst.CSTNode)

Gap = cst.BaseParenthesizableWhitespace
"""What stands before the first argument, between two, or between the last and the closing bracket."""


def with_keyword(call: cst.Call, name: str, value: cst.BaseExpression, indent: str) -> cst.Call:
    """The call with the argument in place of that of its name, or last but for ``**``."""
    arguments = list(call.args)
    at = _position(call, name)
    if at is not None:
        arguments[at] = arguments[at].with_changes(value=value)
        return _spread(call.with_changes(args=arguments), indent)
    new = cst.Arg(value, keyword=cst.Name(name), equal=cst.AssignEqual(_NOTHING, _NOTHING))
    splat = next((n for n, each in enumerate(arguments) if each.star == "**"), len(arguments))
    arguments.insert(splat, new)
    return _spread(laid_out_as(call, call.with_changes(args=arguments)), indent)


def without_keyword(call: cst.Call, name: str) -> cst.Call:
    """The call without an argument that it may give by keyword."""
    at = _position(call, name)
    if at is None:
        return call
    return laid_out_as(call, call.with_changes(args=[*call.args[:at], *call.args[at + 1 :]]))


def _position(call: cst.Call, name: str) -> int | None:
    names = [each.keyword.value if each.keyword is not None else None for each in call.args]
    return names.index(name) if name in names else None


def laid_out_as(old: cst.Call, new: cst.Call) -> cst.Call:
    """The new call, with the arguments that it has from the old one laid out as there."""
    if not old.args or not new.args:
        return _written(new, [_NOTHING] * len(new.args), _NOTHING, trailing=False)
    positions = {id(each.value): number for number, each in enumerate(old.args)}
    numbers = [positions.get(id(each.value)) for each in new.args]
    before = _gaps(old)
    trailing = isinstance(old.args[-1].comma, cst.Comma)
    if trailing and not _is_broken(before[-1:]):
        before, trailing = [*before[:-1], _NOTHING], False
    style = _style(before[:-1], new, trailing)
    if style is not None and len(new.args) > len(old.args) and not _is_broken(before[1:-1]):
        before, trailing = [before[0], *(style for _ in old.args[1:]), before[-1]], True
    found = [before[0]]
    for one, other in itertools.pairwise([*numbers, len(old.args)]):
        gap = before[other] if other else style or _SPACE
        if one is None:
            gap = _bare(gap)
        elif other != one + 1:
            gap = _commented(before[one + 1], _bare(gap))
        found.append(gap)
    return _written(new, found[:-1], found[-1], trailing=trailing)


def _gaps(call: cst.Call) -> list[Gap]:
    """What stands before each argument, and last what stands before the closing bracket."""
    after = [
        each.comma.whitespace_after if isinstance(each.comma, cst.Comma) else each.whitespace_after_arg
        for each in call.args
    ]
    return [call.whitespace_before_args, *after]


def _written(call: cst.Call, gaps: Sequence[Gap], closing: Gap, *, trailing: bool) -> cst.Call:
    if not call.args:
        return call.with_changes(whitespace_before_args=_NOTHING)
    *others, last = zip(call.args, [*gaps[1:], closing])
    arguments = [
        each.with_changes(comma=cst.Comma(whitespace_after=gap), whitespace_after_arg=_NOTHING)
        for each, gap in (*others, *([last] if trailing else []))
    ]
    if not trailing:
        argument, gap = last
        arguments.append(argument.with_changes(comma=cst.MaybeSentinel.DEFAULT, whitespace_after_arg=gap))
    return call.with_changes(whitespace_before_args=gaps[0], args=arguments)


def _style(gaps: Sequence[Gap], new: cst.Call, trailing: bool) -> Gap | None:
    """How a line begins with a new argument; None where it goes on the line of the last one."""
    breaks = [gap for gap in gaps if isinstance(gap, cst.ParenthesizedWhitespace)]
    if not breaks:
        return None
    style = _bare(breaks[-1])
    one_by_one = len(breaks) == len(gaps) and (len(gaps) > 1 or trailing)
    line = new.args[-2:] if _is_broken(gaps[1:]) else new.args
    return style if one_by_one or _width(line) > _WIDEST else None


def _is_broken(gaps: Sequence[Gap]) -> bool:
    return any(isinstance(gap, cst.ParenthesizedWhitespace) for gap in gaps)


def _width(arguments: Sequence[cst.Arg]) -> int:
    texts = [_code(each.with_changes(comma=cst.MaybeSentinel.DEFAULT)).strip() for each in arguments]
    return _DEEP + len(", ".join(texts))


def _bare(gap: Gap) -> Gap:
    """Without comments and blank lines."""
    if not isinstance(gap, cst.ParenthesizedWhitespace):
        return gap
    return cst.ParenthesizedWhitespace(indent=gap.indent, last_line=gap.last_line)


def _commented(gap: Gap, then: Gap) -> Gap:
    """A gap that goes on as ``then`` does, with the comments of another one."""
    if not isinstance(gap, cst.ParenthesizedWhitespace) or "#" not in _code(gap):
        return then
    if isinstance(then, cst.ParenthesizedWhitespace):
        return gap.with_changes(indent=then.indent, last_line=then.last_line)
    return gap


def _code(node: cst.CSTNode) -> str:
    return cst.Module([]).code_for_node(node)


def _spread(call: cst.Call, indent: str) -> cst.Call:
    """A call that has become too long for a line, with an argument on each."""
    code = _code(call)
    if "\n" in code or len(code) <= _WIDEST:
        return call
    line = cst.ParenthesizedWhitespace(indent=True, last_line=cst.SimpleWhitespace(indent))
    end = cst.ParenthesizedWhitespace(indent=True, last_line=_NOTHING)
    return _written(call, [line] * len(call.args), end, trailing=True)


def with_dots_of(old: cst.CSTNode, new: Node, bound: frozenset[int]) -> Node:
    """A chain of calls whose dots begin lines where those of the old one did; ``bound`` are the parts that
    come from the source as they are (by ``id``)."""
    if id(new) in bound:
        return new
    changes: dict[str, object] = {}
    if isinstance(old, cst.Call) and isinstance(new, cst.Call):
        if old.args and len(old.args) == len(new.args):
            *gaps, closing = _gaps(old)
            written = _written(new, gaps, closing, trailing=isinstance(old.args[-1].comma, cst.Comma))
            changes = {"args": written.args, "whitespace_before_args": written.whitespace_before_args}
        changes["func"] = with_dots_of(old.func, new.func, bound)
    elif isinstance(old, cst.Attribute) and isinstance(new, cst.Attribute):
        changes = {"dot": old.dot, "value": with_dots_of(old.value, new.value, bound)}
    return new.with_changes(**changes)
