"""MNIST's normalisation."""

import numpy as np
import pytest
import torch

from tenfold.learn.digits.normalisation import CENTRE, Normalisation
from tenfold.mnist import embedded


def centre_of_mass(image: torch.Tensor) -> tuple[float, float]:
    places = torch.arange(28) + 0.5
    mass = image.sum()
    return float((image.sum(0) * places).sum() / mass), float((image.sum(1) * places).sum() / mass)


def ring(height: int, width: int, box: tuple[int, int, int, int], level: float = 1.0) -> torch.Tensor:
    image = torch.zeros(1, 1, height, width)
    top, left, bottom, right = box
    image[..., top:bottom, left:right] = level
    image[..., top + 3 : bottom - 3, left + 3 : right - 3] = 0
    return image


@pytest.mark.parametrize("size", [(40, 40), (64, 200), (300, 50), (28, 28)])
def test_a_shape_comes_to_the_middle_twenty_pixels_high(size: tuple[int, int]) -> None:
    height, width = size
    image = ring(height, width, (height // 3, width // 3, height // 3 + 14, width // 3 + 9))
    result = Normalisation()(image)[0, 0]
    assert result.shape == (28, 28)
    rows, columns = (result > 0.5).any(1).sum(), (result > 0.5).any(0).sum()
    assert abs(int(rows) - 20) <= 1
    assert abs(int(columns) - 20 * 9 / 14) <= 1
    assert np.allclose(centre_of_mass(result), CENTRE, atol=0.15)


def test_it_does_not_matter_where_how_large_and_how_faint_it_is() -> None:
    normalise = Normalisation()
    one = normalise(ring(60, 60, (5, 9, 45, 37)))
    moved = normalise(ring(80, 90, (30, 40, 70, 68)))
    faint = normalise(ring(60, 60, (5, 9, 45, 37), level=0.2))
    assert torch.allclose(one, moved, atol=1e-4)
    assert torch.allclose(one, faint, atol=1e-4)


def test_mnists_own_digits_stay_nearly_as_they_are() -> None:
    images = torch.from_numpy(embedded.read("train").images[:200]).float().div(255).unsqueeze(1)
    difference = (Normalisation()(images) - images).abs().mean()
    assert difference < 0.04
    assert difference < 0.5 * (images.roll(1, 2) - images).abs().mean()


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (28, 28)])
def test_a_blank_image_stays_blank_and_a_full_one_finite(size: tuple[int, int]) -> None:
    assert not Normalisation()(torch.zeros(2, 1, *size)).any()
    assert Normalisation()(torch.ones(2, 1, *size)).isfinite().all()
