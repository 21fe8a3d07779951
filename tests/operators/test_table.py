"""The table's own rules: that it can be read, says nothing twice, and uses only words that are explained."""

import ast
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfcheck.events import EVENTS
from perfcheck.lint import conditions as linter
from perfcheck.operators import Operator, Result, by_aten, find, operators, reader, results
from perfcheck.operators.table import TABLE

ALL = list(operators())
NAMES = [name for operator in ALL for name in operator.names]
HELP = reader.__doc__ or ""
PREDICATES = set(re.findall(r"``(\w+)\((?:p|p, value|p, q|n|)\)``", HELP))
SOURCE = re.compile(r"src|\d+\.\d+|issue \d+|known|https://\S+")


def test_there_are_many_and_none_is_written_twice() -> None:
    assert len(ALL) >= 500
    assert sorted(NAMES) == sorted(set(NAMES))
    written = [
        n for row in TABLE.splitlines() if row[:1] not in ("", " ", "#") for n in row.split(" : ")[0].split()
    ]
    assert sorted(written) == sorted(NAMES)


def conditions(operator: Operator) -> list[str]:
    found = [effect.when for effect in operator.effects] + [r.when for r in results(operator.returns)]
    return [condition for condition in found if condition]


def check_effects(operator: Operator) -> None:
    for effect in operator.effects:
        assert effect.event in EVENTS
        assert effect.source, f"{effect} does not say how it is known"
        for source in effect.source.split(", "):
            assert SOURCE.fullmatch(source), source
        for version in (effect.since, effect.before):
            assert not version or reader.version(version) >= (1, 0)


GRAMMAR = (
    *(ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not),
    *(ast.Name, ast.Load, ast.Constant, ast.USub),
)


def check_conditions(operator: Operator) -> None:
    parameters = {name.lstrip("*") for name in operator.params.split()}
    for condition in conditions(operator):
        for node in ast.walk(ast.parse(condition, mode="eval")):
            if isinstance(node, ast.Call):
                assert isinstance(node.func, ast.Name)
                assert node.func.id in PREDICATES, f"{node.func.id} is not explained in reader.py"
                if node.args and isinstance(name := ast.literal_eval(node.args[0]), str):
                    assert name in parameters, (
                        f"{condition} speaks of {name}, which {operator.names[0]} has not"
                    )
            else:
                assert isinstance(node, GRAMMAR), condition


def check_that_the_linter_understands(operator: Operator) -> None:
    for condition in conditions(operator):
        linter.condition(condition)


WORDS = {"bool", "int", "float", "complex", "promoted", "own", "0d", "1d", "2d", "elementwise", "reduce"}
TENSORS = {"tensor", "factory", "like", "host", "device", "to", "pin", "view", "self", "same"}


def check_results(operator: Operator) -> None:
    found = results(operator.returns)
    assert found[-1].when == ""
    for result in found:
        check(result)


def check(result: Result) -> None:
    assert f"``{result.kind}``" in HELP or f"``{result.kind}(" in HELP, f"{result.kind} is not explained"
    assert result.words <= WORDS
    assert not result.words or result.kind in TENSORS
    assert bool(result.items) <= (result.kind in ("tuple", "list"))
    for item in result.items:
        check(item)


@pytest.mark.parametrize("operator", ALL, ids=lambda operator: operator.names[0])
def test_row(operator: Operator) -> None:
    check_effects(operator)
    check_conditions(operator)
    check_that_the_linter_understands(operator)
    check_results(operator)


def test_parameters_are_named_once() -> None:
    for operator in ALL:
        names = [name for name in operator.params.split() if name != "*"]
        assert len(names) == len(set(names)), operator.names
        assert set(operator.numbers) <= {name.lstrip("*") for name in names}


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("torch.Tensor.unique", "Tensor.unique"),
        ("torch.distributions.normal.Normal", "torch.distributions.Normal"),
        ("torch.distributions.Beta", "torch.distributions.*"),
        ("torch.distributions.categorical.Categorical.log_prob", "Distribution.log_prob"),
        ("torch.distributions.normal.Normal.sample", "torch.distributions.Normal.sample"),
        ("torch.distributions.Gamma.sample", "Distribution.sample"),
        ("torch.nn.utils.clip_grad.clip_grad_norm_", "torch.nn.utils.clip_grad_norm_"),
        ("torch.nn.utils.rnn.pad_sequence", "torch.nn.utils.rnn.pad_sequence"),
        ("torch.nn.modules.linear.Linear", "torch.nn.*"),
        ("torch.optim.adamw.AdamW", "torch.optim.*"),
        ("torch.optim.AdamW.step", "Optimizer.step"),
        ("torch.optim.lr_scheduler.StepLR", "torch.optim.lr_scheduler.*"),
        ("torch.optim.lr_scheduler.StepLR.step", "Scheduler.step"),
        ("torch.nn.Linear.to", "Module.to"),
        ("torch.nn.Parameter.sum", "Tensor.sum"),
        ("torch.optim.LBFGS.step", "torch.optim.LBFGS.step"),
        ("torch.nn.parameter.Parameter", "torch.nn.Parameter"),
        ("numpy.concatenate", "numpy.*"),
        ("math.sqrt", "math.*"),
    ],
)
def test_other_spellings(spelled: str, name: str) -> None:
    found = find(spelled)
    assert found is not None
    assert name in found.names


@pytest.mark.parametrize(
    "name", ["", "x", "torch", "torch.nope", "torch.nn.functional.nope", "Tensor.nope_", "Tensor."]
)
def test_unknown_names(name: str) -> None:
    assert find(name) is None


PIECES = st.sampled_from(["torch", "Tensor", "nn", "distributions", "optim", "Normal", "add_", "*", ""])


@given(st.text() | st.lists(PIECES).map(".".join))
def test_any_name_may_be_asked_for(name: str) -> None:
    found = find(name)
    assert found is None or find(name) is found


@given(st.sampled_from(NAMES))
def test_every_name_is_found(name: str) -> None:
    found = find(name)
    assert found is not None
    assert name in found.names


def test_an_inplace_spelling_returns_its_receiver() -> None:
    plain, inplace = find("torch.add"), find("Tensor.add_")
    assert plain is not None
    assert inplace is not None
    assert (plain.returns, inplace.returns) == ("tensor elementwise", "self")
    assert (plain.aten, inplace.aten) == (("add",), ("add_",))
    assert inplace.params == plain.params == "self other * alpha"
    assert inplace.numbers == ("alpha",)


def test_versions() -> None:
    def events(name: str, torch: tuple[int, int] | None = None) -> list[str]:
        found = find(name, torch)
        assert found is not None
        return [effect.event for effect in found.effects]

    assert events("torch.normal", (2, 13)) == ["host-sync"] == events("torch.normal")
    assert events("torch.normal", (2, 14)) == []
    assert events("torch.multinomial", (2, 5)) == ["host-sync"]
    assert events("torch.multinomial") == []


def test_positions() -> None:
    operator = find("torch.repeat_interleave")
    assert operator is not None
    assert [operator.parameter(i) for i in range(4)] == ["self", "repeats", "dim", None]
    zeros = find("torch.zeros")
    assert zeros is not None
    assert [zeros.parameter(i) for i in (0, 1, 7)] == ["size", "size", "size"]


def test_results_are_taken_apart() -> None:
    assert results("tuple(tensor, tensor 0d int) if given('dim') else reduce float") == (
        Result(
            "tuple", items=(Result("tensor"), Result("tensor", frozenset({"0d", "int"}))), when="given('dim')"
        ),
        Result("tensor", frozenset({"reduce", "float"})),
    )


@pytest.mark.parametrize(
    "name", ["_local_scalar_dense", "nonzero", "_unique2", "index", "_linalg_check_errors", "_to_copy"]
)
def test_what_the_dispatcher_shows(name: str) -> None:
    found = by_aten(name)
    assert found is not None
    assert any(effect.event == "host-sync" for effect in found.effects)
    assert by_aten("nope") is None


def test_a_name_of_a_family_may_end_in_an_underscore() -> None:
    operator = find("numpy.bool_")
    assert operator is not None
    assert operator.names == ("numpy.*",)
