"""Which branches run rarely: logging intervals, debugging, error paths, first-time initialisation.

The facts come from the code alone: a modulo on a counter, a name that says what the branch is for,
a body that only raises.  ``is_cooling`` answers for the two branches of an ``if``.
"""

from __future__ import annotations

import ast
import re

from perfcheck.events import Truth
from perfcheck.lint.dotted import dotted
from perfcheck.lint.nodes import walk
from perfcheck.lint.roles import is_setup_name
from perfcheck.lint.spelling import spelled

# Names of conditions under which code runs now and then, or not in production.
_RARE = re.compile(
    r"(^|_)(debug|verbose|collect_\w+|dry_?run|profil\w*|bench\w*|visuali[sz]e\w*|plot\w*|viz|dump\w*|sanity|"
    r"should_(?!process|handle|accept|emit|continue)\w+|do_log|log_(now|step)|is_log\w*|logging_step|"
    r"save_\w+|print_\w+|summary|record_\w*|trace_memory|report\w*|export\w*|onnx\w*|"
    r"is_tracing|is_scripting|is_exporting|is_in_onnx_export|validate_args|_validate_args|"
    r"check(_\w+)?|(?:un)?initiali[sz]ed|_?is_init\w*|first_(run|step|iter\w*|call|batch|time)|is_last\w*|is_first\w*|"
    r"time_to_\w+|overflow|is_nan|has_nan|oom|last_\w*(step|batch|iter)\w*|end_of_\w+)($|_)",
    re.IGNORECASE,
)
_EVERY = re.compile(r"(^|_)(every|interval|freq|frequency|period)(_|$)", re.IGNORECASE)
_COUNTERS = re.compile(
    r"(step|iter|idx|index|batch|epoch|count|^i$|^j$|^n$|^it$|^t$|^k$|num|interval|every|freq|period)",
    re.IGNORECASE,
)
_PART = re.compile(
    r"(layer|block|head|scatter|gather|stage|group|level|dim|axis|expert|channel)", re.IGNORECASE
)
"""``layer_idx == 0`` holds once in every forward."""
_ACCUMULATED = re.compile(r"(^|_)(grad(ient)?_)?acc(um\w*)?($|_)", re.IGNORECASE)
"""``gradient_accumulation_steps``, ``accum_iter``: of the optimizer's steps, none is left out."""
_is_rare, _is_interval, _counts = spelled(_RARE.search), spelled(_EVERY.search), spelled(_COUNTERS.search)
_is_part = spelled(_PART.search)
_accumulated = spelled(_ACCUMULATED.search)


def _names(test: ast.expr) -> list[str]:
    found: list[str] = []
    for node in walk(test):
        if isinstance(node, ast.Attribute):
            found.append(node.attr)
        elif isinstance(node, ast.Name):
            found.append(node.id)
    return found


def _interval(test: ast.expr) -> bool:
    """``step % n == 0`` and its relatives."""
    for node in walk(test):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            if isinstance(node.left, ast.Constant):  # "%s" % x
                continue
            if any(map(_accumulated, _names(node.right))):
                continue
            if any(_counts(name) for name in (*_names(node.left), *_names(node.right))):
                return True
    return False


def _off_interval(test: ast.expr) -> bool:
    """``step % n`` and ``step % n != 0``: true nearly always."""
    if isinstance(test, ast.BinOp) and isinstance(test.op, ast.Mod):
        return _interval(test)
    return (
        isinstance(test, ast.Compare)
        and len(test.ops) == 1
        and isinstance(test.ops[0], (ast.NotEq, ast.Gt))
        and isinstance(test.left, ast.BinOp)
        and _interval(test.left)
    )


def _is_filled(node: ast.If) -> bool:
    """``if self.x is not None: return self.x``, ``x = cache.get(key)`` and ``if x is not None: return x``,
    ``if key in self.cache: return …``, ``if getattr(self, "_ready", False): return``: what follows fills
    it."""
    if not isinstance(node.body[-1], ast.Return):
        return False
    if isinstance(node.test, ast.Call) and isinstance(node.test.func, ast.Name):
        return node.test.func.id == "getattr" and len(node.test.args) == 3 and node.body[-1].value is None
    tests = (
        node.test.values
        if isinstance(node.test, ast.BoolOp) and isinstance(node.test.op, ast.And)
        else [node.test]
    )
    test = tests[0]
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return False
    left, op, right = test.left, test.ops[0], test.comparators[0]
    if isinstance(op, ast.IsNot) and isinstance(right, ast.Constant) and right.value is None:
        if isinstance(left, ast.Name):
            returned = node.body[-1].value
            return len(node.body) == 1 and isinstance(returned, ast.Name) and returned.id == left.id
        return _is_own(left)
    return isinstance(op, ast.In) and any("cache" in name.lower() for name in _names(right))


def _is_own(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"


def _is_large_enough(node: ast.If) -> bool:
    """``if self.table is not None: if self.table.size(1) >= n: return``: what follows makes a larger one."""
    inner = node.body[0] if len(node.body) == 1 else None
    if not isinstance(inner, ast.If) or inner.orelse or not isinstance(inner.body[-1], ast.Return):
        return False
    test = node.test
    return isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.IsNot) and _is_own(test.left)


def skips_the_rest(node: ast.stmt) -> bool:
    """``if step % n: continue``, ``if not should_log: return``: what follows runs rarely."""
    if isinstance(node, ast.If) and _is_large_enough(node):
        return True
    if not isinstance(node, ast.If) or not exits(node.body) or isinstance(node.body[-1], ast.Raise):
        return False
    tests = (
        node.test.values
        if isinstance(node.test, ast.BoolOp) and isinstance(node.test.op, ast.Or)
        else [node.test]
    )
    if any(_off_interval(test) or _past_the_first(test) or _is_early(test) for test in tests):
        return True
    if _is_filled(node):
        return True
    test = node.test
    return (
        isinstance(test, ast.UnaryOp)
        and isinstance(test.op, ast.Not)
        and not _first_time(test)
        and _rare_test(test.operand)
    )


def _is_early(test: ast.expr) -> bool:
    """``step < self.last_logged + self.log_interval``, ``step - last < every``: nothing is due yet."""
    if not (isinstance(test, ast.Compare) and isinstance(test.ops[0], (ast.Lt, ast.LtE))):
        return False
    left, right = test.left, test.comparators[0]
    ahead = isinstance(right, ast.BinOp) and isinstance(right.op, ast.Add)
    behind = isinstance(left, ast.BinOp) and isinstance(left.op, ast.Sub)
    return (ahead or behind) and any(map(_is_interval, _names(right)))


def exits(body: list[ast.stmt]) -> bool:
    """Does control leave the surrounding block at the end of ``body``?"""
    return bool(body) and isinstance(body[-1], (ast.Return, ast.Raise, ast.Break, ast.Continue))


def is_error_path(body: list[ast.stmt]) -> bool:
    """The block ends by raising, leaves the program, or warns of what it has come to."""
    if not body:
        return False
    last = body[-1]
    if any(map(warns, body)):
        return True
    if isinstance(last, ast.Raise):
        return True
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        func = last.value.func
        name = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
        fails = name == "_assert" and bool(last.value.args) and _is_false(last.value.args[0])
        return fails or name in {"exit", "_exit", "abort", "fail"}
    return isinstance(last, ast.Assert) and _is_false(last.test)


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def warns(statement: ast.stmt) -> bool:
    """``warnings.warn(…)``, ``logger.warning(…)``, ``print("Warning: …")``: nobody has that on every step for
    long."""
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return False
    func = statement.value.func
    if isinstance(func, ast.Name) and func.id == "print":
        return any(map(_says_warning, statement.value.args[:1]))
    return isinstance(func, ast.Attribute) and func.attr in {"warn", "warning", "warning_once", "warn_once"}


def _says_warning(text: ast.expr) -> bool:
    said = text.values[0] if isinstance(text, ast.JoinedStr) and text.values else text
    if not isinstance(said, ast.Constant) or not isinstance(said.value, str):
        return False
    return said.value.strip(" [*!").lower().startswith("warn")


def _first_time(test: ast.expr) -> bool:
    """``self.cache is None``, ``len(state) == 0``, ``not hasattr(self, "cache")``, ``step == 0``,
    ``batch_idx < 10``, ``key not in state``: the branch fills something in once, or shows the first few."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = test.operand
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and inner.func.id == "hasattr":
            return True
        return isinstance(inner, ast.Name) and inner.id in {"state", "state_dict", "cache"}
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return False
    left, op, right = test.left, test.ops[0], test.comparators[0]
    if isinstance(op, ast.Is) and isinstance(right, ast.Constant) and right.value is None:
        return (
            isinstance(left, ast.Attribute)
            and isinstance(left.value, ast.Name)
            and left.value.id in {"self", "cls"}
        )
    if isinstance(op, ast.Eq) and isinstance(right, ast.Constant) and right.value in (0, 1):
        if isinstance(left, ast.Call) and isinstance(left.func, ast.Name) and left.func.id == "len":
            return bool({"state", "param_state", "cache"} & set(_names(left)))
        counts = not isinstance(left, ast.BinOp) or isinstance(left.op, ast.Sub)
        return counts and any(_counts(name) and not _is_part(name) for name in _names(left)[:1])
    if (
        isinstance(op, (ast.Lt, ast.LtE))
        and isinstance(right, ast.Constant)
        and isinstance(left, (ast.Name, ast.Attribute))
    ):
        return isinstance(right.value, int) and right.value <= _FEW and bool(_STEP.search(dotted(left)))
    if isinstance(op, ast.NotIn):
        return any(name in ("state", "param_state") or "cache" in name.lower() for name in _names(right))
    return False


def _past_the_first(test: ast.expr) -> bool:
    """``batch_idx > 0``: what follows looks at the first batch, or the first few, alone."""
    return (
        isinstance(test, ast.Compare)
        and len(test.ops) == 1
        and isinstance(test.ops[0], (ast.Gt, ast.GtE, ast.NotEq))
        and isinstance(test.comparators[0], ast.Constant)
        and isinstance(test.comparators[0].value, int)
        and test.comparators[0].value <= _FEW
        and bool(_STEP.search(dotted(test.left)))
    )


_FEW = 100
_STEP = re.compile(r"(^|[._])(step|iter|iteration|it|batch_idx|batch_index|step_idx|batch_i|batch_id)$")


def _gives_constant(body: list[ast.stmt]) -> bool:
    """``return torch.tensor(0.0, device=x.device), 1``: the answer where there is nothing to compute."""
    only = body[0] if len(body) == 1 else None
    if not isinstance(only, ast.Return):
        return False
    parts = only.value.elts if isinstance(only.value, ast.Tuple) else [only.value]
    return any(map(is_constant, parts)) and all(
        is_constant(part) or isinstance(part, ast.Constant) for part in parts
    )


def is_constant(given: ast.expr | None) -> bool:
    """``torch.tensor(0.0, device=x.device)``, ``torch.tensor(0).to(x.device)``"""
    while (
        isinstance(given, ast.Call)
        and isinstance(given.func, ast.Attribute)
        and given.func.attr in _ELSEWHERE
    ):
        given = given.func.value
    return (
        isinstance(given, ast.Call)
        and len(given.args) == 1
        and dotted(given.func).rpartition(".")[2] in _MAKES
        and (_is_number(given.args[0]) or _is_empty(given.args[0]))
    )


_ELSEWHERE = frozenset({"to", "cuda", "float", "long", "type_as", "requires_grad_"})
_MAKES = frozenset(
    "tensor as_tensor Tensor FloatTensor LongTensor new_tensor new_zeros new_ones zeros ones empty".split()
)


def _is_number(node: ast.expr) -> bool:
    """``0.0``, ``float("nan")``."""
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float"
    return isinstance(node, ast.Constant) or called


def _is_empty(node: ast.expr) -> bool:
    return isinstance(node, (ast.List, ast.Tuple)) and not node.elts


def _is_of_nothing(test: ast.expr) -> bool:
    """``x.shape[0] == 0``, ``x.numel() == 0``: what is done where a tensor holds nothing."""
    if not (isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Eq) and len(test.ops) == 1):
        return False
    left, right = test.left, test.comparators[0]
    if not (isinstance(right, ast.Constant) and right.value == 0 and right.value is not False):
        return False
    if isinstance(left, ast.Subscript):
        return isinstance(left.value, ast.Attribute) and left.value.attr == "shape"
    return isinstance(left, ast.Call) and dotted(left.func).rpartition(".")[2] in _SIZES


_SIZES = frozenset({"numel", "nelement", "size"})


def _sets_flag(node: ast.If) -> bool:
    """``if not self._checked: self._checked = True``, ``if self.first: self.first = False``: done once."""
    negated = isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not)
    flag = node.test.operand if isinstance(node.test, ast.UnaryOp) else node.test
    if not isinstance(flag, (ast.Name, ast.Attribute)):
        return False
    return any(
        isinstance(statement, ast.Assign)
        and isinstance(statement.value, ast.Constant)
        and statement.value.value is negated
        and any(ast.unparse(target) == ast.unparse(flag) for target in statement.targets)
        for statement in node.body
    )


def _fills_key(node: ast.If) -> bool:
    """``if key not in windows: windows[key] = …``: done once for each key."""
    tests = node.test.values if isinstance(node.test, ast.BoolOp) else [node.test]
    wanted = {
        f"{ast.unparse(test.comparators[0])}[{ast.unparse(test.left)}]"
        for test in tests
        if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.NotIn)
    }
    return bool(wanted) and any(
        isinstance(target, ast.Subscript) and ast.unparse(target) in wanted
        for statement in node.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
    )


def _limits_rate(node: ast.If) -> bool:
    """``if step - self.last_logged >= interval: …; self.last_logged = step``, or ``if self.since >= period:
    self.since = 0; …``: done now and then."""
    test = node.test
    if not (isinstance(test, ast.Compare) and isinstance(test.ops[0], (ast.Gt, ast.GtE))):
        return False
    counts = dotted(test.left) and not any(map(_accumulated, _names(test)))
    if counts and any(_sets_back(statement, dotted(test.left)) for statement in node.body):
        return True
    since = {
        (dotted(part.right), dotted(part.left))
        for part in walk(test.left)
        if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Sub) and dotted(part.right)
    }
    return any(
        (dotted(target), dotted(statement.value)) in since
        for statement in node.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
    )


def _sets_back(statement: ast.stmt, counter: str) -> bool:
    """``counter = 0``"""
    return (
        isinstance(statement, ast.Assign)
        and isinstance(statement.value, ast.Constant)
        and statement.value.value == 0
        and counter in map(dotted, statement.targets)
    )


def _changes_state(node: ast.If) -> bool:
    """``if self.merged: self.unmerge()``: done once for each change of mode."""
    test = node.test.operand if isinstance(node.test, ast.UnaryOp) else node.test
    if len(node.body) != 1 or node.orelse or not isinstance(test, ast.Attribute):
        return False
    only = node.body[0]
    call = only.value if isinstance(only, ast.Expr) else None
    return (
        isinstance(call, ast.Call)
        and not call.args
        and isinstance(call.func, ast.Attribute)
        and ast.dump(call.func.value) == ast.dump(test.value)
        and is_setup_name(call.func.attr)
    )


def _follows_device(node: ast.If) -> bool:
    """``if self.table.device != x.device: self.table = self.table.to(x.device)``, or an entry of a table:
    done once."""
    test = node.test
    if not (isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.NotEq)):
        return False
    if not any("device" in dotted(side) for side in (test.left, *test.comparators)):
        return False
    return any(
        isinstance(target, (ast.Attribute, ast.Subscript))
        and isinstance(statement.value, ast.Call)
        and ast.unparse(statement.value.func) == f"{ast.unparse(target)}.to"
        for statement in node.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
    )


def _outgrows(node: ast.If) -> bool:
    """``if n > self.table.size(0): self.table = make(n)``: done again only for more than ever before."""
    set_anew = [
        part
        for statement in node.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        for part in walk(target)
        if isinstance(part, ast.Attribute)
    ]
    if not set_anew:
        return False
    sized = {
        ast.unparse(part.value)
        for test in walk(node.test)
        if isinstance(test, ast.Compare) and isinstance(test.ops[0], (ast.Gt, ast.GtE, ast.Lt, ast.LtE))
        for part in walk(test)
        if isinstance(part, ast.Attribute) and part.attr in ("size", "shape") and _is_own(part.value)
    }
    return bool(sized) and any(ast.unparse(part) in sized for part in set_anew)


def _asks_for_gpu(test: ast.expr) -> Truth:
    """``x.device.type == "cuda"``, ``self.use_gpu``: yes, ``device.type in ("mps", "xla")``: no; unknown
    where it asks for something else."""
    if isinstance(test, (ast.Name, ast.Attribute)):
        return _is_gpu_flag(_names(test)[0]) or None
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not _DEVICE.search(dotted(test.left)):
        return None
    op, right = test.ops[0], test.comparators[0]
    kinds = right.elts if isinstance(right, (ast.Tuple, ast.List, ast.Set)) else [right]
    named = {kind.value for kind in kinds if isinstance(kind, ast.Constant)}
    if not named or len(named) < len(kinds) or not isinstance(op, (ast.Eq, ast.NotEq, ast.In, ast.NotIn)):
        return None
    wanted = isinstance(op, (ast.Eq, ast.In))
    if "cuda" in named:
        return wanted
    return not wanted if named <= _NO_GPU else None


_DEVICE = re.compile(r"(^|[._])device([._]type)?$")
_is_gpu_flag = spelled(re.compile(r"^_?(use|using|on|with|has|is)_?(gpu|cuda)s?$", re.IGNORECASE).match)
_NO_GPU = frozenset({"cpu", "mps", "xla", "ipu", "tpu", "meta"})
"""Kinds of devices on which nothing waits for a GPU of the kinds that are looked for."""


def _interval_or_end(tests: list[ast.expr]) -> bool:
    """``step % n == 0 or step >= last``: now and then, and in the last turn."""
    every = [test for test in tests if _interval(test)]
    counted = {name for test in every for name in _names(test)}
    return bool(every) and all(
        test in every or (isinstance(test, ast.Compare) and not counted.isdisjoint(_names(test.left)))
        for test in tests
    )


def _rare_test(test: ast.expr) -> bool:
    if isinstance(test, ast.BoolOp):
        rare = [_rare_test(part) for part in test.values]
        if isinstance(test.op, ast.And):
            return any(rare)
        return all(rare) or any(map(_first_time, test.values)) or _interval_or_end(test.values)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return (
            _first_time(test)
            or _off_interval(test.operand)
            or bool(
                isinstance(test.operand, (ast.Name, ast.Attribute))
                and "initial" in _names(test.operand)[0].lower()
            )
        )
    if _interval(test) or _first_time(test):
        return True
    if isinstance(test, (ast.Name, ast.Attribute)):
        return _is_rare(_names(test)[0])
    if isinstance(test, ast.Call):
        if any(_is_interval(name) for name in _names(test)):  # divisible_by(step, log_every)
            return True
        name = _names(test.func)
        if name[:1] == ["is_initialized"] and "self" not in name:  # torch.distributed: so it is in training
            return False
        return (bool(name) and _is_rare(name[0])) or "isEnabledFor" in name
    if isinstance(test, ast.Compare):
        return any(_is_rare(name) for name in _names(test)[:2])
    return False


def is_cooling(node: ast.If) -> tuple[bool, bool]:
    """Do the body, and the ``else`` part, of this ``if`` run rarely?  Remembered on the node."""
    known: tuple[bool, bool] | None = getattr(node, "_cooling", None)
    if known is None:
        known = node._cooling = _cools(node)  # type: ignore[attr-defined]
    return known


def _has_failed(test: ast.expr) -> Truth:
    """``torch.isnan(x).any()``, ``not ok``: yes, ``torch.isfinite(x).all()``: no; unknown where it asks for
    something else."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        failed = _has_failed(test.operand)
        return dotted(test.operand).rpartition(".")[2] in _WELL or None if failed is None else not failed
    if isinstance(test, ast.BoolOp):  # ``log and (isnan(x) or isinf(x))``
        parts = [_has_failed(part) for part in test.values]
        one = isinstance(test.op, ast.And)  # is it enough that one has failed?
        return one if one in parts else not one if parts.count(not one) == len(parts) else None
    if not isinstance(test, ast.Call):
        return None
    names = set(_names(test))
    return not names & _FINITE if names & (_BROKEN | _FINITE) else None


_BROKEN = frozenset({"isnan", "isinf"})
_FINITE = frozenset({"isfinite"})
_WELL = frozenset({"ok", "success", "succeeded"})


def _cools(node: ast.If) -> tuple[bool, bool]:
    test = node.test
    otherwise = is_error_path(node.orelse)
    if _off_interval(test):
        return is_error_path(node.body), True
    then = is_error_path(node.body) or _rare_test(test) or _changes_state(node) or _gives_constant(node.body)
    then = then or _is_of_nothing(test) or _sets_flag(node) or _fills_key(node) or _follows_device(node)
    then = then or _outgrows(node) or _limits_rate(node)
    on_gpu = _asks_for_gpu(test)
    then, otherwise = then or on_gpu is False, otherwise or on_gpu is True
    failed = _has_failed(test)
    then, otherwise = then or failed is True, otherwise or failed is False
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) and not then:
        otherwise = otherwise or _rare_test(test.operand)
    return then, otherwise
