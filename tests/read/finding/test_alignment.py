"""Signs stand in the columns of ink."""

import numpy as np
import pytest

from tenfold.read.finding.alignment import Alignment, aligned
from tenfold.read.finding.strips import Strip
from tenfold.read.finding.strokes import Piece
from tenfold.read.lines import Text


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


@pytest.mark.parametrize(
    ("text", "marks", "free"),
    [
        ("1702", [(40, 46, 8, 8)], [(2, ".,")]),
        ("1702", [(40, 46, 8, 8), (40, 22, 8, 8)], [(2, ":")]),
        ("1702", [(40, 22, 8, 8)], []),  # too high for a point
        ("1702", [(40, 46, 3, 3)], []),  # a speck
        ("1702", [(40, 25, 28, 8)], []),  # too large
        ("1702", [(80, 46, 8, 8)], []),  # behind the last digit
        ("1702", [(25, 46, 8, 8)], []),  # below one
        ("17?2", [(40, 46, 8, 8)], []),  # beside what is not read
    ],
)
def test_small_ink_that_stands_free_between_digits_may_be_a_point(
    text: str, marks: list[tuple[int, int, int, int]], free: list[tuple[int, str]]
) -> None:
    bars = [Piece(10, left, np.ones((40, 6), bool)) for left in (10, 26, 54, 70)]
    small = [Piece(top, left, np.ones((height, width), bool)) for left, top, height, width in marks]
    strip = Strip(np.full((60, 100), 255, np.uint8), 0, 0, [*bars, *small], 40)
    places = tuple((left + 2.0, left + 4.0) for left in (10, 26, 54, 70))
    made = Alignment(strip, Text(text, 0.9, places, np.full((4, 20), 0.05)))
    assert [(k, names) for k, names, _ in made.free] == free
    assert all(set(map(id, pieces)) == set(map(id, small)) for _, _, pieces in made.free)
