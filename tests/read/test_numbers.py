"""Numbers as they are written: their values by either convention, what is open, and what is no number."""

import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.errors import UsageError
from tenfold.read.numbers import Number, number, numbers, usual

amounts = st.integers(0, 6).flatmap(lambda places: st.decimals(-(10**12), 10**12, places=places))


def values(text: str, decimal: str | None = None) -> list[str]:
    """What a text can mean, each value with the zeros it keeps; nothing where it is no number."""
    found = number(text, decimal)
    return [] if found is None else [str(value) for value in found.values]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", "7"),
        ("007", "7"),
        ("0", "0"),
        ("-12", "-12"),
        ("+12", "12"),
        ("3.75", "3.75"),
        ("3,75", "3.75"),
        ("2.50", "2.50"),
        (".5", "0.5"),
        ("-,25", "-0.25"),
        ("0.125", "0.125"),
        ("012.345", "12.345"),
        ("1250.000", "1250.000"),
        ("1,250.00", "1250.00"),
        ("1.250,00", "1250.00"),
        ("12.345.678,9", "12345678.9"),
        ("1.250.000", "1250000"),
        ("-1,250,000", "-1250000"),
        ("250,-", "250"),
        ("250.-", "250"),
        ("250-", "250"),
        ("250--", "250"),
        ("250,--", "250"),
        ("-250,-", "-250"),
        ("250.", "250"),
        ("250,", "250"),
        ("1,250.00-", "1250.00"),
        ("85%", "85"),
        ("-2,5%", "-2.5"),
        ("85%.", "85"),
        ("(500)", "500"),
        ("(-500)", "-500"),
        ("(250,-)", "250"),
        ("(85%)", "85"),
    ],
)
def test_a_number_has_one_value(text: str, value: str) -> None:
    assert values(text) == [value]
    assert number(text) == Number(text, (Decimal(value),))


@pytest.mark.parametrize(
    ("text", "decimals", "thousands", "decimal"),
    [
        ("1.250", "1.250", "1250", "."),
        ("1,250", "1.250", "1250", ","),
        ("-999.000", "-999.000", "-999000", "."),
        ("1.250.-", "1.250", "1250", "."),
        ("1.250,-", "1.250", "1250", "."),
        ("1,250%", "1.250", "1250", ","),
        ("(10.000)", "10.000", "10000", "."),
    ],
)
def test_a_number_is_open_until_the_separator_is_known(text: str, decimals: str, thousands: str, decimal: str) -> None:
    assert values(text) == [decimals, thousands]
    assert values(text, decimal) == [decimals]
    assert values(text, "," if decimal == "." else ".") == [thousands]


@pytest.mark.parametrize(
    ("text", "decimal"),
    [("3.75", ","), ("0.125", ","), (".5", ","), ("1,250.00", ","), ("1,250,000", ","), ("1.250.000", ".")],
)
def test_a_number_that_contradicts_the_convention_is_none(text: str, decimal: str) -> None:
    other = "," if decimal == "." else "."
    swapped = text.translate(str.maketrans(".,", ",."))
    assert values(text, decimal) == values(swapped, other) == []
    assert values(text, other) == values(swapped, decimal) == values(text) != []


@pytest.mark.parametrize(
    "text",
    [
        *["", "-", "+", ".", ",-", "%", "()", "(", "(-)"],
        *["12/05/2024", "1/2", "09:45", "3-5", "1+2", "12-05-2024", "?", "1?5", "?5", "5?"],
        *["12.34.56", "1.2,3", "1.250.00", "1,25,000", "1234.567.890", "1,250.000.000", "1.250,000,000"],
        *["0.125.000", "01,250.00", ".250.000", "1..5", "1.,5", "5..", "5.,", "1.250..-"],
        *["--5", "+-5", "5+", "5%%", "%5", "85%-", "(5", "5)", "(5)(6)", "((5))", "-(5)", "(5)%", "(5).", "5(6)"],
        *["1 250", " 5", "5\n", "1e5", "NaN", "Infinity", "1_000", "٣", "²"],
    ],
)
def test_what_is_no_number(text: str) -> None:
    assert values(text) == values(text, ".") == values(text, ",") == []


def test_the_value_is_none_where_it_is_open() -> None:
    (plain, either) = numbers(["12,50 1.250"])
    assert plain.value == Decimal("12.50")
    assert either.value is None


def test_numbers_are_parted_by_spaces() -> None:
    lines = ["12/05/2024  1.250,-", "", "3-5 +7 1?", "85%"]
    assert [each.text for each in numbers(lines)] == ["1.250,-", "+7", "85%"]
    assert [each.value for each in numbers(lines, ",")] == [1250, 7, 85]
    assert numbers([]) == ()


@pytest.mark.parametrize("decimal", ["", ";", ".,", "'"])
def test_another_separator_is_refused(decimal: str) -> None:
    with pytest.raises(UsageError, match="decimal must be"):
        number("5", decimal)
    with pytest.raises(UsageError, match="decimal must be"):
        numbers([], decimal)


@given(value=amounts, grouped=st.booleans(), decimal=st.sampled_from([".", ","]))
def test_what_is_written_by_a_convention_is_read_by_it(value: Decimal, grouped: bool, decimal: str) -> None:
    text = f"{value:,f}" if grouped else f"{value:f}"
    text = text if decimal == "." else text.translate(str.maketrans(".,", ",."))
    assert values(text, decimal) == [str(Decimal(f"{value:f}"))]
    assert str(Decimal(f"{value:f}")) in values(text)


@given(st.text("0123456789.,-/:+()%?", max_size=12))
def test_any_text_has_at_most_two_values(text: str) -> None:
    found = values(text)
    assert len(found) <= 2
    assert set(found) == {*values(text, "."), *values(text, ",")}


@pytest.mark.parametrize("part", ["1", ".", "-", "1.", "1-", ".-", "1,250.", "111."])
def test_long_texts_take_linear_time(part: str) -> None:
    """A million signs: what took quadratic time would not end."""
    long = part * (1_000_000 // len(part))
    assert number(f"{long}?") is None
    assert number(f"{long}1{'-' * len(long)}?") is None
    assert number(f"1{long}", ".") is None or part in "1-"


WRITTEN = """7 -12.5 1,250.00 1.250,- 250.- 12/05/2024 2024-05-12 9:5 09:45:10 3/4 10-12 12+30 85% (500) (0418)193158
(-5%) 12) 7(3) +7 100-- 0.5%. (044)123-4567 370/889 9)269 1)5463 12)-3.5"""
UNWRITTEN = "-0005) (500- 6.23+- 7:48688 123)269 96/ 1..5 /5 5%3 1: - () 1500) 06108/2016 1/2/3/4 19.4+9-"


@pytest.mark.parametrize("text", WRITTEN.split())
def test_what_people_write(text: str) -> None:
    assert usual(text)


@pytest.mark.parametrize("text", ["", *UNWRITTEN.split()])
def test_what_people_do_not_write(text: str) -> None:
    assert not usual(text)


def test_a_long_row_is_looked_at_at_once() -> None:
    began = time.process_time()
    assert not usual("1" * 2000 + ":")
    assert time.process_time() - began < 1
