"""Reading the table of operators.

A row of the table is a signature; the effects stand indented below it::

    torch.bincount Tensor.bincount : self weights minlength:n -> tensor int | contiguous
        host-sync -- src

The part before " : " gives every spelling, then come the parameters, after "->" the result, and after "|"
facts: ``contiguous`` (the result always is), ``strided`` (it is not where its receiver is) and ``aten
NAME...`` where the dispatcher shows other operators than the name says (``aten -``: none of its own). An
in-place spelling (``Tensor.add_``) shares the row of the plain one and returns its receiver.

**Names.** ``Tensor.unique`` is the method of every tensor, ``Module.to``, ``Optimizer.step``,
``Scheduler.step``, ``Distribution.log_prob`` those of all modules, optimizers, schedulers and
distributions; ``torch.unique``, ``numpy.asarray``, ``builtins.float`` are functions and classes.
``torch.distributions.*`` is a family: it answers for each name directly below it that has no row of its
own. Rows named ``aten.*`` describe what only the dispatcher shows.

**Parameters** stand in positional order. The receiver of a method, or the first operand, is called
``self`` where the operator's schema says so, and Python also accepts ``input=`` for it. ``*size`` takes
all that follow, a bare ``*`` makes the rest keyword-only, ``name:n`` wants a Python number (or a sequence
of them): a device tensor passed there is read back to the host, which raises a host sync even when the
row has no such effect.

**Results**

``tensor``
    on the device of the tensor operands
``factory``
    on the device that ``device`` names, else the host; of the type that ``dtype`` names
``like``
    on the device that ``device`` names, else that of the first operand
``host``, ``device``
    a tensor on the host, on the accelerator
``to``, ``pin``, ``view``
    what ``Tensor.to`` does; a pinned host copy; the same storage, maybe strided
``self``, ``same``
    the receiver itself; a tensor of which all that is known of the receiver holds
``number``, ``int``, ``bool``
    Python values, like ``str``, ``list``, ``none``, ``size`` (of integers), ``dtype``
``array``
    a NumPy array or scalar
``tuple(A, B)``
    these, in this order
``list(A)``
    any number of these, in a list or a tuple
``module``, ``optimizer``
    instances, like ``scheduler``, ``loader``, ``distribution``, ``context``, ``stream``, ``event``,
    ``generator``, ``torch-device``, ``host-object``
``unknown``
    nothing is known
``A if CONDITION else B``
    depends on the arguments

Words after a tensor's give its dtype and its rank. The dtype is ``bool``, ``int``, ``float`` (or complex)
or ``complex``; ``own``: that of the first operand; none of these: the highest of the operands, Python
numbers among them, in the order bool, int, float, complex (for ``view``: that of the first operand);
``promoted``: the same with bool counted as int. The rank is ``0d``, ``1d``, ``2d``, ``elementwise``: the
highest of the operands, or ``reduce``: 0 if neither ``dim`` nor ``axis`` is given, lower than the operand's
otherwise unless ``keepdim``. ``reduce`` alone is short for ``tensor reduce``.

**Conditions** are Python expressions of ``and``, ``or``, ``not`` and of predicates that are true, false
or unknown. No condition means: when an operand is a tensor on the device.

``missing(p)``, ``given(p)``
    the argument is absent or the literal None; is present
``is_true(p)``, ``is_false(p)``
    the argument is the constant True, False; an absent one is neither
``equals(p, value)``
    the argument is this constant
``tensor(p)``, ``number(p)``, ``string(p)``
    the argument is a tensor, a Python number, a string
``size(p)``
    the argument is a Python number or a shape, of which nothing is copied
``device(p)``
    the argument is a tensor on the accelerator
``host(p)``
    the argument is a tensor on the host, a NumPy array or a list of numbers; no single number
``scalar(p)``
    the argument is a tensor of no dimensions
``surely_scalar(p)``
    the same, and false where that is unknown
``surely_host(p)``
    it is a tensor in host memory; false where that is unknown
``contains_device(p)``
    the argument is a list, tuple or dict with a device tensor in it
``bool_dtype(p)``, ``int_dtype(p)``, ``complex_dtype(p)``
    the argument is a tensor or array of bools (or uint8, in an index), of integers, of complex numbers
``pinned(p)``, ``unpinned(p)``
    the argument lies in page-locked host memory, in pageable host memory (as data of Python or NumPy
    does)
``same_shape(p, q)``
    the arguments are tensors of the same shape
``contiguous(p)``
    the argument is laid out row by row
``to_device()``, ``to_host()``
    the result is on the accelerator and its source on the host; the other way round
``changes_layout()``
    the result is contiguous and the receiver is not
``always()``
    the effect does not depend on any operand
``count(n)``
    exactly n arguments are given, the receiver counted
``has_mask(p)``
    an index with a bool (or uint8) device tensor in it, alone or in a tuple
``has_masks(p)``
    an index with two or more masks, or with a mask beside another index tensor
``has_device_scalar(p)``
    an index with an integer device tensor of no dimensions in it, as an index or as a slice's bound
``has_host_index(p)``
    an index with a list, an array or a host tensor (of one or more dimensions, and not of bools) in it
``has_device_index(p)``
    an index with an integer device tensor of one or more dimensions in it
``selects_element(p)``
    an index that selects a single element: an integer for each dimension of the receiver
``validates()``
    the distribution checks its arguments: this is not switched off by ``validate_args=False``

**Sources** say how an effect is known: ``src`` read in PyTorch's source, ``2.13`` observed with that
release on the CPU (the reads inside an operator show there too), ``issue N`` said in that issue of
pytorch/pytorch, ``known`` general knowledge that nobody has checked on a GPU, or a URL.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple, cast

from perfcheck.events import Event
from perfcheck.operators.table import TABLE


class Effect(NamedTuple):
    """An event an operator raises."""

    event: Event
    when: str = ""  # a condition; "": when a tensor operand is on the device
    since: str = ""  # the first torch version that does so
    before: str = ""  # the first that no longer does
    source: str = ""  # how it is known

    def holds_in(self, torch: tuple[int, int]) -> bool:
        """Does this torch version behave so?"""
        return (not self.since or torch >= version(self.since)) and (
            not self.before or torch < version(self.before)
        )


class Operator(NamedTuple):
    """A row of the table."""

    names: tuple[str, ...]
    params: str  # "self repeats dim * output_size"
    returns: str
    effects: tuple[Effect, ...] = ()
    aten: tuple[str, ...] = ()
    contiguous: bool | None = None  # True: always; False: not where the receiver is
    numbers: tuple[str, ...] = ()  # parameters that want Python numbers

    def parameter(self, position: int) -> str | None:
        """The name of the parameter that takes the positional argument, the receiver counted."""
        names, rest = _positional(self.params)
        return names[position] if position < len(names) else rest


@cache
def _positional(params: str) -> tuple[tuple[str, ...], str | None]:
    """The parameters that take one positional argument each, and the one that takes the rest."""
    names: list[str] = []
    for name in params.split():
        if name.startswith("*"):
            return tuple(names), name[1:] or None
        names.append(name)
    return tuple(names), None


class Result(NamedTuple):
    """What a call gives, where ``when`` holds."""

    kind: str  # the first word: "tensor", "factory", "number", "tuple", ...
    words: frozenset[str] = frozenset()  # dtype and rank
    items: tuple["Result", ...] = ()  # of "tuple" and "list"
    when: str = ""


CHECKED_WITH = (2, 13)
"""The torch version that the table is compared with."""


def version(text: str) -> tuple[int, int]:
    """("2.13" -> (2, 13))"""
    major, minor = text.split(".")[:2]
    return int(major), int(minor)


def find(name: str, torch: tuple[int, int] | None = None) -> Operator | None:
    """The operator of that name as a torch version (by default CHECKED_WITH) has it; None without a row."""
    row = _row(name)
    if row is None:
        name = canonical(name)
        row = _row(name)
    inplace = name in _ROWS and _is_inplace(name)  # numpy.bool_ is one of "numpy.*"
    return None if row is None else _of_version(_decode(row, inplace), torch or CHECKED_WITH)


def _row(name: str) -> int | None:
    row = _ROWS.get(name)
    return _ROWS.get(name.rpartition(".")[0] + ".*") if row is None else row


def by_aten(name: str, torch: tuple[int, int] | None = None) -> Operator | None:
    """The operator that the dispatcher shows as ``aten::name``."""
    operator = _by_aten().get(name)
    return None if operator is None else _of_version(operator, torch or CHECKED_WITH)


def operator_names() -> Iterable[str]:
    """Every spelling of every operator."""
    return _ROWS


def operators() -> Iterator[Operator]:
    """All operators, in the table's order."""
    for row in dict.fromkeys(_ROWS.values()):
        names = _LINES[row].partition(" : ")[0].split()
        if not all(map(_is_inplace, names)):
            yield _decode(row, False)
        if any(map(_is_inplace, names)):
            yield _decode(row, True)


_MOVED = (
    ("torch.Tensor.", "Tensor."),
    ("torch._tensor.Tensor.", "Tensor."),
    ("torch.nn.Parameter.", "Tensor."),
    ("torch.nn.parameter.Parameter.", "Tensor."),
    ("torch.functional.", "torch."),
    ("torch.cuda.streams.", "torch.cuda."),
    ("torch.cuda.amp.grad_scaler.", "torch.cuda.amp."),
    ("torch.amp.grad_scaler.", "torch.amp."),
    ("torch.distributed.distributed_c10d.", "torch.distributed."),
    ("torch.nn.utils.clip_grad.", "torch.nn.utils."),
    ("torch.nn.utils.convert_parameters.", "torch.nn.utils."),
    ("torch.utils.data.dataloader.", "torch.utils.data."),
)
_PACKAGES = (  # whose classes lie in private modules, and share rows for their methods
    ("torch.optim.lr_scheduler", "Scheduler"),
    ("torch.optim", "Optimizer"),
    ("torch.distributions", "Distribution"),
    ("torch.nn", "Module"),
)


def canonical(name: str) -> str:
    """The spelling the table uses: ``torch.Tensor.sum`` is ``Tensor.sum``, ``torch.optim.adam.Adam.step`` is
    ``Optimizer.step``."""
    for place, home in _MOVED:
        if name.startswith(place):
            return home + name[len(place) :]
    for package, owner in _PACKAGES:
        if name.startswith(package + "."):
            parts = name[len(package) + 1 :].split(".")
            while parts and not parts[0][:1].isupper():
                del parts[0]
            if not parts:  # a function
                return name
            home = f"{package}.{'.'.join(parts)}"
            return home if len(parts) == 1 or home in _ROWS else f"{owner}.{parts[-1]}"
    return name


@cache
def results(returns: str) -> tuple[Result, ...]:
    """The possible results; the first whose condition holds counts, and the last has none."""
    found: list[Result] = []
    rest = returns
    while True:
        shape, conditional, tail = rest.partition(" if ")
        if not conditional:
            return (*found, _result(shape))
        when, _, rest = tail.partition(" else ")
        found.append(_result(shape)._replace(when=when))


def _result(text: str) -> Result:
    text = text.strip()
    kind, bracket, inside = text.partition("(")
    if bracket:
        return Result(kind, items=tuple(_result(item) for item in inside[:-1].split(",")))
    first, *words = text.split()
    if first == "reduce":
        return Result("tensor", frozenset({first, *words}))
    return Result(first, frozenset(words))


def _index() -> tuple[list[str], dict[str, int]]:
    lines = TABLE.split("\n")
    rows = {}
    for number, line in enumerate(lines):
        if line and line[0] not in " #":
            for name in line[: line.index(" : ")].split():
                rows[name] = number
    return lines, rows


_LINES, _ROWS = _index()


def _is_inplace(name: str) -> bool:
    return (
        name.endswith("_")
        and not name.endswith("__")
        and not name.startswith(("torch.nn.utils.", "torch.nn.init."))
    )


_ATEN_PREFIXES = {
    "torch": "",
    "Tensor": "",
    "aten": "",
    "torch.nn.functional": "",
    "torch.linalg": "linalg_",
    "torch.fft": "fft_",
    "torch.special": "special_",
}


def _aten_name(name: str) -> str | None:
    owner, _, last = name.rpartition(".")
    prefix = _ATEN_PREFIXES.get(owner)
    return None if prefix is None else prefix + last


@cache
def _decode(row: int, inplace: bool) -> Operator:
    head, *facts = _LINES[row].split(" | ")
    signature, _, returns = head.partition(" -> ")
    spelled, _, parameters = signature.partition(" : ")
    spellings = spelled.split()
    names = tuple(name for name in spellings if _is_inplace(name) == inplace)
    if inplace and len(names) < len(spellings):
        returns = "self"
    contiguous: bool | None = None
    aten = tuple(dict.fromkeys(shown for shown in map(_aten_name, names) if shown is not None))
    for fact in facts:
        if fact in ("contiguous", "strided"):
            contiguous = None if inplace else fact == "contiguous"
        elif fact.startswith("aten "):
            shown = [word for word in fact.split()[1:] if word != "-"]
            aten = tuple(word for word in shown if _is_inplace(word) == inplace) or tuple(shown)
        else:
            raise ValueError(f"operator table, {spelled}: unknown fact {fact!r}")
    params, numbers = [], []
    for parameter in parameters.split():
        name, _, mark = parameter.partition(":")
        params.append(name)
        if mark:
            numbers.append(name.lstrip("*"))
    return Operator(names, " ".join(params), returns, tuple(_effects(row)), aten, contiguous, tuple(numbers))


def _effects(row: int) -> Iterator[Effect]:
    for line in _LINES[row + 1 :]:
        if not line.startswith("    "):
            return
        head, _, source = line.strip().partition(" -- ")
        head, _, before = head.partition(" before ")
        head, _, since = head.partition(" since ")
        events, _, when = head.partition(" if ")
        for event in events.split():
            yield Effect(cast(Event, event), when, since, before, source)


def _of_version(operator: Operator, torch: tuple[int, int]) -> Operator:
    effects = tuple(effect for effect in operator.effects if effect.holds_in(torch))
    return operator if effects == operator.effects else operator._replace(effects=effects)


@cache
def _by_aten() -> dict[str, Operator]:
    found: dict[str, Operator] = {}
    for operator in operators():
        for name in operator.aten:
            if operator.names[0].startswith("aten."):
                found[name] = operator  # what is written for the dispatcher counts
            else:
                found.setdefault(name, operator)
    return found
