"""Ink without the paper it is on, ruled lines taken out, and the strokes in it."""

import numpy as np
import pytest
from scipy import ndimage

from conftest import on_paper, write_number
from tenfold.read.finding import paper, rulings, strokes
from tenfold.read.finding.segments import cut_out, slices

INK = write_number("508", size=70)


def colours(values: np.ndarray) -> np.ndarray:
    if values.dtype == np.uint8:
        values = values / 255
    return np.repeat(values[..., None], 3, axis=2).astype(np.float32)


def first(values: np.ndarray) -> paper.Sheet:
    """The likelier sheet of a picture."""
    return next(paper.sheets(values))


def likeness(found: np.ndarray, ink: np.ndarray = INK) -> float:
    """Intersection over union of what is ink in both."""
    one, other = found > 0.5, ink > 0.5
    return float((one & other).sum() / (one | other).sum())


def shadow(shape: tuple[int, int]) -> np.ndarray:
    return np.linspace(1, 0.35, shape[1])[None, :] * np.linspace(0.8, 1, shape[0])[:, None]


@pytest.mark.parametrize(
    "image",
    [
        on_paper(INK) / 255,
        1 - on_paper(INK) / 255,
        on_paper(INK) / 255 * shadow(INK.shape),
        0.6 - 0.12 * INK,
        0.3 + 0.15 * INK,
    ],
    ids=["dark", "light", "shadow", "faint", "faint light"],
)
def test_ink_is_found_on_any_paper(image: np.ndarray) -> None:
    sheet = first(colours(image))
    assert likeness(sheet.ink) > 0.8
    assert sheet.dark == (image[35, 5] > image[INK > 0.9].mean())


def test_colour_alone_is_enough() -> None:
    yellow, green = np.array([0.8, 0.8, 0.3]), np.array([0.15, 0.65, 0.3])  # of nearly the same brightness
    image = (yellow * (1 - INK[..., None]) + green * INK[..., None]).astype(np.float32)
    assert likeness(first(image).ink) > 0.8


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (50, 50), (300, 200)])
def test_blank_paper_has_no_ink(level: float, shape: tuple[int, int]) -> None:
    assert list(paper.sheets(np.full((*shape, 3), level, np.float32))) == []


def test_noise_is_no_ink() -> None:
    noise = np.random.default_rng(0).normal(0.8, 0.03, (300, 400, 3)).astype(np.float32)
    found = [strokes.without_specks(strokes.pieces(s), s.flat.shape) for s in paper.sheets(noise.clip(0, 1))]
    assert sum(map(len, found)) < 12


def test_small_pictures_are_enlarged() -> None:
    small = ndimage.zoom(INK, 0.3, order=1)
    sheet = first(colours(on_paper(small)))
    assert sheet.zoom > 1
    assert min(sheet.flat.shape) >= paper.SMALL * 0.9


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
    sheet = first(colours(image))
    bare = rulings.without_lines(sheet)
    assert bare is not None
    ink = bare.ink if across else bare.ink.T
    alone = (ruled > 0) & (ndimage.maximum_filter(INK, 7) < 0.1)
    assert (ink[alone] > 0.5).mean() < 0.05
    assert (ink[(INK > 0.5)] > 0.5).mean() > 0.85
    assert rulings.without_lines(first(colours(on_paper(INK)))) is None


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


@pytest.mark.parametrize("height", [20, 70])
def test_what_is_cut_out_is_a_little_wider_than_the_piece(height: int) -> None:
    mask = np.random.default_rng(height).random((height, 15)) < 0.2
    around = ndimage.binary_dilation(np.pad(mask, 2), iterations=1 if height == 20 else 2)
    found = cut_out(strokes.Piece(3, 4, mask), np.ones((height + 9, 30), np.float32))
    assert np.array_equal(found > 0, around)


def test_pieces_rows_and_specks() -> None:
    page = np.zeros((320, 500), np.float32)
    above, below = [(30, 40, 60, 20), (34, 100, 56, 30)], [(180, 50, 60, 30), (185, 120, 58, 28), (175, 200, 62, 8)]
    for y, x, height, width in above + below:
        page[y : y + height, x : x + width] = 1
    page[100, 300] = page[120:123, 20:23] = 1  # specks
    page[0:6, 100:480] = 1  # the edge of the page
    sheet = first(colours(on_paper(page)))
    found = strokes.without_specks(strokes.pieces(sheet), sheet.flat.shape)
    rows = strokes.rows(found)
    assert [len(row.pieces) for row in rows] == [2, 3]
    assert all(55 <= row.height <= 66 for row in rows)
    assert [p.left for p in rows[1].pieces] == sorted(p.left for p in rows[1].pieces)


def test_a_wide_piece_is_cut_where_it_is_thin() -> None:
    mask = np.zeros((40, 90), bool)
    mask[5:35, 5:35] = mask[5:35, 50:85] = True
    mask[18:21, 35:50] = True
    parts = slices(strokes.Piece(10, 20, mask), np.pad(mask.astype(np.float32), 30))
    edges = [part.left - 20 for part, _ in parts]
    assert any(34 <= edge <= 51 for edge in edges)
    assert sum(part.mass for part, _ in parts) == pytest.approx(mask.sum(), abs=8)


def test_otsu_parts_two_heaps() -> None:
    generator = np.random.default_rng(0)
    values = np.concatenate([generator.normal(0.2, 0.05, 900), generator.normal(0.8, 0.05, 300)]).astype(np.float32)
    assert 0.35 < paper.otsu(values) < 0.65
