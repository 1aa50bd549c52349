import numpy as np
import pytest
import torch

from tenfold.learn.lines.glyphs import Glyphs
from tenfold.learn.lines.paper import Paper
from tenfold.learn.lines.texts import Line
from tenfold.learn.lines.writing import HEIGHT, Written, write


@pytest.fixture
def lines(shapes: Glyphs) -> Written:
    return write([Line("3.75", "3.75")] * 120, shapes, np.random.default_rng(1))


def test_pictures_are_as_wide_as_their_lines_and_ink_is_dark(lines: Written) -> None:
    pictures = Paper(lines, np.random.default_rng(2)).photograph()
    assert [picture.shape for picture in pictures] == [(HEIGHT, width) for width in lines.widths]
    darker = 0
    for picture, ink, width in zip(pictures, lines.ink.numpy(), lines.widths, strict=True):
        there = ink[:, :width] > 0.7
        darker += picture[there].mean() < picture[~there].mean()
    assert darker > 110  # a dark shadow or a stamp beside a pale pen may be darker


def test_no_two_papers_are_alike_but_of_the_same_generator(lines: Written) -> None:
    first, again, other = (Paper(lines, np.random.default_rng(seed)).photograph() for seed in (3, 3, 4))
    assert all((one == two).all() for one, two in zip(first, again, strict=True))
    assert not any((one == two).all() for one, two in zip(first, other, strict=True))


@pytest.mark.parametrize("part", ["_rulings", "_boxes", "_frame", "_security", "_stamp", "_shadow"])
def test_every_part_is_there_sometimes_and_never_more_than_full(lines: Written, part: str) -> None:
    amounts = getattr(Paper(lines, np.random.default_rng(5)), part)().expand(120, HEIGHT, -1)
    assert amounts.min() >= 0
    assert amounts.max() <= (1.2 if part == "_security" else 1)
    some = amounts.flatten(1).std(1) > 1e-4
    assert 0 < some.sum() < 120 or part == "_security"


def test_walls_stand_where_cells_end(shapes: Glyphs) -> None:
    written = write([Line("12345", "12345")] * 150, shapes, np.random.default_rng(6))
    walls = Paper(written, np.random.default_rng(7))._boxes()
    boxed = torch.from_numpy(written.pitches > 0)
    assert boxed.any()
    assert walls[~boxed].max() == 0
    assert (walls[boxed].flatten(1).max(1).values > 0.1).all()
