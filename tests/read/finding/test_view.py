"""What one way of looking gave, and where that is in the picture."""

import numpy as np
import pytest

from tenfold.read.finding.paper import Sheet
from tenfold.read.finding.signs import ReadRow, Sign
from tenfold.read.finding.strokes import Piece
from tenfold.read.finding.view import View

BLANK = Sheet(np.zeros((40, 60), np.float32), 0.3, 0.6, 1.0, True, 2.0)


def row(text: str, probability: float) -> ReadRow:
    """Signs 8 pixels wide, each as probable."""
    pieces = [Piece(10, 10 * k, np.ones((20, 8), bool)) for k in range(len(text))]
    return ReadRow([Sign(s, probability, {s: probability}, p) for s, p in zip(text, pieces, strict=True)], [])


@pytest.mark.parametrize(
    ("turns", "box"),  # of a piece 8 wide and 20 high, 10 from the left and 5 from above, in pixels half as large
    [(0, (5, 2, 4, 10)), (1, (8, 5, 10, 4)), (2, (21, 8, 4, 10)), (3, (2, 21, 10, 4))],
)
def test_boxes_are_turned_back(turns: int, box: tuple[int, int, int, int]) -> None:
    piece = Piece(5, 10, np.ones((20, 8), bool))
    assert View(BLANK, turns).box(piece, 1.0) == box
    moved = View(BLANK, turns, corner=(100, 50)).box(piece, 1.0)
    assert moved == (box[0] + 100, box[1] + 50, *box[2:])


def test_a_row_of_many_digits_is_legible_where_each_is_less_probable() -> None:
    assert View(BLANK, 0, [row("305", 0.75)]).legible
    assert not View(BLANK, 0, [row("30", 0.75)]).legible
    assert View(BLANK, 0, [row("30", 0.9)]).legible
    assert not View(BLANK, 0, [row("7", 0.99)]).legible
    assert not View(BLANK, 0, [row("30?", 0.99)]).legible


def test_what_is_read_in_numbers_is_counted_and_the_rest_is_not() -> None:
    view = View(BLANK, 0, [row("1/1", 0.9), row("??", 0.99)])
    assert view.count == 2
    assert view.bars
    assert not view.plain
    assert view.quality == pytest.approx(0.9 * 3 / 5)
    assert view.evidence == pytest.approx(view.quality + 2 * 0.08)
    assert view.probability == pytest.approx(0.9**3)
