"""One run over one body.

Branches are joined, loops run until what they bind is stable (twice), and calls are answered by the operator
table, by summaries of the project's functions, or by what libraries are known to return.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from perfcheck.events import Truth
from perfcheck.lint.conditions import Argument
from perfcheck.lint.evaluation.environment import Env
from perfcheck.lint.evaluation.expressions import EXPRESSIONS
from perfcheck.lint.evaluation.narrowing import narrow
from perfcheck.lint.evaluation.statements import STATEMENTS
from perfcheck.lint.facts import Raised
from perfcheck.lint.index import FunctionNode, ModuleRecord
from perfcheck.lint.operations import apply, bind, is_factory
from perfcheck.lint.parameters import parameter
from perfcheck.lint.project import FunctionRef
from perfcheck.lint.values import BOOL, DICT, NONE, Value, join_all

if TYPE_CHECKING:
    from perfcheck.lint.engine import Engine


class Evaluator:
    """One run over one body.

    ``values`` holds what each expression evaluated to, ``raised`` the events by (node, operator).
    """

    def __init__(
        self,
        engine: Engine,
        module: ModuleRecord,
        function: FunctionRef | None,
        node: FunctionNode | ast.Module,
        closure: Env | None,
        context: Env | None = None,
    ) -> None:
        self.engine = engine
        self.module = module
        self.function = function
        self.node = node
        self.class_ = engine.project.owner(function) if function is not None else None
        self.in_module = self.class_ is not None and engine.instances.of(self.class_).kind == "module"
        self.values: dict[ast.AST, Value] = {}
        self.raised: dict[tuple[ast.AST, str, str], Raised] = {}
        self.env: Env = {}
        self.closure = closure or {}
        self.context = context or {}  # what callers are known to hand to the parameters
        self.handed: dict[str, Env] = {}  # what this body hands to the parameters of others
        self.returns: list[Value] = []
        self.yields: list[Value] = []
        self.no_grad = 0
        self.default_device: Value | None = None  # of a `with torch.device(…)` around the statement
        self.on_host = function is not None and engine.is_host_side(function)
        self.local_functions: dict[str, FunctionNode] = {}
        self.evidence: frozenset[str] = frozenset()
        self.like_arrays: frozenset[str] = frozenset()  # on the device they are tensors, else arrays as often
        self.self_name = ""
        self.locals: set[str] = set()
        self.given: tuple[Value, ...] = ()  # the parameters, as the body begins

    # ---- running --------------------------------------------------------------------------------

    def begin(self) -> None:
        """Know the parameters."""
        if isinstance(self.node, ast.Module):
            return
        if self.function is not None:
            record = self.function.record
            self.locals = set(record.locals)
            arrays = record.arrays
            if self.engine.knows_arrays(self.module):  # of a module: what it is handed is in none
                forward = self._is_forward()
                self.like_arrays = arrays if forward else frozenset()
                arrays = arrays.intersection(record.params) if forward else frozenset()
            self.evidence = record.tensors | arrays
        if self.engine.runs_without_grad(self.function):
            self.no_grad = 1
        self.parameters(self.node)
        self.given = tuple(self.env.values())

    def _is_forward(self) -> bool:
        """Is it a module's ``forward``, or what stands in its place?"""
        name = "" if self.function is None else self.function.record.name
        return name in ("forward", "__call__") and self.in_module

    def run(self) -> None:
        self.begin()
        self.block(self.node.body)

    @property
    def returned(self) -> Value:
        if self.yields:
            return Value("list", element=join_all(self.yields))
        return join_all(self.returns) if self.returns else NONE

    @property
    def stored(self) -> Env:
        """Attributes of the method's own object, as they are at its end."""
        prefix = self.self_name + "."
        return {key[len(prefix) :]: value for key, value in self.env.items() if key.startswith(prefix)}

    def parameters(self, node: FunctionNode) -> None:
        arguments = node.args
        ordered = [*arguments.posonlyargs, *arguments.args]
        defaults: list[ast.expr | None] = [None] * (len(ordered) - len(arguments.defaults)) + list(
            arguments.defaults
        )
        ordered += arguments.kwonlyargs
        defaults += arguments.kw_defaults
        static = any(getattr(d, "id", "") == "staticmethod" for d in node.decorator_list)
        for position, (argument, default) in enumerate(zip(ordered, defaults)):
            name = argument.arg
            if position == 0 and self.class_ is not None and not static and name in ("self", "cls", "mcs"):
                self.self_name = name
                self.env[name] = self.engine.instances.of(self.class_)
                if name == "cls":
                    self.env[name] = Value("class", ref=self.class_.dotted)
                continue
            self.env[name] = parameter(self, argument, default)
        if arguments.vararg is not None:
            element = parameter(self, arguments.vararg, None)
            self.env[arguments.vararg.arg] = Value("tuple", element=element)
        if arguments.kwarg is not None:
            self.env[arguments.kwarg.arg] = DICT

    def annotation(self, node: ast.expr | None) -> Value:
        return self.engine.instances.annotated(self.module)(node)

    def resolve_static(self, node: ast.expr) -> str | None:
        """The dotted name of an annotation or a base, whatever local variables are called."""
        return self.engine.names.static(self.module, node)

    def attribute(self, owner: Value, name: str) -> Value:
        """An attribute of an instance whose class is known, as this body finds it."""
        function = self.function
        stores = function is not None and name in function.record.stores
        return self.engine.attribute(owner, name, function if stores else None)

    # ---- events ---------------------------------------------------------------------------------

    def emit(
        self,
        node: ast.AST,
        event: str,
        operator: str,
        certain: Truth,
        subject: ast.expr | None,
        usual: bool = False,
    ) -> None:
        key = (node, event, operator)
        known = self.raised.get(key)
        if known is not None and known.certain is True:
            return
        usual = usual or (known is not None and known.usual)
        self.raised[key] = Raised(node, event, operator, certain, subject, usual)  # type: ignore[arg-type]

    def operate(
        self,
        node: ast.AST,
        name: str,
        receiver: Argument | None,
        positional: list[Argument] | None = None,
        keywords: dict[str, Argument] | None = None,
        spread: bool = False,
    ) -> Value | None:
        """Apply an operator of the table; None if it has no such row."""
        operator = self.engine.operator(name)
        if operator is None:
            return None
        if self.default_device is not None and "device" not in (keywords or {}) and is_factory(operator):
            keywords = {**(keywords or {}), "device": Argument(self.default_device, None)}
        operands = bind(operator, receiver, positional or [], keywords or {}, spread)
        result, happenings = apply(operator, operands)
        about = operands.by_name.get("data")  # of `x.new_tensor(data)`, and the value of `writer.add_scalar`
        about = about or next((o for o in operands.all if o.value.kind not in _TOOLS), None)
        subject = about.node if about is not None else None
        for event, certain, variant, usual in happenings:
            label = f"{name}:{variant}" if variant else name
            self.emit(node, event, label, certain, subject, usual)
        if result.kind == "tensor" and self.no_grad and result.grad is not False:
            result = result._replace(grad=False)
        return result

    def dunder(self, name: str, value: Value, node: ast.expr, at: ast.AST | None = None) -> None:
        """The host reads a value through a special method: ``Tensor.__bool__``."""
        if value.kind == "tensor" and value.device is not False:
            self.operate(at or node, f"Tensor.{name}", Argument(value, node))

    # ---- statements and expressions -------------------------------------------------------------

    def block(self, statements: list[ast.stmt]) -> bool:
        """Run statements; False if control cannot reach their end."""
        for statement in statements:
            handler = STATEMENTS.get(type(statement))
            if handler is not None and handler(self, statement) is False:
                return False
        return True

    def expr(self, node: ast.expr) -> Value:
        value = EXPRESSIONS[type(node)](self, node)
        self.values[node] = value
        return value

    def truth(self, node: ast.expr) -> Value:
        """Evaluate a condition."""
        if isinstance(node, ast.BoolOp):
            entry = self.env
            for part in node.values:
                self.truth(part)
                self.env = dict(self.env)
                narrow(self, part, isinstance(node.op, ast.And))
            self.env = entry
            self.values[node] = BOOL
            return BOOL
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self.truth(node.operand)
            self.values[node] = BOOL
            return BOOL
        value = self.expr(node)
        self.dunder("__bool__", value, node)
        return value

    def resolve(self, node: ast.AST | None) -> str | None:
        """The dotted name that a Name or Attribute stands for."""
        if node is None:
            return None
        value = self.values.get(node)
        if value is None:
            if isinstance(node, (ast.Name, ast.Attribute)):
                value = self.expr(node)
            else:
                return None
        if value.kind in ("python-module", "function", "class") and value.ref:
            return value.ref
        return None


_TOOLS = ("host", "str")
"""Kinds of what takes or names data, and is none: a writer, a tag."""
