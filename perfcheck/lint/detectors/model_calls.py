"""Which calls run a model, and which functions have a word with autograd."""

from __future__ import annotations

import ast
import re
from collections.abc import Container

from perfcheck.events import Truth
from perfcheck.lint.detectors import PARAMETERS
from perfcheck.lint.detectors.names import last, within
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Scope

OTHER_ROLE = re.compile(
    r"(^|_)(train|training|loss|losses|grad|gradient|attack|adversarial|build|make|create|get_model|init|load|config|args|"
    r"parse|dataset|loader|dataloader|step_end|epoch_end|metric|metrics|score|fn|data|set|mode|interval|and_train)(_|$)"
)
"""Names of functions that do something else than evaluate, or besides."""
_SWITCHES = frozenset(
    """no_grad inference_mode set_grad_enabled enable_grad _no_grad no_grad_ctx inference_ctx
    is_grad_enabled requires_grad_ requires_grad grad""".split()
)
_GRADIENTS = frozenset(
    {"backward", "grad", "jacobian", "hessian", "vjp", "jvp", "functional_call", "attribute"}
)
MODEL_NAME = re.compile(
    r"(^|_)(model|net|network|module|backbone|unet|cnn|gnn|gcn|rnn|lstm|mlp|vit|resnet|bert|dit|policy|actor|critic|"
    r"text_encoder|image_encoder|vision_tower)$|^(model|net)_?[A-Z0-9]$|(^|_)q?(net|network)_(local|online|eval)$"
)
_MODELS = frozenset(
    f"torch.nn.{name}"
    for name in (
        "Module",
        "Sequential",
        "DataParallel",
        "parallel.DistributedDataParallel",
        "modules.module.Module",
    )
)
_VERB = re.compile(
    r"^_*(swap|save|load|build|get|create|make|prepare|init|setup|update|unwrap|wrap|export|compile|freeze|copy|"
    r"set|register|import|convert|print|log|describe|summarize|is|has|del|delete|merge|reset|count|check|find|"
    r"select)_"
)
_FORWARDS = re.compile(
    r"^_*(forward(_\w+)?|run_model|model_forward|call_model|apply_model|predict(_batch)?)$"
)
"""Methods that do nothing but call a model."""
_NOT_FORWARD = frozenset(
    {"generate", "eval", "train", "to", "cuda", "state_dict", "load_state_dict", "parameters"}
)
_STEPS = frozenset(
    """run_with_cache run_with_hooks val_step test_step validation_step eval_step evaluation_step predict_step
    forward_test simple_test""".split()
)


def is_layer(ref: str | None) -> bool:
    """A loss, an activation, a transform: no model whose graph would matter."""
    name = ref or ""
    return name.startswith(("torch.nn.", "torchvision.transforms", "torchmetrics")) and name not in _MODELS


def runs_model(scope: Scope, call: ast.Call) -> bool:
    """Is it a model, or a part of one with layers of its own, that is called?"""
    if last(call) in _NOT_FORWARD:
        return False
    if last(call) == scope.qualname.rpartition(".")[2]:
        return False  # passes the question on
    if isinstance(call.func, ast.Attribute) and (call.func.attr in _STEPS or call.func.attr == "forward"):
        owner = call.func.value
        return bool(MODEL_NAME.search(last(owner))) or scope.value(owner).kind == "module"
    if isinstance(call.func, ast.Attribute) and call.func.attr == "progress":
        return "pipeline" in last(call.func.value)  # TorchRec's, which run the model
    value = scope.value(call.func)
    if value.kind == "module":
        return not is_layer(value.ref)
    if value.kind == "function" and (
        _FORWARDS.match((chain(call.func) or "").rpartition(".")[2]) or _runs_layers(scope, call)
    ):
        return scope.records_grad(call) and "backward" not in scope.names_of(call)
    if value.kind not in ("unknown", "instance"):
        return False
    noun = (chain(call.func) or "").rpartition(".")[2]
    named = MODEL_NAME.search(noun) is not None and _VERB.match(noun) is None
    known = named or (_LOSS.search(noun) is None and scope.used_as_model(call.func))
    return known and bool(call.args or call.keywords)


_LOSS = re.compile(r"loss|crit", re.IGNORECASE)


def _runs_layers(scope: Scope, call: ast.Call) -> bool:
    """``self.model.initial_inference(x)``: another method of a model, whose result has a graph."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    if owner is None or chain(owner) == "self" or scope.value(owner).kind != "module":
        return False
    made = scope.value(call)
    return any(part.grad is True for part in (made, *(made.items or ())))


def definition(function: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.expr:
    """The function's name in its definition: there the decorator is missing."""
    start = function.col_offset + len("def " if isinstance(function, ast.FunctionDef) else "async def ")
    return ast.Name(
        function.name,
        ast.Load(),
        lineno=function.lineno,
        col_offset=start,
        end_lineno=function.lineno,
        end_col_offset=start + len(function.name.encode()),
    )


def is_frozen(scope: Scope, call: ast.Call) -> bool:
    """Does the body say of the model that none of its parameters wants a gradient, and nowhere that one does?
    Then what it makes of data has no graph anyway."""
    name = chain(call.func) or ""
    models = {name, name.rpartition(".")[0]} - {""}
    said = [
        value
        for place in (
            *(switch for switch in scope.calls("requires_grad_") if asked_of(switch) in models),
            *(
                loop
                for loop in scope.walk(ast.For)
                if isinstance(loop, ast.For) and _goes_over_parameters(loop, models)
            ),
        )
        for value in map(wants_gradient, within(place))
        if value is not None
    ]
    return bool(said) and not any(said)


def _goes_over_parameters(loop: ast.AST, models: Container[str | None]) -> bool:
    over = within(loop.iter) if isinstance(loop, ast.For) else ()
    return any(asked_of(part) in models for part in over if last(part) in PARAMETERS)


def wants_gradient(node: ast.AST) -> Truth:
    """``parameter.requires_grad = False``, ``parameter.requires_grad_(False)``; None if it says nothing."""
    said: ast.expr | None = None
    if isinstance(node, ast.Assign) and last(node.targets[0]) == "requires_grad":
        said = node.value
    elif isinstance(node, ast.Call) and last(node) == "requires_grad_":
        said = node.args[0] if node.args else ast.Constant(True)
    return None if said is None else not (isinstance(said, ast.Constant) and said.value is False)


def asked_of(call: ast.AST) -> str | None:
    """``model`` of ``model.parameters()`` and of ``model.eval().requires_grad_(False)``"""
    while isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
        call = call.func.value
    return chain(call)


_HARMLESS = frozenset(
    """staticmethod classmethod property override abstractmethod overload post get put route websocket
    command""".split()
)
"""Decorators that leave autograd as it is: Python's own, and those of web servers and command lines."""


def decorated(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """A decorator that switches autograd off, or one that nobody here knows."""
    return any(last(decorator) not in _HARMLESS for decorator in function.decorator_list)


def touches_autograd(scope: Scope) -> bool:
    for node in scope.walk(ast.Call, ast.Attribute, ast.With, ast.keyword):
        if isinstance(node, ast.Call) and last(node) in _GRADIENTS | _SWITCHES:
            return True
        if isinstance(node, ast.Attribute) and node.attr in {"requires_grad", "grad"}:
            return True
        if isinstance(node, ast.With) and any(_opaque_context(item.context_expr) for item in node.items):
            return True
        if isinstance(node, ast.keyword) and node.arg in {"optimizer", "create_graph"}:
            return True
    return any(
        last(call) == "zero_grad" or _steps_optimizer(scope, call)
        for call in scope.calls("zero_grad", "step")
    )


def _opaque_context(node: ast.expr) -> bool:
    """A context manager of the project's own may switch autograd off."""
    name = last(node)
    return "grad" in name or "infer" in name or "eval" in name


def _steps_optimizer(scope: Scope, call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and "optim" in (chain(call.func.value) or "")


def calls_by_index(scope: Scope) -> bool:
    """Is anything called that an index has picked: ``self.experts[i](x)``?"""
    return any(
        isinstance(call, ast.Call) and isinstance(call.func, ast.Subscript) for call in scope.walk(ast.Call)
    )
