"""Ruled lines go, and the strokes that cross them stay."""

import numpy as np
import pytest
from scipy import ndimage

from conftest import on_paper, write_number
from read.pictures import sheet
from tenfold.read.finding import rulings

INK = write_number("508", size=70)


@pytest.mark.parametrize("slope", [0.0, 0.03])
@pytest.mark.parametrize("across", [True, False])
def test_ruled_lines_go_and_strokes_stay(slope: float, across: bool) -> None:
    ruled = np.zeros_like(INK)
    columns = np.arange(INK.shape[1])
    for start in (20, 75, 110, 150):
        middle = np.round(start + slope * columns).astype(int)
        for thick in range(2):
            ruled[(middle + thick).clip(0, len(INK) - 1), columns] = 1
    both = np.maximum(INK, ruled)
    image = on_paper(both if across else both.T)
    bare = rulings.without_lines(sheet(image))
    assert bare is not None
    ink = bare.ink if across else bare.ink.T
    alone = (ruled > 0) & (ndimage.maximum_filter(INK, 7) < 0.1)
    assert (ink[alone] > 0.5).mean() < 0.05
    assert (ink[(INK > 0.5)] > 0.5).mean() > 0.85
    assert rulings.without_lines(sheet(on_paper(INK))) is None


@pytest.mark.parametrize(
    ("above", "begin", "end", "gone"),
    [
        (0, 90, 560, True),  # to write on: it touches what stands there
        (40, 90, 560, False),  # goes through what is written
        (40, 560, 700, False),  # a dash behind it
    ],
)
def test_a_line_goes_that_touches_what_is_written_on_it(above: int, begin: int, end: int, gone: bool) -> None:
    ink = np.pad(INK, ((20, 20), (150, 400)))
    y = int(np.flatnonzero((ink > 0.5).any(axis=1)).max()) - above
    ruled = np.zeros_like(ink)
    ruled[y - 1 : y + 1, begin:end] = 1
    alone = (ruled > 0) & (ndimage.maximum_filter(ink, 7) < 0.1)
    bare = rulings.without_lines(sheet(on_paper(np.maximum(ink, ruled))))
    assert (bare is not None) == gone
    if bare is not None:
        assert (bare.ink[alone] > 0.5).mean() < 0.05
        assert (bare.ink[ink > 0.5] > 0.5).mean() > 0.85


def test_level_lines_are_those_that_sampling_finds() -> None:
    generator = np.random.default_rng(0)
    for height, width in ((90, 120), (6, 200), (150, 30), (1, 1)):
        mask = generator.random((height, width)) < 0.3
        columns = np.arange(width)
        for start, slope in ((0.3 * height, 0.05), (0.7 * height, -0.08)):
            mask[np.round(start + slope * (columns - width / 2)).astype(int).clip(0, height - 1), columns] = True
        wide = np.pad(mask, ((20, 20), (0, 0)))
        wide[:-1] |= wide[1:]
        found = rulings._level_lines(mask)
        assert len(found) >= (height > 20)
        for middle, slope in found:
            along = wide[middle + 20 + np.round(slope * (columns - width / 2)).astype(int), columns]
            end = max(1, width // 10)
            assert along.mean() >= 0.5
            assert along[:end].any()
            assert along[-end:].any()


def test_how_much_of_a_line_is_ink() -> None:
    ink = np.zeros((60, 100), bool)
    ink[10] = ink[30, ::2] = True  # a wall, and what wanders about a line
    ink[26, 1::2] = True
    shares = [rulings._share(rulings.Line(y, 0, 0, 99), ink) for y in (10, 30)]
    assert shares == [1.0, 0.5]


def test_a_stroke_beside_a_wall_does_not_bend_it() -> None:
    xs = np.arange(300)
    wall = np.tile(xs, 3), np.concatenate([np.round(40 + 0.01 * xs).astype(int) + k for k in (-1, 0, 1)])
    stroke = np.tile(xs[:75], 3), np.repeat([30, 31, 32], 75)
    slope, at = rulings._fitted(*(np.concatenate(both) for both in zip(wall, stroke, strict=True)))
    assert [at, at + 299 * slope] == pytest.approx([40, 43], abs=1)
