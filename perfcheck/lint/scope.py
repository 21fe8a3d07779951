"""The facts about one evaluated body; see :mod:`perfcheck.lint.facts` for what each question means."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise

from perfcheck.events import Hotness, Truth
from perfcheck.lint.detectors.names import default_of
from perfcheck.lint.device_loops import (
    WALKS,
    goes_over_device_data,
    infers,
    iterates_on_device,
    reads_one_by_one,
    runs_model,
)
from perfcheck.lint.dotted import dotted
from perfcheck.lint.evaluation.evaluator import Evaluator
from perfcheck.lint.facts import Loop, Raised
from perfcheck.lint.grad_mode import calls_without_grad, switches_grad_off
from perfcheck.lint.guards import exits, is_constant, is_cooling, skips_the_rest, warns
from perfcheck.lint.hotness import Heat
from perfcheck.lint.index import SETTINGS, FunctionNode
from perfcheck.lint.loops import LoopKind, is_over_loader, is_pass, loop_kind
from perfcheck.lint.nodes import CHILDREN, Children, block_in, walk
from perfcheck.lint.project import ClassRef, FunctionRef
from perfcheck.lint.roles import is_setup
from perfcheck.lint.values import UNKNOWN, Value, elements

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_BINDING = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.For, ast.With, ast.NamedExpr)
_COMMENT = re.compile(r"#[^\n]*")
_SYNC_COMMENT = re.compile(
    r"\b(host|device|gpu|cpu|cuda|d2h|device-to-host)[ -]?(host |cpu )?sync"
    r"|\bsyncs?\b.*\b(host|cpu|gpu|device)\b|\b(one|single)\b.{0,20}\bsync(hroni[sz]ation)?\b"
    r"|\bloop\b.{0,30}\b(memory|mem)\b",
    re.IGNORECASE,
)
_HEAD = 100  # lines in which the docstring of a module ends
_DOCSTRING = re.compile(r'(?:[ \t]*(?:#[^\n]*)?\n)*[rR]?("""|\'\'\')(.*?)\1', re.DOTALL)
_NOT_FOR_SPEED = re.compile(
    r"correctness\s+reference|performance\s+is\s+(\w+\s+)?not|slow,?\s+but|for\s+(testing|debugging)(\s+purposes)?\s+only|"
    r"(isn't|is\s+not)\s+(\w+\s+)?(fast|efficient)\b|(clarity|readability)\s+(rather\s+than|over)\s+(speed|performance)",
    re.IGNORECASE,
)
_PARAGRAPH = 8  # lines above a statement in which a comment may be about it
_COUNTS = frozenset({"len", "numel", "nelement", "any", "sum", "count_nonzero", "size"})
_DRAWS = frozenset({"subplots", "savefig", "imshow", "colorbar", "set_title", "suptitle"})
"""What Matplotlib's figures are made with."""
_OF_EVERY_MODEL = frozenset({"train", "eval", "fit", "forward", "step", "update", "run"})
"""Names that say little of whose method is called."""
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class BodyScope:
    """Implements :class:`perfcheck.lint.facts.Scope`."""

    def __init__(
        self,
        function: FunctionRef,
        run: Evaluator,
        heat: Heat,
        path: str,
        lines: Sequence[str],
        is_compiled: Truth = None,
        sync_allowed: Sequence[str] = (),
        heated_by: Sequence[str] = (),
    ) -> None:
        self.function = function
        self.node = run.node
        self.names = function.record.names
        self.stores = function.record.stores
        self.qualname = function.record.qualname
        self.path = path
        self.heat = heat
        self.run = run
        self.lines = lines
        self.is_compiled = is_compiled
        self.sync_allowed = frozenset(sync_allowed)
        self.heated_by = heated_by
        record = function.record
        self._absent = frozenset(() if record.loops else _LOOPS).union(
            () if record.comprehends else _COMPREHENSIONS
        )
        self._parents: dict[ast.AST, ast.AST] | None = None
        self._of_type: dict[type[ast.AST], list[ast.AST]] | None = None
        self._calls: dict[str, list[ast.Call]] | None = None
        self._attributes: dict[str, list[ast.Attribute]] | None = None
        self._assigned: dict[ast.AST, frozenset[str]] = {}
        self._bindings: dict[str, list[ast.AST]] | None = None
        self._heights: dict[tuple[ast.AST, Hotness], tuple[Hotness, bool]] = {}
        self._refs: frozenset[str | None] | None = None

    # ---- structure ------------------------------------------------------------------------------

    def _nodes(self) -> dict[type[ast.AST], list[ast.AST]]:
        """All nodes by their type, in source order."""
        if self._of_type is None:
            of_type = self._of_type = {}
            stack: list[ast.AST] = self.node.body[::-1]  # type: ignore[assignment]
            while stack:
                node = stack.pop()
                kind = type(node)
                known = of_type.get(kind)
                if known is None:
                    of_type[kind] = [node]
                else:
                    known.append(node)
                if kind is not ast.Name and kind is not ast.Constant:
                    stack += _BELOW[kind](node)[::-1]
        return self._of_type

    def _above(self) -> dict[ast.AST, ast.AST]:
        """The parent of each node."""
        if self._parents is None:
            parents = self._parents = dict.fromkeys(self.node.body, self.node)
            for kind, nodes in self._nodes().items():
                if kind is not ast.Name and kind is not ast.Constant:
                    for node in nodes:
                        parents.update(dict.fromkeys(_BELOW[kind](node), node))
        return self._parents

    def parent(self, node: ast.AST) -> ast.AST | None:
        return self._above().get(node)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        parents = self._above()
        current = parents.get(node)
        while current is not None and current is not self.node:
            yield current
            current = parents.get(current)

    def statement(self, node: ast.AST) -> ast.stmt:
        current: ast.AST | None = node
        while current is not None and not isinstance(current, ast.stmt):
            current = self.parent(current)
        if current is None:
            raise LookupError(f"{self.path}: a node outside the body of {self.qualname!r}")
        return current

    def walk(self, *types: type[ast.AST]) -> Iterable[ast.AST]:
        if self._absent.issuperset(types):
            return []
        nodes = self._nodes()
        found = [nodes.get(kind, []) for kind in types]
        if len(found) == 1:
            return found[0]
        return sorted((node for nodes in found for node in nodes), key=_position)

    def calls(self, *names: str) -> Iterable[ast.Call]:
        called = self.function.record.names
        names = tuple(name for name in names if name in called)
        if not names:
            return ()
        if self._calls is None:
            self._calls = {}
            for node in self._nodes().get(ast.Call, ()):
                func: ast.expr = node.func  # type: ignore[attr-defined]
                name = func.attr if type(func) is ast.Attribute else dotted(func).rpartition(".")[2]
                self._calls.setdefault(name, []).append(node)  # type: ignore[arg-type]
        if len(names) == 1:
            return self._calls.get(names[0], ())
        return sorted((node for name in names for node in self._calls.get(name, ())), key=_position)

    def loops(self, node: ast.AST) -> Sequence[Loop]:
        found: list[Loop] = []
        child = node
        for ancestor in self.ancestors(node):
            if isinstance(ancestor, _LOOPS):
                if child in ancestor.body or (isinstance(ancestor, ast.While) and child is ancestor.test):
                    found.append(ancestor)
            elif isinstance(ancestor, _COMPREHENSIONS) and not (
                isinstance(child, ast.comprehension)
                and child is ancestor.generators[0]
                and self._in_iter(node, child)
            ):
                found.extend(reversed(ancestor.generators))
            child = ancestor
        return tuple(reversed(found))

    def _in_iter(self, node: ast.AST, generator: ast.comprehension) -> bool:
        current: ast.AST | None = node
        while current is not None and current is not generator:
            if current is generator.iter:
                return True
            current = self.parent(current)
        return False

    def attributes(self, name: str) -> Iterable[ast.Attribute]:
        """Attributes of that name, called or not."""
        if name not in self.function.record.names:
            return ()
        if self._attributes is None:
            self._attributes = {}
            for node in self._nodes().get(ast.Attribute, ()):
                self._attributes.setdefault(node.attr, []).append(node)  # type: ignore[attr-defined,arg-type]
        return self._attributes.get(name, ())

    def renamed_calls(self) -> Iterator[tuple[ast.Call, str]]:
        """Calls by another name than the function's own, which goes with them."""
        renamed = self.run.engine.names.renamed(self.function.module)
        if renamed:
            for name in sorted(renamed & self.function.record.names):
                for call in self.calls(name):
                    own = (self.resolve(call.func) or "").rpartition(".")[2]
                    if own and own != name:
                        yield call, own

    def assigned(self, node: ast.AST) -> frozenset[str]:
        known = self._assigned.get(node)
        if known is None:
            found = set()
            for part in walk(node):
                if isinstance(part, (ast.Name, ast.Attribute)) and not isinstance(part.ctx, ast.Load):
                    found.add(dotted(part))
                elif isinstance(part, ast.NamedExpr):
                    found.add(part.target.id)
            known = self._assigned[node] = frozenset(found)
        return known

    def definition(self, name: str, before: ast.AST) -> ast.expr | None:
        node = self._binding(name, before)
        if (
            isinstance(node, ast.Assign)
            and len(node.targets) == 1
            and isinstance(node.targets[0], (ast.Name, ast.Attribute))
        ) or isinstance(node, (ast.AnnAssign, ast.NamedExpr)):
            return node.value
        return None

    def unpacked(self, name: str, before: ast.AST) -> ast.expr | None:
        """``torch.meshgrid(…)`` for ``x`` after ``x, y = torch.meshgrid(…)``, its one binding."""
        node = self._binding(name, before)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], (ast.Tuple, ast.List)):
            return node.value
        return None

    def _binding(self, name: str, before: ast.AST) -> ast.AST | None:
        """The one statement, above or in a loop, that gives a variable what it is; None of several."""
        if self._bindings is None:
            self._bindings = {}
            for node in self.walk(*_BINDING):
                for bound in self._targets(node):
                    self._bindings.setdefault(bound, []).append(node)
        line = getattr(before, "lineno", 0)
        found = [
            node
            for node in self._bindings.get(name, ())
            if node.lineno <= line or self.loops(node)  # type: ignore[attr-defined]
        ]
        return found[0] if len(found) == 1 else None

    def _targets(self, node: ast.AST) -> set[str]:
        targets: list[ast.AST]
        if isinstance(node, ast.Assign):
            targets = list(node.targets)
        elif isinstance(node, ast.With):
            targets = [i.optional_vars for i in node.items if i.optional_vars is not None]
        else:
            targets = [node.target]  # type: ignore[attr-defined]
        return {
            dotted(p)
            for t in targets
            for p in walk(t)
            if isinstance(p, (ast.Name, ast.Attribute)) and not isinstance(p.ctx, ast.Load)
        }

    # ---- values ---------------------------------------------------------------------------------

    @property
    def refs(self) -> frozenset[str | None]:
        if self._refs is None:
            self._refs = frozenset({value.ref for value in self.run.values.values()})
        return self._refs

    def value(self, node: ast.AST) -> Value:
        return self.run.values.get(node, UNKNOWN)

    def resolve(self, node: ast.AST) -> str | None:
        value = self.run.values.get(node)
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            return self.run.resolve_static(node)  # a setting: torch.backends.cudnn.benchmark = True
        if value is None or value.kind not in ("python-module", "function", "class", "dict"):
            return None
        return value.ref

    def text(self, node: ast.AST) -> str:
        return ast.unparse(node)

    @property
    def events(self) -> Sequence[Raised]:
        return tuple(self.run.raised.values())

    # ---- context --------------------------------------------------------------------------------

    def hotness(self, node: ast.AST) -> Hotness:
        return self._climb(node, self.heat.level)[0]

    def lexically_hot(self, node: ast.AST) -> bool:
        """Is it hot by the loops of this body alone, whoever calls it?"""
        return self._climb(node, Hotness.COLD)[0] >= Hotness.STEP

    def guarded(self, node: ast.AST) -> bool:
        return self._climb(node, self.heat.level)[1]

    def _climb(self, node: ast.AST, level: Hotness) -> tuple[Hotness, bool]:
        """How hot a place is in a function of that level, and whether under a guard."""
        known = self._heights.get((node, level))
        if known is None:
            known = self._heights[node, level] = self._climbed(node, level)
        return known

    def _climbed(self, node: ast.AST, level: Hotness) -> tuple[Hotness, bool]:
        chain = [node, *self.ancestors(node)]
        if self.heat.frozen:
            return Hotness.COLD, False
        if level >= Hotness.STEP and self.heat.by and self._passes and self._passes.isdisjoint(chain):
            level = Hotness.EPOCH
        guarded = False
        outside = [level]  # the level around each open loop
        parent: ast.AST = self.node
        for current in reversed(chain):
            if isinstance(parent, ast.If) and current is not parent.test:
                then, otherwise = is_cooling(parent)
                body = parent.body if current in parent.body else parent.orelse
                if (then if body is parent.body else otherwise) or self._gives_nothing(parent, current):
                    level, guarded = min(level, Hotness.EPOCH), True
                elif exits(body) and isinstance(body[-1], (ast.Break, ast.Return)) and len(outside) > 1:
                    level = outside[-1] if isinstance(body[-1], ast.Break) else outside[0]
            elif isinstance(parent, ast.ExceptHandler) or (
                isinstance(parent, ast.IfExp) and self._gives_nothing(parent, current)
            ):
                level, guarded = min(level, Hotness.EPOCH), True
            elif isinstance(parent, _LOOPS) and (
                current in parent.body or (isinstance(parent, ast.While) and current is parent.test)
            ):
                outside.append(level)
                kind = self._kind_of(parent)
                level, guarded = _in_loop(level, kind), guarded and kind is not LoopKind.STEP
            elif isinstance(current, _COMPREHENSIONS) and current is not node:
                if level >= Hotness.STEP:
                    level = Hotness.ELEMENT
                elif self._goes_over_batches(current.generators[0]) and not self._in_iter(
                    node, current.generators[0]
                ):
                    level = Hotness.STEP
            elif (isinstance(parent, ast.Assert) and current is parent.msg) or isinstance(current, ast.Raise):
                level, guarded = Hotness.COLD, True
            if isinstance(current, ast.stmt):
                guarded = guarded or warns(current)
                block = block_in(parent, current) or [current]
                before = block[: block.index(current)]
                if any(isinstance(s, ast.If) and skips_the_rest(s) for s in before):
                    level, guarded = min(level, Hotness.EPOCH), True
            parent = current
        if self._walks_device_data(node):
            level = _in_loop(level, LoopKind.STEP)
        return level, guarded

    def _goes_over_batches(self, over: ast.comprehension) -> bool:
        """Over a loader, or over batches by their values, not over the parts of one: ``batch.items()``."""
        func = over.iter.func if isinstance(over.iter, ast.Call) else None
        if (
            isinstance(func, ast.Attribute)
            and func.attr in ("items", "values")
            and self.value(func.value).batch
        ):
            return False
        return is_over_loader(over) or _gives_batches(self.value(over.iter))

    @cached_property
    def _passes(self) -> frozenset[ast.AST]:
        """Its loops that are passes: what is done before and after them is done once for each."""
        return frozenset(
            loop
            for loop in self.walk(*_LOOPS)
            if isinstance(loop, _LOOPS)
            if is_pass(loop) or (isinstance(loop, (ast.For, ast.AsyncFor)) and infers(self, loop))
        )

    def _walks_device_data(self, node: ast.AST) -> bool:
        """``any(mask)``, ``max(x)``: Python goes from element to element."""
        return (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in WALKS
            and len(node.args) == 1
            and goes_over_device_data(self, node.args[0])
        )

    def _gives_nothing(self, choice: ast.If | ast.IfExp, part: ast.AST) -> bool:
        """``return x.mean() if x.numel() else torch.tensor(0.0)``, ``if count > 0: … else: loss =
        torch.tensor(0.0)``: the answer where there is nothing."""
        if part is choice.test:
            return False
        given = part.value if isinstance(part, ast.Assign) else part
        if not is_constant(given if isinstance(given, ast.expr) else None):
            return False
        return isinstance(self.parent(choice), ast.Return) or self._asks_for_any(choice.test)

    def _asks_for_any(self, test: ast.expr) -> bool:
        """``count > 0`` of a tensor, ``len(losses) == 0``, ``mask.any()``: is there anything at all?"""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return self._asks_for_any(test.operand)
        if isinstance(test, ast.Compare) and isinstance(test.comparators[0], ast.Constant):
            test = test.left if test.comparators[0].value in (0, 1) else test
        counts = isinstance(test, ast.Call) and dotted(test.func).rpartition(".")[2] in _COUNTS
        return counts or self.value(test).kind == "tensor"

    def _kind_of(self, loop: ast.For | ast.AsyncFor | ast.While) -> LoopKind:
        kind = loop_kind(loop)
        if kind is LoopKind.ONCE:
            return kind
        if not isinstance(loop, ast.While) and _gives_batches(self.value(loop.iter)):
            return LoopKind.STEP
        once = self.heat.level == Hotness.EPOCH or is_setup(self.function)
        plain = kind is LoopKind.PLAIN and not isinstance(loop, ast.While)
        if plain and goes_over_device_data(self, loop.iter, surely=once):  # type: ignore[union-attr]
            return LoopKind.STEP  # as often as there is data, in whatever function
        if plain and (iterates_on_device(self, loop) or runs_model(self, loop)):  # type: ignore[arg-type]
            return LoopKind.STEP
        if plain and self.heat.level == Hotness.COLD and reads_one_by_one(self, loop):  # type: ignore[arg-type]
            return LoopKind.EPOCH
        return kind

    def block(self, node: ast.AST) -> Sequence[ast.stmt]:
        statement = self.statement(node)
        return block_in(self.parent(statement) or self.node, statement) or [statement]

    def acknowledged(self, node: ast.AST) -> bool:
        """Does a comment about the place say that the host waits here, or that a loop is meant to save
        memory? Its author knows."""
        return any(map(_SYNC_COMMENT.search, self.comments(node)))

    def comments(self, node: ast.AST) -> list[str]:
        """What is said at the place, and above it in the same paragraph."""
        first: int = node.lineno  # type: ignore[attr-defined]
        last = getattr(node, "end_lineno", first) or first
        statement = next((a for a in (node, *self.ancestors(node)) if isinstance(a, ast.stmt)), node)
        above = statement.lineno - 1  # type: ignore[attr-defined]
        nearest = max(above - _PARAGRAPH, 0)
        while above > nearest and self.lines[above - 1].strip():
            above -= 1
        return _COMMENT.findall("\n".join(self.lines[max(min(first - 3, above), 0) : last]))

    def deprecated(self) -> bool:
        """Does its folder, or its class by name or where it begins, say that it is used no more?"""
        if "deprecated" in self.path.split("/"):
            return True
        owner = self.function.module.classes.get(self.function.record.owner)
        if owner is None:
            return False
        return "Legacy" in owner.name or any(
            "deprecated" in line.lower() for line in self.lines[owner.line - 1 : owner.line + 2]
        )

    def draws(self, node: ast.AST) -> bool:
        """Does what is repeated with it, or else the body, draw a figure? That takes longer than any wait."""
        if self.names.isdisjoint(_DRAWS):
            return False
        around = next((loop for loop in reversed(self.loops(node)) if isinstance(loop, ast.stmt)), self.node)
        return any(around is self.node or around in self.ancestors(call) for call in self.calls(*_DRAWS))

    def explains(self) -> bool:
        """Does its docstring, or its module's, say that it is there to be read or compared with, not to be
        fast?"""
        own = "" if isinstance(self.node, ast.Module) else ast.get_docstring(self.node) or ""
        return any(map(_NOT_FOR_SPEED.search, (own, self._module_says)))

    @cached_property
    def _module_says(self) -> str:
        found = _DOCSTRING.match("\n".join(self.lines[:_HEAD]))
        return found[2] if found is not None else ""

    def waiting_permitted(self, node: ast.AST) -> bool:
        """In a function or a ``with`` block of which the project says that it may wait."""
        allowed = self.sync_allowed
        if not allowed:
            return False
        function, record = self.function, self.function.record
        names = {record.name, record.qualname, function.dotted}
        for decorator in record.decorators:
            absolute = self.run.engine.names.dotted(function.module, decorator)
            names |= {decorator, decorator.rpartition(".")[2], absolute or ""}
        for ancestor in self.ancestors(node):
            if isinstance(ancestor, (ast.With, ast.AsyncWith)):
                for item in ancestor.items:
                    callee = (
                        item.context_expr.func
                        if isinstance(item.context_expr, ast.Call)
                        else item.context_expr
                    )
                    names |= {dotted(callee), dotted(callee).rpartition(".")[2], self.resolve(callee) or ""}
            elif isinstance(ancestor, ast.Call):
                names |= {
                    dotted(ancestor.func),
                    dotted(ancestor.func).rpartition(".")[2],
                    self.resolve(ancestor.func) or "",
                }
        return not allowed.isdisjoint(names)

    def compiled(self) -> Truth:
        return self.is_compiled

    def no_grad(self, node: ast.AST) -> Truth:
        engine = self.run.engine
        if engine.runs_without_grad(self.function) or engine.grad_modes.decorates(self.function):
            return True
        for ancestor in self.ancestors(node):
            if isinstance(ancestor, (ast.With, ast.AsyncWith)):
                for item in ancestor.items:
                    expression = item.context_expr
                    callee = expression.func if isinstance(expression, ast.Call) else expression
                    if switches_grad_off(self.resolve(callee), expression):
                        return True
                    if self.resolve(callee) == "torch.set_grad_enabled":
                        return None
        around = {node, *self.ancestors(node)}
        before = [
            switch
            for switch in self.calls("set_grad_enabled")
            if isinstance(self.parent(switch), ast.Expr)
            and _position(switch) < _position(node)
            and not around.isdisjoint(self.block(switch))
        ]
        return True if before and switches_grad_off(self.resolve(before[-1].func), before[-1]) else None

    def _callee(self, call: ast.Call) -> FunctionRef | None:
        name = self.resolve(call.func)
        entity = self.run.engine.project.lookup(name) if name else None
        return entity if isinstance(entity, FunctionRef) else None

    def used_as_model(self, node: ast.expr) -> bool:
        name, record = dotted(node), self.function.record
        owner = record.owner if name.startswith("self.") else ""
        return (owner, name) in self.run.engine.models_in(self.function.module)

    def records_grad(self, call: ast.Call) -> bool:
        callee = self._callee(call)
        return callee is not None and not self.run.engine.grad_modes.touched_by(callee)

    def parameters_of(self, call: ast.Call) -> tuple[str, ...]:
        entity = self._callee(call)
        if entity is None:
            return ()
        return entity.record.params[1:] if entity.record.owner else entity.record.params

    def names_of(self, call: ast.Call) -> frozenset[str]:
        callee = self._callee(call)
        return frozenset() if callee is None else callee.record.names

    def body_of(self, call: ast.Call) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        callee = self._callee(call)
        body = None if callee is None else self.run.engine.project.node(callee)
        return None if isinstance(body, ast.Module) else body

    def bodies_around(self) -> list[list[ast.stmt]]:
        project, module = self.run.engine.project, self.function.module
        owner = project.owner(self.function)
        functions = [None if owner is None else project.method(owner, "__init__")]
        outer = self.function.record.outer
        while outer:
            functions.append(FunctionRef(module, module.functions[outer]))
            outer = module.functions[outer].outer
        nodes = [project.node(f) for f in functions if f is not None and f != self.function]
        own = () if isinstance(self.node, ast.Module) else (project.trees.globals(module),)
        return [node.body for node in (self.node, *nodes, *own) if node is not None]

    def calls_in_method(self, node: ast.expr, name: str) -> frozenset[str] | None:
        project, ref = self.run.engine.project, self.value(node).ref
        class_ = project.lookup(ref) if ref else None
        method = project.method(class_, name) if isinstance(class_, ClassRef) else None
        if method is None:
            return None
        return frozenset(site.target.rpartition(".")[2] for site in method.record.calls)

    def named_switches_grad(self, name: str) -> Truth:
        return self.run.engine.grad_modes.by_name.get(name)

    def on_cpu_by_default(self) -> bool:
        """``def sample(self, n, device="cpu")``: elsewhere only if somebody asks."""
        default = None if isinstance(self.node, ast.Module) else default_of(self.node.args, "device")
        return isinstance(default, ast.Constant) and default.value == "cpu"

    def class_names(self) -> frozenset[str]:
        own = self.function.record.owner
        records = self.function.module.functions.values()
        return frozenset().union(*(record.names for record in records if own and record.owner == own))

    def trains(self) -> bool:
        own = self.function.record
        forward = self.function.module.functions.get(f"{own.owner}.forward") if own.owner else None
        return forward is not None and own.name in forward.names and "training" not in forward.names

    def file_names(self) -> frozenset[str]:
        return self.run.engine.names_in(self.function.module)

    def called_without_grad(self) -> bool:
        names = {function.record.name for function in (self.function, *self._reached_by())}
        return not names.isdisjoint(self.run.engine.grad_modes.called_without)

    def caller_without_grad(self) -> bool:
        if self.function.record.name == "eval":  # every model has one
            return False
        engine = self.run.engine
        switching = [f for f in engine.project.functions() if engine.grad_modes.touched_by(f)]
        return any(
            function.record.name in caller.record.names
            and caller != function
            and (caller.module is function.module or function.dotted in caller.module.imports.values())
            for function in (self.function, *self._reached_by())
            for caller in switching
        )

    def heated_without_grad(self) -> bool:
        chain = (*self.heated_by, self.function.dotted)
        return any(self._calls_quietly(by, name.rpartition(".")[2]) for by, name in pairwise(chain))

    def _calls_quietly(self, caller: str, name: str) -> bool:
        engine = self.run.engine
        entity = engine.project.lookup(caller)
        body = engine.project.node(entity) if isinstance(entity, FunctionRef) else None
        if body is None or not isinstance(entity, FunctionRef):
            return False
        return calls_without_grad(engine.names, entity, body, name)

    def _reached_by(self) -> list[FunctionRef]:
        """The methods of its class, and of its bases, that call it, and what calls those that are private."""
        if self.run.class_ is None:
            return []
        methods = [
            FunctionRef(class_.module, record)
            for class_ in self.run.engine.project.ancestry(self.run.class_)[0]
            for method in class_.record.methods
            if (record := class_.module.functions.get(f"{class_.record.qualname}.{method}")) is not None
            and method not in _OF_EVERY_MODEL
        ]
        reached: list[FunctionRef] = []
        wanted = [self.function.record.name]
        while wanted:
            name = wanted.pop()
            calling = [
                m for m in methods if name in m.record.names and m.record.name != name and m not in reached
            ]
            reached.extend(calling)
            wanted.extend(m.record.name for m in calling if m.record.name.startswith("_"))
        return reached

    def in_class(self, base: str) -> bool:
        owner = self.run.class_
        return owner is not None and self.run.engine.project.is_subclass(owner, base)

    def is_inherited(self, node: ast.expr) -> bool:
        owner = self.run.class_
        of_self, _, name = (dotted(node) or "").partition(".")
        name = name.partition(".")[0]
        if owner is None or of_self != "self" or not name:
            return False
        classes, outside = self.run.engine.project.ancestry(owner)
        return bool(outside) and not any(
            class_.record.assigns
            or name in class_.record.methods
            or any(
                name in record.stores
                for record in class_.module.functions.values()
                if record.owner == class_.record.qualname
            )
            for class_ in classes
        )

    def of_plain_class(self) -> bool:
        """Is it a method of a class that is no module, optimizer, data set, …?"""
        owner = self.run.class_
        return owner is not None and self.run.engine.instances.of(owner).kind == "instance"

    def keyword(self, call: ast.Call, name: str, position: int | None = None) -> ast.expr | None:
        for keyword in call.keywords:
            if keyword.arg == name:
                return keyword.value
        if (
            position is not None
            and position < len(call.args)
            and not any(isinstance(a, ast.Starred) for a in call.args[: position + 1])
        ):
            return call.args[position]
        return None

    def passes(self, call: ast.Call, name: str) -> bool:
        unheard = name in SETTINGS and not self.run.engine.project.names_setting(name)
        return not unheard and self.may_pass(call, name)

    def may_pass(self, call: ast.Call, name: str) -> bool:
        for keyword in call.keywords:
            if keyword.arg is None:
                value = self.value(keyword.value)
                if value.keys is None or any(key == name for key, _ in value.keys):
                    return True
        return False


def _defaults(node: FunctionNode) -> list[ast.expr]:
    arguments = node.args
    return [default for default in (*arguments.defaults, *arguments.kw_defaults) if default is not None]


_BELOW: dict[type[ast.AST], Children] = {
    **CHILDREN,
    ast.FunctionDef: _defaults,
    ast.AsyncFunctionDef: _defaults,
    ast.ClassDef: lambda node: (),
}
"""The children of a node in a body: of functions their defaults, of classes none."""


def _gives_batches(iterable: Value) -> bool:
    """A loader, whatever it is called and wrapped in (``enumerate(tqdm(loader))``)."""
    if iterable.kind == "loader":
        return True
    inside = elements(iterable)
    return (inside.batch is True and not iterable.batch) or any(item.batch for item in inside.items or ())


def _position(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def _in_loop(level: Hotness, kind: LoopKind) -> Hotness:
    if kind is LoopKind.ONCE:
        return level
    if kind is LoopKind.EPOCH:
        return max(level, Hotness.EPOCH)
    if kind is LoopKind.STEP:
        return Hotness.ELEMENT if level >= Hotness.STEP else Hotness.STEP
    return Hotness.ELEMENT if level >= Hotness.STEP else level
