"""Models run by code that does not call itself an evaluation: services, scripts, collections of outputs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from perfcheck.lint.detectors import EVALUATION_STEPS
from perfcheck.lint.detectors.graph_ends import DETACHED, GRAPH_ENDS, graph_ends
from perfcheck.lint.detectors.model_calls import (
    MODEL_NAME,
    OTHER_ROLE,
    decorated,
    definition,
    runs_model,
    touches_autograd,
)
from perfcheck.lint.detectors.names import derived, last, mentions, root, targets, within, words
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_TRAINING = frozenset(
    """train backward zero_grad autograd grad requires_grad requires_grad_ no_grad inference_mode
    set_grad_enabled is_grad_enabled export""".split()
)


_READIES = frozenset(
    """eval from_pretrained load load_state_dict load_from_checkpoint create_model_and_transforms""".split()
)
"""What a class does with a model that it is going to use, not to train."""


def served(scope: Scope) -> Iterator[Match]:
    """A class around a model that it loads or puts into evaluation mode, in a file that neither trains nor
    speaks of autograd: the method that runs the model; and functions around a model that the file loads."""
    name = scope.qualname.rpartition(".")[2]
    if name in ("__init__", "eval") or OTHER_ROLE.search(name.lower()):
        return
    names = scope.file_names()
    of_class = "." in scope.qualname
    if _READIES.isdisjoint(scope.class_names() if of_class else names) or not _TRAINING.isdisjoint(names):
        return
    if re.search(r"loss|guid|critic|attack|train", scope.qualname, re.IGNORECASE):
        return
    if scope.called_without_grad() or isinstance(scope.node, ast.Module):
        return
    for call in scope.walk(ast.Call):
        if not isinstance(call, ast.Call):
            continue
        runs = runs_model(scope, call) and not _is_own_method(scope, call)  # which is told of by itself
        if not (runs or encodes(scope, call)):
            continue
        owner = root(call.func) or ""
        deferred = any(isinstance(around, ast.Lambda) for around in scope.ancestors(call))
        if not deferred and (owner == "self" if of_class else not _is_local(scope, owner)):
            yield Match(definition(scope.node), {"M": call}, certain=None)
            yield Match(call, {"M": call}, certain=None)
            return


def _is_own_method(scope: Scope, call: ast.Call) -> bool:
    """``self.predict(texts)``, of this class"""
    owner, _, name = (chain(call.func) or "").rpartition(".")
    return owner == "self" and bool(name) and scope.value(call.func).kind == "function"


def _is_local(scope: Scope, name: str) -> bool:
    """``global model`` makes a name of the file's what the function assigns to it."""
    parameters = {part.arg for part in ast.walk(scope.node) if isinstance(part, ast.arg)}
    shared = {name for part in scope.walk(ast.Global) if isinstance(part, ast.Global) for name in part.names}
    return name in parameters or name in scope.assigned(scope.node) - shared


_LOADED = re.compile(r"(^|_)(load|pretrained|checkpoint|ckpt|eval)(_|$)")
_READS_TEXT = re.compile(r"(^|_)(tokenizer|processor|vocab)$")
"""What is loaded beside a model, and encodes without one."""
_APPLIES = frozenset(
    "encode decode reconstruct predict infer inference embed translate transcribe synthesize".split()
)


def scripted(scope: Scope) -> Iterator[Match]:
    """A model that a script loads, and then runs for what it returns, in a file that neither trains nor
    speaks of autograd."""
    if "." in scope.qualname or not _TRAINING.isdisjoint(scope.file_names()):
        return
    loads = {call.lineno: root(call.func) for call in scope.calls("load_state_dict", "eval")} | {
        node.lineno: chain(target)
        for node in scope.walk(ast.Assign)
        if isinstance(node, ast.Assign) and any(_LOADED.search(word) for word in words(node.value))
        for target in targets(node)
    }
    loaded = derived({name for name in loads.values() if name is not None}, scope.node.body)
    models = {name for name in loaded if not _READS_TEXT.search(name)}
    for call in scope.walk(ast.Call):
        if not isinstance(call, ast.Call) or root(call.func) not in models or root(call.func) is None:
            continue
        if call.lineno < min(loads):
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


_SWITCHES = frozenset({"no_grad", "inference_mode", "set_grad_enabled"})
_ENVIRONMENT = re.compile(r"(^|_)(v?envs?|environments?)$")
_ACTS = frozenset(
    """act get_action get_actions select_action select_actions choose_action sample_action
    get_action_and_value""".split()
)
_STORES = frozenset(
    """insert add add_transition record_transition store store_transition push remember put""".split()
)


def rolled_out(scope: Scope) -> Iterator[Match]:
    """``actions = agent.act(states)``, a step of the environment, and a buffer that keeps both: what
    learns from it later runs the policy again."""
    if _STORES.isdisjoint(scope.names) or isinstance(scope.node, ast.Module) or decorated(scope.node):
        return
    names = scope.file_names()
    if not _SWITCHES.isdisjoint(names) or "backward" in scope.names or scope.called_without_grad():
        return
    for step in scope.calls("step"):
        loops = [loop for loop in scope.loops(step) if isinstance(loop, (ast.For, ast.While))]
        owner = step.func.value if isinstance(step.func, ast.Attribute) else None
        if owner is None or not _ENVIRONMENT.search(last(owner)) or not loops:
            continue
        inside = [node for node in within(*loops[-1].body) if isinstance(node, ast.Call)]
        if any(last(call) in _STORES for call in inside):
            for call in inside:
                if _acts(scope, call):
                    yield Match(call, {"M": call}, certain=None)
                    return


def _acts(scope: Scope, call: ast.Call) -> bool:
    """A policy, or a method of the project's agents, none of which switches autograd off."""
    if last(call) in _ACTS:
        return scope.named_switches_grad(last(call)) is False
    return runs_model(scope, call)


def steps_taken(scope: Scope) -> Iterator[Match]:
    """``self.eval_step(batch)`` by a class that trains as well, where no step of that name switches
    autograd off."""
    if isinstance(scope.node, ast.Module) or "." not in scope.qualname or decorated(scope.node):
        return
    for call in scope.calls(*EVALUATION_STEPS):
        if (chain(call.func) or "").rpartition(".")[0] != "self" or scope.no_grad(call) is True:
            continue
        quiet = scope.named_switches_grad(last(call))
        if quiet is None or touches_autograd(scope):
            return
        trains = not {"train_step", "_train_step"}.isdisjoint(scope.names | scope.class_names())
        if trains and not quiet:
            if not scope.called_without_grad():
                yield Match(call, {"M": call}, certain=None)
            return


_METHODS = frozenset({"cpu", "float", "half", "to", "squeeze", "mean", "sample", "mode"})
_RUNS = re.compile(r"^(encode|embed)(_\w+)?$")
_LEARNS = re.compile(r"(^|_)(loss(es)?|criterion|optim(izer)?|train|backward|grad|checkpoint)(_|$)")


def _speaks_of_learning(scope: Scope) -> bool:
    return any(
        _LEARNS.search(word) for part in scope.node.body for word in words(part) if word not in _SWITCHES
    )


def gathered(scope: Scope) -> Iterator[Match]:
    """``parts.append(model(batch))`` for all of some data, then ``torch.cat(parts)``: with every graph."""
    if isinstance(scope.node, ast.Module) or scope.called_without_grad() or decorated(scope.node):
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
        if call is not None and scope.no_grad(call) is not True and not touches_autograd(scope):
            if not _speaks_of_learning(scope):
                yield Match(definition(scope.node), {"M": call}, certain=None)
                yield Match(call, {"M": call}, certain=None)
            return


_SAVES = re.compile(r"^(save|savez|save_file|save_(latents?|features?|embeddings?|cache)\w*|tofile)$")


def saved(scope: Scope) -> Iterator[Match]:
    """``latent = vae.encode(image)``, of which nothing becomes but a file: with its graph until then."""
    saves = [call for call in scope.walk(ast.Call) if isinstance(call, ast.Call) and _SAVES.match(last(call))]
    if not saves or isinstance(scope.node, ast.Module) or decorated(scope.node) or touches_autograd(scope):
        return
    if scope.called_without_grad() or _speaks_of_learning(scope):
        return
    for call in scope.walk(ast.Call):
        if isinstance(call, ast.Call) and (runs_model(scope, call) or encodes(scope, call)):
            made = derived(scope.assigned(scope.statement(call)), scope.node.body)
            if scope.no_grad(call) is not True and any(mentions(save, made) for save in saves):
                yield Match(definition(scope.node), {"M": call}, certain=None)
                yield Match(call, {"M": call}, certain=None)
                return


_INFERS = frozenset({"infer", "inference", "generate", "encode", "decode", "sample"})


def forgotten(scope: Scope) -> Iterator[Match]:
    """A model that runs beside one that runs under ``no_grad``, in a function with no word of learning: the
    same one, unless the caller gets what becomes of its output and may differentiate that; or one whose
    output is copied to the host or saved."""
    forward = scope.qualname.rpartition(".")[2] in ("forward", "__call__")
    if forward or isinstance(scope.node, ast.Module) or decorated(scope.node) or _speaks_of_learning(scope):
        return
    runs = [
        call
        for call in scope.walk(ast.Call)
        if isinstance(call, ast.Call)
        and (runs_model(scope, call) or encodes(scope, call) or _infers(scope, call))
    ]
    quiet = {root(call.func) for call in runs if scope.no_grad(call) is True}
    if not quiet or scope.caller_without_grad():
        return
    ends = [call for call in scope.walk(ast.Call) if isinstance(call, ast.Call) and _leaves(call)]
    returns = list(scope.walk(ast.Return))
    for call in runs:
        made = derived(scope.assigned(scope.statement(call)), scope.node.body)
        given = scope.statement(call) in returns or any(mentions(answer, made) for answer in returns)
        known = (root(call.func) in quiet and not given) or any(mentions(end, made) for end in ends)
        if known and scope.no_grad(call) is not True:
            yield Match(call, {"M": call}, certain=None)


def _leaves(call: ast.Call) -> bool:
    return last(call) in ("cpu", "numpy", "tolist") or _SAVES.match(last(call)) is not None


def _infers(scope: Scope, call: ast.Call) -> bool:
    """``waveglow.infer(mels)``, of what has been put into evaluation mode here."""
    owner = chain(call.func.value) if isinstance(call.func, ast.Attribute) else None
    return (
        owner is not None
        and last(call) in _INFERS
        and any(
            isinstance(switch.func, ast.Attribute) and chain(switch.func.value) == owner
            for switch in scope.calls("eval")
        )
    )


def read_out(scope: Scope) -> Iterator[Match]:
    """A model that a loop runs for nothing but numbers, decisions, arrays and files."""
    if "backward" in scope.names or GRAPH_ENDS.isdisjoint(scope.names) or touches_autograd(scope):
        return
    if not isinstance(scope.node, ast.Module) and decorated(scope.node):
        return
    for call in scope.walk(ast.Call):
        if not isinstance(call, ast.Call) or not (runs_model(scope, call) or encodes(scope, call)):
            continue
        if scope.loops(call) and scope.no_grad(call) is not True and graph_ends(scope, call) - DETACHED:
            if not scope.called_without_grad():
                if not isinstance(scope.node, ast.Module):
                    yield Match(definition(scope.node), {"M": call}, certain=None)
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
    if isinstance(kept, ast.Call) and (runs_model(scope, kept) or encodes(scope, kept)):
        return kept
    return None


def _passes_on(node: ast.expr) -> bool:
    """A method whose result has the graph of its tensor."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS


def _owner(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Call):
        node = node.func
    return node.value if isinstance(node, (ast.Attribute, ast.Subscript)) else node


def encodes(scope: Scope, call: ast.Call) -> bool:
    """``model.encode_text(…)``, ``self.encode(…)``, ``vae.encode(…)``; SentenceTransformer switches autograd
    off itself."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    if owner is None or _RUNS.match(last(call)) is None or "SentenceTransformer" in scope.file_names():
        return False
    if scope.named_switches_grad(last(call)):
        return False
    return chain(owner) == "self" or _ENCODERS.search(last(owner)) is not None


_ENCODERS = re.compile(
    rf"{MODEL_NAME.pattern}|(^|_)(vae|vqvae|vqgan|autoencoder|ae|clip|encoder|vision_tower)$"
)
