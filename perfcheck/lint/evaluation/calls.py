"""What a call returns, by what is called."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from perfcheck.lint.dotted import dotted
from perfcheck.lint.evaluation.arguments import Arguments, surely_on_host, unknown_result
from perfcheck.lint.evaluation.attributes import INSTANCES
from perfcheck.lint.evaluation.builtin_functions import apply_lambda
from perfcheck.lint.evaluation.libraries import external
from perfcheck.lint.evaluation.methods import method
from perfcheck.lint.evaluation.modules import call_module
from perfcheck.lint.loops import calls_model
from perfcheck.lint.project import ClassRef, FunctionRef
from perfcheck.lint.values import ACCELERATOR, HOST_TENSOR, TOKENIZED, UNKNOWN, Value, elements

if TYPE_CHECKING:
    from perfcheck.lint.evaluation.evaluator import Evaluator


def call(ev: Evaluator, node: ast.Call) -> Value:
    result = _call(ev, node)
    if result.kind == "unknown":
        func = node.func
        last = func.attr if type(func) is ast.Attribute else func.id if type(func) is ast.Name else ""
        if last == "device" or last.endswith("_device"):
            return ACCELERATOR  # get_device(), comm.local_torch_device()
        if "map" in last or "apply" in last:
            return _mapped(ev, node, result)
        gives = _GIVES_BATCH.match(last) or (last.startswith("sample") and _keeps_samples(func))
        if gives and result.device is None:
            return result._replace(batch=True)
        if any(k.arg == "return_tensors" for k in node.keywords):
            return _processed(last, {keyword.arg for keyword in node.keywords})
    return result


def _processed(name: str, keywords: set[str | None]) -> Value:
    """What a tokenizer or an image processor makes lies on the host."""
    alone = name == "encode" or (name == "apply_chat_template" and "return_dict" not in keywords)
    part = HOST_TENSOR._replace(ref=TOKENIZED)
    return part if alone else Value("dict", ref=TOKENIZED, element=part)


def _keeps_samples(func: ast.expr) -> bool:
    """``replay_buffer.sample``, ``self.memory.sample_batch``"""
    return isinstance(func, ast.Attribute) and _STORE.search(dotted(func.value)) is not None


_GIVES_BATCH = re.compile(r"^(get|next|fetch|draw)_(\w+_)?batch$")
_STORE = re.compile(r"(^|[._])(replay|memory|buffer|dataset)(_\w+)?$", re.IGNORECASE)


def _mapped(ev: Evaluator, node: ast.Call, result: Value) -> Value:
    """``tree_map(lambda x: x.to(device), batch)``: whatever a batch holds, parts of it are handed on."""
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    values = [ev.values.get(argument, UNKNOWN) for argument in given]
    lambdas = [argument for argument in given if isinstance(argument, ast.Lambda)]
    batches = [value for value in values if value.batch]
    if len(lambdas) == len(batches) == 1:
        return apply_lambda(ev, lambdas[0], [elements(batches[0])]).element or result
    named = [value.ref for value in values if value.kind == "function" and value.ref]
    function = ev.engine.project.lookup(named[0]) if len(named) == 1 and not lambdas else None
    if isinstance(function, FunctionRef):  # ``apply_to_sample(_move_to_cuda, sample)``
        moved = ev.engine.returned(function).device
        return result if moved is None else Value(device=moved)
    return result


def _call(ev: Evaluator, node: ast.Call) -> Value:
    func = node.func
    if type(func) is ast.Attribute:
        receiver = func.value
        if type(receiver) is ast.Call and type(receiver.func) is ast.Name and receiver.func.id == "super":
            arguments = Arguments(ev, node)
            return _super(ev, func.attr, arguments)
        owner = ev.expr(receiver)
        kind = owner.kind
        if kind in ("python-module", "class") or (kind == "function" and owner.ref):
            target = ev.engine.named(f"{owner.ref}.{func.attr}", ev.module) if owner.ref else UNKNOWN
            ev.values[func] = target
            arguments = Arguments(ev, node)
            return invoke(ev, target, arguments, node)
        own = ev.env.get(f"{receiver.id}.{func.attr}") if type(receiver) is ast.Name else None
        if own is not None:  # self.layer(x), assigned here
            ev.values[func] = own
            return invoke(ev, own, Arguments(ev, node), node)
        arguments = Arguments(ev, node)
        if owner.ref is not None and kind in INSTANCES:
            ev.values[func] = ev.attribute(owner, func.attr)
        found = method(ev, owner, func, arguments, node)
        return found._replace(grad=False) if ev.no_grad and found.grad else found
    target = ev.expr(func)
    return invoke(ev, target, Arguments(ev, node), node)


def invoke(ev: Evaluator, target: Value, arguments: Arguments, node: ast.Call) -> Value:
    """Call a value."""
    kind = target.kind
    if kind == "python-module" and target.ref:
        return external(ev, target.ref, arguments, node)
    if kind == "function":
        if target.ref is None:
            return target.element or UNKNOWN
        return ev.engine.call_named(ev, target.ref, arguments, node)
    if kind == "class" and target.ref:
        entity = ev.engine.project.lookup(target.ref)
        if isinstance(entity, ClassRef):
            return ev.engine.construct(ev, entity, arguments)
        return external(ev, target.ref, arguments, node)
    if kind == "module":
        return call_module(ev, target, arguments)
    if kind == "instance" and target.ref:
        return ev.engine.call_method(ev, target, "__call__", arguments) or unknown_result(arguments)
    if kind in ("tensor", "unknown") and target.device is False:
        return Value(device=False)  # a model that was moved to the host
    if kind in ("number", "str", "none", "list", "dict", "array", "tensor"):
        return UNKNOWN
    found = unknown_result(arguments)
    if found.device is None and calls_model(node) and surely_on_host(arguments):
        return Value(device=False)
    return found


def _super(ev: Evaluator, name: str, arguments: Arguments) -> Value:
    if ev.class_ is None:
        return UNKNOWN
    for base in ev.engine.project.ancestry(ev.class_)[0][1:]:
        found = ev.engine.project.method(base, name)
        if found is not None:
            return ev.engine.call(ev, found, arguments, 1)
    if name == "forward":
        return Value(device=True)
    return UNKNOWN
