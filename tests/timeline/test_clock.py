from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfcheck.timeline.clock import INVALID, LATEST, nanoseconds

USUAL = st.builds(
    lambda whole, digits: f"{whole}.{digits}" if digits else str(whole),
    st.integers(0, 2 * 10**15),
    st.text("0123456789", max_size=3),
)
ODD = st.builds(lambda sign, number: sign + number, st.sampled_from(["", "-"]), USUAL) | st.builds(
    lambda number, exponent: f"{number}e{exponent}", USUAL, st.integers(-3, 3)
)


def exactly(text: str) -> int:
    return round(Decimal(text) * 1000)


@given(st.lists(USUAL, min_size=1))
def test_decimal_text_is_read_exactly(texts: list[str]) -> None:
    assert nanoseconds([text.encode() for text in texts]).tolist() == [exactly(text) for text in texts]


@given(st.lists(USUAL | ODD, min_size=1))
def test_signs_and_exponents_among_it_change_nothing(texts: list[str]) -> None:
    expected = [value if abs(value := exactly(text)) <= LATEST else INVALID for text in texts]
    assert nanoseconds([text.encode() for text in texts]).tolist() == expected


def test_a_double_would_be_wrong() -> None:
    text = b"1712195495406752.797"
    assert nanoseconds([text]).tolist() == [1712195495406752797]
    assert round(float(text) * 1000) != 1712195495406752797


@pytest.mark.parametrize(
    "text",
    ["null", '"1"', "true", "[]", "{}", "1e400", "-1e30", "9" * 5000, "", "1e999999999", "NaN", "1.2.3"],
)
def test_what_is_no_time_is_marked(text: str) -> None:
    assert nanoseconds([b"5", text.encode(), b"6.5"]).tolist() == [5000, INVALID, 6500]


def test_digits_below_a_nanosecond_are_rounded() -> None:
    assert nanoseconds([b"1.0004", b"1.0006", b"0.99999"]).tolist() == [1000, 1001, 1000]


def test_nothing_is_nothing() -> None:
    assert nanoseconds([]).tolist() == []
