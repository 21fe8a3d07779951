"""From the steps of a fix to edits, with libcst: what is not rewritten keeps its comments, blanks and layout.

Only the statements that a fix touches are parsed: libcst reads a few thousand lines a second.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

import libcst as cst
from libcst.metadata import MetadataWrapper, ParentNodeProvider, PositionProvider

from perfcheck.findings import Edit, Place, Rewrite
from perfcheck.fix.edits import differences
from perfcheck.fix.layout import laid_out_as, with_dots_of, with_keyword, without_keyword
from perfcheck.fix.stretches import Stretch, first_line, stretch
from perfcheck.rulebook.patterns import ONE, REST

_COMMENT = re.compile(r"#[^\n]*")
_ATOMS = (
    cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.List, cst.Dict, cst.Set, cst.ListComp, cst.SetComp,
    cst.DictComp, cst.SimpleString, cst.FormattedString, cst.Float,
)  # fmt: skip
_TAKES_ANYTHING = (
    cst.Arg, cst.Assign, cst.Return, cst.Expr, cst.AugAssign, cst.AnnAssign, cst.Index,
)  # fmt: skip
_WITH_BRACKETS = (cst.Tuple, cst.GeneratorExp)
_NEVER_BARE = (cst.Tuple, cst.NamedExpr, cst.Yield)

Node = TypeVar("Node", cst.BaseExpression, cst.BaseStatement)
Span = tuple[int, int, int, int]
Change = Callable[[Any], "cst.CSTNode | _Among | None"]
"""What becomes of a node; None: nothing."""


class _Among(NamedTuple):
    """A statement with new ones around it."""

    before: list[cst.BaseStatement]
    node: cst.BaseStatement
    after: list[cst.BaseStatement]


class Unfixable(Exception):
    """A fix that cannot be carried out on this text; says why."""


class Rewriter:
    """Works the edits of fixes out, each as if it were the only one."""

    def __init__(self, text: str) -> None:
        """Raises ``SyntaxError`` where the text is not Python."""
        self._text = text
        self._lines = text.split("\n")
        try:
            self._body = ast.parse(text).body
        except (RecursionError, MemoryError):
            raise SyntaxError("nested too deeply") from None
        self._parsed: dict[Stretch, _Parsed] = {}

    def edits(self, rewrites: Sequence[Rewrite]) -> tuple[Edit, ...]:
        """The edits that the steps of one fix come to. Raises :class:`Unfixable`."""
        found: list[Edit] = []
        by_statement: dict[int, list[Rewrite]] = {}
        for rewrite in rewrites:
            if rewrite.kind == "import":
                found += self._import(rewrite.text)
            else:
                by_statement.setdefault(self._statement(rewrite.place.line), []).append(rewrite)
        for group in by_statement.values():
            found += self._around(group).edits(group)
        for edit in found:
            self._check_comments(edit)
        return tuple(dict.fromkeys(map(self._closed, found)))

    def _closed(self, edit: Edit) -> Edit:
        """Where whole lines go, the blank lines above go with them if there are some below."""
        first, last = edit.place.line, edit.place.end_line
        if edit.content or edit.place.column != 1 or edit.place.end_column != 1 or first == last:
            return edit
        if last <= len(self._lines) and not self._lines[last - 1].strip():
            while first > 1 and not self._lines[first - 2].strip():
                first -= 1
        return replace(edit, place=Place(first, 1, last, 1))

    def _statement(self, line: int) -> int:
        """The first of the top-level statements that stand on the line."""
        for number, node in enumerate(self._body):
            if first_line(node) <= line <= (node.end_lineno or 0):
                return number
        raise Unfixable(f"line {line} is no longer what it was")

    def _around(self, rewrites: Sequence[Rewrite]) -> _Parsed:
        """What they are about. Where a statement goes, its whole block: an empty one needs ``pass``."""
        places = [place for one in rewrites for place in (one.place, *(p for _, ps in one.bound for p in ps))]
        first, last = min(place.line for place in places), max(place.end_line for place in places)
        goes = any(one.kind == "remove" for one in rewrites)
        found = stretch(self._body, self._lines, first, last, whole_block=goes)
        if found not in self._parsed:
            self._parsed[found] = _Parsed(self._lines, found)
        return self._parsed[found]

    def _import(self, statement: str) -> list[Edit]:
        """An import among those at the top of the file."""
        from libcst.codemod import CodemodContext  # as slow to load as the rest of libcst
        from libcst.codemod.visitors import AddImportsVisitor, ImportItem

        last = 0
        for node in self._body:
            docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and not last
            if not docstring and not isinstance(node, (ast.Import, ast.ImportFrom)):
                break
            last = node.end_lineno or 0
        if not last:
            last = first_line(self._body[0]) - 1
        head = "\n".join([*self._lines[:last], ""]) if last else ""
        name = ast.parse(statement).body[0]
        if not isinstance(name, ast.Import):
            raise Unfixable(f"`{statement}` is no plain import")
        item = ImportItem(name.names[0].name, alias=name.names[0].asname)
        visitor = AddImportsVisitor(CodemodContext(), [item])
        return differences(head, visitor.transform_module(_parse(head)).code, 1)

    def _check_comments(self, edit: Edit) -> None:
        for comment, count in Counter(_COMMENT.findall(self._between(edit.place))).items():
            if edit.content.count(comment.strip()) < count:
                raise Unfixable(f"the comment `{comment.strip()}` would be lost")

    def _between(self, place: Place) -> str:
        lines = self._lines[place.line - 1 : place.end_line]
        if lines and place.end_line <= len(self._lines):
            lines[-1] = lines[-1][: place.end_column - 1]
        if lines:
            lines[0] = lines[0][place.column - 1 :]
        return "\n".join(lines)


def _parse(text: str) -> cst.Module:
    try:
        return cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        raise Unfixable(f"libcst cannot read it: {error.message}") from error


class _Parsed:
    """A stretch of a text, parsed; what is indented stands below lines of ours.

    libcst takes the first indentation for that of a level.
    """

    def __init__(self, lines: Sequence[str], around: Stretch) -> None:
        header = ["if _:", f"{around.indent}pass", "if _:"] if around.indent else []
        self._first = around.first - len(header)
        self._text = "\n".join([*header, *lines[around.first - 1 : around.last], ""])
        wrapper = MetadataWrapper(_parse(self._text), unsafe_skip_copy=True)
        self._module = wrapper.module
        self._parents = wrapper.resolve(ParentNodeProvider)
        self._by_span: dict[Span, list[cst.CSTNode]] = {}
        places = wrapper.resolve(PositionProvider)
        for node, found in places.items():
            start, end = found.start, found.end
            if isinstance(node, _WITH_BRACKETS) and node.lpar:  # to ``ast`` they are part of it
                start, end = places[node.lpar[-1]].start, places[node.rpar[0]].end
            span = (start.line, start.column, end.line, end.column)
            self._by_span.setdefault(span, []).append(node)

    def edits(self, rewrites: Iterable[Rewrite]) -> list[Edit]:
        changes: dict[cst.CSTNode, list[Change]] = {}
        for rewrite in rewrites:
            node, change = self._change(rewrite)
            changes.setdefault(node, []).append(change)
        changed = self._module.visit(_Changer(changes, self._parents))
        edits = differences(self._text, changed.code if changed.body else "", self._first)
        if any(map(self._is_in_f_string, changes)) and any(set("\n\"'") & set(one.content) for one in edits):
            raise Unfixable("it stands in an f-string, which may hold no such thing before Python 3.12")
        return edits

    def _is_in_f_string(self, node: cst.CSTNode | None) -> bool:
        while node is not None and not isinstance(node, cst.FormattedString):
            node = self._parents.get(node)
        return node is not None

    def _change(self, rewrite: Rewrite) -> tuple[cst.CSTNode, Change]:
        """What happens to which node."""
        if rewrite.kind == "keyword":
            name, _, value = rewrite.text.partition(" = ")
            if not value:
                return self._at(rewrite.place, cst.Call), lambda call: without_keyword(call, name)
            given = self._filled(cst.parse_expression(value), rewrite)
            indent = self._module.default_indent
            return self._at(rewrite.place, cst.Call), lambda call: with_keyword(call, name, given, indent)
        if rewrite.kind == "decorate":
            function = self._starting_at(rewrite.place, cst.FunctionDef)
            return function, lambda found: _decorated(found, rewrite.text)
        if rewrite.kind == "replace":
            expression = self._at(rewrite.place, cst.BaseExpression)
            return expression, self._replacing(expression, rewrite)
        if rewrite.kind == "replace-statement":
            small = self._at(rewrite.place, cst.BaseSmallStatement)
            return small, lambda _: self._statement(rewrite).body[0]
        line = self._line(rewrite.place)
        if rewrite.kind == "remove":
            return line, self._removing(line)
        if rewrite.kind == "guard":
            header = self._compound(rewrite)
            return line, lambda found: _guarded(found, header)
        new = self._statement(rewrite)
        if rewrite.kind == "insert-before":
            return line, lambda found: _before(found, new)
        return line, lambda found: _Among([], found, [new])

    # ---- nodes at places ------------------------------------------------------------------------

    def _find(self, place: Place, kind: type) -> Any:
        """The node of a kind that stands exactly there, else None."""
        shift = self._first - 1
        span = (place.line - shift, place.column - 1, place.end_line - shift, place.end_column - 1)
        return next((node for node in self._by_span.get(span, ()) if isinstance(node, kind)), None)

    def _at(self, place: Place, kind: type) -> Any:
        found = self._find(place, kind)
        if found is None:
            raise Unfixable(f"line {place.line} is no longer what it was")
        return found

    def _starting_at(self, place: Place, kind: type) -> Any:
        """A statement with a body: where its block ends is told differently by ``ast``."""
        for span, nodes in self._by_span.items():
            if span[0] == place.line - self._first + 1 and span[1] == place.column - 1:
                for node in nodes:
                    if isinstance(node, kind):
                        return node
        raise Unfixable(f"line {place.line} is no longer what it was")

    def _line(self, place: Place) -> cst.BaseStatement:
        """The whole statement at a place, which must be alone on its line."""
        small = self._find(place, cst.BaseSmallStatement)
        if small is None:
            found: cst.BaseStatement = self._starting_at(place, cst.BaseCompoundStatement)
            return found
        line = self._parents.get(small)
        if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1:
            raise Unfixable("several statements share the line")
        return line

    # ---- new nodes ------------------------------------------------------------------------------

    def _replacing(self, old: cst.BaseExpression, rewrite: Rewrite) -> Change:
        new = self._expression(rewrite)
        bound = frozenset(id(node) for nodes in self._by_span.values() for node in nodes)
        new = with_dots_of(old, new, bound)
        parent = self._parents.get(old)
        return lambda _: _bracketed(new, parent, old)

    def _removing(self, line: cst.BaseStatement) -> Change:
        if not isinstance(line, cst.SimpleStatementLine):
            raise Unfixable("it has a body")
        comments = [blank.comment for blank in line.leading_lines] + [line.trailing_whitespace.comment]
        if any(comments):
            raise Unfixable("a comment says why it is there")
        return lambda _: None

    def _expression(self, rewrite: Rewrite) -> cst.BaseExpression:
        return self._filled(cst.parse_expression(rewrite.text), rewrite)

    def _statement(self, rewrite: Rewrite) -> cst.SimpleStatementLine:
        found = self._filled(cst.parse_statement(rewrite.text), rewrite)
        if not isinstance(found, cst.SimpleStatementLine):
            raise Unfixable(f"`{rewrite.text}` is no simple statement")
        return found

    def _compound(self, rewrite: Rewrite) -> cst.If | cst.With:
        found = self._filled(cst.parse_statement(rewrite.text), rewrite)
        if not isinstance(found, (cst.If, cst.With)):
            raise Unfixable(f"`{rewrite.text}` is neither if nor with")
        return found

    def _filled(self, template: Node, rewrite: Rewrite) -> Node:
        single: dict[str, cst.BaseExpression] = {}
        rest: dict[str, list[cst.Arg]] = {}
        for name, places in rewrite.bound:
            if f"{REST}{name}" in rewrite.text:
                rest[name] = [self._argument(place) for place in places]
            else:
                single[name] = self._at(places[0], cst.BaseExpression)
        filled = template.visit(_Filler(single, rest))
        return self._laid_out(filled)  # type: ignore[arg-type,return-value]

    def _laid_out(self, new: cst.CSTNode) -> cst.CSTNode:
        """A call with its arguments laid out as in the call that they come from."""
        if not isinstance(new, cst.Call):
            return new
        for argument in new.args:
            own = self._parents.get(argument.value)
            call = self._parents.get(own) if own is not None else None
            if isinstance(call, cst.Call):
                return laid_out_as(call, new)
        return new

    def _argument(self, place: Place) -> cst.Arg:
        argument = self._parents.get(self._at(place, cst.BaseExpression))
        if not isinstance(argument, cst.Arg):
            raise Unfixable(f"line {place.line} has no argument there")
        return argument


class _Changer(cst.CSTTransformer):
    """Applies changes to nodes, visiting no more than the way to them."""

    def __init__(self, changes: dict[cst.CSTNode, list[Change]], parents: object) -> None:
        super().__init__()
        self._changes = changes
        self._way: set[cst.CSTNode] = set()
        for node in changes:
            current: cst.CSTNode | None = node
            while current is not None and current not in self._way:
                self._way.add(current)
                current = parents.get(current)  # type: ignore[attr-defined]

    def on_visit(self, node: cst.CSTNode) -> bool:
        return node in self._way

    def on_leave(self, original_node, updated_node):  # type: ignore[no-untyped-def]
        before: list[cst.BaseStatement] = []
        after: list[cst.BaseStatement] = []
        for change in self._changes.get(original_node, ()):
            result = change(updated_node)
            if isinstance(result, _Among):
                before += result.before
                after += result.after
                result = result.node
            if result is None:
                return cst.RemoveFromParent()
            updated_node = result
        return cst.FlattenSentinel([*before, updated_node, *after]) if before or after else updated_node


class _Filler(cst.CSTTransformer):
    """Puts the source of metavariables into a template."""

    def __init__(self, single: dict[str, cst.BaseExpression], rest: dict[str, list[cst.Arg]]) -> None:
        super().__init__()
        self._single = single
        self._rest = rest
        self._above: list[cst.CSTNode] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        self._above.append(node)
        return True

    def on_leave(self, original_node, updated_node):  # type: ignore[no-untyped-def]
        self._above.pop()
        parent = self._above[-1] if self._above else None
        if isinstance(original_node, cst.Name):
            name = original_node.value.removeprefix(ONE)
            if name != original_node.value and name in self._single:
                return _bracketed(self._single[name], parent, original_node)
        elif isinstance(updated_node, cst.Arg) and updated_node.star == "*":
            value = updated_node.value
            name = value.value.removeprefix(REST) if isinstance(value, cst.Name) else ""
            if name in self._rest:
                return cst.FlattenSentinel(self._rest[name])
        elif isinstance(updated_node, cst.Call):
            return laid_out_as(updated_node, updated_node)
        return updated_node


def _bracketed(
    new: cst.BaseExpression, parent: cst.CSTNode | None, old: cst.BaseExpression
) -> cst.BaseExpression:
    """An expression fit to stand where the old one stood, in brackets if need be."""
    if not new.lpar and old.lpar:
        return new.with_changes(lpar=old.lpar, rpar=old.rpar)
    if new.lpar or isinstance(new, _ATOMS):
        return new
    free = isinstance(
        parent, (cst.Arg, cst.Assign, cst.Return, cst.Expr, cst.AugAssign, cst.AnnAssign, cst.Index)
    )
    if isinstance(new, _NEVER_BARE):
        free = isinstance(parent, (cst.Assign, cst.Return, cst.For)) and isinstance(new, cst.Tuple)
    if free and (isinstance(parent, (cst.Arg, cst.Index)) or not _breaks_lines(new)):
        return new
    return new.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def _breaks_lines(node: cst.CSTNode) -> bool:
    return "\n" in cst.Module([]).code_for_node(node)


def _decorated(node: cst.CSTNode, text: str) -> cst.CSTNode:
    """Innermost, below ``@staticmethod`` and ``@property``."""
    if not isinstance(node, cst.FunctionDef):
        raise Unfixable("it is no function")
    new = cst.Decorator(cst.parse_expression(text))
    return node.with_changes(decorators=[*node.decorators, new])


def _before(node: cst.CSTNode, new: cst.SimpleStatementLine) -> _Among:
    """Blank lines go above the new statement; a comment stays with the old one."""
    leading = list(node.leading_lines)  # type: ignore[attr-defined]
    blanks = next((n for n, line in enumerate(leading) if line.comment is not None), len(leading))
    above = new.with_changes(leading_lines=leading[:blanks])
    return _Among([above], node.with_changes(leading_lines=leading[blanks:]), [])  # type: ignore[arg-type]


def _guarded(node: cst.CSTNode, header: cst.If | cst.With) -> cst.CSTNode:
    """The statement below the header, what stood above it above both."""
    if not isinstance(node, cst.SimpleStatementLine):
        raise Unfixable("it has a body of its own")
    return header.with_changes(
        leading_lines=node.leading_lines,
        body=cst.IndentedBlock([node.with_changes(leading_lines=[])]),
    )
