"""Where a graph ends: whether anything in a function could differentiate a value."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cached_property

from perfcheck.lint.detectors.model_calls import wants_gradient
from perfcheck.lint.detectors.names import last, root, targets, variables, within, words
from perfcheck.lint.facts import Scope

DETACHED = frozenset({"detach", "data"})
GRAPH_ENDS = frozenset({*DETACHED, "argmax", "argmin", "item", "tolist", "numpy"})
"""Attributes and methods of a tensor that have no graph, whatever it has."""
_LOOKS = frozenset({"shape", "size", "dtype", "device", "ndim", "dim", "numel", "requires_grad"})
UNDIFFERENTIABLE = frozenset(
    """argmax argmin argsort save equal eq ne gt lt ge le isnan isinf isfinite isclose allclose nonzero
    bincount unique histc multinomial searchsorted bucketize is_tensor numel count_nonzero""".split()
)
"""Functions of torch's whose results have none."""
_WRAPS = frozenset(
    """list tuple dict set zip enumerate sum max min abs reversed sorted iter next map filter pow
    getattr""".split()
)
"""Built-in functions whose results hold what they are given; others leave numbers and text."""
_HOST = frozenset({"numpy", "sklearn", "scipy", "pandas", "matplotlib", "cv2", "PIL", "json", "pickle"})
_COLLECTS = frozenset({"append", "extend", "add", "insert"})
_TRAINS = frozenset({"backward", "manual_backward", "autograd", "grad"})
_DIFFERENTIATES = re.compile(r"grad(?!e)|jacobian|hessian|backward|derivative", re.IGNORECASE)
"""Functions that nothing is known of but that they do."""
_PLAIN = frozenset({"number", "str", "array", "device", "dtype", "size"})
_AROUND = (
    ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.IfExp, ast.Tuple, ast.List, ast.Set, ast.Dict, ast.Subscript,
    ast.Starred, ast.keyword, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Await,
)  # fmt: skip
_DECIDES = (ast.Compare, ast.FormattedValue, ast.Assert, ast.While, ast.If)
"""What makes a number, or a decision, of it."""
_MAKES = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp, ast.Call)
_MOST = 12  # variables by way of which a value is followed


def graph_ends(scope: Scope, made: ast.expr) -> frozenset[str]:
    """Where the graph of a value ends, if all that becomes of it in this function comes to an end: in a
    number, text, an array, a comparison, an index, a file ("host"), or in one of :data:`GRAPH_ENDS`.

    Nothing where it is differentiated, stored, returned or handed to code that may do so, and where nothing
    becomes of it at all, or it is only asked for its shape: then it was computed for something else.
    """
    if any(
        wants_gradient(node) and not _of_parameters(scope, node) for node in scope.walk(ast.Assign, ast.Call)
    ):
        return frozenset()  # something is differentiated by data
    following = _Following(scope)
    return frozenset(following.found) if following.ends(made) else frozenset()


def _of_parameters(scope: Scope, node: ast.AST) -> bool:
    """In ``for parameter in model.parameters(): …``?"""
    loops = [loop for loop in scope.loops(node) if isinstance(loop, ast.For)]
    return any(name in ("parameters", "named_parameters") for loop in loops for name in words(loop.iter))


def _bindings(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """``a`` with ``[]`` and ``b`` with ``{}`` of ``a, b = [], {}``."""
    value, bound = getattr(node, "value", None), targets(node)
    if isinstance(value, ast.Tuple) and len(value.elts) == len(bound):
        yield from zip(bound, value.elts)
    else:
        yield from ((target, value) for target in bound)


class _Following:
    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.followed: set[tuple[str, ast.stmt]] = set()
        self.found: set[str] = set()

    def ends(self, node: ast.AST) -> bool:
        while True:
            value, parent = self.scope.value(node), self.scope.parent(node)
            if value.kind == "tensor" and value.dtype in ("int", "bool"):
                return self._end("argmax")
            if isinstance(parent, ast.Attribute):
                if parent.attr in _LOOKS:
                    return True
                if parent.attr in GRAPH_ENDS:
                    return self._end(parent.attr)
                if parent.attr in _TRAINS:
                    return False
                if parent.attr == "sample":
                    drawn = (self.scope.value(node).ref or "").startswith("torch.distributions.")
                    return drawn and self._end("detach")
            elif isinstance(parent, ast.comprehension) and parent.iter is node:
                return self._repeated(parent)
            elif isinstance(parent, ast.Call) and parent.func is not node:
                ended = self._given(parent)
                if ended is not None:
                    return ended
            elif isinstance(parent, _DECIDES) or (isinstance(parent, ast.Subscript) and parent.slice is node):
                return self._end("host")
            elif isinstance(parent, (ast.For, ast.AsyncFor, ast.Assign, ast.AnnAssign, ast.AugAssign)):
                return self._bound(parent)
            elif not isinstance(parent, (ast.Call, *_AROUND)):
                return False
            node = parent

    def _end(self, name: str) -> bool:
        self.found.add(name)
        return True

    def _given(self, call: ast.Call) -> bool | None:
        """What becomes of an argument; None if it goes on as a part of the result."""
        scope = self.scope
        name = scope.resolve(call.func) or ""
        place, _, function = name.rpartition(".")
        if place == "builtins":
            return None if function in _WRAPS else self._end("host")
        if place.partition(".")[0] in _HOST or place == "torch.distributed":
            return self._end("host")
        if place.partition(".")[0] == "torch":
            if "autograd" in name:
                return False
            return self._end("host") if function in UNDIFFERENTIABLE else None
        if _DIFFERENTIATES.search(last(call)):
            return False
        if scope.value(call.func).kind == "module":
            return None
        if not _TRAINS.isdisjoint(scope.names_of(call)):
            return False
        if scope.value(call).kind in _PLAIN:
            return self._end("host")
        owner = call.func.value if isinstance(call.func, ast.Attribute) else None
        if isinstance(owner, ast.Name) and last(call) in _COLLECTS and self._is_own(owner):
            return self._variable(owner.id, scope.statement(call))
        return False if isinstance(scope.parent(call), ast.Expr) else None

    def _bound(self, statement: ast.stmt) -> bool:
        names = []
        for target in targets(statement):
            name = root(target)
            if isinstance(target, ast.Attribute) or name is None:
                return False
            if isinstance(target, ast.Subscript) and not self._is_own(target.value):
                return False
            names.append(name)
        read = [name for name in names if self._reads(name, statement)]
        return bool(read) and all(self._variable(name, statement) for name in read)

    def _is_own(self, kept: ast.expr) -> bool:
        """A list or the like that the body has made: nobody else looks into it."""
        made = [
            value
            for node in self.scope.walk(ast.Assign, ast.AnnAssign)
            for target, value in _bindings(node)
            if isinstance(kept, ast.Name) and isinstance(target, ast.Name) and target.id == kept.id
        ]
        return bool(made) and all(isinstance(value, _MAKES) for value in made)

    def _repeated(self, generator: ast.comprehension) -> bool:
        """Does every use of the elements end that a comprehension goes over?"""
        names, around = variables(generator.target), self.scope.parent(generator)
        uses = [n for n in within(around or generator) if isinstance(n, ast.Name) and n.id in names]
        read = [use for use in uses if isinstance(use.ctx, ast.Load)]
        return bool(read) and all(map(self.ends, read))

    def _variable(self, name: str, bound: ast.stmt) -> bool:
        """Does every use of a variable end?"""
        if (name, bound) in self.followed:
            return True
        if len(self.followed) == _MOST or name in self._shared:
            return False
        self.followed.add((name, bound))
        uses = self._reads(name, bound)
        return bool(uses) and all(self._is_receiver(use) or self.ends(use) for use in uses)

    def _is_receiver(self, use: ast.AST) -> bool:
        """``kept`` of ``kept.append(…)``, ``kept[key] = …``, where more is put into what is followed."""
        parent = self.scope.parent(use)
        if isinstance(parent, ast.Subscript):
            return not isinstance(parent.ctx, ast.Load)
        return isinstance(parent, ast.Attribute) and parent.attr in _COLLECTS

    def _reads(self, name: str, bound: ast.stmt) -> list[ast.Name]:
        """Where a variable is read until it is bound anew, in the order of the source, or in the next turn of
        the loop."""
        scope = self.scope
        loops = [loop for loop in scope.loops(bound) if isinstance(loop, ast.stmt)]
        names = [node for node in scope.walk(ast.Name) if isinstance(node, ast.Name) and node.id == name]
        first, end = (loops[-1] if loops else bound).lineno, bound.end_lineno or bound.lineno
        anew = (
            node.lineno
            for node in names
            if node.lineno > end
            and isinstance(node.ctx, ast.Store)
            and not isinstance(scope.parent(node), ast.AugAssign)
            and scope.block(node)[0] is scope.block(bound)[0]
        )
        until = min(anew, default=None)
        return [
            node
            for node in names
            if isinstance(node.ctx, ast.Load)
            and first <= node.lineno
            and (until is None or node.lineno <= until)
        ]

    @cached_property
    def _shared(self) -> frozenset[str]:
        """The variables that nested functions look at."""
        nested = self.scope.walk(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        return frozenset().union(*map(variables, nested))
