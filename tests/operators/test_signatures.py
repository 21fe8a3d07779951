"""Names and parameters of the table against those of torch 2.13."""

import inspect
import re
from functools import cache
from typing import Any, NamedTuple

import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from perfcheck.operators import Operator, find, operators  # noqa: E402
from perfcheck.operators.reader import CHECKED_WITH  # noqa: E402
from tests.operators.calls import TENSOR_OPERATORS, resolve  # noqa: E402

SCHEMAS: dict[str, list[Any]] = {}
for schema in torch._C._jit_get_all_schemas():
    SCHEMAS.setdefault(schema.name, []).append(schema)

ABSENT = ("aten.", "numpy.", "tensorboardX.", "wandb.", "mlflow.", "tqdm.", "torch.utils.tensorboard.")
OF_INSTANCES = {  # set by constructors, no attributes of the class
    f"Distribution.{name}"
    for name in (
        "probs", "logits", "loc", "scale", "rate", "concentration", "covariance_matrix", "scale_tril",
        "precision_matrix",
    )
}  # fmt: skip
OWNERS = {
    "Module": torch.nn.Module,
    "Scheduler": torch.optim.lr_scheduler.LRScheduler,
    "Optimizer": torch.optim.Optimizer,
    "Distribution": torch.distributions.Distribution,
}


def test_the_version_is_the_one_checked_with() -> None:
    assert tuple(int(part) for part in torch.__version__.split(".")[:2]) == CHECKED_WITH


def test_names_exist() -> None:
    for name in (name for operator in operators() for name in operator.names):
        if name.startswith(ABSENT) or name.endswith("*") or name in OF_INSTANCES:
            continue
        owner, _, last = name.rpartition(".")
        found = getattr(OWNERS[owner], last, None) if owner in OWNERS else resolve(name)
        assert found is not None or name in ("Tensor.grad", "Tensor.__hash__"), name


def test_aten_names_exist() -> None:
    wrong = [(o.names[0], name) for o in operators() for name in o.aten if f"aten::{name}" not in SCHEMAS]
    assert wrong == []


class Parameter(NamedTuple):
    name: str
    keyword_only: bool
    type: str = ""  # of a schema


@cache
def signatures(name: str) -> list[list[Parameter]]:
    """What torch says of the parameters: the overloads of the schema, and the Python function's."""
    found = []
    owner, _, last = name.rpartition(".")
    prefix = {"torch.linalg": "linalg_", "torch.fft": "fft_", "torch.special": "special_"}.get(owner, "")
    if owner != "torch.nn.functional":
        for schema in SCHEMAS.get(f"aten::{prefix}{last}", ()):
            types = [str(a.type) for a in (*schema.arguments, *schema.returns)]
            names = {a.name for a in schema.arguments}
            named_dimensions = "names" in names or any("str" in t and "Dimname" in t for t in types)
            by_name = any(a.name.startswith("dim") and "str" in str(a.type) for a in schema.arguments)
            if "out" in names or not any("Tensor" in t for t in types) or named_dimensions or by_name:
                continue
            found.append([Parameter(a.name, a.kwarg_only, str(a.type)) for a in schema.arguments])
    try:
        parameters = list(inspect.signature(resolve(name)).parameters.values())
    except (TypeError, ValueError):  # written in C
        return found
    if not any(p.kind is p.VAR_POSITIONAL and p.name == "args" for p in parameters):
        found.append(
            [Parameter(p.name, p.kind is p.KEYWORD_ONLY) for p in parameters if p.kind is not p.VAR_KEYWORD]
        )
    return found


NOT_LISTED = {"generator", "layout", "out"}  # the table leaves them out
PYTHON_ADDS = {"pin_memory", "requires_grad", "memory_format"}  # to what the schema has
DIFFERENT = {  # where schemas, or the wrappers of torch.functional, say otherwise than Python's callers do
    "Tensor.where": "the receiver is the schema's second operand",
    "Tensor.polygamma": "the receiver is the schema's second operand",
    "Tensor.backward": "the schema is another function's",
    "Tensor.grad": "the schema is another function's",
    "torch.tensor_split": "the overloads name the second parameter by its type",
    "torch.hsplit": "the overloads name the second parameter by its type",
    "torch.vsplit": "the overloads name the second parameter by its type",
    "torch.dsplit": "the overloads name the second parameter by its type",
    "torch.einsum": "operands follow one by one",
    "torch.nonzero": "as_tuple is Python's",
    "Tensor.cpu": "memory_format is Python's",
    "Tensor.cuda": "no schema has its arguments",
    "Tensor.addmm_": "out_dtype is the function's alone",
    "Tensor.baddbmm_": "out_dtype is the function's alone",
    "torch.no_grad": "contexts take different arguments",
    "torch.result_type": "a scalar may come first",
}


def normal(name: str) -> str:
    name = name.lstrip("*")
    return "self" if name == "input" else name


CHECKED = [
    operator
    for operator in operators()
    if all(
        name.rpartition(".")[0] in TENSOR_OPERATORS and not name.endswith(("__", "*"))
        for name in operator.names
    )
    and DIFFERENT.keys().isdisjoint(operator.names)
]


def positional(names: list[str]) -> list[str]:
    return [normal(name) for name in (names[: names.index("*")] if "*" in names else names)]


def agrees(ours: list[str], torchs: list[Parameter]) -> bool:
    """Is the order that of this signature, as far as both go?"""
    theirs = [normal(p.name) for p in torchs if not p.keyword_only and p.name not in NOT_LISTED]
    return all(a == b for a, b in zip(ours, theirs, strict=False))


@pytest.mark.parametrize("operator", CHECKED, ids=lambda operator: operator.names[0])
def test_parameters(operator: Operator) -> None:
    check_order(operator)
    check_numbers(operator)


def check_order(operator: Operator) -> None:
    ours = operator.params.split()
    for name in operator.names:
        if known := signatures(name):
            theirs = {normal(p.name) for signature in known for p in signature} | PYTHON_ADDS
            assert [p for p in ours if p != "*" and normal(p) not in theirs] == [], name
            assert any(agrees(positional(ours), signature) for signature in known), f"{name}: {known}"


NUMERIC = re.compile(r"(Optional\[)?(List\[)?(SymInt|int|float|number|Scalar|complex)")
NO_VALUES = {"dtype", "memory_format", "layout"}  # integers in a schema
MAY_BE_A_TENSOR = {("torch.max", "dim"), ("torch.min", "dim")}  # max(other)


def check_numbers(operator: Operator) -> None:
    types: dict[str, set[str]] = {}
    for signature in (found for name in operator.names for found in signatures(name)):
        for parameter in signature:
            if parameter.type and parameter.name not in NO_VALUES:
                types.setdefault(normal(parameter.name), set()).add(parameter.type)
    wanted = {
        name.lstrip("*")
        for name in operator.params.split()
        if (found := types.get(normal(name)))
        and all(NUMERIC.match(text) for text in found)
        and (operator.names[0], name) not in MAY_BE_A_TENSOR
    }
    typed = {name for name in operator.numbers if normal(name) in types}
    assert typed == wanted


def test_different_ones_are_still_there() -> None:
    assert [name for name in DIFFERENT if find(name) is None] == []
