"""Image processing in numpy, held against scipy's."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from tenfold.read import filters

SHAPES = [(1, 1), (1, 9), (7, 1), (31, 47), (64, 64)]
shapes = pytest.mark.parametrize("shape", SHAPES)


def noise(shape: tuple[int, int]) -> NDArray[np.float32]:
    return np.random.default_rng(list(shape)).random(shape).astype(np.float32)


@shapes
@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.5, 0.7, 0.95, 1.0])
@pytest.mark.parametrize("corners", [True, False])
def test_connected_components(shape: tuple[int, int], share: float, corners: bool) -> None:
    mask = noise(shape) < share
    labels, boxes = filters.components(mask, corners=corners)
    expected, count = ndimage.label(mask, np.ones((3, 3)) if corners else None)
    assert np.array_equal(labels, expected)
    assert boxes == ndimage.find_objects(expected)
    assert len(boxes) == count


def test_a_long_spiral_is_one_component() -> None:
    mask = np.zeros((201, 201), bool)
    y, x = 0, 0
    for turn, side in enumerate(side for k in range(200, 0, -4) for side in (k, k)):
        for _ in range(side):
            mask[y, x] = True
            y, x = y + (0, 1, 0, -1)[turn % 4], x + (1, 0, -1, 0)[turn % 4]
    labels, boxes = filters.components(mask, corners=False)
    expected, count = ndimage.label(mask)
    assert count == len(boxes)
    assert np.array_equal(labels, expected)


@shapes
@pytest.mark.parametrize("share", [0.3, 0.6, 0.8])
def test_holes_are_filled_and_masks_are_dilated(shape: tuple[int, int], share: float) -> None:
    mask = noise(shape) < share
    assert np.array_equal(filters.filled(mask), ndimage.binary_fill_holes(mask))
    for times in (1, 2):
        assert np.array_equal(filters.dilated(mask, times), ndimage.binary_dilation(mask, iterations=times))


@shapes
@pytest.mark.parametrize("size", [1, 3, 7, 33])
def test_extremes_and_closing(shape: tuple[int, int], size: int) -> None:
    values = noise(shape)
    for axis in (0, 1):
        most, least = filters.extreme(values, size, axis), filters.extreme(values, size, axis, least=True)
        assert np.array_equal(most, ndimage.maximum_filter1d(values, size, axis=axis))
        assert np.array_equal(least, ndimage.minimum_filter1d(values, size, axis=axis))
    closed = ndimage.grey_closing(values, size=(size, size), mode="nearest")
    assert np.array_equal(filters.closed(values, size), closed)


@shapes
def test_means_and_gaussians(shape: tuple[int, int]) -> None:
    values = noise(shape)
    for axis, size in ((0, 3), (1, 9)):
        assert np.allclose(
            filters.mean(values, size, axis), ndimage.uniform_filter1d(values, size, axis=axis), atol=1e-6
        )
    for deviation in (0.1, 0.7, 3.0):
        blurred = filters.gaussian(values, deviation)
        assert blurred.dtype == np.float32
        assert np.allclose(blurred, ndimage.gaussian_filter(values, deviation), atol=1e-6)
        edges = ndimage.gaussian_filter(values, deviation, mode="nearest")
        assert np.allclose(filters.gaussian(values, deviation, edge=True), edges, atol=1e-6)


def test_colours_have_a_mean_each() -> None:
    colours = np.random.default_rng(0).random((20, 30, 3)).astype(np.float32)
    expected = ndimage.uniform_filter(colours, (5, 7, 1))
    assert np.allclose(filters.mean(filters.mean(colours, 5, 0), 7, 1), expected, atol=1e-6)


@pytest.mark.parametrize("many", [1, 2, 7, 10])
def test_medians(many: int) -> None:
    values = noise((many, 3))
    for kept in (values, values.astype(float), list(values[0])):
        before = np.array(kept)
        assert filters.median(kept) == pytest.approx(np.median(kept))
        assert np.array_equal(kept, before)
    assert np.isnan(filters.median([]))
