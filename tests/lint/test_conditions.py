"""Conditions of the operator table."""

import pytest

from perfcheck.events import Truth
from perfcheck.lint.conditions import Argument, Operands, condition
from perfcheck.lint.values import ARRAY, DEVICE_TENSOR, HOST_TENSOR, INT, NONE, STR, UNKNOWN, Value

VALUES = {
    "gpu": DEVICE_TENSOR,
    "cpu": HOST_TENSOR,
    "pinned": HOST_TENSOR._replace(pinned=True),
    "pageable": HOST_TENSOR._replace(pinned=False),
    "anything": UNKNOWN,
    "somewhere": Value("tensor"),
    "true": Value("number", dtype="bool", const=True),
    "one": Value("number", dtype="int", const=1),
    "number": INT,
    "text": STR,
    "nothing": NONE,
    "array": ARRAY,
    "numbers": Value("list", items=(INT, INT)),
    "gpus": Value("list", element=DEVICE_TENSOR),
    "mask": DEVICE_TENSOR._replace(dtype="bool", rank=1),
    "indices": DEVICE_TENSOR._replace(dtype="int", rank=1),
    "index": DEVICE_TENSOR._replace(dtype="int", rank=0),
    "masks": Value("tuple", items=(DEVICE_TENSOR._replace(dtype="bool", rank=1),) * 2),
    "slice": Value("host", ref="slice", items=(DEVICE_TENSOR._replace(dtype="int", rank=0),)),
    "vector": DEVICE_TENSOR._replace(rank=1),
    "strided": DEVICE_TENSOR._replace(contiguous=False),
}


def holds(text: str, spread: bool = False, result: Value | None = None) -> Truth:
    """The condition, where each argument is the value of its name."""
    arguments = {name: Argument(value, None) for name, value in VALUES.items()}
    return condition(text)(Operands(arguments, tuple(arguments.values()), spread, result))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("given('gpu')", True),
        ("given('absent')", False),
        ("given('nothing')", False),
        ("missing('absent')", True),
        ("missing('nothing')", True),
        ("is_true('true')", True),
        ("is_true('one')", False),
        ("is_true('anything')", None),
        ("is_true('absent')", False),
        ("is_false('true')", False),
        ("equals('one', 1)", True),
        ("equals('true', 1)", False),
        ("equals('number', 1)", None),
        ("tensor('gpu')", True),
        ("tensor('number')", False),
        ("tensor('anything')", None),
        ("device('gpu')", True),
        ("device('cpu')", False),
        ("device('somewhere')", None),
        ("surely_host('cpu')", True),
        ("surely_host('gpu')", False),
        ("surely_host('somewhere')", False),
        ("device('number')", False),
        ("host('cpu')", True),
        ("host('array')", True),
        ("host('numbers')", True),
        ("host('gpus')", False),
        ("host('number')", False),
        ("number('one')", True),
        ("string('text')", True),
        ("scalar('index')", True),
        ("scalar('mask')", False),
        ("scalar('gpu')", None),
        ("contains_device('gpus')", True),
        ("contains_device('numbers')", False),
        ("bool_dtype('mask')", True),
        ("bool_dtype('index')", False),
        ("bool_dtype('gpu')", None),
        ("pinned('pinned')", True),
        ("unpinned('pageable')", True),
        ("unpinned('cpu')", None),
        ("contiguous('strided')", False),
        ("has_mask('mask')", True),
        ("has_mask('indices')", False),
        ("has_mask('gpu')", None),
        ("has_mask('one')", False),
        ("has_masks('masks')", True),
        ("has_masks('mask')", False),
        ("has_device_scalar('index')", True),
        ("has_device_scalar('slice')", True),
        ("has_device_scalar('indices')", False),
        ("has_host_index('numbers')", True),
        ("has_host_index('one')", False),
        ("has_device_index('indices')", True),
        ("has_device_index('mask')", False),
        ("has_device_index('gpu')", None),  # a mask, or numbers
        ("always()", True),
        ("same_shape('gpu', 'cpu')", None),
        # and, or, not in three values
        ("tensor('gpu') and tensor('anything')", None),
        ("tensor('number') and tensor('anything')", False),
        ("tensor('gpu') or tensor('anything')", True),
        ("tensor('number') or tensor('anything')", None),
        ("not tensor('anything')", None),
        ("not tensor('number')", True),
    ],
)
def test_answers(text: str, expected: Truth) -> None:
    assert holds(text) is expected


def test_what_may_be_spread_is_unknown() -> None:
    assert holds("given('absent')", spread=True) is None
    assert holds("missing('absent')", spread=True) is None
    assert holds("is_true('absent')", spread=True) is None
    assert holds("count(1)", spread=True) is None


@pytest.mark.parametrize(
    ("source", "result", "to_device", "to_host"),
    [
        ("cpu", DEVICE_TENSOR, True, False),
        ("gpu", HOST_TENSOR, False, True),
        ("gpu", DEVICE_TENSOR, False, False),
        ("cpu", HOST_TENSOR, False, False),
        ("somewhere", DEVICE_TENSOR, None, False),
        ("somewhere", HOST_TENSOR, False, None),
        ("number", DEVICE_TENSOR, True, False),
        ("array", DEVICE_TENSOR, True, False),
        ("nothing", DEVICE_TENSOR, False, False),
        ("cpu", INT, False, False),
    ],
)
def test_moves(source: str, result: Value, to_device: Truth, to_host: Truth) -> None:
    first = Argument(VALUES[source], None)
    operands = Operands({"self": first}, (first,), False, result)
    assert condition("to_device()")(operands) is to_device
    assert condition("to_host()")(operands) is to_host


def test_the_receiver_may_be_called_input() -> None:
    first = Argument(DEVICE_TENSOR, None)
    assert condition("device('self')")(Operands({"input": first}, (first,), False)) is True


@pytest.mark.parametrize("text", ["nonsense('x')", "1 + 1", "x", "tensor"])
def test_unknown_conditions_are_errors(text: str) -> None:
    with pytest.raises(ValueError, match="unknown condition"):
        condition(text)
