"""Patterns: Python with metavariables, matched against syntax trees.

``$X`` stands for one expression, ``$...A`` for any further arguments (positional and keyword),
``$_`` and ``$..._`` for the same without a name. Every other name in a pattern is a *global* name,
written out from its package ("torch.cat", "numpy.asarray") or a builtin ("float"); it matches
whatever the source calls it, because the engine resolves imports and aliases. Only ``self`` and
``cls`` stand for themselves.
"""

import ast
import builtins
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

Resolve = Callable[[ast.AST], str | None]
"""The dotted name an expression refers to ("torch.cat", "builtins.float"), or None."""

Bindings = dict[str, ast.AST]

DEEPEST: Final = 50
"""Levels that a pattern or a predicate may nest; people's own need less than ten."""

_METAVARIABLE: Final = re.compile(r"\$(\.\.\.)?([A-Za-z_][A-Za-z0-9_]*)?")
ONE: Final = "perfcheck_one_"
REST: Final = "perfcheck_rest_"
"""How names begin that stand for ``$X`` and ``$...X`` in marked texts."""
_PLACEHOLDER: Final = re.compile(rf"\*?{REST}(\w+)|{ONE}(\w+)")
_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]*|_")
_LOCAL: Final = frozenset({"self", "cls"})
_ABBREVIATIONS: Final = {
    "np": "numpy",
    "pd": "pandas",
    "nn": "torch.nn",
    "F": "torch.nn.functional",
    "jnp": "jax.numpy",
    "tf": "tensorflow",
    "pl": "lightning.pytorch",
    "dist": "torch.distributed",
}
_STATEMENTS: Final = (
    ast.Assign,
    ast.AugAssign,
    ast.AnnAssign,
    ast.Delete,
    ast.Assert,
    ast.Return,
    ast.Raise,
)
_IGNORED_FIELDS: Final = frozenset({"ctx", "kind", "type_comment"})
_SEQUENCES: Final = (ast.List, ast.Tuple, ast.Set)


class PatternError(ValueError):
    """A pattern that cannot be used; ``remedy`` says what to write instead."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __reduce__(self) -> tuple[type["PatternError"], tuple[str, str]]:
        return PatternError, (self.message, self.remedy)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern. Two patterns are equal when their texts are.

    ``node_type`` and ``tail`` are for dispatch: only nodes of that type can match, and ``tail`` is
    the last name of a called function or of an attribute ("item" for ``$T.item()``, "cat" for
    ``torch.cat($...A)``), None where there is none. A source that renames on import
    (``from torch import cat as join``) has another last name; whoever dispatches by ``tail`` must
    know the names that imports bind. A pattern that is nothing but a dotted name is dispatched as
    an attribute and matches imported bare names as well.
    """

    text: str
    node_type: type[ast.AST] = field(compare=False)
    tail: str | None = field(compare=False)
    metavariables: frozenset[str] = field(compare=False)

    def match(self, node: ast.AST, resolve: Resolve) -> Bindings | None:
        """What the metavariables stand for if ``node`` matches, else None.

        ``$...A`` is bound to a tuple of the remaining arguments that spans their source.
        """
        bindings: Bindings = {}
        return bindings if _matches(_template(self.text), node, resolve, bindings) else None


def compile_pattern(text: str) -> Pattern:
    """The pattern a text describes; :class:`PatternError` if it cannot be one."""
    template = _template(text)
    if isinstance(template, ast.Name) and metavariable_name(template):
        raise PatternError(
            f"the pattern `{text}` matches every expression",
            "write the call, operator or attribute that the rule is about, e.g. `$X.item()`",
        )
    names: set[str] = set()
    _check(template, text, names)
    node_type = ast.Attribute if _dotted(template) else type(template)
    return Pattern(text, node_type, _tail(template), frozenset(names - {"_"}))


def mark_metavariables(text: str) -> str:
    """``text`` with metavariables as plain Python names, so that :mod:`ast` can parse it."""

    def name(found: re.Match[str]) -> str:
        rest, metavariable = found.groups()
        if metavariable is None or not _NAME.fullmatch(metavariable):
            raise PatternError(
                f"`{found.group()}` in `{text}` is not a metavariable",
                "name metavariables in capitals: `$X` for one expression, `$...A` for further arguments",
            )
        # A star keeps `f(key=1, $...A)` within Python's grammar.
        return f"*{REST}{metavariable}" if rest else f"{ONE}{metavariable}"

    return _METAVARIABLE.sub(name, text)


def metavariable_name(node: ast.AST) -> str | None:
    """The metavariable that a node of a parsed, marked text stands for ("_" for the anonymous one)."""
    if isinstance(node, ast.Name) and node.id.startswith(ONE):
        return node.id[len(ONE) :]
    return None


@cache  # patterns are kept without their trees, which take longer to unpickle than to parse when wanted
def _template(text: str) -> ast.AST:
    """The tree that a pattern's nodes must look like."""
    marked = mark_metavariables(text)
    try:
        body = ast.parse(marked.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise PatternError(
            f"the pattern `{text}` is not Python: {reason}",
            "write one expression or one simple statement, with `$X` and `$...A` for the parts that vary",
        ) from error
    if len(body) != 1:
        raise PatternError(
            f"the pattern `{text}` has {len(body)} statements",
            "write one expression or one simple statement",
        )
    statement = body[0]
    if "'" in text or '"' in text:
        for node in ast.walk(statement):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                node.value = _PLACEHOLDER.sub(_original, node.value)
    if isinstance(statement, ast.Expr):
        return statement.value
    if isinstance(statement, _STATEMENTS):
        return statement
    raise PatternError(
        f"the pattern `{text}` is a compound or declaring statement",
        "write one expression or one simple statement; what no pattern can say is a detector's work",
    )


def _check(
    node: ast.AST,
    text: str,
    names: set[str],
    *,
    depth: int = 0,
    takes_rest: bool = False,
    is_root: bool = False,
) -> None:
    """Refuse what could never match as meant; collect the names of the metavariables.

    ``takes_rest``: the node is an argument or item; ``is_root``: a dotted name begins with it.
    """
    if depth > DEEPEST:
        raise PatternError(
            f"the pattern `{text[:40]}…` is nested more than {DEEPEST} deep", "write a smaller pattern"
        )
    if isinstance(node, ast.Name):
        if name := metavariable_name(node):
            names.add(name)
        elif node.id.startswith(REST):
            raise _misplaced(node.id[len(REST) :], text)
        elif is_root:
            _check_root(node.id, text)
        else:
            _check_bare(node.id, text)
        return
    if isinstance(node, ast.Constant):
        return
    if name := _rest(node):
        if not takes_rest:
            raise _misplaced(name, text)
        names.add(name)
        return
    if isinstance(node, ast.Subscript):
        for index in _arguments(node.slice):
            if name := _rest(index):
                raise _misplaced(name, text)
    arguments = _arguments(node)
    if sum(1 for argument in arguments if _rest(argument)) > 1:
        raise PatternError(
            f"`{text}` has two `$...` in one list of arguments",
            "keep one: it takes all arguments that the others leave",
        )
    for key in node._fields:
        value = getattr(node, key, None)
        if isinstance(value, str):
            if _PLACEHOLDER.search(value):
                raise PatternError(
                    f"a metavariable stands in `{text}` where Python wants a plain name ({key})",
                    "metavariables stand for whole expressions: write the name out, or use several patterns",
                )
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, ast.AST):
                    _check(item, text, names, depth=depth + 1, takes_rest=value is arguments)
        elif isinstance(value, ast.AST) and value._fields:
            _check(value, text, names, depth=depth + 1, is_root=isinstance(node, ast.Attribute))


def _misplaced(name: str, text: str) -> PatternError:
    return PatternError(
        f"`$...{name}` in `{text}` is not among the arguments of a call or the items of a list",
        f"write `$...{name}` as an argument, or `$X` for one expression",
    )


def _original(found: re.Match[str]) -> str:
    """A metavariable inside a string is no metavariable."""
    return f"$...{found[1]}" if found[1] else f"${found[2]}"


def _check_bare(name: str, text: str) -> None:
    if name in _LOCAL or hasattr(builtins, name):
        return
    raise PatternError(
        f"`{name}` in `{text}` is neither a builtin nor a dotted name",
        f"write the whole name, e.g. `torch.{name}`, or `${name.upper()}` for any expression",
    )


def _check_root(name: str, text: str) -> None:
    if full := _ABBREVIATIONS.get(name):
        raise PatternError(
            f"`{name}.` in `{text}` is an abbreviation",
            f"write `{full}.`: imports and aliases are resolved, however the source spells them",
        )


def _arguments(node: ast.AST) -> Sequence[ast.expr]:
    if isinstance(node, ast.Call):
        return node.args
    if isinstance(node, _SEQUENCES):
        return node.elts
    return ()


def _rest(node: ast.AST) -> str | None:
    """The A of ``$...A``."""
    if isinstance(node, ast.Starred) and isinstance(node.value, ast.Name):
        name = node.value.id
        return name[len(REST) :] if name.startswith(REST) else None
    return None


def _dotted(node: ast.AST) -> str | None:
    """The global name a pattern node spells, None if it is built on a metavariable or ``self``."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or metavariable_name(node) or node.id in _LOCAL:
        return None
    if not names:
        return f"builtins.{node.id}"
    return ".".join((node.id, *reversed(names)))


def _tail(node: ast.AST) -> str | None:
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Name) and not metavariable_name(node):
        return node.id
    return None


def _matches(template: Any, node: Any, resolve: Resolve, bindings: Bindings) -> bool:
    """Does ``node`` (a node, a list of nodes or a plain field) match? Fills ``bindings``."""
    if isinstance(template, ast.Name):
        name = metavariable_name(template)
        if name is not None:
            return _bind(name, node, bindings)
        if template.id in _LOCAL:
            return isinstance(node, ast.Name) and node.id == template.id
        return _refers(f"builtins.{template.id}", node, resolve)
    if isinstance(template, ast.Attribute):
        dotted = _dotted(template)
        if dotted is not None:
            return _refers(dotted, node, resolve)
    if type(template) is not type(node):
        return False
    if isinstance(template, ast.Call):
        return _matches(template.func, node.func, resolve, bindings) and _match_arguments(
            template, node, resolve, bindings
        )
    if isinstance(template, _SEQUENCES):
        remaining = _match_items(template.elts, node.elts, resolve, bindings)
        return remaining is not None and _bind_rest(template.elts, remaining, node, bindings)
    if isinstance(template, ast.AST):
        return all(
            _matches(getattr(template, name, None), getattr(node, name, None), resolve, bindings)
            for name in template._fields
            if name not in _IGNORED_FIELDS
        )
    if isinstance(template, list):
        return len(template) == len(node) and all(
            _matches(part, other, resolve, bindings) for part, other in zip(template, node, strict=True)
        )
    return bool(template == node)


def _refers(dotted: str, node: Any, resolve: Resolve) -> bool:
    return isinstance(node, ast.Name | ast.Attribute) and resolve(node) == dotted


def _match_arguments(template: ast.Call, node: ast.Call, resolve: Resolve, bindings: Bindings) -> bool:
    """Keywords must be there, in any order; others only where ``$...`` may take them."""
    remaining = _match_items(template.args, node.args, resolve, bindings)
    if remaining is None:
        return False
    wanted = {keyword.arg: keyword for keyword in template.keywords}
    given = {keyword.arg: keyword for keyword in node.keywords}
    further = [keyword for keyword in node.keywords if keyword.arg is None or keyword.arg not in wanted]
    if further and not any(_rest(argument) for argument in template.args):
        return False
    for name, keyword in wanted.items():
        if name not in given or not _matches(keyword.value, given[name].value, resolve, bindings):
            return False
    return _bind_rest(template.args, [*remaining, *further], node, bindings)


def _match_items(
    template: Sequence[ast.expr], items: Sequence[ast.expr], resolve: Resolve, bindings: Bindings
) -> Sequence[ast.expr] | None:
    """Match from both ends; what lies between, where the ``$...`` stands, is given back."""
    at = next((index for index, part in enumerate(template) if _rest(part)), None)
    if at is None:
        return () if _matches(list(template), list(items), resolve, bindings) else None
    after = len(template) - at - 1
    if len(items) < at + after:
        return None
    end = len(items) - after
    pairs = [*zip(template[:at], items[:at], strict=True), *zip(template[at + 1 :], items[end:], strict=True)]
    if all(_matches(part, item, resolve, bindings) for part, item in pairs):
        return items[at:end]
    return None


def _bind(name: str, node: Any, bindings: Bindings) -> bool:
    if not isinstance(node, ast.expr) or isinstance(node, ast.Starred):
        return False
    if name == "_":
        return True
    if name in bindings:
        return same(bindings[name], node)
    bindings[name] = node
    return True


def _bind_rest(
    template: Sequence[ast.expr],
    remaining: Sequence[ast.expr | ast.keyword],
    node: ast.expr,
    bindings: Bindings,
) -> bool:
    name = next((name for part in template if (name := _rest(part))), None)
    if name is None or name == "_":
        return True
    values = [item.value if isinstance(item, ast.keyword) else item for item in remaining]
    taken = ast.Tuple(elts=values, ctx=ast.Load())
    if remaining:
        first, last = remaining[0], remaining[-1]
        taken.lineno, taken.col_offset = first.lineno, first.col_offset
        taken.end_lineno, taken.end_col_offset = last.end_lineno, last.end_col_offset
    else:
        # Nothing was taken: an empty stretch at the node's end, before the closing bracket.
        taken.lineno = taken.end_lineno = node.end_lineno or node.lineno
        taken.col_offset = taken.end_col_offset = (node.end_col_offset or node.col_offset + 1) - 1
    if name in bindings:
        return same(bindings[name], taken)
    bindings[name] = taken
    return True


def same(left: ast.AST, right: ast.AST) -> bool:
    """Structural equality of two trees, positions and load/store contexts aside."""
    pairs: list[tuple[Any, Any]] = [(left, right)]  # no recursion: sources nest thousands deep
    while pairs:
        one, other = pairs.pop()
        if type(one) is not type(other):
            return False
        if isinstance(one, ast.AST):
            pairs.extend(
                (getattr(one, name, None), getattr(other, name, None))
                for name in one._fields
                if name not in _IGNORED_FIELDS
            )
        elif isinstance(one, list):
            if len(one) != len(other):
                return False
            pairs.extend(zip(one, other, strict=True))
        elif one != other:
            return False
    return True
