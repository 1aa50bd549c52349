"""Rings, frames and walls are told from digits, and erased."""

import numpy as np
import pytest

from read.finding.test_strokes import ink
from tenfold.read.finding import frames, strokes
from tenfold.read.finding.strokes import Piece


def test_what_is_drawn_round_others_is_a_frame() -> None:
    ring = np.zeros((60, 100), bool)
    ring[:2] = ring[-2:] = ring[:, :2] = ring[:, -2:] = True
    frame, one, other = Piece(0, 0, ring), Piece(10, 20, np.ones((40, 8), bool)), None
    other = Piece(10, 110, np.ones((40, 8), bool))
    assert frames.around([frame, one, other]) == [frame]
    assert frames.around([frame, other]) == []


def ring(top: int, left: int, height: int, width: int, pen: int) -> Piece:
    """A frame as a piece."""
    mask = np.ones((height, width), bool)
    mask[pen:-pen, pen:-pen] = False
    return Piece(top, left, mask)


def bar(top: int, left: int, height: int, width: int) -> Piece:
    return Piece(top, left, np.ones((height, width), bool))


@pytest.mark.parametrize("pen", [2, 8])
def test_a_frame_may_be_thick_where_it_is_closed(pen: int) -> None:
    frame, digit = ring(0, 0, 80, 60, pen), bar(20, 22, 40, 14)
    assert frames.around([frame, digit]) == [frame]
    frame.mask[:, -pen:] = False  # open at one side
    assert frames.around([frame, digit]) == ([frame] if pen == 2 else [])


def test_a_digit_in_pieces_beside_others_is_no_frame() -> None:
    zero, part = ring(10, 0, 40, 50, 4), bar(20, 15, 18, 8)
    beside = [bar(10, 60 + 30 * k, 40, 14) for k in range(3)]
    assert frames.around([zero, part, *beside]) == []
    assert frames.around([zero, part]) == [zero]


def test_frames_are_erased_with_their_edges_and_digits_stay() -> None:
    sheet = ink((10, 10, 60, 4), (10, 30, 60, 6))
    sheet.flat[10:70, 14:16] = 0.2  # the soft edge of the first
    frame, digit = strokes.pieces(sheet)
    bare = frames.erased(sheet, [frame])
    assert bare.flat[:, :20].max() == 0
    assert (bare.flat[:, 25:] == sheet.flat[:, 25:]).all()
    assert frames.erased(sheet, []) is sheet
    assert digit.left == 30
