import math

import pytest
import torch
from torch import Tensor

from tenfold.learn.digits.augment import augment
from tenfold.learn.recipes.augmentation import Augmentation


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def bars() -> Tensor:
    """A vertical bar, 256 times: (256, 1, 28, 28)."""
    images = torch.zeros(256, 1, 28, 28)
    images[:, :, 6:22, 13:15] = 1.0
    return images


def centres(images: Tensor) -> Tensor:
    """Centre of mass (N, 2), y and x in pixels from the middle."""
    place = torch.arange(28) - 13.5
    mass = images.sum((1, 2, 3))
    return torch.stack([(images.sum((1, 3)) * place).sum(1) / mass, (images.sum((1, 2)) * place).sum(1) / mass], 1)


def slopes(images: Tensor) -> Tensor:
    """The angle of each bar against the vertical, in degrees, from its second moments."""
    y, x = torch.meshgrid(torch.arange(28.0) - 13.5, torch.arange(28.0) - 13.5, indexing="ij")
    xy, yy, xx = ((images[:, 0] * p).sum((1, 2)) for p in (x * y, y * y, x * x))
    return torch.rad2deg(0.5 * torch.atan2(2 * xy, yy - xx))


def test_rotation_turns_by_all_angles_up_to_its_limit(bars: Tensor) -> None:
    angles = slopes(augment(bars, Augmentation(rotate=20), generator()))
    assert 19 < angles.max() < 21
    assert -21 < angles.min() < -19
    assert abs(angles.mean()) < 2
    assert angles.std().item() == pytest.approx(40 / math.sqrt(12), rel=0.1)  # of a uniform distribution
    assert centres(augment(bars, Augmentation(rotate=20), generator())).abs().max() < 0.1


def test_shift_is_in_pixels(bars: Tensor) -> None:
    moved = centres(augment(bars, Augmentation(shift=3), generator()))
    assert moved.abs().max().item() == pytest.approx(3, abs=0.1)
    assert moved.std(0).min() > 1.5


def test_scale_changes_height_and_width_up_to_its_limit() -> None:
    square = torch.zeros(256, 1, 28, 28)
    square[:, :, 8:20, 8:20] = 1.0
    scaled = augment(square, Augmentation(scale=0.2), generator())
    for sums in (scaled.sum(3), scaled.sum(2)):  # each is a side of 12 pixels, seen from the other side
        sides = sums.amax((1, 2)) / 12
        assert sides.max().item() == pytest.approx(1.2, abs=0.03)
        assert sides.min().item() == pytest.approx(0.8, abs=0.03)


def test_shear_slants(bars: Tensor) -> None:
    angles = slopes(augment(bars, Augmentation(shear=20), generator()))
    assert 15 < angles.abs().max() < 22


def test_elastic_bends_without_moving(bars: Tensor) -> None:
    bent = augment(bars, Augmentation(elastic=2.0), generator())
    assert (bent - bars).abs().mean() > 0.02
    assert centres(bent).mean(0).abs().max() < 0.3
    assert bent.sum((1, 2, 3)).mean().item() == pytest.approx(bars[0].sum().item(), rel=0.15)


def test_erasing_blanks_rectangles_in_half_of_the_images() -> None:
    full = torch.ones(2000, 1, 28, 28)
    erased = (augment(full, Augmentation(erase=10), generator()) == 0).float().sum((1, 2, 3))
    # a side below a pixel may cover none, which makes it 0.5 x 0.95 x 0.95
    assert (erased > 0).float().mean().item() == pytest.approx(0.45, abs=0.03)
    assert 80 < erased.max() <= 121


def test_the_seed_decides_and_the_input_stays(bars: Tensor) -> None:
    kept = bars.clone()
    every = Augmentation(rotate=10, shift=2, scale=0.1, shear=5, elastic=1, erase=6)
    first, second = augment(bars, every, generator(1)), augment(bars, every, generator(1))
    assert torch.equal(first, second)
    assert not torch.equal(first, augment(bars, every, generator(2)))
    assert torch.equal(bars, kept)
    assert (first.shape, first.dtype) == (bars.shape, bars.dtype)
    assert first.min() >= -1e-6
    assert first.max() <= 1 + 1e-6
