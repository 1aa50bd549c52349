"""Pieces to digits: what is cut out, where wide pieces are cut, and when."""

import numpy as np
import pytest
from scipy import ndimage

import tenfold
from conftest import on_paper, write_number
from tenfold.read.finding import segments
from tenfold.read.finding.segments import cut_out, slices
from tenfold.read.finding.strokes import Piece, Row


@pytest.mark.parametrize("height", [20, 70])
def test_what_is_cut_out_is_a_little_wider_than_the_piece(height: int) -> None:
    mask = np.random.default_rng(height).random((height, 15)) < 0.2
    around = ndimage.binary_dilation(np.pad(mask, 2), iterations=1 if height == 20 else 2)
    found = cut_out(Piece(3, 4, mask), np.ones((height + 9, 30), np.float32))
    assert np.array_equal(found > 0, around)


def test_a_wide_piece_is_cut_where_it_is_thin() -> None:
    mask = np.zeros((40, 90), bool)
    mask[5:35, 5:35] = mask[5:35, 50:85] = True
    mask[18:21, 35:50] = True
    parts = slices(Piece(10, 20, mask), np.pad(mask.astype(np.float32), 30))
    edges = [part.left - 20 for part, _ in parts]
    assert any(34 <= edge <= 51 for edge in edges)
    assert sum(part.mass for part, _ in parts) == pytest.approx(mask.sum(), abs=8)


def test_a_lone_piece_is_cut_only_where_that_may_pay(reader: tenfold.Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    piece, ink = Piece(5, 5, np.ones((30, 29), bool)), np.ones((40, 40), np.float32)
    sliced: list[Piece] = []

    def uncut(piece: Piece, _: object) -> list[tuple[Piece, float]]:
        sliced.append(piece)
        return [(piece, 0.0)]

    monkeypatch.setattr(segments, "slices", uncut)
    for probability in (0.9, 0.5):
        table = np.zeros((1, 11), np.float32)
        table[0, 8], table[0, 10] = probability, 1 - probability
        monkeypatch.setattr(segments, "classify", lambda found, *_, table=table: table[: len(found)])
        segments.segment([Row([piece], 30.0)], ink, reader.classifier)
        assert len(sliced) == (probability == 0.5)


def test_touching_digits_are_parted_and_a_broken_one_is_whole(reader: tenfold.Reader) -> None:
    assert reader.read(on_paper(write_number("5309", gap=-0.02, seed=2))).text == "5309"
    broken = write_number("5", size=80, seed=3)
    broken[:, broken.shape[1] // 2 : broken.shape[1] // 2 + 3] = 0
    assert reader.read(on_paper(broken)).text == "5"
