"""Signs stand in the columns of ink."""

import pytest

from tenfold.read.finding.alignment import aligned


def test_signs_are_moved_into_the_columns_of_ink() -> None:
    columns = [(20, 40), (60, 120), (200, 220)]  # the second one is as wide as two digits
    assert aligned([40, 45, 80, 170], "1234", columns, 40) == [30, 75, 105, 210]
    moved = aligned([40, 45, 60, 80, 170], "12.34", columns, 40)
    assert moved[2] == pytest.approx(60 + (30 + 25) / 2)
    for text, some in (("12", columns), ("12", [])):  # not enough signs, no ink
        assert aligned([1.0] * len(text), text, some, 40) == [1.0] * len(text)


def test_a_plus_may_be_low_and_something_else_have_many_columns() -> None:
    columns = [(0, 20), (60, 80)]
    assert aligned([15, 40, 65], "1+3", columns, 40) == [10, 40, 70]
    assert aligned([15, 65], "1+", columns, 40) == [10, 70]
    word = [(0, 20), (40, 60), (70, 80), (90, 110)]
    assert aligned([14, 44, 75], "12?", word, 40) == [10, 50, 75]
