"""Predicates: the small boolean language of a page's ``where`` entries.

``not``, ``and``, ``or``, ``likely(…)`` and questions to the engine, whose arguments are
metavariables or literals: ``on_device($T) and not guarded()``. Answers are three-valued, combined
as Kleene did: unknown stays unknown unless the other side decides.
"""

import ast
import re
from collections.abc import Callable, Collection
from functools import cache
from typing import Final, Literal, NamedTuple

from perfcheck.events import Truth
from perfcheck.rulebook.patterns import DEEPEST, PatternError, mark_metavariables, metavariable_name

Ask = Callable[[str, tuple[object, ...]], Truth]
"""Answers a question: its name and arguments (literals, and :class:`Metavariable`)."""

ParameterKind = Literal["metavariable", "text", "count", "word", "literal", "version"]


class Parameter(NamedTuple):
    """What one argument of a question may be. ``words`` are the choices of a "word"."""

    kind: ParameterKind
    words: tuple[str, ...] = ()

    @property
    def wanted(self) -> str:
        return {
            "metavariable": "a metavariable such as `$T`",
            "text": "a string",
            "count": "a whole number",
            "word": "one of " + ", ".join(repr(word) for word in self.words),
            "literal": "a literal",
            "version": "a version such as '2.0'",
        }[self.kind]

    def accepts(self, value: object) -> bool:
        match self.kind:
            case "metavariable":
                return isinstance(value, Metavariable)
            case "text":
                return isinstance(value, str)
            case "count":
                return type(value) is int
            case "word":
                return value in self.words
            case "version":
                return isinstance(value, str) and bool(_VERSION.fullmatch(value))
            case "literal":
                return not isinstance(value, Metavariable)


class Signature(NamedTuple):
    """A question of the vocabulary: its parameters, how many may be left out, and its meaning."""

    parameters: tuple[Parameter, ...]
    meaning: str
    optional: int = 0  # so many of the last parameters may be absent
    repeated: bool = False  # the last parameter may be given several times

    def admits(self, count: int) -> bool:
        least = len(self.parameters) - self.optional
        return least <= count and (self.repeated or count <= len(self.parameters))

    @property
    def arity(self) -> str:
        least, most = len(self.parameters) - self.optional, len(self.parameters)
        if self.repeated:
            return f"{least} or more arguments"
        if least != most:
            return f"{least} to {most} arguments"
        return f"{most} argument{'' if most == 1 else 's'}" if most else "no arguments"


class Metavariable(NamedTuple):
    """An argument ``$T``: the expression that the pattern has bound."""

    name: str


class Question(NamedTuple):
    """A fact the engine is asked for."""

    name: str
    arguments: tuple[object, ...]


class Operation(NamedTuple):
    """``not`` and ``likely`` of one operand, ``and`` and ``or`` of several."""

    operator: Literal["not", "likely", "and", "or"]
    operands: tuple["Question | Operation", ...]


class Predicate(NamedTuple):
    """One ``where`` entry, as written and as a tree."""

    text: str
    tree: Question | Operation


class PredicateError(ValueError):
    """A predicate that cannot be used; ``remedy`` says what to write instead."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __reduce__(self) -> tuple[type["PredicateError"], tuple[str, str]]:
        return PredicateError, (self.message, self.remedy)


_VERSION: Final = re.compile(r"\d+(\.\d+)*")
_X: Final = Parameter("metavariable")
_TEXT: Final = Parameter("text")
_COUNT: Final = Parameter("count")
_LITERAL: Final = Parameter("literal")
_RELEASE: Final = Parameter("version")
_DTYPE: Final = Parameter("word", ("bool", "int", "float"))
_HOTNESS: Final = Parameter("word", ("epoch", "step", "element"))


def _about(meaning: str) -> Signature:
    return Signature((_X,), meaning)


def _here(meaning: str) -> Signature:
    return Signature((), meaning)


VOCABULARY: Final[dict[str, Signature]] = {
    # values
    "tensor": _about("The expression is a torch tensor."),
    "on_device": _about("It is a tensor in the accelerator's memory."),
    "on_host": _about("It is a tensor in host memory."),
    "pinned": _about("It is a host tensor in page-locked memory."),
    "contiguous": _about("It is a tensor laid out without gaps in row-major order."),
    "requires_grad": _about("It is a tensor with an autograd graph behind it."),
    "from_loader": _about("It comes from a data loader: a batch or a part of one."),
    "tokenized": _about(
        "It is part of what a tokenizer or a processor of inputs made (`return_tensors=...`)."
    ),
    "presumed": _about(
        "An annotation, its use or its name says that it is a tensor of the device; nothing in sight made it "
        "one."
    ),
    "dtype": Signature((_X, _DTYPE), "It is a tensor of booleans, of integers or of floats."),
    "rank": Signature((_X, _COUNT), "It is a tensor with so many dimensions."),
    "number": _about("It is a Python number."),
    "array": _about("It is an array of a host library such as NumPy."),
    "string": _about("It is a string."),
    "module": _about("It is an instance of torch.nn.Module."),
    "optimizer": _about("It is an optimizer."),
    "loader": _about("It is a data loader: iterating over it gives batches."),
    "instance_of": Signature((_X, _TEXT), "It is an instance of the class, named from its package."),
    "device_expression": _about("It names a device: a torch.device, a `.device`, or a string such as 'cpu'."),
    "accelerator": _about("It names a device that is not the CPU."),
    "logits": _about("Its name says that it holds a model's logits."),
    # source
    "literal": _about("It is written as a literal, or as a tuple or list of literals."),
    "equals": Signature((_X, _LITERAL), "Its value is known and equals the literal."),
    "is_parameter": _about("It is a parameter of the function."),
    "is_name": _about("It is a plain variable name."),
    "is_self": _about("It is the method's own object."),
    # the matched call
    "keyword_missing": Signature(
        (_TEXT, _COUNT),
        "The matched call gives no such argument, neither by keyword nor at the position (from 0) "
        "nor, as far as is known, through `**kwargs`.",
        optional=1,
    ),
    "keyword_is": Signature(
        (_TEXT, _LITERAL, _COUNT),
        "The matched call gives the argument, by keyword or at the position (from 0), this value.",
        optional=1,
    ),
    "has_keyword": Signature((_TEXT,), "The matched call gives the argument by keyword."),
    "receiver_of": Signature(
        (_TEXT,), "The matched expression is what one of the methods is called on.", repeated=True
    ),
    "may_pass": Signature((_TEXT,), "The matched call could pass the argument through `**kwargs`."),
    # place
    "hot": Signature((_HOTNESS,), "The place runs at least once in each epoch, step or element of a step."),
    "conditional": _here("It stands under an `if` of the same function."),
    "gives_results": _here("The function is there to give results to its caller: `predict`, `get_latents`."),
    "for_output": _here("It is handed to a call that saves, writes, draws, displays or sends."),
    "rhythm_guessed": _here("Nothing but the lack of a known rhythm says that it runs on every step."),
    "certain": _here("The event is certain: every fact that it rests on is known."),
    "rhythm_known": _here("A loop, a role or a caller says how often it runs; it is not a mere guess."),
    "rhythm_plausible": _here(
        "A loop, a role or a caller says how often it runs, or it is no method of a class that is no module: "
        "of such nothing can be presumed."
    ),
    "in_loop": _here("A loop or comprehension of the same function repeats the place."),
    "iterated": _here(
        "A loop or comprehension goes over it, by itself or in `enumerate`, `zip`, `reversed`."
    ),
    "in_epoch_loop": _here("A loop over epochs repeats the place."),
    "guarded": _here("It runs only now and then: under `if step % n == 0`, `if debug`, on an error path."),
    "cold": _here("It runs once or seldom: at import, in constructors, for checkpoints, in tests."),
    "compiled": _here("It runs under torch.compile."),
    "captured": _here("It runs while a CUDA graph is captured."),
    "no_grad": _here("Autograd is switched off there."),
    "made_with": Signature((_X, _TEXT), "A call makes it that is given such a keyword."),
    "explained": Signature((_TEXT,), "A comment at the place, or above it or an `if` around it, names it."),
    "in_function": Signature((_TEXT,), "The function around it has one of the names.", repeated=True),
    "in_class": Signature((_TEXT,), "It is in a method of a subclass of the class, named from its package."),
    "switches": _here(
        "The function around it is there to set something: `set_…`, `enable_…`, `make_deterministic`."
    ),
    "at_module_level": _here("It is in no function."),
    # dataflow
    "loop_invariant": _about("Its value is the same in each turn of the innermost loop around it."),
    "reassigned_in_loop": _about("The innermost loop around it binds it anew."),
    "of_turn": _about(
        "It comes of what the innermost loop around it goes over, and not of the turn before alone."
    ),
    "result_unused": _here("The value of the matched expression is thrown away."),
    "settled": _about(
        "It is made of literals, shapes, numbers and settings (attributes of self, a configuration) alone."
    ),
    "kept": _about(
        "The attribute, or the global variable, is replaced by the result: `self.x = self.x.to(device)`, "
        "once and for all."
    ),
    "reshaped": _here("The result is reshaped at once, for which it has to be laid out anew."),
    "operator_is": Signature((_TEXT,), "The operator is one of these.", repeated=True),
    "picked": _about(
        "It is `x[index]`, of a contiguous tensor and by a tensor: a new one, laid out as `x` is."
    ),
    "handed": _about("Another function made it, or data of the host did."),
    "made_here": _about("It is a variable whose only value a factory of torch made, without `device=`."),
    "written_as_given": _here(
        "What is written lies where a parameter of a plain function does, and only convention tells where."
    ),
    "index_made_here": _here(
        "The place is an index that the function makes on the host: a tensor, or the list of one number."
    ),
    "mask_made_here": _here("The place is an index that a factory of torch makes without `device=`."),
    "index_used_again": _here("Two other places of the function select by the same variable."),
    "index_of_loop": _here("The place is an index that a loop around it takes its turns from."),
    "unpacked": _here("It is assigned to several names: `a, b = …`."),
    "index_settled": _here("The place is an index made of these alone."),
    "only_reduced": _here("All that becomes of the value, in the function, is a sum, a mean or a loss."),
    "returned": _here("The function returns the value."),
    "fills_in": _here(
        "It gives a parameter its value where callers left that out: `if size is None: size = int(x.max())`."
    ),
    "sizes": _here(
        "All that becomes of the number, in the function, is a size: of a shape, a range or a slice; of the "
        "longest length, some of it."
    ),
    "few": _about("It is written out as a list or a tuple of four elements at most."),
    "failure_handled": _here("A `try` around the place does something else where it fails."),
    "for_collective": _here("All ranks gather or reduce it: a collective wants it on the device."),
    "for_host_library": _about("What becomes of it goes to what computes on the host alone."),
    "agrees": _here(
        "It asks what a collective has told, and leaves a loop or the function if so: all ranks have to know."
    ),
    "beside_outputs": _here(
        "The function is handed what the model has given, too: whoever ran it has moved the batch."
    ),
    "sent": _here("It is in what a function returns that another process or a web page asks: an endpoint."),
    "computed_with": _here(
        "The function goes on computing with the value what the device could: arithmetic, torch's functions."
    ),
    "asked_for_its_shape": _here("Nothing but the shape of the value is asked for."),
    "moves_data": _here("The function itself copies data to the device."),
    "scored": _here("A function of the project takes a metric of it."),
    "piece": _here("It is, in each turn of a loop, another part of one tensor."),
    "selects_on_host": _here("It chooses places of data that lie on the host: `images[index.cpu()]`."),
    "collected": _here("It is added to what lasts: `self.outputs.append(x.cpu())`."),
    "gathered": _here("It is returned to a loop that keeps what each turn gives: `parts.append(f(batch))`."),
    "of_pass": _about("A call that is handed a loader gives it: one value for a pass over the data."),
    "dwarfed": _here(
        "It stands in no loop, and the function has one that waits in each turn to know whether to go on."
    ),
    "several": _here("The function does the same in three places or more."),
    "together": _here("Another tensor is copied to the host in the same statement, or in the next."),
    "loaded_into": _here("It is given a name, whose `load_state_dict` the function calls."),
    "follows_collective": _here("A collective is the statement above it."),
    "stops_loop": _here("It decides whether a loop goes on: `if done.all(): break`, `while x > eps:`."),
    "only_checks": _here("It is the test of an `if` that does nothing but raise an error or warn."),
    "used_later": _about("The variable is read after the place, in the same function."),
    "written_in_place": _about("Its value is changed in place later in the function."),
    "overwritten": _here("The variable that it becomes is changed in place, or it is cloned: it is a copy."),
    # what makes a fix safe
    "python_number": _about("Python itself made the number, and it fits into torch's type for it."),
    "measured": _about("The file asks for the `len` of what is written alike: it holds several."),
    "certainly_tensor": _about("It is a tensor on every way to the place, and not by convention."),
    "temporary": _about("It is what a call gives: nobody else has a name for it."),
    "handed_over": _about("The batch goes to the copy; nobody looks at its values on the host."),
    "default_device_kept": _here("No setting and no `with` says where tensors are made."),
    # project
    "torch_at_least": Signature((_RELEASE,), "The project's torch is at least this release."),
    "torch_before": Signature((_RELEASE,), "The project's torch is older than this release."),
    "unpinned_elsewhere": Signature(
        (), "The project makes its loaders in other files, and none of its files speaks of pinned memory."
    ),
    "project_imports": Signature((_TEXT,), "A file of the project imports the package."),
    "file_imports": Signature((_TEXT,), "The file imports the package."),
    "test_code": _here("The file belongs to a test suite."),
}
"""Everything a page may ask, beside ``not``, ``and``, ``or`` and ``likely(…)`` (unknown counts as yes)."""


def parse_predicate(text: str, metavariables: Collection[str] | None) -> Predicate:
    """The predicate a ``where`` entry describes.

    ``metavariables`` are those that have a value wherever the rule fires; None: not known here.
    """
    predicate, used = _parse(text)
    for name in used:
        if metavariables is not None and name not in metavariables:
            bound = ", ".join(f"`${bound}`" for bound in sorted(metavariables))
            raise PredicateError(
                f"`{text}` asks about `${name}`, which not every pattern binds",
                f"ask about {bound}" if bound else "ask only questions without metavariables here",
            )
    return predicate


def evaluate(predicate: Predicate, ask: Ask) -> Truth:
    """Yes, no or unknown; asks no more than it needs, from left to right."""
    return _evaluate(predicate.tree, ask)


def _evaluate(tree: Question | Operation, ask: Ask) -> Truth:
    if isinstance(tree, Question):
        return ask(tree.name, tree.arguments)
    if tree.operator == "not":
        truth = _evaluate(tree.operands[0], ask)
        return None if truth is None else not truth
    if tree.operator == "likely":
        return _evaluate(tree.operands[0], ask) is not False
    deciding = tree.operator == "or"
    result: Truth = not deciding
    for operand in tree.operands:
        truth = _evaluate(operand, ask)
        if truth is deciding:
            return deciding
        if truth is None:
            result = None
    return result


@cache
def _parse(text: str) -> tuple[Predicate, tuple[str, ...]]:
    """The predicate and the metavariables it asks about; pages share most of their texts."""
    try:
        expression = ast.parse(mark_metavariables(text).strip(), mode="eval").body
    except PatternError as error:
        raise PredicateError(error.message, error.remedy) from error
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise PredicateError(
            f"`{text}` does not parse: {reason}",
            "combine questions such as `on_device($T)` with `not`, `and`, `or`",
        ) from error
    used: list[str] = []
    return Predicate(text, _tree(expression, text, used)), tuple(used)


def _tree(node: ast.expr, text: str, used: list[str], depth: int = 0) -> Question | Operation:
    if depth > DEEPEST:
        raise PredicateError(
            f"`{text[:40]}…` is nested more than {DEEPEST} deep", "write several entries: all must hold"
        )
    if isinstance(node, ast.BoolOp):
        return Operation(
            "and" if isinstance(node.op, ast.And) else "or",
            tuple(_tree(value, text, used, depth + 1) for value in node.values),
        )
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return Operation("not", (_tree(node.operand, text, used, depth + 1),))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id == "likely" and len(node.args) == 1 and not node.keywords:
            return Operation("likely", (_tree(node.args[0], text, used, depth + 1),))
        return _question(node.func.id, node, text, used)
    if isinstance(node, ast.Name) and node.id in VOCABULARY:
        raise PredicateError(f"`{node.id}` in `{text}` is not asked", f"write `{node.id}(…)`")
    raise PredicateError(
        f"`{_source(node)}` in `{text}` is no question",
        "combine questions such as `on_device($T)` with `not`, `and`, `or`",
    )


def _question(name: str, call: ast.Call, text: str, used: list[str]) -> Question:
    signature = VOCABULARY.get(name)
    if signature is None:
        raise PredicateError(f"`{name}` in `{text}` is not a predicate", _did_you_mean(name))
    if call.keywords:
        raise PredicateError(f"`{name}` in `{text}` has keywords", "give the arguments by position")
    if not signature.admits(len(call.args)):
        raise PredicateError(
            f"`{name}` in `{text}` has {len(call.args)} arguments and wants {signature.arity}",
            f"{name}: {signature.meaning}",
        )
    arguments: list[object] = []
    for index, node in enumerate(call.args):
        parameter = signature.parameters[min(index, len(signature.parameters) - 1)]
        value = _argument(node, text)
        if not parameter.accepts(value):
            raise PredicateError(
                f"argument {index + 1} of `{name}` in `{text}` is not {parameter.wanted}",
                f"write {parameter.wanted} there; {name}: {signature.meaning}",
            )
        if isinstance(value, Metavariable):
            used.append(value.name)
        arguments.append(value)
    return Question(name, tuple(arguments))


def _argument(node: ast.expr, text: str) -> object:
    if name := metavariable_name(node):
        if name == "_":
            raise PredicateError(f"`$_` in `{text}` has no value", "name the metavariable in the pattern")
        return Metavariable(name)
    try:
        value: object = ast.literal_eval(node)
        hash(value)
    except (ValueError, TypeError) as error:
        raise PredicateError(
            f"the argument `{_source(node)}` in `{text}` is neither a metavariable nor a simple literal",
            "write `$T`, a string, a number, True, False or None",
        ) from error
    return value


def _source(node: ast.expr) -> str:
    return ast.unparse(node).replace("perfcheck_one_", "$").replace("*perfcheck_rest_", "$...")


def _did_you_mean(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, [*VOCABULARY, "likely"], n=1)
    listed = ", ".join(VOCABULARY)
    return f"did you mean `{near[0]}`?" if near else f"the predicates are: {listed}"
