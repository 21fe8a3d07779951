"""What a loop goes over: epochs, training or decoding steps, or anything else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from perfcheck.lint.dotted import dotted
from perfcheck.lint.nodes import CHILDREN, walk
from perfcheck.lint.spelling import spelled

LoopNode = ast.For | ast.AsyncFor | ast.While


class LoopKind(Enum):
    EPOCH = "epoch"
    STEP = "step"
    PLAIN = "plain"
    ONCE = "once"


_LOADER = re.compile(
    r"(data_?loader|(^|_|\.)(d?loader|dl|dataiter|data_iter)s?($|_|\d)|loader$|_?batches$|minibatch|train_iter|test_iter|val_iter|"
    r"batch_?sampler|rollout_data|prefetcher|(^|_)(?<!key_)(?<!name_)iterator$)",
    re.IGNORECASE,
)
_ALL = re.compile(r"(^|_)(data)?_?loaders?($|_)|(train|val|test)_iter$", re.IGNORECASE)
_ONE_LOADER = re.compile(r"(^|_)(dl|data_?loader|loader)$")
_STEPS = re.compile(
    r"(timesteps|num_inference_steps|inference_steps|max_new_tokens|max_(gen_)?len(gth)?$|max_steps|max_iters?|"
    r"num_steps|n_steps|num_iters|n_iters|num_iterations|train_steps|total_steps|grad(ient)?_accum\w*|"
    r"(num|n)_(mini_?|micro_?)?batch(es)?$|total_timesteps|num_denois\w*|sampling_steps|num_sampling\w*|max_decod\w*|num_updates|sigmas$)",
    re.IGNORECASE,
)
_STEP_TARGET = re.compile(
    r"^(step|it|iteration|iter_num|global_step|batch|data_batch|mini_?batch|micro_?batch)$"
)
_EPOCH = re.compile(r"epoch", re.IGNORECASE)
_names_loader, _names_one_loader = spelled(_LOADER.search), spelled(_ONE_LOADER.search)
_names_all = spelled(_ALL.search)
_names_steps, _is_step = spelled(_STEPS.search), spelled(_STEP_TARGET.match)
_names_epoch = spelled(_EPOCH.search)
_STEP_CALLS = frozenset(
    {
        "backward",
        "training_step",
        "train_step",
        "train_on_batch",
        "train_batch",
        "optimizer_step",
    }
)
_UPDATES = frozenset({"step", "zero_grad", "optimizer_step"})


def words_of(node: ast.AST) -> list[str]:
    words = []
    for part in walk(node):
        if isinstance(part, ast.Name):
            words.append(part.id)
        elif isinstance(part, ast.Attribute):
            words.append(part.attr)
        elif (
            isinstance(part, ast.Call)
            and isinstance(part.func, ast.Attribute)
            and isinstance(part.func.value, ast.Constant)
        ):
            words.append(part.func.attr)
    return words


_MODEL = re.compile(
    r"^(?!_*(get|build|create|make|load|init|unwrap|setup|prepare|wrap|register|new|fetch)_)(\w+_)?(model|net|network)$"
)


def calls_model(call: ast.Call) -> bool:
    """``model(x)``, ``self.model(x)``, ``module.forward(x)``."""
    func = call.func
    if isinstance(func, ast.Attribute):
        if func.attr == "forward":
            return not (
                isinstance(func.value, ast.Call)
                or (isinstance(func.value, ast.Name) and func.value.id == "self")
            )
        return (
            bool(_MODEL.match(func.attr))
            and isinstance(func.value, ast.Name)
            and bool(call.args or call.keywords)
        )
    return isinstance(func, ast.Name) and bool(_MODEL.match(func.id)) and bool(call.args or call.keywords)


def steps_environment(call: ast.Call) -> bool:
    """``env.step(action)``, ``self.envs.step(actions)``: one step of a rollout."""
    owner, _, name = dotted(call.func).rpartition(".")
    return name in ("step", "env_step") and bool(_ENVIRONMENT.search(owner) or name == "env_step")


_ENVIRONMENT = re.compile(r"(^|[._])(env|environment|simulator)s?$")


def _steps_in(body: list[ast.stmt]) -> tuple[bool, bool]:
    """(calls backward or a step itself, holds a loop that does). Beside a loop that goes backward and updates
    the parameters in each turn, a model that runs and gradients that are dropped make no step; beside any
    loop of steps, what runs without gradients makes none."""
    own = beside = nested = whole = infers = False
    for statement in body:
        stack: list[Any] = [statement]
        while stack:
            node = stack.pop()
            kind = type(node)
            if kind in _SKIP:
                continue
            if kind is ast.For or kind is ast.While:
                if loop_kind(node) is LoopKind.STEP:
                    called = _methods_called(node)
                    nested, whole = True, whole or ("backward" in called and not _UPDATES.isdisjoint(called))
                continue
            if kind is ast.With:
                infers = infers or _infers(node)
            if kind is ast.Call and calls_model(node):
                beside = True
            if kind is ast.Call and type(node.func) is ast.Attribute:
                beside = beside or node.func.attr == "zero_grad"
                own = (
                    own
                    or node.func.attr in _STEP_CALLS
                    or steps_environment(node)
                    or _is_handed_closure(node)
                )
            stack += CHILDREN[kind](node)
    return own or (beside and not whole) or (infers and not nested), nested


def _infers(node: ast.With) -> bool:
    """``with torch.no_grad(): maps = backbone(image)``: what a loop opens it for in each turn is a model that
    runs, where something that is no library's gives what is kept."""
    contexts = [item.context_expr for item in node.items]
    if not any(isinstance(c, ast.Call) and _last(c) in ("no_grad", "inference_mode") for c in contexts):
        return False
    return any(
        isinstance(statement, (ast.Assign, ast.Return))
        and isinstance(statement.value, ast.Call)
        and bool(statement.value.args or statement.value.keywords)
        and dotted(statement.value.func).partition(".")[0] not in _LIBRARIES
        for statement in node.body
    )


def _last(call: ast.Call) -> str:
    return dotted(call.func).rpartition(".")[2]


_LIBRARIES = frozenset({"torch", "nn", "F", "np", "math", ""})


def _holds_epochs(body: list[ast.stmt]) -> bool:
    """``while not done(max_steps): for agent in agents: for step in …: agent.learn(…)``"""
    return any(
        isinstance(part, (ast.For, ast.While)) and loop_kind(part) is LoopKind.EPOCH
        for statement in body
        for part in walk(statement)
    )


def _learns_at_once(body: list[ast.stmt]) -> bool:
    """Does an epoch go backward once, on all of the data, and hold no loop over its parts?"""
    learns = False
    stack: list[Any] = [*body]
    while stack:
        node = stack.pop()
        kind = type(node)
        if kind in _SKIP:
            continue
        if (kind is ast.For or kind is ast.While) and (
            loop_kind(node) is LoopKind.STEP or "backward" in _methods_called(node)
        ):
            return False
        if kind is ast.Call and type(node.func) is ast.Attribute:
            learns = learns or node.func.attr == "backward"
        stack += CHILDREN[kind](node)
    return learns


def _is_handed_closure(call: ast.Call) -> bool:
    """``optimizer.step(closure)``: the model runs in it, and goes backward."""
    owner, _, name = dotted(call.func).rpartition(".")
    return name == "step" and len(call.args) == 1 and _OPTIMIZER.search(owner) is not None


_OPTIMIZER = re.compile(r"(^|[._])(opt|optim|optimi[sz]er|lbfgs)(_\w+)?$", re.IGNORECASE)
_SKIP = frozenset({ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.Name, ast.Constant})


def loop_kind(node: LoopNode, aliases: Mapping[str, ast.AST] | None = None) -> LoopKind:
    """Decide from what is iterated, else from what the body does.  Remembered on the node.

    ``aliases``: the calls that local names were last bound to (``pbar = tqdm(train_loader)``).
    """
    known: LoopKind | None = getattr(node, "_kind", None)
    if known is None:
        known = _decide(node, aliases or {})
        node._kind = known  # type: ignore[union-attr]
    return known


def _words_with(aliases: Mapping[str, ast.AST], iterable: ast.expr) -> list[str]:
    words = words_of(iterable)
    return words + [word for name in words if name in aliases for word in words_of(aliases[name])]


def _decide(node: LoopNode, aliases: Mapping[str, ast.AST]) -> LoopKind:
    if _runs_once(node):
        return LoopKind.ONCE
    if isinstance(node, ast.While):
        words, targets = words_of(node.test), []
    else:
        words = _words_with(aliases, node.iter)
        targets = [part.id for part in walk(node.target) if isinstance(part, ast.Name)]
    if isinstance(node, ast.While):
        own, nested = _steps_in(node.body)
        if own and not nested:  # ``while not epoch_is_done(...)``, from step to step
            return LoopKind.STEP
        if _serves(node) or _streams(node):
            return LoopKind.STEP
    named_epoch = any(_names_epoch(t) for t in targets) or (
        any(_names_epoch(w) for w in words) and not any(_names_loader(w) for w in words)
    )
    if named_epoch:
        return LoopKind.STEP if _learns_at_once(node.body) else LoopKind.EPOCH
    if any(_names_one_loader(target) for target in targets):
        return LoopKind.PLAIN  # from loader to loader, not from batch to batch
    if any(_names_loader(word) for word in words) and not any(w in {"len"} for w in words[:1]):
        return LoopKind.STEP
    own, nested = _steps_in(node.body)
    if nested and not own:
        return LoopKind.EPOCH
    if own:
        return LoopKind.STEP
    if any(_names_steps(word) for word in words) or any(_is_step(t) for t in targets):
        return LoopKind.EPOCH if _holds_epochs(node.body) else LoopKind.STEP
    if not isinstance(node, ast.While) and (_in_batches(node.iter) or _in_chunks(node)):
        return LoopKind.STEP
    if any(map(_counts_step, node.body)) or (isinstance(node, ast.While) and _works_until_stopped(node)):
        return LoopKind.STEP
    return LoopKind.PLAIN


def is_over_loader(over: ast.comprehension, aliases: Mapping[str, ast.AST] | None = None) -> bool:
    """``[model(batch) for batch in loader]``: by its name, from batch to batch?"""
    words = _words_with(aliases or {}, over.iter)
    targets = [part.id for part in walk(over.target) if isinstance(part, ast.Name)]
    if any(map(_names_one_loader, targets)) or any(map(_names_epoch, (*words, *targets))):
        return False
    return any(map(_names_loader, words)) and words[:1] != ["len"]


def goes_over_batches(node: ast.For | ast.AsyncFor) -> bool:
    """Is each turn one step, on what it goes over: batches, and not times, losses or models?"""
    if loop_kind(node) is not LoopKind.STEP or any(map(_TIMES.search, words_of(node.iter))):
        return False
    if isinstance(node.iter, ast.Call) and dotted(node.iter.func).endswith((".split", ".chunk")):
        return False  # pieces of one tensor, wherever that lies
    targets = {part.id for part in walk(node.target) if isinstance(part, ast.Name)}
    return not any(
        (isinstance(func, ast.Name) and func.id in targets)
        or (
            isinstance(func, ast.Attribute)
            and func.attr in _OF_NO_BATCH
            and isinstance(func.value, ast.Name)
            and func.value.id in targets
        )
        for func in (call.func for call in calls_in(node))
    )


_TIMES = re.compile(r"^(?!.*accum).*(steps?|sigmas?|betas?|alphas?|times?)$", re.IGNORECASE)
_OF_NO_BATCH = frozenset(
    {"backward", "step", "zero_grad", "parameters", "eval", "train", "forward", "state_dict", "item"}
)


def _generates(node: LoopNode) -> bool:
    """``for t in scheduler.timesteps: …``: the steps of one generation, in which nothing learns."""
    if isinstance(node, ast.While) or not any(map(_GENERATION.search, words_of(node.iter))):
        return False
    return loop_kind(node) is LoopKind.STEP and "backward" not in _methods_called(node)


_GENERATION = re.compile(r"(timesteps|inference_steps|sampling_steps|denois\w*|new_tokens|sigmas)$")


def _goes_through_data(node: LoopNode) -> bool:
    """``for batch in loader: …; optimizer.step()``, or a loop over a loader in which nothing learns: a pass
    over the data; not the parts of one batch, of which the gradients are summed up."""
    if loop_kind(node) is not LoopKind.STEP or isinstance(node, ast.While):
        return False
    called = _methods_called(node)
    if "backward" in called:
        return "step" in called
    return any(map(_names_all, words_of(node.iter)))


def is_pass(node: LoopNode) -> bool:
    """Over the data, or over the steps of a generation: what stands around it is done once for all of it."""
    return _goes_through_data(node) or _generates(node)


def calls_in(node: LoopNode) -> Iterator[ast.Call]:
    return (part for statement in node.body for part in walk(statement) if isinstance(part, ast.Call))


def _methods_called(node: LoopNode) -> set[str]:
    return {call.func.attr for call in calls_in(node) if isinstance(call.func, ast.Attribute)}


def _runs_once(node: LoopNode) -> bool:
    """``for batch in loader: ...; break``: a way to take the first."""
    return isinstance(node.body[-1], (ast.Break, ast.Return)) and not any(
        isinstance(part, ast.Continue) for statement in node.body for part in walk(statement)
    )


def _counts_step(statement: ast.stmt) -> bool:
    """``global_step += 1``"""
    if not isinstance(statement, ast.AugAssign) or not isinstance(statement.op, ast.Add):
        return False
    return bool(_COUNTER.search(dotted(statement.target)))


_COUNTER = re.compile(r"(^|[._])(steps?|iteration|iter_num)$")


def _serves(node: ast.While) -> bool:
    """``while True: request = queue.get()``, ``while camera.isOpened(): …``: for each request or frame."""
    if isinstance(node.test, ast.Call) and dotted(node.test.func).endswith(".isOpened"):
        return True
    if not (isinstance(node.test, ast.Constant) and node.test.value):
        return False
    return any(
        isinstance(call.func, ast.Attribute)
        and call.func.attr in _TAKES
        and any(_QUEUE.search(word) for word in words_of(call.func.value))
        for call in calls_in(node)
    )


def _works_until_stopped(node: ast.While) -> bool:
    """``while True: self.main_loop()``: from turn to turn of a service, until somebody stops it from outside;
    not what looks at something now and then, and sleeps or waits meanwhile."""
    endless = isinstance(node.test, ast.Constant) and bool(node.test.value) and not _ends_itself(node.body)
    if not endless and not _waits_for_stop(node.test):
        return False
    called = {dotted(part.func) for part in calls_in(node)}
    works = any(name.startswith("self.") for name in called)
    return works and not any(name.endswith(("sleep", "wait")) for name in called)


def _waits_for_stop(test: ast.expr) -> bool:
    """``while not self._stop_event.is_set()``, ``while self.running``"""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test = test.operand
    if isinstance(test, ast.Call):
        return dotted(test.func).endswith(".is_set")
    return _STOPPED.search(dotted(test)) is not None


_STOPPED = re.compile(
    r"(^|[._])(running|is_running|alive|stop|stopped|stop_requested|shutdown|exiting|closed)$"
)


def _ends_itself(body: list[ast.stmt]) -> bool:
    """Does a ``break`` or ``return`` of the loop's own end it?"""
    stack: list[tuple[Any, bool]] = [(statement, True) for statement in body]
    while stack:
        node, own = stack.pop()
        kind = type(node)
        if kind in _SKIP:
            continue
        if kind is ast.Return or (own and kind is ast.Break):
            return True
        inner = own and kind not in (ast.For, ast.While, ast.AsyncFor)
        stack += ((child, inner) for child in CHILDREN[kind](node))
    return False


def _streams(node: ast.While) -> bool:
    """``while True: ...; yield batch``: once for each batch that somebody takes."""
    endless = isinstance(node.test, ast.Constant) and bool(node.test.value)
    return endless and any(isinstance(part, ast.Yield) for statement in node.body for part in walk(statement))


_TAKES = frozenset(
    {"get", "get_nowait", "recv", "recv_pyobj", "receive", "popleft", "pop", "read", "grab", "wait"}
)
_QUEUE = re.compile(
    r"(queue|que|pipe|socket|conn|channel|inbox|requests|event|(^|_)cap|capture|camera|webcam|video|stream)(_\w+)?$",
    re.IGNORECASE,
)


def _in_batches(iterable: ast.expr) -> bool:
    """``range(0, len(data), batch_size)``, ``range(len(data) // batch_size)``, whatever it is wrapped in."""
    while isinstance(iterable, ast.Call):
        if dotted(iterable.func).rpartition(".")[2] in ("range", "trange"):
            sizes = iterable.args[2:] or [
                part.right
                for argument in iterable.args
                for part in walk(argument)
                if isinstance(part, ast.BinOp) and isinstance(part.op, (ast.Div, ast.FloorDiv))
            ]
            return any(map(names_batch_size, sizes))
        iterable = iterable.args[0] if iterable.args else ast.Constant(None)
    return False


def _in_chunks(node: ast.For | ast.AsyncFor) -> bool:
    """``for start in range(0, n, hop): … x[start : start + length]``"""
    counts = node.iter
    if not isinstance(counts, ast.Call) or not isinstance(node.target, ast.Name):
        return False
    if dotted(counts.func).rpartition(".")[2] not in ("range", "trange") or len(counts.args) != 3:
        return False
    return any(
        isinstance(part, ast.Slice)
        and part.upper is not None
        and isinstance(part.lower, ast.Name)
        and part.lower.id == node.target.id
        for statement in node.body
        for part in walk(statement)
    )


def names_batch_size(node: ast.AST) -> bool:
    """``start + batch_size``, ``i * bs``"""
    return any(_BATCH_SIZE.search(word) for word in words_of(node))


_BATCH_SIZE = re.compile(r"(batch|chunk)(_?size|_?len(gth)?|es)?$|(^|_)bs(z)?$", re.IGNORECASE)
