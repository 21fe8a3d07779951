"""What becomes of a value: whether there is a remedy that fits."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from perfcheck.lint.detectors.names import variables
from perfcheck.lint.dotted import dotted, plain
from perfcheck.lint.guards import exits, is_error_path
from perfcheck.lint.loops import steps_environment
from perfcheck.lint.origins import is_loop_variable
from perfcheck.lint.project import FunctionRef

if TYPE_CHECKING:
    from perfcheck.lint.scope import BodyScope

_DEEPEST = 6


def is_unpacked(scope: BodyScope, node: ast.AST) -> bool:
    """``a, b = x``: several numbers, each with a name of its own."""
    parent = scope.parent(node)
    return isinstance(parent, ast.Assign) and all(
        isinstance(t, (ast.Tuple, ast.List)) for t in parent.targets
    )


def is_iterated(scope: BodyScope, node: ast.AST) -> bool:
    """Does a loop or comprehension go over it?"""
    parent = scope.parent(node)
    while isinstance(parent, ast.Call) and dotted(parent.func) in ("enumerate", "zip", "reversed"):
        node, parent = parent, scope.parent(parent)
    return isinstance(parent, (ast.For, ast.AsyncFor, ast.comprehension)) and parent.iter is node


def is_used_again(scope: BodyScope, index: ast.AST) -> bool:
    """Do two other places select by the same variable, which is bound once?"""
    if not isinstance(index, ast.Name) or scope.definition(index.id, scope.node.body[-1]) is None:
        return False
    selects = [
        part
        for part in scope.walk(ast.Subscript)
        if isinstance(part, ast.Subscript)
        and isinstance(part.slice, ast.Name)
        and part.slice.id == index.id
        and isinstance(part.ctx, ast.Load)
    ]
    return len(selects) >= _AGAIN


_AGAIN = 3


def only_reduced(scope: BodyScope, node: ast.AST, depth: int = 0) -> bool:
    """Is all that becomes of it a sum, a mean or a loss? Then weights do what selecting does."""
    parent = scope.parent(node)
    if depth > _DEEPEST or parent is None:
        return False
    if isinstance(parent, ast.Attribute):
        if parent.attr in ("shape", "dtype", "device"):
            return True
        call = scope.parent(parent)
        return (
            isinstance(call, ast.Call) and call.func is parent and _reduces(scope, call, parent.attr, depth)
        )
    if isinstance(parent, ast.keyword):
        parent = scope.parent(parent)
    if isinstance(parent, ast.Call):
        return _reduces(scope, parent, dotted(parent.func).rpartition(".")[2], depth)
    if isinstance(parent, (ast.BinOp, ast.UnaryOp)):
        return only_reduced(scope, parent, depth + 1)
    if (
        isinstance(parent, ast.Assign)
        and len(parent.targets) == 1
        and isinstance(parent.targets[0], ast.Name)
    ):
        later = _loads(scope, parent.targets[0].id, parent)
        return bool(later) and all(only_reduced(scope, use, depth + 1) for use in later)
    return False


def _reduces(scope: BodyScope, call: ast.Call, name: str, depth: int) -> bool:
    if name in _REDUCTIONS or _LOSS.search(name):
        return True
    return name in _ELEMENTWISE and only_reduced(scope, call, depth + 1)


def _loads(scope: BodyScope, name: str, after: ast.stmt) -> list[ast.AST]:
    """Where the variable is read before it is bound anew, in the order of the source."""
    start = (after.end_lineno or 0, after.end_col_offset or 0)
    names: list[ast.Name] = [n for n in scope.walk(ast.Name) if isinstance(n, ast.Name) and n.id == name]
    later = [n for n in names if (n.lineno, n.col_offset) >= start]
    stores = (n for n in later if not isinstance(n.ctx, ast.Load) and not _is_alternative(scope, after, n))
    bound = min((n.lineno for n in stores), default=None)
    return [n for n in later if isinstance(n.ctx, ast.Load) and (bound is None or n.lineno <= bound)]


def named_uses(scope: BodyScope, node: ast.AST) -> list[ast.AST]:
    """Where the value is read by the name that its statement gives it."""
    statement = scope.statement(node)
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    return _loads(scope, target.id, statement) if isinstance(target, ast.Name) else []


def _is_alternative(scope: BodyScope, first: ast.stmt, node: ast.AST) -> bool:
    """Do the two stand in different branches of one ``if``?"""
    around = [node, *scope.ancestors(node)]
    return any(
        isinstance(choice, ast.If)
        and any(part in choice.orelse for part in around)
        and any(part in choice.body for part in (first, *scope.ancestors(first)))
        for choice in around
    )


_REDUCTIONS = frozenset(
    """sum mean norm nansum nanmean logsumexp prod max min amax amin any all std var median numel len size
    dim item cross_entropy nll_loss kl_div count_nonzero""".split()
)
_LOSS = re.compile(r"loss|criterion|cross_entropy", re.IGNORECASE)
_ELEMENTWISE = frozenset(
    """float double half to abs pow square sqrt rsqrt exp log log2 log1p clamp clamp_min clamp_max relu
    sigmoid logsigmoid softplus detach contiguous view reshape flatten squeeze unsqueeze type_as
    log_softmax softmax neg sub add mul div where nan_to_num tanh""".split()
)


def is_size(scope: BodyScope, node: ast.AST) -> bool:
    """Is all that becomes of a number a size: of a shape, a range, a slice, perhaps compared before? The host
    needs it to launch anything at all. So it does the longest length, whatever else it is used for."""
    return _sized(scope, node, 0, _is_longest(node)) is True


def _is_longest(node: ast.AST) -> bool:
    """``lengths.max().item()``, ``int(counts.amax())``"""
    return any(isinstance(part, ast.Attribute) and part.attr in ("max", "amax") for part in ast.walk(node))


def _sized(scope: BodyScope, node: ast.AST, depth: int, anywhere: bool) -> bool | None:
    """None: it is only compared."""
    parent = scope.parent(node)
    while isinstance(parent, _AROUND_NUMBERS):
        node, parent = parent, scope.parent(parent)
    if isinstance(parent, ast.Slice):
        return True
    if isinstance(parent, ast.Compare):
        return None
    if isinstance(parent, ast.Call) and node is not parent.func:
        name = dotted(parent.func).rpartition(".")[2]
        return name in _SIZED or (name in _OF_NUMBERS and _sized(scope, parent, depth, anywhere))
    if depth > _DEEPEST or not isinstance(parent, ast.Assign) or len(parent.targets) != 1:
        return False
    target = parent.targets[0]
    later = _loads(scope, target.id, parent) if isinstance(target, ast.Name) else []
    answers = {_sized(scope, use, depth + 1, anywhere) for use in later}
    return None if answers == {None} else True in answers and (anywhere or False not in answers)


_AROUND = (ast.Tuple, ast.List, ast.Starred, ast.keyword)
_AROUND_NUMBERS = (*_AROUND, ast.BinOp, ast.UnaryOp, ast.IfExp)
_OF_NUMBERS = frozenset({"int", "float", "max", "min", "round", "ceil", "floor"})
_SIZED = frozenset(
    """zeros ones empty full arange rand randn randint randperm eye linspace new_zeros new_ones new_empty
    new_full expand view reshape repeat tile narrow pad topk one_hot split chunk range resize_ unflatten
    repeat_interleave bincount""".split()
)


def fills_in(scope: BodyScope, node: ast.AST) -> bool:
    """Does it give a parameter that callers left out its value: ``if size is None: size = int(x.max())``, or
    what stands in its place: ``if size is not None: n = size`` and ``else: n = int(x.max())``? So with what
    an object need not have: ``size = getattr(graph, "size", None)``."""
    assign = scope.statement(node)
    if not isinstance(assign, ast.Assign) or len(assign.targets) != 1:
        return False
    for inner, choice in pairwise((node, *scope.ancestors(node))):
        if isinstance(choice, (ast.If, ast.IfExp)):
            otherwise = inner is choice.orelse or (isinstance(choice, ast.If) and inner in choice.orelse)
            told = _compared_with_none(choice.test, ast.IsNot if otherwise else ast.Is)
            if not otherwise:
                told &= {plain(assign.targets[0])} | _named_in(choice.orelse)
            if any(_is_optional(scope, name, assign) for name in told):
                return True
    return False


def _is_optional(scope: BodyScope, name: str, before: ast.stmt) -> bool:
    """Need others not give it: a parameter, or what ``getattr(x, name, None)`` gives?"""
    return name in scope.function.record.params or any(
        isinstance(assign, ast.Assign)
        and plain(assign.targets[0]) == name
        and assign.lineno < before.lineno
        and _may_be_missing(scope, assign.value)
        for assign in scope.walk(ast.Assign)
    )


def _may_be_missing(scope: BodyScope, node: ast.expr) -> bool:
    if not isinstance(node, ast.Call) or scope.resolve(node.func) != "builtins.getattr":
        return False
    default = node.args[2] if len(node.args) == 3 else None
    return isinstance(default, ast.Constant) and default.value is None


def _named_in(other: ast.expr | list[ast.stmt]) -> set[str]:
    """The variables of the other way of a choice."""
    parts = other if isinstance(other, list) else [other]
    return {node.id for part in parts for node in ast.walk(part) if isinstance(node, ast.Name)}


def _compared_with_none(test: ast.expr, how: type[ast.cmpop]) -> set[str]:
    """The variables of ``x is None and …``, or of ``x is not None and …``."""
    parts = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]
    return {
        plain(part.left)
        for part in parts
        if isinstance(part, ast.Compare)
        and isinstance(part.ops[0], how)
        and isinstance(part.comparators[0], ast.Constant)
        and part.comparators[0].value is None
    }


def is_for_host_library(scope: BodyScope, node: ast.AST, depth: int = 0) -> bool:
    """Does what computes on the host alone get it: a library, or one of the few functions of PyTorch's?"""
    parent = scope.parent(node)
    while isinstance(parent, (ast.Attribute, ast.Subscript, ast.Dict, ast.BinOp, ast.UnaryOp, *_AROUND)) or (
        isinstance(parent, ast.Call) and (parent.func is node or _wraps(scope, parent))
    ):
        node, parent = parent, scope.parent(parent)
    if depth <= _DEEPEST and isinstance(parent, ast.comprehension) and isinstance(parent.target, ast.Name):
        around = scope.parent(parent)
        return around is not None and any(
            is_for_host_library(scope, use, depth + 1)
            for use in ast.walk(around)
            if isinstance(use, ast.Name) and use.id == parent.target.id and use is not parent.target
        )
    if isinstance(parent, ast.Call):
        if steps_environment(parent):
            return True
        name = dotted(parent.func)
        root = (scope.resolve(parent.func) or name).partition(".")[0]
        return (
            root in _HOST_LIBRARIES
            or name.rpartition(".")[2] in _HOST_CALLS
            or _RUNTIME.search(name) is not None
        )
    if depth > _DEEPEST or not isinstance(parent, ast.Assign) or not isinstance(parent.targets[0], ast.Name):
        return False
    later = _loads(scope, parent.targets[0].id, parent)
    return any(is_for_host_library(scope, use, depth + 1) for use in later)


def _wraps(scope: BodyScope, call: ast.Call) -> bool:
    """``np.asarray(x)``, ``list(x)``: the same data in another form."""
    return (scope.resolve(call.func) or "").startswith(("numpy.", "builtins.", "torch.from_numpy", "einops."))


_HOST_LIBRARIES = frozenset(
    """scipy sklearn cv2 PIL skimage matplotlib pandas networkx nltk numba faiss SimpleITK nibabel librosa
    soundfile open3d trimesh tensorflow pystoi pesq gammatone mir_eval pycocotools editdistance
    jiwer""".split()
)
_HOST_CALLS = frozenset(
    """pack_padded_sequence histogram histogramdd predict fit partial_fit fit_predict fit_transform infer
    inference set_tensor submit apply_async""".split()
)
"""What PyTorch computes on the host alone, and how estimators and other runtimes of models are called."""


_RUNTIME = re.compile(r"(^|[._])sess(ion)?\.run$")
"""``self.session.run(None, inputs)``: another runtime, which takes NumPy's arrays"""


def is_helper_call(scope: BodyScope, node: ast.AST) -> bool:
    """Is it ``to_numpy(x)``, of the project's own, whose callers want NumPy's arrays?"""
    return isinstance(node, ast.Call) and scope.value(node.func).kind == "function"


def is_computed_with(scope: BodyScope, node: ast.AST, depth: int = 0) -> bool:
    """Does the host go on computing with its copy what the device could: arithmetic, comparisons, functions
    and methods that torch has as well, or element by element? Who returns, keeps, prints or hands it on may
    want it on the host."""
    parent = scope.parent(node)
    if depth > _DEEPEST or parent is None:
        return False
    if isinstance(parent, ast.Attribute):
        call = scope.parent(parent)
        if not isinstance(call, ast.Call) or call.func is not parent:
            return parent.attr in _SAME_DATA and is_computed_with(scope, parent, depth)
        return parent.attr in _ON_DEVICE or (
            parent.attr in _SAME_DATA and is_computed_with(scope, call, depth)
        )
    if isinstance(parent, (ast.BinOp, ast.UnaryOp, ast.AugAssign)):
        return scope.value(parent).kind != "str"
    if isinstance(parent, ast.Compare):
        return not isinstance(parent.ops[0], (ast.Is, ast.IsNot, ast.In, ast.NotIn))
    if isinstance(parent, ast.Subscript):
        by_element = parent.value is node and any(
            is_loop_variable(scope, part) for part in ast.walk(parent.slice)
        )
        return by_element or (parent.value is node and is_computed_with(scope, parent, depth))
    if isinstance(parent, (ast.keyword, ast.IfExp)):
        return is_computed_with(scope, parent, depth)
    if isinstance(parent, ast.Call):
        library, _, name = (scope.resolve(parent.func) or "").rpartition(".")
        if library.startswith(("numpy", "torch")):
            return name in _ON_DEVICE or (name in _SAME_DATA and is_computed_with(scope, parent, depth))
        return False
    return any(is_computed_with(scope, use, depth + 1) for use in _uses(scope, node))


def is_collected(scope: BodyScope, node: ast.AST) -> bool:
    """Is it kept, from step to step: ``self.outputs.append(x.cpu())``, ``cache[hook.name] = x.cpu()``?"""
    node, parent = _data_of(scope, node)
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute) and node in parent.args:
        keeper: ast.AST = parent.func.value if parent.func.attr in ("append", "extend") else parent
    elif isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Subscript):
        keeper = parent.targets[0].value
    else:
        return False
    while isinstance(keeper, ast.Subscript):
        keeper = keeper.value
    if isinstance(keeper, ast.Name):
        return keeper.id not in scope.run.locals and keeper.id not in scope.function.record.params
    return isinstance(keeper, ast.Attribute) and plain(keeper.value) == "self"


def is_gathered(scope: BodyScope, node: ast.AST) -> bool:
    """Is it returned to whoever runs the function in a loop, and keeps what each turn gives:
    ``parts.append(predict(batch))``, ``[predict(batch) for batch in loader]``?"""
    project, name = scope.run.engine.project, scope.function.record.name
    caller = project.lookup(scope.heat.by) if scope.heat.by and is_returned(scope, node) else None
    body = project.node(caller) if isinstance(caller, FunctionRef) else None
    if body is None:
        return False
    parts = list(ast.walk(body))
    calls = {
        part for part in parts if isinstance(part, ast.Call) and dotted(part.func).rpartition(".")[2] == name
    }
    given = {
        target.id
        for part in parts
        if isinstance(part, ast.Assign) and part.value in calls
        for target in part.targets
        if isinstance(target, ast.Name)
    }
    return any(
        (isinstance(part, ast.ListComp) and part.elt in calls)
        or (
            isinstance(part, ast.Call)
            and isinstance(part.func, ast.Attribute)
            and part.func.attr == "append"
            and any(kept in calls or (isinstance(kept, ast.Name) and kept.id in given) for kept in part.args)
        )
        for part in parts
    )


def _data_of(scope: BodyScope, node: ast.AST) -> tuple[ast.AST, ast.AST | None]:
    """The same data after ``.numpy()``, ``.float()`` and the like, and what it is a part of."""
    parent = scope.parent(node)
    while isinstance(parent, (ast.Attribute, ast.Call)) and (
        parent.attr in _SAME_DATA if isinstance(parent, ast.Attribute) else parent.func is node
    ):
        node, parent = parent, scope.parent(parent)
    return node, parent


def is_scored(scope: BodyScope, node: ast.AST) -> bool:
    """Is it handed to a function of the project that takes a metric of it: ``accuracy(x.cpu(), y.cpu())``?"""
    _, parent = _data_of(scope, node)
    if not isinstance(parent, ast.Call):
        return False
    called = scope.value(parent.func)
    return called.kind == "function" and _METRIC.search(dotted(parent.func).rpartition(".")[2]) is not None


_METRIC = re.compile(
    r"(^|_)(acc|accuracy|topk|iou|miou|dice|psnr|ssim|mse|mae|rmse|f1|precision|recall|error_rate)(_|$)"
)


def is_piece(scope: BodyScope, node: ast.AST) -> bool:
    """Is it, in each turn of a loop, another part of one tensor, which could be copied as a whole?"""
    loops = [loop for loop in scope.loops(node) if isinstance(loop, (ast.For, ast.AsyncFor))]
    part = node
    while isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
        part = part.func.value
    if not loops or not isinstance(part, ast.Subscript) or not isinstance(part.value, ast.Name):
        return False
    whole = part.value.id not in scope.assigned(loops[-1]) and scope.value(part.value).kind == "tensor"
    return whole and bool(variables(loops[-1].target) & variables(part.slice))


def selects_on_host(scope: BodyScope, node: ast.AST) -> bool:
    """Does it choose places of what lies on the host: ``images[index.cpu().numpy(), 0]``?"""
    node, parent = _data_of(scope, node)
    if isinstance(parent, ast.Tuple):
        node, parent = parent, scope.parent(parent)
    return (
        isinstance(parent, ast.Subscript)
        and parent.slice is node
        and scope.value(parent.value).kind in ("array", "unknown")
        and not isinstance(parent.ctx, ast.Store)
    )


def is_asked_for_its_shape(scope: BodyScope, node: ast.AST) -> bool:
    """Is nothing but its shape wanted, which the tensor on the device has as well?"""
    node, _ = _data_of(scope, node)
    uses = _uses(scope, node) or [node]
    return all(
        isinstance(parent := scope.parent(use), ast.Attribute) and parent.attr in ("shape", "ndim", "size")
        for use in uses
    )


def _uses(scope: BodyScope, node: ast.AST) -> list[ast.AST]:
    """Where the variable that is bound to it is read; ``a, b = x.cpu(), y.cpu()`` binds one by one."""
    parent = scope.parent(node)
    assign, position = parent, None
    if isinstance(parent, ast.Tuple):
        assign, position = scope.parent(parent), parent.elts.index(node)  # type: ignore[arg-type]
    if not isinstance(assign, ast.Assign) or len(assign.targets) != 1:
        return []
    target = assign.targets[0]
    if position is not None:
        if not isinstance(target, ast.Tuple) or position >= len(target.elts):
            return []
        target = target.elts[position]
    return _loads(scope, target.id, assign) if isinstance(target, ast.Name) else []


_SAME_DATA = frozenset(
    """numpy cpu detach data float double half int long bool view reshape flatten ravel squeeze unsqueeze
    astype contiguous transpose permute copy clone to T asarray array ascontiguousarray from_numpy
    as_tensor tensor expand_dims swapaxes""".split()
)
_ON_DEVICE = frozenset(
    """sum mean max min argmax argmin amax amin sort argsort topk softmax log_softmax sigmoid tanh exp log
    log2 log10 sqrt abs any all cumsum cumprod nonzero unique bincount histogram histc dot matmul mm bmm
    einsum clip clamp std var norm median prod diff where logical_and logical_or logical_not isnan isinf
    isfinite searchsorted percentile quantile rfft irfft fft ifft solve lstsq inv pinv eigh svd square power
    pow subtract add multiply divide maximum minimum interp interpolate cosine_similarity
    cross_entropy mse_loss l1_loss nanmean nansum nanmax argwhere eq ne gt lt ge le argpartition outer
    count_nonzero floor ceil sign gather cov corrcoef allclose choice multinomial""".split()
)
"""What torch computes on the device as well, by the names that it and NumPy have for it."""


def only_checks(scope: BodyScope, node: ast.AST) -> bool:
    """Is it asked for nothing but an error or a warning? Also by ``if fine: return`` before a ``raise``."""
    child = node
    for ancestor in scope.ancestors(node):
        if isinstance(ancestor, ast.If) and child is ancestor.test:
            only_fails = not ancestor.orelse and is_error_path(ancestor.body)
            return only_fails or _is_before_error(scope, ancestor)
        child = ancestor
    return False


def agrees(scope: BodyScope, node: ast.AST) -> bool:
    """Does it ask what all ranks have said in order to leave: ``all_reduce(stop); if stop > 0: break``?"""
    choice = scope.statement(node)
    if not isinstance(choice, ast.If) or not exits(choice.body):
        return False
    asked = variables(choice.test)
    return any(
        plain(given) in asked
        for call in scope.calls("all_reduce", "broadcast", "all_gather", "reduce")
        for given in call.args[:1]
    )


def stops_loop(scope: BodyScope, node: ast.AST) -> bool:
    """Does it decide whether a loop goes on: ``if done.all(): break``, ``while residual > eps:``? Then the
    host has to know, in whatever turn it asks."""
    return any(_ends_turns(scope, use) for use in (node, *named_uses(scope, node)))


def _ends_turns(scope: BodyScope, node: ast.AST) -> bool:
    for around in scope.ancestors(node):
        if isinstance(around, ast.While):
            return _is_within(around.test, node)
        if isinstance(around, ast.If):
            last, loops = around.body[-1], scope.loops(around)
            leaves = isinstance(last, ast.Return) and len(around.body) == 1 and bool(loops)
            ends = (leaves or isinstance(last, ast.Break)) and _is_within(around.test, node)
            return ends and not _is_searched(around.test, loops)
        if isinstance(around, ast.stmt):
            return False
    return False


def _is_searched(test: ast.expr, loops: Sequence[ast.AST]) -> bool:
    """``if mask[i]: break``: the first of the elements, which the device finds in one piece."""
    turns = {name for loop in loops if not isinstance(loop, ast.While) for name in variables(loop.target)}  # type: ignore[attr-defined]
    return any(
        isinstance(part, ast.Subscript) and bool(turns & variables(part.slice)) for part in ast.walk(test)
    )


def _is_within(whole: ast.AST, part: ast.AST) -> bool:
    return any(node is part for node in ast.walk(whole))


def is_loaded_into(scope: BodyScope, node: ast.AST) -> bool:
    """Is it given a name, and by that a checkpoint? Then a model is wrapped to fit its keys."""
    statement = scope.statement(node)
    name = dotted(statement.targets[0]) if isinstance(statement, ast.Assign) else ""
    loads = map(dotted, (call.func for call in scope.calls("load_state_dict")))
    return bool(name) and f"{name}.load_state_dict" in loads


_COLLECTIVE = re.compile(r"torch\.distributed\.(\w+\.)*(all_|reduce|broadcast|gather|scatter)")


def follows_collective(scope: BodyScope, node: ast.AST) -> bool:
    """Does a collective stand right above it? What comes after on the stream waits for that by itself."""
    block = scope.block(node)
    before = block.index(scope.statement(node)) - 1
    return before >= 0 and any(
        isinstance(part, ast.Call) and _COLLECTIVE.match(scope.resolve(part.func) or "")
        for part in ast.walk(block[before])
    )


def is_for_collective(scope: BodyScope, node: ast.AST, depth: int = 0) -> bool:
    """Do all ranks gather or reduce it? Then it has to lie on the device."""
    parent = scope.parent(node)
    while isinstance(parent, (ast.Attribute, ast.Subscript, *_AROUND)) or (
        isinstance(parent, ast.Call) and parent.func is node
    ):
        node, parent = parent, scope.parent(parent)
    if isinstance(parent, ast.Call):
        name = scope.resolve(parent.func) or dotted(parent.func)
        return bool(_COLLECTIVE.match(name)) or (
            not name.startswith("torch.") and bool(_OF_ALL_RANKS.search(name))
        )
    if depth > _DEEPEST or not isinstance(parent, ast.Assign) or not isinstance(parent.targets[0], ast.Name):
        return False
    later = _loads(scope, parent.targets[0].id, parent)
    return any(is_for_collective(scope, use, depth + 1) for use in later)


_OF_ALL_RANKS = re.compile(r"(^|\.)(all_(gather|reduce|to_all)|broadcast|gather)(_\w+)?$")


def _is_before_error(scope: BodyScope, choice: ast.If) -> bool:
    """Do the choices end in a ``raise``, if none of them returned?"""
    around = scope.parent(choice)
    while isinstance(around, ast.If):
        choice, around = around, scope.parent(around)
    block: list[ast.stmt] = getattr(around if around is not None else scope.node, "body", [])
    after = block[block.index(choice) + 1 :] if choice in block else []
    return bool(after) and isinstance(after[0], ast.Raise)


def is_sent(scope: BodyScope, node: ast.AST) -> bool:
    """``return {"loss": loss.item()}`` of an endpoint: what asks is another process, which takes no tensor of
    this one's device."""
    answers = any(map(_ENDPOINT.search, scope.function.record.decorators))
    return answers and any(isinstance(around, ast.Return) for around in scope.ancestors(node))


_ENDPOINT = re.compile(r"(^|[._])(endpoint|remote|rpc|get|post|put|route|websocket)$")


def is_returned(scope: BodyScope, node: ast.AST) -> bool:
    """Is it, by itself or by a name, what the function returns? Then its length belongs to the result."""
    parent = scope.parent(node)
    while isinstance(parent, (ast.Tuple, ast.List, ast.Dict, ast.Subscript, ast.Starred)):
        node, parent = parent, scope.parent(parent)
    if isinstance(parent, ast.Return):
        return True
    if isinstance(parent, ast.Assign):
        return any(
            is_returned(scope, use)
            for target in parent.targets
            for name in variables(target)
            for use in _loads(scope, name, parent)
            if use is not node
        )
    return False
