"""Functions that carry whole batches to the device, whatever containers their tensors are in."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

from perfcheck.lint.detectors.names import last, targets
from perfcheck.lint.dotted import chain
from perfcheck.lint.facts import Match, Scope

_MOVER = re.compile(
    r"(^|[._])(to_(device|cuda|gpu)|(move|send|transfer|put|copy|map)\w*_(device|cuda|gpu)|cast_data|convert_tensor|"
    r"_?prepare_(batch|input|data)s?|(batch|data|tensors?|inputs?)_to(_\w+)?|recursive_to|(move|transfer)_batch\w*)([._]|$)",
    re.IGNORECASE,
)
_WRAPPER = re.compile(
    r"(^|\.)_*(((batch|data|dict|list|tensors?|inputs?|samples?)_?)?(to|2)_?(var(iable)?|gpu|cuda)|(maybe_|try_)?cuda|gpu|"
    r"cuda(fy|ize)|(cuda|gpu)_if_\w+)$",
    re.IGNORECASE,
)
"""``to_var(x)``, ``tocuda(x)``, ``cuda(x)``"""
_OWN_MOVE = re.compile(
    r"(^|\.)\w*([Bb]atch(Data|Dict|Tuple|Inputs?|Encoding)?|Samples?|Inputs?|Examples?|Transitions?|Observations?|"
    r"Experiences?|Trajector(y|ies)|Episodes?|Rollouts?)"
    r"\.(to|cuda|gpu|to_(device|cuda|gpu))$"
)
"""How a batch of a project's own class moves what it holds."""
_GETTER = re.compile(
    r"(^|[._])(get|next|fetch|load)_(\w+_)?(mini)?(?P<what>batch|data|inputs)$|"
    r"(^|[._])(sample|draw|make|prepare|create)_(\w+_)?(mini)?batch$|"
    r"(Replay|Memory|Buffer)\w*\.sample(_\w+)?$"
)
_BATCH = re.compile(r"(^|[._])(mini)?(batch|batches|obs|observations?|inputs|samples)([._]|$)")
_MODEL = re.compile(r"(^|[._])(model|module|net|network|layer|block)s?$", re.IGNORECASE)
_MAKERS = frozenset(
    {
        "torch.tensor", "torch.as_tensor", "torch.from_numpy", "torch.stack", "torch.Tensor",
        "torch.FloatTensor", "torch.LongTensor",
    }
)  # fmt: skip
_LASTS = re.compile(
    r"(^|[._])(models?|modules?|net|network|layers?|blocks?|state_dict|cache|past|kv|params|parameters|restore)([._]|$)",
    re.IGNORECASE,
)
_LEARN = frozenset({"requires_grad", "is_leaf"})
_UNPINNED = re.compile(r"(^|[_./])(cpu|mps|hpu|tpu|xla|neuron)([_./]|$)|(CPU|MPS|HPU|TPU|XLA)($|[._A-Z])")
"""Written for a device to which no pinned memory is copied any faster."""
_OF_OPTIMIZERS = re.compile(r"(^|/)optim(izers?)?(/|\.py$)")
"""Where it is the state of an optimizer that is moved, once."""
_CONTAINERS = ("dict", "list", "tuple", "Mapping", "Sequence", "abc")


def blocking_batch_mover(scope: Scope) -> Iterator[Match]:
    """``x.to(device)`` without ``non_blocking``, in a function that exists to move batches or to get them,
    or in a lambda that is applied to all parts of one."""
    where = f"{scope.path}:{scope.qualname}"
    if _moves_once(scope) or _UNPINNED.search(where) or _OF_OPTIMIZERS.search(scope.path):
        return
    moves = _MOVER.search(scope.qualname) is not None or _recurses(scope)
    gets, holds = _gets_batch(scope), _moves_itself(scope)
    for call in scope.calls("to", "cuda"):
        if not isinstance(call.func, ast.Attribute) or _is_settled(scope, call):
            continue
        if isinstance(scope.parent(call), ast.Expr):
            continue  # what is moved in place is no tensor
        moved = _changed_first(call.func.value)
        while gets and isinstance(moved, ast.Subscript):
            moved = moved.value
        if not (moves or gets or holds or _wraps(scope, moved) or _applied_to_batch(scope, moved, call)):
            continue
        made = gets and isinstance(moved, ast.Call) and scope.resolve(moved.func) in _MAKERS
        if not made and not _is_carried(scope, moved, call, gets or holds):
            continue
        value = scope.value(moved)
        if value.kind in ("unknown", "tensor", "dict") and (value.device is not True or value.assumed):
            yield Match(call, {"T": call.func.value})


def _is_carried(scope: Scope, moved: ast.expr, call: ast.Call, own: bool) -> bool:
    """Is it what the function was handed, and nothing that it fetched; or, where the batch is its ``own``,
    any variable or attribute?"""
    name = chain(moved) if own else moved.id if isinstance(moved, ast.Name) else None
    if name is None or _MODEL.search(name) or _is_drawn(scope, name, call):
        return False
    if own or name in _parameters(scope):
        return True
    return scope.definition(name, call) is None and not _is_collected_here(scope, name)


def _is_drawn(scope: Scope, name: str, before: ast.AST) -> bool:
    """``chosen = torch.randperm(n)[:k]``: which samples are taken, and none of them."""
    made = scope.definition(name, before)
    while isinstance(made, ast.Subscript):
        made = made.value
    return isinstance(made, ast.Call) and scope.resolve(made.func) in ("torch.randperm", "torch.randint")


def _parameters(scope: Scope) -> list[str]:
    return [a.arg for a in scope.node.args.args] if isinstance(scope.node, ast.FunctionDef) else []


def _moves_once(scope: Scope) -> bool:
    """``to_device(module, device)``, ``to_device_model(…)``, ``move_to_device(cache, device)``: what is moved
    once, and stays there; so does what is asked whether it learns."""
    if not _LEARN.isdisjoint(scope.names):
        return True
    functions = [part for part in scope.qualname.split(".") if not part[:1].isupper()]
    return any(map(_LASTS.search, (*functions, *_parameters(scope)[:1])))


def _gets_batch(scope: Scope) -> bool:
    """``get_batch``; ``get_data`` only where it asks an iterator for the next one."""
    found = _GETTER.search(scope.qualname)
    return found is not None and (found["what"] in ("batch", None) or any(True for _ in scope.calls("next")))


def _wraps(scope: Scope, moved: ast.expr) -> bool:
    """``def cuda(x): return x.cuda()``"""
    named = _WRAPPER.search(scope.qualname) is not None
    return named and isinstance(moved, ast.Name) and moved.id in _parameters(scope)


def _moves_itself(scope: Scope) -> bool:
    """``Batch.to``, unless that is a model."""
    return _OWN_MOVE.search(scope.qualname) is not None and not scope.in_class("torch.nn.Module")


def _applied_to_batch(scope: Scope, moved: ast.expr, call: ast.Call) -> bool:
    """``tree_map(lambda x: x.to(device), batch)``, ``batch.map(lambda x: x.to(device))``"""
    around = scope.parent(call)
    if not isinstance(around, ast.Lambda) or not isinstance(moved, ast.Name):
        return False
    applied = scope.parent(around)
    if not isinstance(applied, ast.Call) or moved.id not in {a.arg for a in around.args.args}:
        return False
    given = [*applied.args, applied.func]
    return any(_BATCH.search(chain(part) or "") for part in given) or bool(_BATCH.search(scope.qualname))


def _is_collected_here(scope: Scope, name: str) -> bool:
    """``[x.to(device) for x in embeddings]``, after ``embeddings = []``: parts that the function has made."""
    lists = {
        chain(target)
        for assign in scope.walk(ast.Assign)
        if isinstance(assign, ast.Assign) and isinstance(assign.value, ast.List) and not assign.value.elts
        for target in targets(assign)
    }
    return any(
        isinstance(loop, (ast.For, ast.comprehension))
        and chain(loop.target) == name
        and chain(loop.iter) in lists
        for loop in scope.walk(ast.For, ast.comprehension)
    )


def _changed_first(node: ast.expr) -> ast.expr:
    """``x`` of ``x.detach().contiguous()``."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
        if node.func.attr not in _CHANGES:
            break
        node = node.func.value
    return node


_CHANGES = frozenset(
    {"detach", "contiguous", "clone", "float", "half", "long", "int", "double", "bool", "squeeze"}
)


def _is_settled(scope: Scope, call: ast.Call) -> bool:
    """The call says whether it blocks, or does not change the device."""
    if any(keyword.arg in ("non_blocking", None) for keyword in call.keywords):
        return True
    target = scope.keyword(call, "device", 0)
    if last(call) == "cuda":
        return False
    if target is None or not all(scope.value(given).kind == "dtype" for given in call.args[1:]):
        return True
    if isinstance(target, ast.Name) and _is_device_of_first(scope, target):
        return True
    if scope.value(target).kind == "device" and scope.value(target).device is False:
        return True
    word = (chain(target) or "").rpartition(".")[2]
    return (
        not ("device" in word or word in ("rank", "gpu", "dev", "cuda"))
        and scope.value(target).kind != "device"
    )


def _is_device_of_first(scope: Scope, target: ast.Name) -> bool:
    """``first = parts[0].device``: the parts are brought together, and most often are so already."""
    made = scope.definition(target.id, target)
    if not isinstance(made, ast.Attribute) or made.attr != "device":
        return False
    owner = made.value
    if isinstance(owner, ast.Call) and last(owner) == "cast" and owner.args:
        owner = owner.args[-1]
    return isinstance(owner, ast.Subscript)


def _recurses(scope: Scope) -> bool:
    """Does it call itself for what lists and dicts hold?"""
    name = scope.qualname.rpartition(".")[2]
    if not any(chain(call.func) in (name, f"self.{name}", f"cls.{name}") for call in scope.calls(name)):
        return False
    return any(
        (chain(part) or "").rpartition(".")[2] in _CONTAINERS
        for call in scope.calls("isinstance")
        for part in ast.walk(call)
        if isinstance(part, (ast.Name, ast.Attribute))
    )


@cache
def _is_mover(name: str) -> bool:
    return _MOVER.search(name) is not None


def non_blocking_not_passed(scope: Scope) -> Iterator[Match]:
    """``send_to_device(batch, device)``, where the function could be told not to block."""
    for call in scope.calls(*filter(_is_mover, scope.names)):
        if len(call.args) + len(call.keywords) < 2 or chain(call.func) is None:
            continue
        told = {keyword.arg: keyword.value for keyword in call.keywords}
        if None in told or not _is_false(told.get("non_blocking")):
            continue
        if any(
            isinstance(given, ast.Constant) and given.value == "cpu" for given in (*call.args, *told.values())
        ):
            continue
        parameters = scope.parameters_of(call)
        if "non_blocking" in parameters and len(call.args) <= parameters.index("non_blocking"):
            moved = call.args[0] if call.args else call.keywords[0].value
            bindings: dict[str, ast.AST] = {"T": moved, "F": call.func}
            yield Match(call, bindings, certain=None if _is_put_together(scope, moved) else True)


def _is_put_together(scope: Scope, moved: ast.expr) -> bool:
    """``batch = {"x": x}``, which no loader has pinned."""
    made = [
        assign.value
        for assign in scope.walk(ast.Assign)
        if isinstance(assign, ast.Assign) and assign.lineno < moved.lineno
        if chain(moved) in map(chain, targets(assign))
    ]
    return bool(made) and isinstance(made[-1], (ast.Dict, ast.List, ast.Tuple))


def _is_false(told: ast.expr | None) -> bool:
    return told is None or (isinstance(told, ast.Constant) and told.value is False)
