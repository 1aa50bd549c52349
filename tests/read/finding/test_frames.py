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


def test_frames_side_by_side_that_each_have_a_digit_are_no_digits() -> None:
    boxes = [ring(0, left, 80, 60, 3) for left in (0, 70, 140, 210)]
    digits = [bar(22, left + 20, 40, 20) for left in (0, 70, 140, 210)]
    assert frames.around([*boxes, *digits]) == boxes


def test_a_flourish_round_another_digit_is_no_frame() -> None:
    flourish, digit, others = ring(0, 60, 60, 100, 3), bar(15, 70, 30, 15), [bar(10, 0, 50, 14), bar(10, 30, 50, 14)]
    flourish.mask[:, :20] = False
    assert frames.around([flourish, digit, *others]) == []


def panel(left: int, hole: int = 10) -> Piece:
    """An area of ink with a bar left out of it."""
    made = bar(5, left, 70, 50)
    made.mask[15:55, 20 : 20 + hole] = False
    return made


def test_areas_with_holes_are_panels() -> None:
    mask = frames.panels([panel(0), panel(60), bar(20, 120, 40, 10)], (80, 140))
    assert mask is not None
    assert mask[8:72, 3:47].all()
    assert mask[8:72, 63:107].all()
    assert not mask[:, 110:].any()
    assert not mask[:, 50:60].any()
    assert frames.panels([panel(0, 0), panel(60, 0)], (80, 140)) is None  # nothing is left out of them
    assert frames.panels([panel(0), *(bar(5, left, 70, 40) for left in (60, 120))], (80, 180)) is None
    assert frames.panels([ring(0, 0, 70, 50, 6)], (80, 60)) is None  # a thick 0
    assert frames.panels([], (80, 60)) is None


def test_a_line_to_write_on_is_no_dash() -> None:
    digits = [bar(0, 0, 40, 20), bar(0, 40, 40, 20)]
    line, dash = bar(50, 0, 3, 260), bar(20, 80, 4, 50)
    assert frames.around([*digits, line, dash]) == [line]


def test_a_panel_that_a_digit_parts_is_where_there_is_room_for_it() -> None:
    parted = [bar(5, 60, 70, 14), bar(5, 94, 70, 16)]
    mask = frames.panels([panel(0), panel(120), panel(180), *parted], (80, 300))
    assert mask is not None
    assert mask[10:70, 65:105].all()
    assert not mask[:, 240:].any()
    last = frames.panels([panel(0), panel(60), panel(120), bar(5, 180, 70, 14), bar(5, 214, 70, 16)], (80, 300))
    assert last is not None
    assert last[10:70, 185:225].all()
    uneven = frames.panels([panel(0), Piece(40, 120, panel(0).mask)], (120, 300))
    assert uneven is not None
    assert not uneven[:, 55:115].any()
