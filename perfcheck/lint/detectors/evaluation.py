"""Models that are called for evaluation while autograd records."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from perfcheck.events import Hotness
from perfcheck.lint.detectors.names import last, root, targets, within, words
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_ROLE = re.compile(
    r"(^|_)(detect|eval|evaluate|evaluation|val|valid|validate|validation|infer|inference|predict|prediction|predictions|"
    r"test_epoch|run_test|test_model|do_test|embed_all|get_embeddings|extract_(features|embeddings)|"
    r"(get|collect|cache|extract)_activations)(_|$)"
)
_OTHER_ROLE = re.compile(
    r"(^|_)(train|training|loss|losses|grad|gradient|attack|adversarial|build|make|create|get_model|init|load|config|args|"
    r"parse|dataset|loader|dataloader|step_end|epoch_end|metric|metrics|score|fn|data|set|mode|interval|and_train)(_|$)"
)
_TRAINERS = (
    "torch.nn.Module",
    "lightning.pytorch.LightningModule",
    "pytorch_lightning.LightningModule",
    "lightning.LightningModule",
    "torchmetrics.Metric",
)
_SWITCHES = frozenset(
    """no_grad inference_mode set_grad_enabled enable_grad _no_grad no_grad_ctx inference_ctx
    is_grad_enabled requires_grad_ requires_grad grad""".split()
)
_GRADIENTS = frozenset(
    {"backward", "grad", "jacobian", "hessian", "vjp", "jvp", "functional_call", "attribute"}
)
_MODEL_NAME = re.compile(r"(^|_)(model|net|network|module|backbone)$")
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
_FORWARDS = re.compile(r"^_*(forward(_\w+)?|run_model|model_forward|call_model|apply_model|predict_batch)$")
"""Methods that do nothing but call a model."""
_NOT_FORWARD = frozenset(
    {"generate", "eval", "train", "to", "cuda", "state_dict", "load_state_dict", "parameters"}
)
_OBSERVED = frozenset({"state", "action", "ob", "observation", "next_state"})
_STEPS = frozenset(
    """run_with_cache run_with_hooks val_step test_step validation_step eval_step evaluation_step predict_step
    forward_test simple_test""".split()
)


def eval_without_no_grad(scope: Scope) -> Iterator[Match]:
    """The first call of a model in a function that evaluates, and in which nothing touches autograd."""
    if _is_trainers_own(scope):
        return
    if isinstance(scope.node, ast.Module) or not _is_inference(scope) or _touches_autograd(scope):
        yield from _evaluation_loops(scope)
        yield from _served(scope)
        yield from _scripted(scope)
        yield from _gathered(scope)
        return
    if _decorated(scope.node) or _scores_actions(scope.node):
        return
    for call in scope.walk(ast.Call):
        if isinstance(call, ast.Call) and runs_model(scope, call) and scope.no_grad(call) is not True:
            if scope.caller_without_grad():
                return
            yield Match(_head(scope.node), {"M": call})
            yield Match(call, {"M": call})
            return


def _evaluation_loops(scope: Scope) -> Iterator[Match]:
    """In code that also trains: what follows ``model.eval()`` and runs the model, without a word of training:
    loops over data, and assignments of the same block."""
    for switch in scope.calls("eval"):
        if not isinstance(switch.func, ast.Attribute) or switch.args or scope.no_grad(switch) is True:
            continue
        model = chain(switch.func.value)
        later = list(_until_train(scope, switch))
        for statement in later:
            call = next(
                (c for c in within(statement) if isinstance(c, ast.Call) and runs_model(scope, c)), None
            )
            if call is None or scope.no_grad(call) is True:
                continue
            own = model is not None and chain(call.func) in (model, f"{model}.forward")
            if isinstance(statement, ast.For):
                held_out = any(_HELD_OUT.search(name) for name in words(statement.iter))
                if (own or held_out) and not _differentiates(statement):
                    yield Match(call, {"M": call})
            elif own and isinstance(statement, ast.Assign) and not any(map(_differentiates, later)):
                if not scope.caller_without_grad():
                    yield Match(call, {"M": call}, certain=None)
                return


_TRAINING = frozenset(
    """train backward zero_grad autograd grad requires_grad requires_grad_ no_grad inference_mode
    set_grad_enabled is_grad_enabled export""".split()
)


def _served(scope: Scope) -> Iterator[Match]:
    """A class around a model that it puts into evaluation mode, in a file that neither trains nor speaks of
    autograd: the method that runs the model."""
    name = scope.qualname.rpartition(".")[2]
    if "eval" not in scope.class_names() or name in ("__init__", "eval") or _OTHER_ROLE.search(name.lower()):
        return
    if not _TRAINING.isdisjoint(scope.file_names()) or scope.called_without_grad():
        return
    if re.search(r"loss|guid|critic|attack|train", scope.qualname, re.IGNORECASE):
        return
    for call in scope.walk(ast.Call):
        if (
            isinstance(call, ast.Call)
            and runs_model(scope, call)
            and (chain(call.func) or "").startswith("self.")
        ):
            if not isinstance(scope.node, ast.Module):
                yield Match(_head(scope.node), {"M": call}, certain=None)
            yield Match(call, {"M": call}, certain=None)
            return


_LOADED = re.compile(r"(^|_)(load|pretrained|checkpoint|ckpt|eval)(_|$)")
_APPLIES = frozenset(
    "encode decode reconstruct predict infer inference embed translate transcribe synthesize".split()
)


def _scripted(scope: Scope) -> Iterator[Match]:
    """A model that a script loads, and runs for what it returns, in a file that neither trains nor speaks of
    autograd."""
    if "." in scope.qualname or not _TRAINING.isdisjoint(scope.file_names()):
        return
    loaded = {root(call.func) for call in scope.calls("load_state_dict", "eval")} | {
        chain(target)
        for node in scope.walk(ast.Assign)
        if isinstance(node, ast.Assign) and any(_LOADED.search(word) for word in words(node.value))
        for target in targets(node)
    }
    for call in scope.walk(ast.Call):
        if not isinstance(call, ast.Call) or root(call.func) not in loaded or root(call.func) is None:
            continue
        if isinstance(scope.parent(call), ast.Expr):
            continue
        if isinstance(call.func, ast.Name):
            runs = runs_model(scope, call)
        else:
            data = bool(call.args) and scope.value(call.args[0]).on_device is True
            runs = last(call) in _APPLIES and (data or scope.records_grad(call))
        if runs and scope.no_grad(call) is not True:
            if not scope.called_without_grad():
                yield Match(call, {"M": call}, certain=None)
            return


_METHODS = frozenset({"cpu", "float", "half", "to", "squeeze", "mean"})
_RUNS = re.compile(r"^(encode|embed)(_\w+)?$")
_LEARNS = re.compile(r"(^|_)(loss(es)?|criterion|optim(izer)?|train|backward|grad|checkpoint)(_|$)")


def _gathered(scope: Scope) -> Iterator[Match]:
    """``parts.append(model(batch))`` for all of some data, then ``torch.cat(parts)``: with every graph."""
    if isinstance(scope.node, ast.Module) or scope.called_without_grad() or _decorated(scope.node):
        return
    joined = {chain(call.args[0]) for call in scope.calls("cat", "stack", "vstack") if call.args}
    for append in scope.calls("append"):
        kept = append.func.value if isinstance(append.func, ast.Attribute) else None
        loops = [loop for loop in scope.loops(append) if isinstance(loop, ast.For)]
        if kept is None or chain(kept) not in joined or len(append.args) != 1 or not loops:
            continue
        if not _goes_through_data(scope, loops[-1].iter):
            continue
        call = _run_for(scope, append.args[0], loops[-1])
        if call is not None and scope.no_grad(call) is not True and not _touches_autograd(scope):
            if not any(_LEARNS.search(word) for part in scope.node.body for word in words(part)):
                yield Match(_head(scope.node), {"M": call}, certain=None)
                yield Match(call, {"M": call}, certain=None)
            return


_DATA = re.compile(
    r"(^|_)(loaders?|batches|dataset|corpus|texts|sentences|documents|docs|queries|passages|images|files|paths|videos)$"
)


def _goes_through_data(scope: Scope, over: ast.expr) -> bool:
    """A loader, or a collection that is named for its samples."""
    if scope.value(over).kind in ("loader", "tensor"):
        return scope.value(over).kind == "loader"
    return any(_DATA.search(word) for word in words(over))


def _run_for(scope: Scope, kept: ast.expr, loop: ast.For) -> ast.Call | None:
    """The model's call that gives what is kept, itself or as a variable of the turn."""
    while isinstance(kept, (ast.Attribute, ast.Subscript)) or _passes_on(kept):
        kept = _owner(kept)
    if isinstance(kept, ast.Name):
        made = [
            node.value
            for node in within(*loop.body)
            if isinstance(node, ast.Assign) and any(chain(target) == kept.id for target in targets(node))
        ]
        return (
            _run_for(scope, made[0], loop) if len(made) == 1 and not isinstance(made[0], ast.Name) else None
        )
    if isinstance(kept, ast.Call) and (runs_model(scope, kept) or _encodes(kept)):
        return kept
    return None


def _passes_on(node: ast.expr) -> bool:
    """A method whose result has the graph of its tensor."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS


def _owner(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Call):
        node = node.func
    return node.value if isinstance(node, (ast.Attribute, ast.Subscript)) else node


def _encodes(call: ast.Call) -> bool:
    """``model.encode_text(…)``, ``self.encode(…)``"""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    named = owner is not None and (chain(owner) == "self" or _MODEL_NAME.search(last(owner)) is not None)
    return named and _RUNS.match(last(call)) is not None


def _until_train(scope: Scope, switch: ast.Call) -> Iterator[ast.stmt]:
    """What stands in the same block between ``model.eval()`` and a ``train()``, or a switch of autograd."""
    statement = scope.statement(switch)
    block = next((b for b in _blocks(scope.parent(statement)) if statement in b), [])
    for later in block[block.index(statement) + 1 :] if block else []:
        if any(isinstance(n, ast.Call) and last(n) in _ENDS_EVALUATION for n in within(later)):
            return
        yield later


def _blocks(node: ast.AST | None) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield block


_ENDS_EVALUATION = frozenset({"train", "set_grad_enabled", "enable_grad"})
_HELD_OUT = re.compile(r"(^|_)(val|valid|validation|eval|test|dev)(_|set|data|loader|$)")
_TRAINS = re.compile(r"(^|_)(train|backward|optimi[sz]er?|optim|attack|autograd|grad)(_|$)")


def _differentiates(statement: ast.stmt) -> bool:
    """Does anything in it train, or speak of gradients?"""
    return any(_TRAINS.search(name) for name in words(statement))


_INFERS = re.compile(
    r"^(inference|infer|predict|generate|synthesi[sz]e|translate|recommend|embed_\w+|encode_\w+)$"
)


def inference_method_with_grad(scope: Scope) -> Iterator[Match]:
    """``Model.inference`` runs the model's own layers, and neither it nor its callers switch autograd off."""
    name = scope.qualname.rpartition(".")[2]
    if isinstance(scope.node, ast.Module) or not scope.in_class("torch.nn.Module"):
        return
    if not (_INFERS.match(name) or _decodes(scope)):
        return
    if _decorated(scope.node) or _touches_autograd(scope) or scope.called_without_grad():
        return
    for call in scope.walk(ast.Call):
        if isinstance(call, ast.Call) and _runs_itself(scope, call) and scope.no_grad(call) is not True:
            yield Match(_head(scope.node), {"M": call})
            yield Match(call, {"M": call})
            return


_GENERATES = re.compile(
    r"(^|_)(generate|generation|sample|sampling|decode|decoding|greedy|beam|complete|stream)(_|$)"
)
_PICKS = frozenset({"argmax", "multinomial"})
_TAUGHT = re.compile(
    r"(^|_)(loss(es)?|criterion|targets?|trg|tgt|labels?|teacher\w*|gold|gt|log_prob\w*|rsample)(_|$)"
)


def _decodes(scope: Scope) -> bool:
    """A loop that runs the model and picks a token from what it says, with no word of losses or targets."""
    name = scope.qualname.rpartition(".")[2]
    if not _GENERATES.search(name) or name == "forward" or _PICKS.isdisjoint(scope.names):
        return False
    loops = [loop for loop in scope.walk(ast.For, ast.While) if isinstance(loop, (ast.For, ast.While))]
    runs = any(
        isinstance(call, ast.Call) and (_runs_itself(scope, call) or runs_model(scope, call))
        for loop in loops
        for call in within(*loop.body)
    )
    spoken = [word for statement in scope.node.body for word in words(statement)]
    return runs and not any(_TAUGHT.search(word) for word in spoken)


def _runs_itself(scope: Scope, call: ast.Call) -> bool:
    name = chain(call.func) or ""
    if name in ("self", "self.forward"):
        return True
    return name.startswith("self.") and scope.value(call.func).kind == "module"


def _is_inference(scope: Scope) -> bool:
    return _evaluates(scope) or (_decodes(scope) and not scope.called_without_grad())


def _evaluates(scope: Scope) -> bool:
    """By its name, or because it puts a model into evaluation mode and goes through data."""
    name = scope.qualname.rpartition(".")[2].lower()
    if _OTHER_ROLE.search(name) or name.endswith("_step"):  # steps are called by a trainer that decides
        return False
    if _ROLE.search(name):
        return True
    return _switches_to_eval(scope) and any(
        scope.hotness(loop.body[0]) >= Hotness.STEP
        for loop in scope.walk(ast.For)
        if isinstance(loop, ast.For)
    )


def _switches_to_eval(scope: Scope) -> bool:
    """``model.eval()``, and no ``model.train()`` before work begins."""
    calls = [
        c
        for c in scope.calls("eval", "train")
        if isinstance(c.func, ast.Attribute) and not c.args and not c.keywords
    ]
    return bool(calls) and all(last(call) == "eval" for call in calls)


def _is_trainers_own(scope: Scope) -> bool:
    """Methods of modules: the trainer that calls them decides."""
    return any(scope.in_class(base) for base in _TRAINERS)


def _head(function: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.expr:
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


def _scores_actions(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """``evaluate(state, action)`` of reinforcement learning is differentiated by its callers."""
    return any(argument.arg.rstrip("s") in _OBSERVED for argument in function.args.args)


def _decorated(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """A decorator that switches autograd off, or one that nobody here knows."""
    known = {"staticmethod", "classmethod", "property", "override", "abstractmethod", "overload"}
    return any(last(decorator) not in known for decorator in function.decorator_list)


def _touches_autograd(scope: Scope) -> bool:
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


def is_layer(ref: str | None) -> bool:
    """A loss, an activation, a transform: no model whose graph would matter."""
    name = ref or ""
    return name.startswith(("torch.nn.", "torchvision.transforms", "torchmetrics")) and name not in _MODELS


def runs_model(scope: Scope, call: ast.Call) -> bool:
    if last(call) in _NOT_FORWARD:
        return False
    if last(call) == scope.qualname.rpartition(".")[2]:
        return False  # passes the question on
    if isinstance(call.func, ast.Attribute) and (call.func.attr in _STEPS or call.func.attr == "forward"):
        owner = call.func.value
        return bool(_MODEL_NAME.search(last(owner))) or scope.value(owner).kind == "module"
    if isinstance(call.func, ast.Attribute) and call.func.attr == "progress":
        return "pipeline" in last(call.func.value)  # TorchRec's, which run the model
    value = scope.value(call.func)
    if value.kind == "module":
        return not is_layer(value.ref)
    if value.kind == "function" and _FORWARDS.match((chain(call.func) or "").rpartition(".")[2]):
        return scope.records_grad(call)
    if value.kind not in ("unknown", "instance"):
        return False
    noun = (chain(call.func) or "").rpartition(".")[2]
    named = _MODEL_NAME.search(noun) is not None and _VERB.match(noun) is None
    return named and bool(call.args or call.keywords)
