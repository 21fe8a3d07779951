"""Models that are called for evaluation while autograd records."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from perfcheck.events import Hotness
from perfcheck.lint.detectors.model_calls import (
    OTHER_ROLE,
    decorated,
    definition,
    is_frozen,
    runs_model,
    touches_autograd,
)
from perfcheck.lint.detectors.names import last, within, words
from perfcheck.lint.detectors.unnamed_evaluation import (
    forgotten,
    gathered,
    read_out,
    rolled_out,
    saved,
    scripted,
    served,
    steps_taken,
)
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope
from perfcheck.lint.nodes import block_in

_ROLE = re.compile(
    r"(^|_)(detect|eval|evaluate|evaluation|val|valid|validate|validation|infer|inference|predict|prediction|predictions|"
    r"test_epoch|run_test|test_model|do_test|embed_all|get_embeddings|extract_(features|embeddings)|"
    r"(get|collect|cache|extract)_activations)(_|$)"
)
_TRAINERS = (
    "torch.nn.Module",
    "lightning.pytorch.LightningModule",
    "pytorch_lightning.LightningModule",
    "lightning.LightningModule",
    "torchmetrics.Metric",
)
_OF_TORCH = frozenset({"torch", "nn", "Tensor", "eval", "backward"})
"""Names of which a file has one if its models are PyTorch's."""
_OBSERVED = frozenset({"state", "action", "ob", "observation", "next_state"})


def eval_without_no_grad(scope: Scope) -> Iterator[Match]:
    """The first call of a model in a function that evaluates, and in which nothing touches autograd."""
    for match in _evaluated(scope):
        run = match.bindings["M"]
        if not isinstance(run, ast.Call) or not is_frozen(scope, run):
            yield match


def _evaluated(scope: Scope) -> Iterator[Match]:
    if _is_trainers_own(scope) or scope.in_class("torch.utils.data.Dataset"):
        return
    if isinstance(scope.node, ast.Module) or not _is_inference(scope) or touches_autograd(scope):
        told = False
        for kind in _KINDS:
            for match in kind(scope):
                told = True
                yield match
        if not told:
            yield from read_out(scope)
        return
    if decorated(scope.node) or _scores_actions(scope.node) or _OF_TORCH.isdisjoint(scope.file_names()):
        return
    for call in scope.walk(ast.Call):
        if not isinstance(call, ast.Call) or _evaluates_itself(scope, call):
            continue
        if scope.is_inherited(call.func):
            continue  # by a class that may be a module: whoever calls its methods decides
        if runs_model(scope, call) and scope.no_grad(call) is not True:
            if scope.caller_without_grad():
                return
            yield Match(definition(scope.node), {"M": call})
            yield Match(call, {"M": call})
            return
    yield from steps_taken(scope)


def _evaluates_itself(scope: Scope, call: ast.Call) -> bool:
    """``self.predict(inputs)``, or ``forecaster.predict(frame)`` of what is no model: a method of the project
    that is told of by itself."""
    owner, _, name = (chain(call.func) or "").removeprefix("self.").rpartition(".")
    whole = isinstance(call.func, ast.Attribute) and scope.value(call.func.value).kind == "instance"
    return (
        (not owner or whole) and _ROLE.search(name) is not None and scope.value(call.func).kind == "function"
    )


def _evaluation_loops(scope: Scope) -> Iterator[Match]:
    """In code that also trains: what follows ``model.eval()`` and runs the model, without a word of training:
    loops over data, and assignments of the same block."""
    for switch in scope.calls("eval"):
        if not isinstance(switch.func, ast.Attribute) or switch.args or scope.no_grad(switch) is True:
            continue
        model = chain(switch.func.value)
        later = list(_until_train(scope, switch))
        for statement in later:
            handed = _handed_over(scope, statement, model)
            if handed is not None and not _differentiates(statement) and not scope.caller_without_grad():
                yield Match(handed, {"M": handed}, certain=None)
                return
            call = next(
                (
                    c
                    for c in within(statement)
                    if isinstance(c, ast.Call)
                    and (runs_model(scope, c) or (model is not None and chain(c.func) == f"{model}.predict"))
                ),
                None,
            )
            if call is None or scope.no_grad(call) is True:
                continue
            own = model is not None and chain(call.func) in (model, f"{model}.forward", f"{model}.predict")
            if isinstance(statement, ast.For):
                held_out = any(_HELD_OUT.search(name) for name in words(statement.iter))
                if (own or held_out) and not _differentiates(statement):
                    yield Match(call, {"M": call})
            elif own and isinstance(statement, ast.Assign) and not any(map(_differentiates, later)):
                if not scope.caller_without_grad():
                    yield Match(call, {"M": call}, certain=None)
                return


def _handed_over(scope: Scope, statement: ast.stmt, model: str | None) -> ast.Call | None:
    """``return self.run_epoch(data, model)``: a function of the project that runs the model it is given."""
    if model is None or not isinstance(statement, (ast.Return, ast.Assign, ast.Expr)):
        return None
    call = statement.value
    if not isinstance(call, ast.Call) or scope.no_grad(call) is True or not scope.records_grad(call):
        return None
    names = scope.names_of(call)
    places = dict(zip(scope.parameters_of(call), call.args))
    places |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}
    runs = any(chain(given) == model and name in names for name, given in places.items())
    return call if runs and "backward" not in names else None


def _until_train(scope: Scope, switch: ast.Call) -> Iterator[ast.stmt]:
    """What stands in the same block between ``model.eval()`` and a ``train()``, or a switch of autograd."""
    statement = scope.statement(switch)
    block = block_in(scope.parent(statement), statement)
    for later in block[block.index(statement) + 1 :] if block else []:
        if any(isinstance(n, ast.Call) and last(n) in _ENDS_EVALUATION for n in within(later)):
            return
        yield later


_KINDS = (_evaluation_loops, served, scripted, gathered, saved, forgotten, rolled_out, steps_taken)
_ENDS_EVALUATION = frozenset({"train", "set_grad_enabled", "enable_grad"})
_HELD_OUT = re.compile(r"(^|_)(val|valid|validation|eval|test|dev)(_|set|data|loader|$)")
_TRAINS = re.compile(
    r"(^|_)(train(?!_(mask|data|loader|set|idx|index|split)(_|$))|backward|optimi[sz]er?|optim|attack|autograd|grad)(_|$)"
)


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
    if not (_INFERS.match(name) or _decodes(scope) or _denoises(scope)):
        return
    if decorated(scope.node) or touches_autograd(scope) or scope.called_without_grad() or scope.trains():
        return
    for call in scope.walk(ast.Call):
        if isinstance(call, ast.Call) and _runs_itself(scope, call) and scope.no_grad(call) is not True:
            yield Match(definition(scope.node), {"M": call})
            yield Match(call, {"M": call})
            return


_GENERATES = re.compile(
    r"(^|_)(generate|generation|sample|sampling|decode|decoding|greedy|beam|complete|stream)(_|$)"
)
_PICKS = re.compile(r"^(argmax|multinomial|_*sample(_(top_[kp]|logits|token|next(_token)?))?)$")
_TAUGHT = re.compile(
    r"(^|_)(loss(es)?|criterion|targets?|trg|tgt|labels?|teacher\w*|gold|gt|log_prob\w*|rsample)(_|$)"
)


def _decodes(scope: Scope) -> bool:
    """A loop that runs the model and picks a token from what it says, with no word of losses or targets."""
    name = scope.qualname.rpartition(".")[2]
    if not _GENERATES.search(name) or name == "forward" or not any(map(_PICKS.match, scope.names)):
        return False
    loops = [loop for loop in scope.walk(ast.For, ast.While) if isinstance(loop, (ast.For, ast.While))]
    runs = any(
        isinstance(call, ast.Call) and (_runs_itself(scope, call) or runs_model(scope, call))
        for loop in loops
        for call in within(*loop.body)
    )
    return runs and not _speaks_of_losses(scope)


_SAMPLES = re.compile(
    r"(^|_)(sample|sampling|denoise|ddim|ddpm|reverse|generate|infer|inference|inpaint)(_|$)"
)
_TIMES = re.compile(
    r"^(T|times?|t_seq|sigmas|\w*timesteps?|\w*time_steps?|(n_?|num_)?(\w+_)?steps|n_iters?|n_T)$"
)


def _denoises(scope: Scope) -> bool:
    """A loop over time that runs the model on what its last turn made, with no word of losses or targets."""
    name = scope.qualname.rpartition(".")[2]
    if not _SAMPLES.search(name) or name == "forward" or _speaks_of_losses(scope):
        return False
    return any(
        isinstance(call, ast.Call)
        and any(chain(argument) in scope.assigned(loop) for argument in call.args)
        and (_runs_itself(scope, call) or runs_model(scope, call))
        for loop in scope.walk(ast.For)
        if isinstance(loop, ast.For) and any(map(_TIMES.match, words(loop.iter)))
        for call in within(*loop.body)
    )


def _speaks_of_losses(scope: Scope) -> bool:
    return any(_TAUGHT.search(word) for statement in scope.node.body for word in words(statement))


def _runs_itself(scope: Scope, call: ast.Call) -> bool:
    name = chain(call.func) or ""
    if name in ("self", "self.forward"):
        return True
    return name.startswith("self.") and scope.value(call.func).kind == "module"


def _is_inference(scope: Scope) -> bool:
    return _evaluates(scope) or (
        (_decodes(scope) or _denoises(scope)) and not scope.called_without_grad() and not scope.trains()
    )


def _evaluates(scope: Scope) -> bool:
    """By its name, or because it puts a model into evaluation mode and goes through data."""
    name = scope.qualname.rpartition(".")[2].lower()
    if OTHER_ROLE.search(name):
        return False
    if name.endswith("_step") and not _switches_to_eval(scope):  # its trainer decides
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


def _scores_actions(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """``evaluate(state, action)`` of reinforcement learning is differentiated by its callers."""
    return any(argument.arg.rstrip("s") in _OBSERVED for argument in function.args.args)
