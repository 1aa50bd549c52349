"""Ink without the paper it is on."""

import numpy as np
import pytest
from scipy import ndimage

from conftest import on_paper, write_number
from read.pictures import sheet
from tenfold.read.finding import paper, strokes

INK = write_number("508", size=70)


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
    seen = sheet(image)
    assert likeness(seen.ink) > 0.8
    assert seen.dark == (image[35, 5] > image[INK > 0.9].mean())


@pytest.mark.parametrize("slope", [-3, -1, -0.5, 0.5, 1, 3])
def test_a_shadow_that_ends_hard_leaves_no_ink(slope: float) -> None:
    ink = write_number("508", size=70, margin=0.8)
    y, x = np.mgrid[-1 : 1 : ink.shape[0] * 1j, -1 : 1 : ink.shape[1] * 1j]
    light = np.where(y * ink.shape[0] > slope * x * ink.shape[1], 0.45, 1)
    found = sheet(on_paper(ink) / 255 * light).ink
    assert likeness(found, ink) > 0.7
    far = ~ndimage.binary_dilation(ink > 0.2, iterations=4)
    assert (found[far] > 0.5).mean() < 0.0005


def test_colour_alone_is_enough() -> None:
    yellow, green = np.array([0.8, 0.8, 0.3]), np.array([0.15, 0.65, 0.3])  # of nearly the same brightness
    image = (yellow * (1 - INK[..., None]) + green * INK[..., None]).astype(np.float32)
    assert likeness(next(paper.sheets(image)).ink) > 0.8


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
    enlarged = sheet(on_paper(small))
    assert enlarged.zoom > 1
    assert min(enlarged.flat.shape) >= paper.SMALL * 0.9


def test_otsu_parts_two_heaps() -> None:
    generator = np.random.default_rng(0)
    values = np.concatenate([generator.normal(0.2, 0.05, 900), generator.normal(0.8, 0.05, 300)]).astype(np.float32)
    assert 0.35 < paper.otsu(values) < 0.65


def test_specks_are_taken_away_by_the_median_of_nine() -> None:
    values = np.random.default_rng(0).random((17, 30)).astype(np.float32)
    assert np.array_equal(paper._without_specks(values), ndimage.median_filter(values, 3))
