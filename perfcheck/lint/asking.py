"""Answers to the predicates of rule pages, from the facts about one body."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

from perfcheck.events import Hotness, Truth
from perfcheck.lint import certainty
from perfcheck.lint.conversions import is_conversion
from perfcheck.lint.dotted import dotted
from perfcheck.lint.facts import Match
from perfcheck.lint.loops import LoopKind, loop_kind
from perfcheck.lint.origins import is_handed, is_loop_variable, is_made_here, is_made_index, is_settled
from perfcheck.lint.roles import is_test_path
from perfcheck.lint.scope import BodyScope
from perfcheck.lint.uses import (
    agrees,
    fills_in,
    follows_collective,
    is_asked_for_its_shape,
    is_collected,
    is_computed_with,
    is_for_collective,
    is_for_host_library,
    is_gathered,
    is_helper_call,
    is_iterated,
    is_loaded_into,
    is_piece,
    is_returned,
    is_scored,
    is_sent,
    is_size,
    is_unpacked,
    is_used_again,
    named_uses,
    only_checks,
    only_reduced,
    selects_on_host,
    stops_loop,
)
from perfcheck.lint.values import TOKENIZED, Value
from perfcheck.rulebook.predicates import Metavariable


class Surroundings(NamedTuple):
    """What predicates may know beyond the body."""

    torch: tuple[int, int] | None  # the project's torch, None: the newest
    project_imports: frozenset[str]  # top-level packages


def asker(scope: BodyScope, match: Match, around: Surroundings) -> Callable[[str, tuple[object, ...]], Truth]:
    def ask(name: str, arguments: tuple[object, ...]) -> Truth:
        question = _QUESTIONS[name]
        plain: list[object] = []
        for argument in arguments:
            if isinstance(argument, Metavariable):
                bound = match.bindings.get(argument.name)
                if bound is None:
                    return None
                plain.append(bound)
            else:
                plain.append(argument)
        return question(_Asked(scope, match, around), *plain)

    return ask


class _Asked(NamedTuple):
    scope: BodyScope
    match: Match
    around: Surroundings

    def value(self, node: ast.AST) -> Value:
        return self.scope.value(node)

    @property
    def call(self) -> ast.Call | None:
        node: ast.AST = self.match.node
        if isinstance(node, ast.Expr):
            node = node.value
        return node if isinstance(node, ast.Call) else None

    @property
    def loop(self) -> ast.AST | None:
        loops = self.scope.loops(self.match.node)
        return loops[-1] if loops else None


def _kind(*kinds: str) -> Callable[..., Truth]:
    def ask(a: _Asked, node: ast.AST) -> Truth:
        kind = a.value(node).kind
        return None if kind == "unknown" else kind in kinds

    return ask


def _tensor_fact(fact: Callable[[Value], Truth]) -> Callable[..., Truth]:
    def ask(a: _Asked, node: ast.AST) -> Truth:
        value = a.value(node)
        if value.kind == "unknown":
            return fact(value) if value.batch else None
        return fact(value) if value.kind == "tensor" else False

    return ask


_place = _tensor_fact(lambda v: v.device)


def _on_device(a: _Asked, node: ast.AST) -> Truth:
    """What works on the host, such as data loading, has nothing on the device but what it puts there."""
    known = _place(a, node)
    return False if known is None and a.scope.run.on_host else known


def _negated(fact: Truth) -> Truth:
    return None if fact is None else not fact


def _dtype(a: _Asked, node: ast.AST, wanted: str) -> Truth:
    value = a.value(node)
    return None if value.dtype is None else value.dtype == wanted


def _rank(a: _Asked, node: ast.AST, wanted: int) -> Truth:
    value = a.value(node)
    return None if value.rank is None else value.rank == wanted


def _instance_of(a: _Asked, node: ast.AST, name: str) -> Truth:
    value = a.value(node)
    if value.ref is None:
        return None
    from perfcheck.lint.project import ClassRef, external_ancestry

    project = a.scope.run.engine.project
    entity = project.lookup(value.ref)
    if isinstance(entity, ClassRef):
        return project.is_subclass(entity, name)
    return name in external_ancestry(value.ref) or None


def _device_expression(a: _Asked, node: ast.AST) -> Truth:
    value = a.value(node)
    if value.kind == "device":
        return True
    if value.kind == "str" and isinstance(value.const, str):
        return bool(re.match(r"(cuda|cpu|mps|xpu|hpu|npu|meta)(:\d+)?$", value.const))
    return None if value.kind in ("unknown", "str") else False


def _accelerator(a: _Asked, node: ast.AST) -> Truth:
    value = a.value(node)
    if value.kind == "device":
        return value.device
    if value.kind == "str" and isinstance(value.const, str):
        return not value.const.startswith(("cpu", "meta"))
    return None


def _literal(a: _Asked, node: ast.AST) -> Truth:
    if isinstance(node, (ast.Tuple, ast.List)):
        return all(_literal(a, part) for part in node.elts)
    if isinstance(node, ast.UnaryOp):
        return _literal(a, node.operand)
    return isinstance(node, ast.Constant)


def _for_output(a: _Asked) -> Truth:
    return any(
        isinstance(part, ast.Call) and _OUTPUT.search(dotted(part.func).rpartition(".")[2])
        for node in _becomes(a.scope, a.match.node)
        for part in a.scope.ancestors(node)
    )


def _becomes(scope: BodyScope, node: ast.AST, depth: int = 0) -> Iterator[ast.AST]:
    """The value, and where it is read by its name, also after ``x = x - mean``."""
    yield node
    own = scope.statement(node)
    for use in named_uses(scope, node):
        changed = scope.statement(use)
        if (
            isinstance(own, ast.Assign)
            and isinstance(changed, ast.Assign)
            and dotted(own.targets[0]) == dotted(changed.targets[0])
            and depth < _DEFINITIONS
        ):
            yield from _becomes(scope, use, depth + 1)
        else:
            yield use


_DEFINITIONS = 4  # changes of a value that are followed

_OUTPUT = re.compile(
    r"^_*(save(?!_for_backward)|write|imwrite|imsave|imshow|plot|draw|dump|display|to_csv|to_file|savefig|send)(_|$)"
    r"|_(to_disk|image|video|audio)$"
)


def _gives_results(a: _Asked) -> Truth:
    name = a.scope.qualname.rpartition(".")[2]
    return _GIVES.search(name) is not None and _OF_TRAINING.search(name) is None


_GIVES = re.compile(r"^_*(predict|get|extract|calculate|prepare_for|unpack|compute_imputed)(_|$)")
_OF_TRAINING = re.compile(r"(^|_)(batch|loss(es)?|grad(s|ient)?|norms?|metrics?|logs?|stats?)(_|$)")


def _constant(a: _Asked, node: ast.AST) -> object:
    if isinstance(node, ast.Constant):
        return node.value
    value = a.value(node)
    if value.has_const:
        return value.const
    return _UNKNOWN


_UNKNOWN = object()


def _equals(a: _Asked, node: ast.AST, wanted: object) -> Truth:
    found = _constant(a, node)
    if found is _UNKNOWN:
        return None
    return type(found) is type(wanted) and found == wanted


def _keyword_missing(a: _Asked, name: str, position: int | None = None) -> Truth:
    call = a.call
    if call is None:
        return None
    if a.scope.keyword(call, name, position) is not None:
        return False
    return None if a.scope.passes(call, name) or any(isinstance(x, ast.Starred) for x in call.args) else True


def _keyword_is(a: _Asked, name: str, wanted: object, position: int | None = None) -> Truth:
    call = a.call
    if call is None:
        return None
    node = a.scope.keyword(call, name, position)
    if node is None:
        return None if a.scope.passes(call, name) else False
    return _equals(a, node, wanted)


def _has_keyword(a: _Asked, name: str) -> Truth:
    return a.call is not None and any(k.arg == name for k in a.call.keywords)


def _receiver_of(a: _Asked, *names: str) -> Truth:
    parent = a.scope.parent(a.match.node)
    return isinstance(parent, ast.Attribute) and parent.attr in names


def _hot(a: _Asked, word: str) -> Truth:
    return a.scope.hotness(a.match.node) >= Hotness[word.upper()]


def _switches(a: _Asked) -> Truth:
    return _SWITCH.search(a.scope.qualname.rpartition(".")[2]) is not None


_SWITCH = re.compile(r"^_*(set|enable|disable|use|make|seed|fix)(_|$)|determin|reproduc|invarian")


def _in_epoch_loop(a: _Asked) -> Truth:
    return any(
        isinstance(loop, (ast.For, ast.While, ast.AsyncFor)) and loop_kind(loop) is LoopKind.EPOCH
        for loop in a.scope.loops(a.match.node)
    )


def _captured(a: _Asked) -> Truth:
    for ancestor in a.scope.ancestors(a.match.node):
        if isinstance(ancestor, (ast.With, ast.AsyncWith)):
            for item in ancestor.items:
                expression = item.context_expr
                if (
                    isinstance(expression, ast.Call)
                    and a.scope.resolve(expression.func) == "torch.cuda.graph"
                ):
                    return True
    return None


def _names(node: ast.AST) -> set[str]:
    return {dotted(p) for p in ast.walk(node) if isinstance(p, (ast.Name, ast.Attribute))}


def _loop_invariant(a: _Asked, node: ast.AST) -> Truth:
    loop = a.loop
    if loop is None:
        return False
    stored = a.scope.assigned(loop)
    names = _names(node)
    if a.call is not None and isinstance(a.call.func, ast.Attribute) and a.call.func.value is node:
        names |= {name for argument in a.call.args for name in _names(argument)}  # where it is moved to
    stored |= {
        parameter.arg
        for around in a.scope.ancestors(node)
        if isinstance(around, ast.Lambda)
        for parameter in around.args.args
    }
    if names & stored or {n.partition(".")[0] for n in names} & stored:
        return False
    if any(isinstance(p, (ast.Call, ast.Await, ast.Yield)) for p in ast.walk(node)):
        return None
    return True


def _reassigned_in_loop(a: _Asked, node: ast.AST) -> Truth:
    loop = a.loop
    return loop is not None and bool(_names(node) & a.scope.assigned(loop))


def _of_turn(a: _Asked, node: ast.AST) -> Truth:
    loop = a.loop
    if not isinstance(loop, (ast.For, ast.AsyncFor, ast.comprehension)):
        return False
    parts = ast.walk(loop)
    assigns = [part for part in parts if isinstance(part, (ast.Assign, ast.AnnAssign, ast.AugAssign))]
    known, names = frozenset[str](), frozenset(_names(node))
    while names != known:
        known = names
        for assign in assigns:
            if assign.value is not None and names & a.scope.assigned(assign):
                names |= _names(assign.value)
    return bool({name.partition(".")[0] for name in names} & a.scope.assigned(loop.target))


def _result_unused(a: _Asked) -> Truth:
    node = a.match.node
    return isinstance(node, ast.Expr) or isinstance(a.scope.parent(node), ast.Expr)


def _used_later(a: _Asked, node: ast.AST) -> Truth:
    name = dotted(node)
    if not name:
        return None
    line = getattr(a.match.node, "end_lineno", 0) or 0
    return any(
        isinstance(n.ctx, ast.Load) and n.lineno > line and dotted(n) == name  # type: ignore[attr-defined]
        for n in a.scope.walk(ast.Name, ast.Attribute)
    )


def _written_in_place(a: _Asked, node: ast.AST) -> Truth:
    name = dotted(node)
    if not name:
        return None
    for part in a.scope.walk(ast.Call, ast.Subscript, ast.AugAssign):
        if isinstance(part, ast.Call):
            func = part.func
            if (
                isinstance(func, ast.Attribute)
                and func.attr.endswith("_")
                and not func.attr.startswith("__")
                and dotted(func.value) == name
            ):
                return True
        elif isinstance(part, ast.Subscript):
            if not isinstance(part.ctx, ast.Load) and dotted(part.value) == name:
                return True
        elif isinstance(part, ast.AugAssign) and dotted(part.target) == name:
            return True
    return False


def _made_with(a: _Asked, node: ast.AST, word: str) -> Truth:
    made = a.scope.definition(node.id, a.match.node) if isinstance(node, ast.Name) else node
    return isinstance(made, ast.Call) and any(keyword.arg == word for keyword in made.keywords)


def _overwritten(a: _Asked) -> Truth:
    parent = a.scope.parent(a.match.node)
    if isinstance(parent, ast.Attribute) and (parent.attr == "clone" or parent.attr.endswith("_")):
        return True  # .repeat(n, 1).uniform_()
    return isinstance(parent, ast.Assign) and any(_written_in_place(a, target) for target in parent.targets)


def _kept(a: _Asked, node: ast.AST) -> Truth:
    parent = a.scope.parent(a.match.node)
    lasting = isinstance(node, ast.Attribute) or (
        isinstance(node, ast.Name)
        and any(node.id in part.names for part in a.scope.walk(ast.Global) if isinstance(part, ast.Global))
    )
    return (
        lasting
        and isinstance(parent, ast.Assign)
        and any(dotted(target) == dotted(node) for target in parent.targets)
    )


def _reshaped(a: _Asked) -> Truth:
    parent = a.scope.parent(a.match.node)
    return isinstance(parent, ast.Attribute) and parent.attr in ("view", "reshape", "flatten")


def _version(text: str) -> tuple[int, int]:
    parts = text.split(".")
    return int(parts[0]), int(parts[1]) if len(parts) > 1 else 0


def _torch_at_least(a: _Asked, release: str) -> Truth:
    return a.around.torch is None or a.around.torch >= _version(release)


def _torch_before(a: _Asked, release: str) -> Truth:
    return a.around.torch is not None and a.around.torch < _version(release)


def _file_imports(a: _Asked, name: str) -> Truth:
    module = a.scope.function.module
    wanted = name + "."
    return any((target + ".").startswith(wanted) for target in (*module.imports.values(), *module.stars))


def _unpinned_elsewhere(a: _Asked) -> Truth:
    makers = a.scope.run.engine.unpinned_loaders
    return bool(makers) and a.scope.function.module.path not in makers


def _several(a: _Asked) -> Truth:
    """Do three places of the body, or more, do the same?"""
    same = {
        r.node
        for r in a.scope.events
        if r.operator.partition(":")[0] == a.match.operator and r.event == "host-sync"
    }
    return len(same) >= _SEVERAL


_SEVERAL = 3
_FEW = 4


def _failure_handled(a: _Asked) -> Truth:
    """Does a ``try`` around it do something else where it fails?"""
    around = [a.match.node, *a.scope.ancestors(a.match.node)]
    return any(
        isinstance(outer, ast.Try) and inner in outer.body and bool(outer.handlers)
        for inner, outer in pairwise(around)
    )


def _together(a: _Asked) -> Truth:
    """Are several tensors copied to the host in the same statement, or in the next to it?"""
    here = a.scope.statement(a.match.node)
    block = a.scope.block(a.match.node)
    at = next((place for place, part in enumerate(block) if part is here), 0)
    near = {id(part) for part in block[max(at - 1, 0) : at + 2]}
    read = {
        ast.dump(r.subject)
        for r in a.scope.events
        if r.event == "host-sync"
        and r.subject is not None
        and r.operator.partition(":")[0] in _COPIES
        and id(a.scope.statement(r.node)) in near
    }
    return len(read) > 1


_COPIES = frozenset(
    {"Tensor.item", "Tensor.tolist", "Tensor.cpu", "Tensor.numpy", "Tensor.__int__", "Tensor.__float__"}
)


_OUTPUTS = re.compile(r"^(preds?|predictions?|(model_)?outputs?|logits|y_?(pred|hat))$")


def _dwarfed(a: _Asked) -> Truth:
    if a.scope.loops(a.match.node):
        return False
    return any(raised.event == "host-sync" and stops_loop(a.scope, raised.node) for raised in a.scope.events)


def _of_pass(a: _Asked, node: ast.AST) -> Truth:
    return any(
        a.value(given).kind == "loader"
        for call in ast.walk(node)
        if isinstance(call, ast.Call)
        for given in (*call.args, *(keyword.value for keyword in call.keywords))
    )


def _written_as_given(a: _Asked) -> Truth:
    """Does what is written lie where a parameter does, of which nothing but convention tells?  What modules
    are handed is on the device more surely than that."""
    parent = a.scope.parent(a.match.node)
    if not isinstance(parent, (ast.Assign, ast.AugAssign)) or a.scope.in_class("torch.nn.Module"):
        return False
    written = a.value(parent.value)
    return written.assumed and bool(written.origin)


def _picked(a: _Asked, node: ast.AST) -> Truth:
    if not isinstance(node, ast.Subscript):
        return False
    return a.value(node.slice).kind == "tensor" and a.value(node.value).contiguous


_QUESTIONS: dict[str, Callable[..., Truth]] = {
    "tensor": _kind("tensor"),
    "presumed": lambda a, n: a.value(n).assumed,
    "is_self": lambda a, n: isinstance(n, ast.Name) and n.id == a.scope.run.self_name,
    "on_device": _on_device,
    "on_host": _tensor_fact(lambda v: _negated(v.device)),
    "pinned": _tensor_fact(lambda v: v.pinned),
    "contiguous": _tensor_fact(lambda v: v.contiguous),
    "requires_grad": _tensor_fact(lambda v: v.grad),
    "from_loader": lambda a, n: a.value(n).batch or (None if a.value(n).kind == "unknown" else False),
    "tokenized": lambda a, n: a.value(n).ref == TOKENIZED,
    "dtype": _dtype,
    "rank": _rank,
    "number": _kind("number"),
    "array": _kind("array"),
    "string": _kind("str"),
    "module": _kind("module"),
    "optimizer": _kind("optimizer"),
    "loader": _kind("loader"),
    "instance_of": _instance_of,
    "device_expression": _device_expression,
    "accelerator": _accelerator,
    "logits": lambda a, n: "logit" in (dotted(n) or "").rpartition(".")[2].lower(),
    "literal": _literal,
    "equals": _equals,
    "is_parameter": lambda a, n: isinstance(n, ast.Name) and n.id in a.scope.function.record.params,
    "is_name": lambda a, n: isinstance(n, ast.Name),
    "keyword_missing": _keyword_missing,
    "keyword_is": _keyword_is,
    "has_keyword": _has_keyword,
    "receiver_of": _receiver_of,
    "may_pass": lambda a, name: a.call is not None and a.scope.may_pass(a.call, name),
    "hot": _hot,
    "for_output": _for_output,
    "gives_results": _gives_results,
    "rhythm_guessed": lambda a: a.scope.heat.guess and not a.scope.lexically_hot(a.match.node),
    "rhythm_plausible": lambda a: (
        a.scope.heat.sure or bool(a.scope.loops(a.match.node)) or not a.scope.of_plain_class()
    ),
    "rhythm_known": lambda a: (
        not is_conversion(a.scope.function) and (a.scope.heat.sure or a.scope.lexically_hot(a.match.node))
    ),
    "certain": lambda a: a.match.certain is True,
    "conditional": lambda a: any(isinstance(part, ast.If) for part in a.scope.ancestors(a.match.node)),
    "in_loop": lambda a: bool(a.scope.loops(a.match.node)),
    "in_epoch_loop": _in_epoch_loop,
    "guarded": lambda a: a.scope.guarded(a.match.node),
    "cold": lambda a: a.scope.hotness(a.match.node) == Hotness.COLD,
    "compiled": lambda a: a.scope.compiled(),
    "captured": _captured,
    "no_grad": lambda a: a.scope.no_grad(a.match.node),
    "made_with": _made_with,
    "explained": lambda a, word: any(
        word in said
        for place in (a.match.node, *a.scope.ancestors(a.match.node))
        if place is a.match.node or isinstance(place, ast.If)
        for said in a.scope.comments(place)
    ),
    "in_function": lambda a, *names: a.scope.qualname.rpartition(".")[2] in names,
    "in_class": lambda a, name: a.scope.in_class(name),
    "switches": _switches,
    "at_module_level": lambda a: not a.scope.qualname,
    "loop_invariant": _loop_invariant,
    "reassigned_in_loop": _reassigned_in_loop,
    "of_turn": _of_turn,
    "result_unused": _result_unused,
    "settled": lambda a, n: is_settled(a.scope, n),
    "kept": _kept,
    "reshaped": _reshaped,
    "operator_is": lambda a, *names: a.match.operator in names,
    "handed": lambda a, n: is_handed(a.scope, n),
    "made_here": lambda a, n: is_made_here(a.scope, n, a.match.node),
    "written_as_given": _written_as_given,
    "mask_made_here": lambda a: (
        isinstance(a.match.node, ast.Subscript) and is_made_here(a.scope, a.match.node.slice, a.match.node)
    ),
    "index_made_here": lambda a: (
        isinstance(a.match.node, ast.Subscript) and is_made_index(a.scope, a.match.node.slice)
    ),
    "index_used_again": lambda a: (
        isinstance(a.match.node, ast.Subscript) and is_used_again(a.scope, a.match.node.slice)
    ),
    "index_of_loop": lambda a: (
        isinstance(a.match.node, ast.Subscript) and is_loop_variable(a.scope, a.match.node.slice)
    ),
    "unpacked": lambda a: is_unpacked(a.scope, a.match.node),
    "index_settled": lambda a: (
        isinstance(a.match.node, ast.Subscript) and is_settled(a.scope, a.match.node.slice)
    ),
    "picked": _picked,
    "iterated": lambda a: is_iterated(a.scope, a.match.node),
    "only_reduced": lambda a: only_reduced(a.scope, a.match.node),
    "returned": lambda a: is_returned(a.scope, a.match.node),
    "fills_in": lambda a: fills_in(a.scope, a.match.node),
    "sizes": lambda a: is_size(a.scope, a.match.node),
    "for_host_library": lambda a, n: is_for_host_library(a.scope, n),
    "agrees": lambda a: agrees(a.scope, a.match.node),
    "beside_outputs": lambda a: any(map(_OUTPUTS.match, a.scope.function.record.params)),
    "sent": lambda a: is_sent(a.scope, a.match.node),
    "asked_for_its_shape": lambda a: is_asked_for_its_shape(a.scope, a.match.node),
    "computed_with": lambda a: (
        not is_conversion(a.scope.function)
        and not is_helper_call(a.scope, a.match.node)
        and is_computed_with(a.scope, a.match.node)
    ),
    "scored": lambda a: is_scored(a.scope, a.match.node),
    "piece": lambda a: is_piece(a.scope, a.match.node),
    "selects_on_host": lambda a: selects_on_host(a.scope, a.match.node),
    "collected": lambda a: is_collected(a.scope, a.match.node),
    "gathered": lambda a: (
        not _GIVES.search(a.scope.heat.by.rpartition(".")[2]) and is_gathered(a.scope, a.match.node)
    ),
    "several": _several,
    "few": lambda a, n: isinstance(n, (ast.List, ast.Tuple)) and len(n.elts) <= _FEW,
    "failure_handled": _failure_handled,
    "together": _together,
    "dwarfed": _dwarfed,
    "of_pass": _of_pass,
    "moves_data": lambda a: (
        any(raised.event == "h2d-copy" for raised in a.scope.events)
        or any(
            isinstance(call.func, ast.Attribute) and a.value(call.func.value).ref == TOKENIZED
            for call in a.scope.calls("to", "cuda")
        )
    ),
    "loaded_into": lambda a: is_loaded_into(a.scope, a.match.node),
    "for_collective": lambda a: is_for_collective(a.scope, a.match.node),
    "follows_collective": lambda a: follows_collective(a.scope, a.match.node),
    "stops_loop": lambda a: stops_loop(a.scope, a.match.node),
    "only_checks": lambda a: only_checks(a.scope, a.match.node),
    "used_later": _used_later,
    "written_in_place": _written_in_place,
    "overwritten": _overwritten,
    "python_number": lambda a, n: certainty.python_number(a.scope, n) is not None,
    "measured": lambda a, n: any(f"len({a.scope.text(n)})" in line for line in a.scope.lines),
    "certainly_tensor": lambda a, n: certainty.is_tensor(a.scope, n),
    "temporary": lambda a, n: certainty.temporary(n),
    "handed_over": lambda a, n: certainty.handed_over(a.scope, n, a.match.node),
    "default_device_kept": lambda a: certainty.default_device_kept(a.scope, a.match.node),
    "torch_at_least": _torch_at_least,
    "torch_before": _torch_before,
    "unpinned_elsewhere": _unpinned_elsewhere,
    "project_imports": lambda a, name: name in a.around.project_imports,
    "file_imports": _file_imports,
    "test_code": lambda a: is_test_path(a.scope.path),
}
