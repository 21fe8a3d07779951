"""Abstract interpretation of one body, forwards: what every expression is, and which events it raises.

Branches are joined, loops run until what they bind is stable (twice), and calls are answered by the operator
table, by summaries of the project's functions, or by what libraries are known to return.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

from perfcheck.events import Truth
from perfcheck.lint.annotations import annotated
from perfcheck.lint.calls import call, member
from perfcheck.lint.conditions import Argument
from perfcheck.lint.facts import Raised
from perfcheck.lint.index import FunctionNode, ModuleRecord
from perfcheck.lint.operations import apply, bind, elementwise_rank, operand_device
from perfcheck.lint.project import FunctionRef
from perfcheck.lint.values import (
    ARRAY,
    BOOL,
    DICT,
    HOST,
    INT,
    NONE,
    STR,
    UNKNOWN,
    Dtype,
    Value,
    any_of,
    elements,
    join,
    join_all,
)

if TYPE_CHECKING:
    from perfcheck.lint.engine import Engine

Env = dict[str, Value]


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
    ) -> None:
        self.engine = engine
        self.module = module
        self.function = function
        self.node = node
        self.class_ = engine.project.owner(function) if function is not None else None
        self.values: dict[ast.AST, Value] = {}
        self.raised: dict[tuple[ast.AST, str, str], Raised] = {}
        self.env: Env = {}
        self.closure = closure or {}
        self.returns: list[Value] = []
        self.yields: list[Value] = []
        self.no_grad = 0
        self.on_host = function is not None and engine.is_host_side(function)
        self.local_functions: dict[str, FunctionNode] = {}
        self.evidence: frozenset[str] = frozenset()
        self.self_name = ""
        self.locals: set[str] = set()
        self.given: tuple[Value, ...] = ()  # the parameters, as the body begins

    # ---- running --------------------------------------------------------------------------------

    def run(self) -> None:
        if isinstance(self.node, ast.Module):
            self.block(self.node.body)
            return
        if self.function is not None:
            record = self.function.record
            self.locals = set(record.locals)
            alone = self.engine.knows_arrays(self.module)
            self.evidence = record.tensors if alone else record.tensors | record.arrays
        if self.engine.runs_without_grad(self.function):
            self.no_grad = 1
        self.parameters(self.node)
        self.given = tuple(self.env.values())
        self.block(self.node.body)

    @property
    def returned(self) -> Value:
        if self.yields:
            return Value("list", element=join_all(self.yields))
        return join_all(self.returns) if self.returns else NONE

    def parameters(self, node: FunctionNode) -> None:
        arguments = node.args
        ordered = [*arguments.posonlyargs, *arguments.args]
        defaults: list[ast.expr | None] = [None] * (len(ordered) - len(arguments.defaults)) + list(
            arguments.defaults
        )
        ordered += arguments.kwonlyargs
        defaults += arguments.kw_defaults
        static = any(getattr(d, "id", "") == "staticmethod" for d in node.decorator_list)
        for position, (parameter, default) in enumerate(zip(ordered, defaults)):
            name = parameter.arg
            if position == 0 and self.class_ is not None and not static and name in ("self", "cls", "mcs"):
                self.self_name = name
                self.env[name] = self.engine.instance_of(self.class_)
                if name == "cls":
                    self.env[name] = Value("class", ref=self.class_.dotted)
                continue
            self.env[name] = self.engine.parameter(self, parameter, default)
        if arguments.vararg is not None:
            element = self.engine.parameter(self, arguments.vararg, None)
            self.env[arguments.vararg.arg] = Value("tuple", element=element)
        if arguments.kwarg is not None:
            self.env[arguments.kwarg.arg] = DICT

    def annotation(self, node: ast.expr | None) -> Value:
        return annotated(node, self.resolve_static, self.engine.instance_named(self.module))

    def resolve_static(self, node: ast.expr) -> str | None:
        """The dotted name of an annotation or a base, whatever local variables are called."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        parts.append(node.id)
        name = ".".join(reversed(parts))
        return self.engine.dotted_name(self.module, name)

    # ---- events ---------------------------------------------------------------------------------

    def emit(
        self, node: ast.AST, event: str, operator: str, certain: Truth, subject: ast.expr | None
    ) -> None:
        key = (node, event, operator)
        known = self.raised.get(key)
        if known is not None and known.certain is True:
            return
        self.raised[key] = Raised(node, event, operator, certain, subject)  # type: ignore[arg-type]

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
        operands = bind(operator, receiver, positional or [], keywords or {}, spread)
        result, happenings = apply(operator, operands)
        subject = operands.all[0].node if operands.all else None
        for event, certain, variant in happenings:
            label = f"{name}:{variant}" if variant else name
            self.emit(node, event, label, certain, subject)
        if result.kind == "tensor" and self.no_grad and result.grad is not False:
            result = result._replace(grad=False)
        return result

    def dunder(self, name: str, value: Value, node: ast.expr, at: ast.AST | None = None) -> None:
        """The host reads a value through a special method: ``Tensor.__bool__``."""
        if value.kind == "tensor" and value.device is not False:
            self.operate(at or node, f"Tensor.{name}", Argument(value, node))

    def truth(self, node: ast.expr) -> Value:
        """Evaluate a condition."""
        if isinstance(node, ast.BoolOp):
            entry = self.env
            narrowed = entry
            for part in node.values:
                self.truth(part)
                if isinstance(node.op, ast.And):
                    narrowed = dict(self.env)
                    self.env = narrowed
                    self.narrow(part, True)
                else:
                    narrowed = dict(self.env)
                    self.env = narrowed
                    self.narrow(part, False)
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

    # ---- statements -----------------------------------------------------------------------------

    def block(self, statements: list[ast.stmt]) -> bool:
        """Run statements; False if control cannot reach their end."""
        for statement in statements:
            handler = _STATEMENTS.get(type(statement))
            if handler is not None and handler(self, statement) is False:
                return False
        return True

    def s_expr(self, node: ast.Expr) -> None:
        self.expr(node.value)

    def s_assign(self, node: ast.Assign) -> None:
        value = self.expr(node.value)
        for target in node.targets:
            self.bind(target, value, node.value)

    def s_annassign(self, node: ast.AnnAssign) -> None:
        promised = self.annotation(node.annotation)
        if node.value is None:
            self.bind(node.target, promised, None)
            return
        value = self.expr(node.value)
        if value.kind in ("unknown", "none") or (value.kind in ("list", "dict") and value.element is None):
            value = promised if promised.kind != "unknown" else value
        self.bind(node.target, value, node.value)

    def s_augassign(self, node: ast.AugAssign) -> None:
        right = self.expr(node.value)
        target = node.target
        left = self.expr(target)
        self.values[target] = left
        result = self.arithmetic(left, right, node.op)
        self.bind(target, result, node.value)

    def s_return(self, node: ast.Return) -> bool:
        self.returns.append(NONE if node.value is None else self.expr(node.value))
        return False

    def s_raise(self, node: ast.Raise) -> bool:
        if node.exc is not None:
            self.expr(node.exc)
        return False

    def s_jump(self, node: ast.stmt) -> bool:
        return False

    def s_if(self, node: ast.If) -> bool:
        self.truth(node.test)
        before = self.env
        self.env = dict(before)
        self.narrow(node.test, True)
        before_branch = len(self.returns)
        then_reaches = self.block(node.body)
        if _while_compiling(node.test):
            del self.returns[before_branch:]  # eager code never gets these
        then_env = self.env
        self.env = dict(before)
        self.narrow(node.test, False)
        else_reaches = self.block(node.orelse)
        if then_reaches and else_reaches:
            self.env = _merge(then_env, self.env)
        elif then_reaches:
            self.env = then_env
        return then_reaches or else_reaches

    def s_for(self, node: ast.For | ast.AsyncFor) -> None:
        iterable = self.expr(node.iter)
        element = elements(iterable)
        if iterable.kind == "tensor":
            self.operate(node.iter, "Tensor.__iter__", Argument(iterable, node.iter))
        self.repeat(node.body, lambda: self.bind(node.target, element, None))
        self.block(node.orelse)

    def s_while(self, node: ast.While) -> None:
        self.truth(node.test)
        self.repeat(node.body, lambda: self.narrow(node.test, True))
        self.truth(node.test)
        self.block(node.orelse)

    def repeat(self, body: list[ast.stmt], enter: Callable[[], None]) -> None:
        before = dict(self.env)
        enter()
        self.block(body)
        after = _merge(before, self.env)
        if _differs(before, after, self.env):
            self.env = dict(after)
            enter()
            self.block(body)
            after = _merge(after, self.env)
        self.env = after

    def s_with(self, node: ast.With | ast.AsyncWith) -> bool:
        quiet = 0
        for item in node.items:
            value = self.expr(item.context_expr)
            if self.engine.switches_grad_off(self.resolve(_callee(item.context_expr))):
                quiet += 1
            if item.optional_vars is not None:
                self.bind(item.optional_vars, value if value.kind != "host" else UNKNOWN, None)
        self.no_grad += quiet
        reaches = self.block(node.body)
        self.no_grad -= quiet
        return reaches

    def s_try(self, node: ast.Try) -> bool:
        before = dict(self.env)
        reaches = self.block(node.body)
        if reaches:
            reaches = self.block(node.orelse)
        merged = self.env if reaches else None
        for handler in node.handlers:
            self.env = _merge(before, self.env) if reaches else dict(before)
            if handler.name:
                self.env[handler.name] = HOST
            if self.block(handler.body):
                merged = self.env if merged is None else _merge(merged, self.env)
        self.env = before if merged is None else merged
        ends = self.block(node.finalbody)
        return ends and (merged is not None or reaches)

    def s_assert(self, node: ast.Assert) -> bool:
        if isinstance(node.test, ast.Constant) and not node.test.value:
            return False
        self.truth(node.test)
        self.narrow(node.test, True)
        if node.msg is not None:
            entry = self.raised.copy()
            self.expr(node.msg)  # evaluated only when it fails: raises nothing that counts
            self.raised = entry
        return True

    def s_function(self, node: FunctionNode) -> None:
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                self.expr(default)
        self.local_functions[node.name] = node
        prefix = (
            self.function.record.qualname + "."
            if self.function is not None and self.function.record.qualname
            else ""
        )
        self.env[node.name] = Value("function", ref=f"{self.module.name}.{prefix}{node.name}")

    def s_class(self, node: ast.ClassDef) -> None:
        prefix = (
            self.function.record.qualname + "."
            if self.function is not None and self.function.record.qualname
            else ""
        )
        self.env[node.name] = Value("class", ref=f"{self.module.name}.{prefix}{node.name}")

    def s_delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.env.pop(target.id, None)

    def s_import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            local = alias.asname or alias.name.partition(".")[0]
            self.env.pop(local, None)
            self.locals.discard(local)

    def s_match(self, node: ast.Match) -> bool:
        self.expr(node.subject)
        before = self.env
        merged: Env | None = None
        for case in node.cases:
            self.env = dict(before)
            for part in ast.walk(case.pattern):
                if isinstance(part, ast.MatchAs) and part.name:
                    self.env[part.name] = UNKNOWN
            if self.block(case.body):
                merged = self.env if merged is None else _merge(merged, self.env)
        self.env = before if merged is None else _merge(before, merged)
        return True

    # ---- binding --------------------------------------------------------------------------------

    def bind(self, target: ast.expr, value: Value, source: ast.expr | None) -> None:
        if isinstance(target, ast.Name):
            self.env[target.id] = self.believe(target.id, value)
            self.values[target] = value
        elif isinstance(target, (ast.Tuple, ast.List)):
            self.unpack(target, value)
        elif isinstance(target, ast.Attribute):
            self.expr(target.value)
            if isinstance(target.value, ast.Name):
                self.env[f"{target.value.id}.{target.attr}"] = value
            self.values[target] = value
        elif isinstance(target, ast.Subscript):
            container = self.expr(target.value)
            index = self.expr(target.slice)
            self.values[target] = value
            if container.kind == "tensor":
                self.operate(
                    target,
                    "Tensor.__setitem__",
                    Argument(container, target.value),
                    [Argument(index, target.slice), Argument(value, source)],
                )
            elif container.kind == "array":
                self.dunder("__array__", value, source or target)
                if value.kind == "tensor" and value.device:
                    self.emit(target, "host-sync", "Tensor.__array__", value.device, source)
            elif container.kind in ("list", "dict") and isinstance(target.value, (ast.Name, ast.Attribute)):
                grown = join(container.element, value) if container.element is not None else value
                self.rebind(target.value, container._replace(element=grown, items=None, keys=None))
            if index.kind == "tensor" and index.on_device and container.kind in ("list", "tuple"):
                self.dunder("__index__", index, target.slice)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, Value("list", element=elements(value)), source)

    def rebind(self, target: ast.expr, value: Value) -> None:
        """A container changed in place."""
        if isinstance(target, ast.Name):
            self.env[target.id] = value
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            self.env[f"{target.value.id}.{target.attr}"] = value

    def unpack(self, target: ast.Tuple | ast.List, value: Value) -> None:
        parts = target.elts
        starred = [i for i, part in enumerate(parts) if isinstance(part, ast.Starred)]
        if value.items is not None and len(value.items) == len(parts) and not starred:
            for part, item in zip(parts, value.items):
                self.bind(part, item, None)
            return
        element = elements(value)
        for part in parts:
            self.bind(part, element, None)

    def believe(self, name: str, value: Value) -> Value:
        """An unknown value that is used like a tensor is one."""
        if value.kind == "unknown" and name in self.evidence:
            device = value.device if value.device is not None or value.batch or self.on_host else True
            return value._replace(kind="tensor", device=device, assumed=True)
        return value

    # ---- narrowing ------------------------------------------------------------------------------

    def narrow(self, test: ast.expr, outcome: bool) -> None:
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            self.narrow(test.operand, not outcome)
        elif isinstance(test, ast.BoolOp):
            if isinstance(test.op, ast.And) is outcome:
                for part in test.values:
                    self.narrow(part, outcome)
        elif isinstance(test, ast.Call):
            self.narrow_call(test, outcome)
        elif isinstance(test, ast.Compare) and len(test.ops) == 1:
            right = test.comparators[0]
            key = _key(test.left)
            if key and isinstance(right, ast.Constant) and right.value is None:
                is_none = isinstance(test.ops[0], ast.Is) is outcome
                known = self.env.get(key)
                if is_none and isinstance(test.ops[0], (ast.Is, ast.IsNot)):
                    self.env[key] = NONE
                elif known is not None and known.kind == "none":
                    self.env[key] = UNKNOWN
            on_cpu = (
                isinstance(right, ast.Constant) and right.value == "cpu" and isinstance(test.ops[0], ast.Eq)
            )
            if on_cpu and outcome and key.endswith(".device.type"):
                owner = key.removesuffix(".device.type")
                if owner in self.env and self.env[owner].kind == "tensor":
                    self.env[owner] = self.env[owner]._replace(device=False)
        elif isinstance(test, ast.Attribute) and test.attr == "is_cuda":
            key = _key(test.value)
            if key and key in self.env and self.env[key].kind == "tensor":
                self.env[key] = self.env[key]._replace(device=outcome)

    def narrow_call(self, test: ast.Call, outcome: bool) -> None:
        if isinstance(test.func, ast.Name) and test.func.id in ("isinstance", "is_tensor") and test.args:
            key = _key(test.args[0])
            if not key:
                return
            known = self.env.get(key, self.values.get(test.args[0], UNKNOWN))
            wanted = (
                Value("tensor", True, assumed=True) if test.func.id == "is_tensor"
                else self.type_named(test.args[1]) if len(test.args) > 1 else UNKNOWN
            )  # fmt: skip
        elif self.resolve(test.func) == "torch.is_tensor" and test.args:
            key = _key(test.args[0])
            known = self.env.get(key, UNKNOWN)
            wanted = Value("tensor", True, assumed=True)
        else:
            return
        if not key:
            return
        if outcome:
            if wanted.kind == "unknown":
                if known.kind == "tensor":
                    self.env[key] = UNKNOWN
            elif known.kind in ("number", "str", "none") and wanted.kind == "tensor":
                self.env[key] = UNKNOWN  # cannot be: the branch is for other callers
            elif wanted.kind != known.kind:
                device = known.device if known.kind in ("unknown", "list") else wanted.device
                if wanted.kind == "tensor":
                    wanted = wanted._replace(
                        device=True if device is None and known.origin else device,
                        batch=known.batch,
                        origin=known.origin,
                    )
                self.env[key] = wanted
        elif wanted.kind == known.kind and known.kind in ("tensor", "number", "str", "array"):
            self.env[key] = UNKNOWN

    def type_named(self, node: ast.expr) -> Value:
        """The instance type in ``isinstance(x, ...)``."""
        if isinstance(node, ast.Tuple):
            found = {self.type_named(part) for part in node.elts}
            return found.pop() if len(found) == 1 else UNKNOWN
        return self.annotation(node)

    # ---- expressions ----------------------------------------------------------------------------

    def expr(self, node: ast.expr) -> Value:
        value = _EXPRESSIONS[type(node)](self, node)
        self.values[node] = value
        return value

    def e_constant(self, node: ast.Constant) -> Value:
        return _constant(node.value)

    def e_name(self, node: ast.Name) -> Value:
        name = node.id
        found = self.env.get(name)
        if found is not None:
            return found
        if name in self.locals and not isinstance(self.node, ast.Module):
            return Value(kind="tensor", assumed=True) if name in self.evidence else UNKNOWN
        found = self.closure.get(name)
        if found is not None:
            return found
        return self.engine.global_value(self.module, name, isinstance(self.node, ast.Module))

    def e_attribute(self, node: ast.Attribute) -> Value:
        if isinstance(node.value, ast.Name):
            known = self.env.get(f"{node.value.id}.{node.attr}")
            if known is not None:
                self.expr(node.value)
                return known
        return member(self, self.expr(node.value), node)

    def e_call(self, node: ast.Call) -> Value:
        return call(self, node)

    def e_binop(self, node: ast.BinOp) -> Value:
        left, right = self.expr(node.left), self.expr(node.right)
        if isinstance(node.op, ast.Mod) and left.kind == "str":
            inside = right.items if right.items is not None else (right,)
            nodes = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
            for value, part in zip(inside, nodes):
                self.dunder("__format__", value, part)
            return STR
        return self.arithmetic(left, right, node.op)

    def arithmetic(self, left: Value, right: Value, op: ast.operator) -> Value:
        if left.kind == "tensor" or right.kind == "tensor":
            pair = [v for v in (left, right) if v.kind == "tensor"]
            other = right if left.kind == "tensor" else left
            if other.kind in ("module", "str", "list"):
                return UNKNOWN
            return self.elementwise(pair, [left, right], _result_dtype(left, right, op))
        kinds = {left.kind, right.kind}
        if "array" in kinds:
            return ARRAY
        if kinds == {"number"}:
            return Value(
                "number",
                dtype=None if isinstance(op, ast.Div) else left.dtype if left.dtype == right.dtype else None,
            )
        if "str" in kinds:
            return STR
        if kinds <= {"list", "tuple", "size"} and isinstance(op, ast.Add):
            if left.items is not None and right.items is not None:
                return Value(left.kind, items=left.items + right.items)
            return Value("list", element=join(elements(left), elements(right)))
        if isinstance(op, ast.Mult) and "list" in kinds and left.kind != right.kind:
            return Value("list", element=elements(left if left.kind == "list" else right))
        if isinstance(op, ast.Mult) and "tuple" in kinds and left.kind != right.kind:
            return Value("tuple", element=elements(left if left.kind == "tuple" else right))
        if kinds == {"unknown", "number"} or kinds == {"unknown"}:
            batch = left.batch or right.batch
            device = True if True in (left.device, right.device) else False if batch else None
            return Value(
                device=device, batch=batch, pinned=False if batch else None, origin=left.origin | right.origin
            )
        return UNKNOWN

    def elementwise(self, tensors: list[Value], operands: list[Value], dtype: Dtype | None) -> Value:
        return Value(
            "tensor",
            operand_device(tensors),
            dtype,
            elementwise_rank(operands) if all(v.kind in ("tensor", "number") for v in operands) else None,
            None,
            None,
            False if self.no_grad else any_of([t.grad for t in tensors]),
            origin=frozenset().union(*(t.origin for t in tensors)),
            assumed=any(t.assumed for t in tensors),
        )

    def e_unaryop(self, node: ast.UnaryOp) -> Value:
        if isinstance(node.op, ast.Not):
            self.truth(node.operand)
            return BOOL
        value = self.expr(node.operand)
        if isinstance(node.op, ast.Invert) and value.kind == "tensor" and value.dtype is None:
            return value._replace(dtype="bool", contiguous=None)  # what ``~mask`` is written for
        if value.has_const and isinstance(value.const, (int, float)) and isinstance(node.op, ast.USub):
            return _constant(-value.const)
        return (
            value._replace(const=NONE.const, contiguous=None)._replace(const=UNKNOWN.const)
            if value.has_const
            else value
        )

    def e_boolop(self, node: ast.BoolOp) -> Value:
        found: list[Value] = []
        entry = self.env
        last = len(node.values) - 1
        for position, part in enumerate(node.values):
            value = self.expr(part)
            if position < last:
                self.dunder("__bool__", value, part)
                self.env = dict(self.env)
                self.narrow(part, isinstance(node.op, ast.And))
            found.append(value)
        self.env = entry
        return join_all(found)

    def e_compare(self, node: ast.Compare) -> Value:
        left = self.expr(node.left)
        result: Value = BOOL
        left_node = node.left
        for op, right_node in zip(node.ops, node.comparators):
            right = self.expr(right_node)
            result = self.compare(left, op, right, left_node, right_node, node)
            if len(node.ops) > 1 and result.kind == "tensor":
                self.dunder("__bool__", result, left_node, node)
            left, left_node = right, right_node
        return result

    def compare(
        self,
        left: Value,
        op: ast.cmpop,
        right: Value,
        left_node: ast.expr,
        right_node: ast.expr,
        node: ast.Compare,
    ) -> Value:
        if isinstance(op, (ast.Is, ast.IsNot)):
            return BOOL
        if isinstance(op, (ast.In, ast.NotIn)):
            if right.kind == "tensor":
                self.dunder("__contains__", right, right_node, node)
            elif (
                left.kind == "tensor"
                and left.device
                and right.kind in ("list", "tuple", "set")
                and right.kind != "set"
            ):
                self.operate(node, "Tensor.__bool__", Argument(left, left_node))
            elif right.kind in ("list", "tuple") and elements(right).on_device and left.kind != "str":
                self.operate(node, "Tensor.__bool__", Argument(elements(right), right_node))
            return BOOL
        tensors = [v for v in (left, right) if v.kind == "tensor"]
        if tensors:
            other = right if left.kind == "tensor" else left
            if other.kind in ("none", "str", "device", "dtype", "size"):
                return BOOL
            return self.elementwise(tensors, [left, right], "bool")
        if "array" in (left.kind, right.kind):
            return ARRAY
        if left.kind == "unknown" or right.kind == "unknown":
            device = True if True in (left.device, right.device) else None
            return Value(device=device, dtype="bool", origin=left.origin | right.origin)
        return BOOL

    def e_subscript(self, node: ast.Subscript) -> Value:
        container = self.expr(node.value)
        index = self.expr(node.slice)
        kind = container.kind
        if kind == "tensor":
            result = self.operate(
                node, "Tensor.__getitem__", Argument(container, node.value), [Argument(index, node.slice)]
            )
            return _indexed(container, index, result)
        if kind in ("list", "tuple"):
            if index.kind == "tensor":
                self.dunder("__index__", index, node.slice)
            if (
                container.items is not None
                and isinstance(index.const, int)
                and -len(container.items) <= index.const < len(container.items)
            ):
                return container.items[index.const]
            if isinstance(node.slice, ast.Slice):
                return (
                    container._replace(items=None, element=elements(container))
                    if container.items is None
                    else _sliced(container, node.slice)
                )
            return elements(container)
        if kind == "dict":
            if container.keys is not None and isinstance(index.const, str):
                for key, value in container.keys:
                    if key == index.const:
                        return value
            if container.element is not None:
                return container.element
            return UNKNOWN
        if kind == "size":
            return container if isinstance(node.slice, ast.Slice) else INT
        if kind == "array":
            if index.kind == "tensor" and index.device:
                self.emit(node, "host-sync", "Tensor.__array__", index.device, node.slice)
            return ARRAY
        if kind == "str":
            return STR
        if kind == "module":
            return Value("module", device=True, assumed=True)
        if kind == "unknown":
            return Value(
                device=container.device,
                batch=container.batch,
                pinned=container.pinned,
                origin=container.origin,
            )
        return UNKNOWN

    def e_slice(self, node: ast.Slice) -> Value:
        bounds = tuple(self.expr(bound) for bound in (node.lower, node.upper, node.step) if bound is not None)
        return Value("host", items=bounds, ref="slice")

    def e_tuple(self, node: ast.Tuple | ast.List) -> Value:
        values = [self.expr(part) for part in node.elts]
        kind = "tuple" if isinstance(node, ast.Tuple) else "list"
        if any(isinstance(part, ast.Starred) for part in node.elts):
            return Value(kind, element=join_all(values))  # type: ignore[arg-type]
        return Value(kind, items=tuple(values))  # type: ignore[arg-type]

    def e_set(self, node: ast.Set) -> Value:
        return Value("set", element=join_all([self.expr(part) for part in node.elts]))

    def e_dict(self, node: ast.Dict) -> Value:
        found: list[tuple[str, Value]] = []
        everything: list[Value] = []
        for key, item in zip(node.keys, node.values):
            value = self.expr(item)
            if key is None:
                everything.append(elements(value))
                continue
            name = self.expr(key)
            everything.append(value)
            if isinstance(name.const, str):
                found.append((name.const, value))
        complete = len(found) == len(node.keys)
        return Value(
            "dict",
            element=join_all(everything) if everything else None,
            keys=tuple(found) if complete else None,
        )

    def e_starred(self, node: ast.Starred) -> Value:
        return elements(self.expr(node.value))

    def e_ifexp(self, node: ast.IfExp) -> Value:
        self.truth(node.test)
        before = self.env
        self.env = dict(before)
        self.narrow(node.test, True)
        then = self.expr(node.body)
        self.env = dict(before)
        self.narrow(node.test, False)
        otherwise = self.expr(node.orelse)
        self.env = before
        return join(then, otherwise)

    def e_comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Value:
        before = self.env
        self.env = dict(before)
        for generator in node.generators:
            iterable = self.expr(generator.iter)
            self.bind(generator.target, elements(iterable), None)
            for test in generator.ifs:
                self.truth(test)
                self.narrow(test, True)
        if isinstance(node, ast.DictComp):
            self.expr(node.key)
            element = self.expr(node.value)
        else:
            element = self.expr(node.elt)
        self.env = before
        kind = {ast.DictComp: "dict", ast.SetComp: "set"}.get(type(node), "list")
        return Value(kind, element=element)  # type: ignore[arg-type]

    def e_lambda(self, node: ast.Lambda) -> Value:
        before = self.env
        self.env = dict(before)
        for parameter in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
            self.env[parameter.arg] = UNKNOWN
        result = self.expr(node.body)
        self.env = before
        return Value("function", element=result if not result.origin else None)

    def e_joined(self, node: ast.JoinedStr) -> Value:
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                value = self.expr(part.value)
                if part.format_spec is not None:
                    self.expr(part.format_spec)
                self.dunder("__format__", value, part.value)
        return STR

    def e_formatted(self, node: ast.FormattedValue) -> Value:
        self.dunder("__format__", self.expr(node.value), node.value)
        return STR

    def e_await(self, node: ast.Await) -> Value:
        return self.expr(node.value)

    def e_yield(self, node: ast.Yield) -> Value:
        self.yields.append(NONE if node.value is None else self.expr(node.value))
        return UNKNOWN

    def e_yieldfrom(self, node: ast.YieldFrom) -> Value:
        self.yields.append(elements(self.expr(node.value)))
        return UNKNOWN

    def e_named(self, node: ast.NamedExpr) -> Value:
        value = self.expr(node.value)
        self.bind(node.target, value, node.value)
        return value

    def e_other(self, node: ast.expr) -> Value:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.expr(child)
        return UNKNOWN

    # ---- names ----------------------------------------------------------------------------------

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


def _while_compiling(test: ast.expr) -> bool:
    """``torch.compiler.is_compiling()`` and its relatives."""
    name = test.func if isinstance(test, ast.Call) else test
    last = name.attr if isinstance(name, ast.Attribute) else name.id if isinstance(name, ast.Name) else ""
    return last in ("is_compiling", "is_dynamo_compiling", "is_scripting", "is_tracing", "is_exporting")


def _callee(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def _key(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    parts.append(node.id)
    return ".".join(reversed(parts))


def _constant(value: object) -> Value:
    if value is None:
        return NONE
    if value is True or value is False:
        return Value("number", dtype="bool", const=value)
    if isinstance(value, int):
        return Value("number", dtype="int", const=value)
    if isinstance(value, (float, complex)):
        return Value("number", dtype="float", const=value)
    if isinstance(value, (str, bytes)):
        return Value("str", const=value)
    return Value("number", ref="ellipsis")


def _result_dtype(left: Value, right: Value, op: ast.operator) -> Dtype | None:
    if isinstance(op, ast.Div):
        return "float"
    dtypes = {left.dtype, right.dtype}
    if "float" in dtypes:
        return "float"
    if None in dtypes:
        return None
    if dtypes == {"bool"}:
        return "bool" if isinstance(op, (ast.BitAnd, ast.BitOr, ast.BitXor)) else "int"
    return "int"


def _sliced(container: Value, node: ast.Slice) -> Value:
    def bound(part: ast.expr | None) -> int | None:
        if part is None:
            return None
        try:
            value = ast.literal_eval(part)
        except (ValueError, TypeError):
            return -1_000_000
        return value if isinstance(value, int) else -1_000_000

    low, high = bound(node.lower), bound(node.upper)
    if -1_000_000 in (low, high) or container.items is None:
        return container._replace(items=None, element=elements(container))
    return container._replace(items=container.items[low:high])


def _indexed(container: Value, index: Value, result: Value | None) -> Value:
    parts = list(index.items) if index.kind == "tuple" and index.items is not None else [index]
    rank = container.rank
    if rank is not None:
        for part in parts:
            if part.kind == "number" and part.ref != "ellipsis":
                rank -= 1
            elif part.kind == "none":
                rank += 1
            elif part.kind in ("host",) or (part.kind == "number" and part.ref == "ellipsis"):
                continue
            elif part.kind == "tensor" and part.rank is not None and part.dtype == "int" and len(parts) == 1:
                rank += part.rank - 1
            elif part.kind == "tensor" and part.dtype == "bool" and part.rank == rank and len(parts) == 1:
                rank = 1
            else:
                rank = None
                break
        if rank is not None and rank < 0:
            rank = None
    elif len(parts) == 1 and parts[0].kind == "tensor" and parts[0].dtype == "bool":
        rank = None
    plain = all(part.kind in ("number", "host", "none") for part in parts)
    return container._replace(
        rank=rank,
        contiguous=None if plain else True,
        const=UNKNOWN.const,
        grad=container.grad if result is None else result.grad,
    )


def _merge(a: Env, b: Env) -> Env:
    if a is b:
        return a
    merged = dict(a)
    for name, value in b.items():
        other = merged.get(name)
        if other is None:
            merged[name] = value
        elif other is not value:
            merged[name] = join(other, value)
    return merged


def _differs(before: Env, after: Env, last: Env) -> bool:
    for name, value in after.items():
        known = before.get(name)
        if known is not value and known != value and known is not None:
            return True
    return False


_STATEMENTS: dict[type, Callable[..., bool | None]] = {
    ast.Expr: Evaluator.s_expr,
    ast.Assign: Evaluator.s_assign,
    ast.AnnAssign: Evaluator.s_annassign,
    ast.AugAssign: Evaluator.s_augassign,
    ast.Return: Evaluator.s_return,
    ast.Raise: Evaluator.s_raise,
    ast.Break: Evaluator.s_jump,
    ast.Continue: Evaluator.s_jump,
    ast.If: Evaluator.s_if,
    ast.For: Evaluator.s_for,
    ast.AsyncFor: Evaluator.s_for,
    ast.While: Evaluator.s_while,
    ast.With: Evaluator.s_with,
    ast.AsyncWith: Evaluator.s_with,
    ast.Try: Evaluator.s_try,
    ast.Assert: Evaluator.s_assert,
    ast.FunctionDef: Evaluator.s_function,
    ast.AsyncFunctionDef: Evaluator.s_function,
    ast.ClassDef: Evaluator.s_class,
    ast.Delete: Evaluator.s_delete,
    ast.Import: Evaluator.s_import,
    ast.ImportFrom: Evaluator.s_import,
    ast.Match: Evaluator.s_match,
}
if hasattr(ast, "TryStar"):
    _STATEMENTS[ast.TryStar] = Evaluator.s_try

_EXPRESSIONS: dict[type, Callable[..., Value]] = {
    ast.Constant: Evaluator.e_constant,
    ast.Name: Evaluator.e_name,
    ast.Attribute: Evaluator.e_attribute,
    ast.Call: Evaluator.e_call,
    ast.BinOp: Evaluator.e_binop,
    ast.UnaryOp: Evaluator.e_unaryop,
    ast.BoolOp: Evaluator.e_boolop,
    ast.Compare: Evaluator.e_compare,
    ast.Subscript: Evaluator.e_subscript,
    ast.Slice: Evaluator.e_slice,
    ast.Tuple: Evaluator.e_tuple,
    ast.List: Evaluator.e_tuple,
    ast.Set: Evaluator.e_set,
    ast.Dict: Evaluator.e_dict,
    ast.Starred: Evaluator.e_starred,
    ast.IfExp: Evaluator.e_ifexp,
    ast.ListComp: Evaluator.e_comprehension,
    ast.SetComp: Evaluator.e_comprehension,
    ast.GeneratorExp: Evaluator.e_comprehension,
    ast.DictComp: Evaluator.e_comprehension,
    ast.Lambda: Evaluator.e_lambda,
    ast.JoinedStr: Evaluator.e_joined,
    ast.FormattedValue: Evaluator.e_formatted,
    ast.Await: Evaluator.e_await,
    ast.Yield: Evaluator.e_yield,
    ast.YieldFrom: Evaluator.e_yieldfrom,
    ast.NamedExpr: Evaluator.e_named,
}
for _name in ("TemplateStr", "Interpolation"):  # Python 3.14
    if hasattr(ast, _name):
        _EXPRESSIONS[getattr(ast, _name)] = Evaluator.e_other
