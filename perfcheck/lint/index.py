"""One walk over a file: its imports, classes and functions, who calls what, and how often.

The result, a :class:`ModuleRecord`, is small, holds no syntax tree and can be cached by content.
"""

from __future__ import annotations

import ast
import re
from typing import Any, NamedTuple

from perfcheck.events import Hotness
from perfcheck.lint.dotted import dotted
from perfcheck.lint.evidence import (
    NO_TENSORS,
    OF_SETTINGS,
    OF_TWO,
    SHARED_WITH_ARRAYS,
    TENSOR_PROPERTIES,
    TORCH,
    second_tensor_of,
    tensor_of,
)
from perfcheck.lint.guards import is_cooling, skips_the_rest
from perfcheck.lint.loops import LoopKind, is_over_loader, is_pass, loop_kind, words_of
from perfcheck.lint.nodes import CHILDREN
from perfcheck.lint.spelling import spelled

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


class CallSite(NamedTuple):
    """``target`` is the function as written ("self.model.encode", ".item" on a computed receiver).

    ``level`` is what the loops around it inside its function make of it, ``COLD`` for none.
    """

    target: str
    line: int
    level: Hotness
    repeated: bool  # in a loop of no known kind
    guarded: bool


class FunctionRecord(NamedTuple):
    """A function or method; nested functions have records of their own, linked by ``outer``.

    ``names`` are the last names of everything called or read as an attribute in the body.
    """

    name: str
    qualname: str
    dotted: str  # with the name of the module
    first: int  # line of the first decorator, else of the definition
    line: int
    end_line: int
    body: tuple[int, int]  # line and column of its first statement; (0, 0) where that is decorated
    owner: str  # qualified name of the class; "" for plain functions
    outer: str  # qualified name of the enclosing function; "" if none
    params: tuple[str, ...]
    decorators: tuple[str, ...]
    calls: tuple[CallSite, ...]
    names: frozenset[str]
    stores: frozenset[str]  # attributes of self assigned here
    passed: frozenset[str]  # functions handed on by name, as written: callbacks
    compiled: frozenset[str]  # classes whose instances, and attributes that, are handed to a ``compile``
    loops: bool
    passes: bool  # some of them go over the data, or over the steps of a generation
    comprehends: bool  # in comprehensions
    locals: frozenset[str]  # local variables
    tensors: frozenset[str]  # names used as only tensors are used
    arrays: frozenset[str]  # names used as tensors and arrays are used
    receivers: tuple[tuple[str, str], ...]  # variables whose methods are called, and their classes as written
    no_step: bool  # it returns a plain value, by its annotation or a ``return``, or is handed a traced graph

    @property
    def all_names(self) -> frozenset[str]:
        """``names``, the function's own and its parameters': what rules choose bodies by."""
        return self.names.union((self.name, *self.params))


class ClassRecord(NamedTuple):
    name: str
    qualname: str
    dotted: str  # with the name of the module
    line: int
    end_line: int
    bases: tuple[str, ...]  # as written
    methods: tuple[str, ...]
    assigns: bool  # attributes in its body
    holds: tuple[tuple[str, str], ...]  # attributes of its instances; their classes or functions


class ModuleRecord(NamedTuple):
    """``imports`` maps a local name to the absolute dotted name it stands for."""

    name: str
    path: str
    is_package: bool
    lines: int
    imports: dict[str, str]
    stars: tuple[str, ...]
    functions: dict[str, FunctionRecord]  # "" is the module's own body
    classes: dict[str, ClassRecord]
    globals: frozenset[str]
    mentioned: frozenset[str]  # variables that are read anywhere in the module, by any name
    settings: frozenset[str]  # of ``SETTINGS``, those that its text names
    offered: frozenset[str] | None  # by ``__all__``, or to decorators of classes; None without ``__all__``


_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class _Body:
    """What is gathered while one function's body is walked."""

    __slots__ = (
        "aliases",
        "arrays",
        "calls",
        "classes",
        "compiled",
        "comprehends",
        "decides",
        "loops",
        "names",
        "nested",
        "outer",
        "passed",
        "passes",
        "sliced",
        "stored",
        "stores",
        "tensors",
    )

    def __init__(self) -> None:
        self.aliases: dict[str, ast.Call] = {}
        self.calls: list[CallSite] = []
        self.classes: dict[str, str] = {}  # of variables, as written
        self.names: set[str] = set()
        self.nested: set[str] = set()  # functions
        self.stores: set[str] = set()
        self.passed: set[str] = set()
        self.compiled: set[str] = set()
        self.loops = self.passes = False
        self.comprehends = self.decides = False
        self.stored: set[str] = set()
        self.outer: set[str] = set()
        self.tensors: set[str] = set()
        self.arrays: set[str] = set()
        self.sliced: set[str] = set()  # ``x[:, 0]``, ``x[None, :]``


class _Indexer:
    def __init__(self, name: str, is_package: bool) -> None:
        self.name = name
        self.package = name if is_package else name.rpartition(".")[0]
        self.imports: dict[str, str] = {}
        self.stars: list[str] = []
        self.functions: dict[str, FunctionRecord] = {}
        self.classes: dict[str, ClassRecord] = {}
        self.globals: set[str] = set()
        self.mentioned: set[str] = set()
        self.offered: set[str] = set()
        self.chooses = False  # what it offers, by a list as it stands
        self.holds: dict[str, dict[str, str]] = {}  # by class

    def module(self, tree: ast.Module, lines: int) -> None:
        body = _Body()
        self.block(tree.body, body, "", "", "", Hotness.COLD, False, False)
        self.functions[""] = FunctionRecord(
            "", "", f"{self.name}.", 1, 1, lines, (0, 0), "", "", (), (), tuple(body.calls),
            frozenset(body.names), frozenset(), frozenset(body.passed), frozenset(body.compiled), body.loops,
            body.passes, body.comprehends,
            frozenset(), frozenset(), frozenset(), _receivers(body), False,
        )  # fmt: skip

    def block(
        self,
        statements: list[ast.stmt],
        body: _Body,
        prefix: str,  # qualified name of the enclosing scope, with a trailing dot
        owner: str,
        outer: str,
        level: Hotness,
        repeated: bool,
        guarded: bool,
    ) -> None:
        node: Any  # told apart by its exact type, which is faster than isinstance
        in_class = prefix == owner + "."
        for node in statements:
            kind = type(node)
            if kind is ast.Expr or kind is ast.Assign or kind is ast.AugAssign or kind is ast.Return:
                self.expression(node, body, level, repeated, guarded)
                if kind is ast.Assign:
                    target = node.targets[0]
                    if type(target) is ast.Name and type(node.value) is ast.Call:
                        body.aliases[target.id] = node.value
                    self.hold(target, _class_of(node.value, body.classes), body, owner, in_class)
                if kind is ast.Assign and not prefix:
                    for target in node.targets:
                        if type(target) is ast.Name:
                            self.globals.add(target.id)
                            if target.id == "__all__" and isinstance(node.value, (ast.List, ast.Tuple)):
                                self.chooses = True
                                self.offered |= {_text(part) for part in node.value.elts}
                elif kind is ast.AugAssign and type(node.target) is ast.Name:
                    self.mentioned.add(node.target.id)
                elif kind is ast.Return:
                    body.decides = body.decides or _is_answer(node.value)
            elif kind is ast.If:
                self.expression(node.test, body, level, repeated, guarded)
                cool_then, cool_else = is_cooling(node)
                args = (prefix, owner, outer, level, repeated)
                self.block(node.body, body, *args, guarded or cool_then)
                self.block(node.orelse, body, *args, guarded or cool_else)
                guarded = guarded or skips_the_rest(node)
            elif kind is ast.FunctionDef or kind is ast.AsyncFunctionDef:
                self.function(node, body, prefix, owner, outer)
            elif kind is ast.ClassDef:
                self.class_(node, body, prefix, outer)
            elif kind is ast.For or kind is ast.AsyncFor or kind is ast.While:
                body.loops = True
                self.expression(
                    node.test if kind is ast.While else node.iter,
                    body, level, repeated, guarded,
                )  # fmt: skip
                if kind is not ast.While:
                    self.expression(node.target, body, level, repeated, guarded)
                found = loop_kind(node, body.aliases)
                inner, again = level, repeated
                if found is LoopKind.EPOCH:
                    inner = max(level, Hotness.EPOCH)
                elif found is LoopKind.STEP:
                    inner = Hotness.ELEMENT if level >= Hotness.STEP else Hotness.STEP
                    body.passes = body.passes or is_pass(node)
                elif found is LoopKind.PLAIN:
                    if level >= Hotness.STEP:
                        inner = Hotness.ELEMENT
                    again = True
                scope = (prefix, owner, outer)
                self.block(node.body, body, *scope, inner, again, guarded and found is not LoopKind.STEP)
                self.block(node.orelse, body, *scope, level, repeated, guarded)
            elif kind is ast.With or kind is ast.AsyncWith:
                for item in node.items:
                    self.expression(item.context_expr, body, level, repeated, guarded)
                    if item.optional_vars is not None:
                        self.expression(item.optional_vars, body, level, repeated, guarded)
                self.block(node.body, body, prefix, owner, outer, level, repeated, guarded)
            elif kind is ast.Try or kind.__name__ == "TryStar":
                args = (prefix, owner, outer, level, repeated)
                self.block(node.body, body, *args, guarded)
                for handler in node.handlers:
                    self.block(handler.body, body, *args, True)
                self.block(node.orelse, body, *args, guarded)
                self.block(node.finalbody, body, *args, guarded)
            elif kind is ast.Import or kind is ast.ImportFrom:
                self.import_(node)
            elif kind is ast.Match:
                self.expression(node.subject, body, level, repeated, guarded)
                for case in node.cases:
                    self.block(case.body, body, prefix, owner, outer, level, repeated, guarded)
            elif kind is ast.AnnAssign:
                if node.value is not None:
                    self.expression(node, body, level, repeated, guarded)
                if not prefix and type(node.target) is ast.Name:
                    self.globals.add(node.target.id)
                self.hold(node.target, annotated_class(node.annotation), body, owner, in_class)
            elif kind is ast.Raise or kind is ast.Assert:
                self.expression(node, body, level, repeated, guarded or kind is ast.Raise)
                if kind is ast.Assert and type(node.test) is ast.Constant and not node.test.value:
                    guarded = True  # nothing gets past ``assert False``
            elif kind is ast.Global or kind is ast.Nonlocal:
                body.outer.update(node.names)
            elif kind is ast.Delete:
                self.expression(node, body, level, repeated, guarded)

    def expression(self, root: ast.AST, body: _Body, level: Hotness, repeated: bool, guarded: bool) -> None:
        names = body.names
        stack: list[Any] = [root]
        while stack:
            node = stack.pop()
            kind = type(node)
            if kind is ast.Name:
                if type(node.ctx) is not ast.Load:
                    body.stored.add(node.id)
                else:
                    self.mentioned.add(node.id)
            elif kind is ast.Constant:
                pass
            elif kind is ast.Attribute:
                attr, owner = node.attr, node.value
                names.add(attr)
                if type(owner) is ast.Name:
                    if attr in TENSOR_PROPERTIES and owner.id not in OF_SETTINGS:
                        body.tensors.add(owner.id)
                    if type(node.ctx) is not ast.Load and owner.id == "self":
                        body.stores.add(attr)
                else:
                    stack.append(owner)
            elif kind is ast.Subscript:
                index = node.slice
                if (
                    type(index) is ast.Tuple
                    and type(node.value) is ast.Name
                    and any(map(_slices, index.elts))
                ):
                    body.sliced.add(node.value.id)
                stack.append(node.value)
                stack.append(index)
            elif kind is ast.Call:
                self.call(node, body, level, repeated, guarded)
                stack.append(node.func)
                if type(node.func) is not ast.Name or node.func.id != "super":  # ``super(Net, self)``
                    stack += node.args
                for keyword in node.keywords:
                    stack.append(keyword.value)
            elif kind in _COMPREHENSIONS:
                body.comprehends = True
                inner = Hotness.ELEMENT if level >= Hotness.STEP else level
                if level < Hotness.STEP and is_over_loader(node.generators[0], body.aliases):
                    inner = Hotness.STEP
                if repeated and inner == level:
                    stack += CHILDREN[kind](node)
                    continue
                for part in CHILDREN[kind](node):
                    self.expression(part, body, inner, True, guarded)
            else:
                stack += CHILDREN[kind](node)

    def call(self, node: ast.Call, body: _Body, level: Hotness, repeated: bool, guarded: bool) -> None:
        func = node.func
        if type(func) is ast.Name:
            target = name = func.id
        else:
            target = dotted(func)
            name = target.rpartition(".")[2]
            if type(func) is ast.Attribute:
                subject = tensor_of(node)
                if subject:
                    body.tensors.add(subject)
                    if name in OF_TWO:
                        body.tensors.add(second_tensor_of(node))
                elif (
                    name in SHARED_WITH_ARRAYS and type(func.value) is ast.Name and func.value.id not in TORCH
                ):
                    body.arrays.add(func.value.id)
        if target:
            body.names.add(name)
            body.calls.append(CallSite(target, node.lineno, level, repeated, guarded))
        if name == "compile" and target != "re.compile":
            given = node.args[0] if node.args else func.value if type(func) is ast.Attribute else func
            if type(given) is ast.Name and given.id not in body.classes:
                given = _unmoved(body.aliases.get(given.id, given))
            made = _class_of(given, body.classes)
            body.compiled.add(made or dotted(given.func if type(given) is ast.Call else given))
        hooked = bool(target) and name in _HOOKED
        for argument in node.args if target != "super" else ():
            if type(argument) is ast.Name or type(argument) is ast.Attribute:
                handed = argument.id if type(argument) is ast.Name else dotted(argument)
                body.passed.add(handed)
                if hooked and handed:  # torch calls it in every forward, or backward
                    body.calls.append(CallSite(handed, node.lineno, Hotness.STEP, repeated, False))
                elif level >= Hotness.STEP and (
                    handed in self.functions or handed in self.imports or handed in body.nested
                ):
                    # ``train_step(batch, model, mlpf_loss)``: called there, once at least
                    body.calls.append(CallSite(handed, node.lineno, level, repeated, guarded))

    def hold(self, target: ast.expr, class_: str, body: _Body, owner: str, in_class: bool) -> None:
        """Note that a variable, or an attribute of ``self``, is an instance of a class."""
        if not class_:
            return
        name = dotted(target)
        if owner and (in_class or name.startswith("self.")):
            held, name = self.holds.setdefault(owner, {}), name.removeprefix("self.")
        else:
            held = body.classes
        if name and "." not in name:
            held[name] = class_ if held.get(name, class_) == class_ else ""

    def function(self, node: FunctionNode, around: _Body, prefix: str, owner: str, outer: str) -> None:
        for decorator in node.decorator_list:
            self.expression(decorator, around, Hotness.COLD, False, False)
        arguments = node.args
        for default in (*arguments.defaults, *arguments.kw_defaults):
            if default is not None:
                self.expression(default, around, Hotness.COLD, False, False)
        qualname = prefix + node.name
        around.nested.add(node.name)
        body = _Body()
        parameters = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
        for parameter in parameters:
            class_ = annotated_class(parameter.annotation)
            if class_:
                body.classes[parameter.arg] = class_
        self.block(node.body, body, qualname + ".", owner, qualname, Hotness.COLD, False, False)
        params = [a.arg for a in parameters]
        body.arrays |= body.sliced.intersection(params)
        none = NO_TENSORS | _made_tensors(node)
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        decorators = tuple(dotted(d.func if isinstance(d, ast.Call) else d) for d in node.decorator_list)
        self.functions[qualname] = FunctionRecord(
            node.name, qualname, f"{self.name}.{qualname}", first, node.lineno,
            node.end_lineno or node.lineno, _begins(node.body[0]), owner, outer, tuple(params), decorators,
            tuple(body.calls), frozenset(body.names), frozenset(body.stores), frozenset(body.passed),
            frozenset(body.compiled), body.loops, body.passes, body.comprehends,
            frozenset(body.stored - body.outer), frozenset(body.tensors - none),
            frozenset(body.arrays - none), _receivers(body),
            _returns_plain(node.returns) or _rewrites_graphs(node) or body.decides,
        )  # fmt: skip
        around.stored.add(node.name)

    def class_(self, node: ast.ClassDef, around: _Body, prefix: str, outer: str) -> None:
        around.stored.add(node.name)
        if node.decorator_list:
            self.offered.add(node.name)
        qualname = prefix + node.name
        self.block(node.body, around, qualname + ".", qualname, outer, Hotness.COLD, False, False)
        methods = tuple(s.name for s in node.body if isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef)))
        assigns = any(isinstance(s, (ast.Assign, ast.AnnAssign)) for s in node.body)
        bases = tuple(dotted(b.value if isinstance(b, ast.Subscript) else b) for b in node.bases)
        self.classes[qualname] = ClassRecord(
            node.name, qualname, f"{self.name}.{qualname}", node.lineno, node.end_lineno or node.lineno,
            bases, methods, assigns, tuple(self.holds.get(qualname, {}).items()),
        )  # fmt: skip

    def import_(self, node: ast.Import | ast.ImportFrom) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    self.imports[alias.asname] = alias.name
                else:
                    root = alias.name.partition(".")[0]
                    self.imports.setdefault(root, root)
            return
        source = node.module or ""
        if node.level:
            base = self.package.split(".") if self.package else []
            if node.level > 1:
                base = base[: len(base) - (node.level - 1)]
            source = ".".join([*base, source] if source else base)
        for alias in node.names:
            if alias.name == "*":
                self.stars.append(source)
            else:
                self.imports[alias.asname or alias.name] = f"{source}.{alias.name}" if source else alias.name


def _begins(statement: ast.stmt) -> tuple[int, int]:
    """A decorator may begin a line before the expression in it."""
    return (0, 0) if getattr(statement, "decorator_list", ()) else (statement.lineno, statement.col_offset)


_HOOKED = frozenset(
    """register_forward_hook register_forward_pre_hook register_full_backward_hook register_backward_hook
    register_full_backward_pre_hook register_hook register_post_accumulate_grad_hook register_multi_grad_hook
    saved_tensors_hooks""".split()
)
"""What is handed to these runs in every step."""

_COMPREHENSIONS = frozenset({ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp})


def annotated_class(node: ast.expr | None) -> str:
    """``C`` of ``C``, ``"C"``, ``Optional[C]``, ``C | None`` and ``C[T]``; "" where no one class is named."""
    if type(node) is ast.Constant and isinstance(node.value, str):
        return node.value if _is_class(node.value) else ""
    if type(node) is ast.BinOp:
        parts = [annotated_class(part) for part in (node.left, node.right) if not _is_none(part)]
        return parts[0] if len(parts) == 1 else ""
    if type(node) is ast.Subscript:
        return annotated_class(node.slice if dotted(node.value).endswith("Optional") else node.value)
    name = dotted(node) if node is not None else ""
    return name if _is_class(name) else ""


def _made_tensors(node: FunctionNode) -> set[str]:
    """``n`` where ``n = torch.arange(n)`` stands in the body: what it is used for below speaks of the tensor
    that was made there, and not of what it was."""
    found: set[str] = set()
    for place, statement in enumerate(node.body):
        if type(statement) is not ast.Assign or type(statement.value) is not ast.Call:
            continue
        name, call = dotted(statement.targets[0]), statement.value
        head, _, maker = dotted(call.func).rpartition(".")
        if head == "torch" and maker in _MAKERS and name in {dotted(given) for given in call.args}:
            before = (part for earlier in node.body[:place] for part in ast.walk(earlier))
            if not any(type(part) is ast.Call and tensor_of(part) == name for part in before):
                found.add(name)
    return found


_MAKERS = frozenset(
    """arange linspace zeros ones empty full eye tensor as_tensor asarray from_numpy stack cat Tensor
    FloatTensor LongTensor""".split()
)
"""Functions that make a tensor of what is none: of numbers, arrays and lists."""


def _returns_plain(returns: ast.expr | None) -> bool:
    """``-> float``: the function exists to bring a value to the host; ``-> PIL.Image.Image``: for a person to
    look at."""
    if returns is not None and not _SEEN.isdisjoint(words_of(returns)):
        return True
    name = returns.value if type(returns) is ast.Subscript else returns
    if type(name) is not ast.Name or name.id not in _PLAIN:
        return False
    return type(returns) is not ast.Subscript or "Tensor" not in words_of(returns.slice)  # a list of tensors


def _is_answer(returned: ast.expr | None) -> bool:
    """``True``, ``(x > 0).all().item()``, ``known and x.any().item()``: the answer to a question."""
    if type(returned) is ast.BoolOp:
        return any(map(_is_answer, returned.values))
    if type(returned) is ast.Constant:
        return returned.value is True or returned.value is False
    match returned:
        case ast.Call(
            func=ast.Attribute(attr="item", value=ast.Call(func=ast.Attribute(attr="all" | "any")))
        ):
            return True
    return False


_SEEN = frozenset({"PIL", "PILImage", "Figure", "Axes"})
_PLAIN = frozenset({"float", "int", "bool", "str", "list", "List", "dict", "Dict"})


def _rewrites_graphs(node: FunctionNode) -> bool:
    """A pass over a traced graph runs once, when the graph is compiled."""
    annotations = [argument.annotation for argument in node.args.args if argument.annotation is not None]
    return type(node) is ast.FunctionDef and not all(
        _GRAPHS.isdisjoint(words_of(annotation)) for annotation in annotations
    )


_GRAPHS = frozenset({"GraphModule", "Graph", "Node"})


def _is_none(node: ast.expr) -> bool:
    return type(node) is ast.Constant and node.value is None


def _class_of(value: ast.expr, classes: dict[str, str]) -> str:
    """The class, as written, of ``C(...)``, ``C(...).to(device)`` and of a variable that holds one; else the
    variable."""
    value = _unmoved(value)
    if type(value) is ast.Name:
        return classes.get(value.id, value.id)
    name = dotted(value.func) if type(value) is ast.Call else ""
    return name if _is_class(name) else ""


def _unmoved(value: ast.expr) -> ast.expr:
    """``C(…)`` of ``C(…).to(device).eval()``."""
    while type(value) is ast.Call and type(value.func) is ast.Attribute and value.func.attr in _RETURN_SELF:
        value = value.func.value
    return value


_RETURN_SELF = frozenset("to cuda cpu train eval float half double bfloat16 requires_grad_".split())
"""Methods of modules that give the module back."""

_is_class = spelled(re.compile(r"(\w+\.)*_*[A-Z]\w*$").match)


def _text(part: ast.expr) -> str:
    return part.value if type(part) is ast.Constant and isinstance(part.value, str) else ""


def _slices(part: ast.expr) -> bool:
    """``:`` or ``None``, of an index of several dimensions."""
    return type(part) is ast.Slice or (type(part) is ast.Constant and part.value is None)


def _receivers(body: _Body) -> tuple[tuple[str, str], ...]:
    called = {site.target.partition(".")[0] for site in body.calls}
    return tuple((name, class_) for name, class_ in body.classes.items() if class_ and name in called)


SOURCES = frozenset({"src", "lib", "python"})
"""Folders at the root of a project that the names of modules leave out."""

SETTINGS = frozenset({"num_workers", "pin_memory", "persistent_workers"})
"""What ``**kwargs`` may pass to a loader, if anything in the project does."""


def index(tree: ast.Module, name: str, path: str, is_package: bool, text: str) -> ModuleRecord:
    """Walk ``tree`` once; ``name`` is the module's dotted name, ``path`` its absolute path."""
    indexer = _Indexer(name, is_package)
    lines = text.count("\n") + 1
    indexer.module(tree, lines)
    return ModuleRecord(
        name, path, is_package, lines, indexer.imports, tuple(indexer.stars), indexer.functions,
        indexer.classes, frozenset(indexer.globals), frozenset(indexer.mentioned),
        frozenset(setting for setting in SETTINGS if setting in text),
        frozenset(indexer.offered) if indexer.chooses and "__all__" not in indexer.mentioned else None,
    )  # fmt: skip
