import pytest
import torch
from torch import Tensor

from tenfold.learn.digits.augment import augment
from tenfold.learn.digits.degrade import _blurred, degrade
from tenfold.learn.recipes.augmentation import Augmentation


@pytest.fixture
def bars() -> Tensor:
    """A vertical bar, 200 times: (200, 1, 28, 28)."""
    images = torch.zeros(200, 1, 28, 28)
    images[:, :, 6:22, 13:15] = 1.0
    return images


def degraded(images: Tensor, share: float, seed: int = 0) -> Tensor:
    return degrade(images, share, torch.Generator().manual_seed(seed))


def test_the_share_is_degraded_and_the_rest_left_as_it_is(bars: Tensor) -> None:
    before = bars.clone()
    assert torch.equal(degraded(bars, 0.0), bars)
    same = [(degraded(bars, share) == bars).flatten(1).all(1).double().mean() for share in (0.5, 1.0)]
    assert 0.5 <= same[0] < 0.7  # some of the degraded ones are lucky
    assert same[1] < 0.3
    assert torch.equal(bars, before)


def test_degraded_images_are_grey_values_of_many_kinds(bars: Tensor) -> None:
    images = degraded(bars, 1.0)
    assert images.shape == bars.shape
    assert images.min() == 0
    assert images.max() == 1
    corner = images[:, 0, :4, :4].mean((1, 2))
    assert (corner > 0.9).any()  # inverted
    assert ((corner > 0.1) & (corner < 0.7)).sum() > 20  # a grey ground
    inside, beside = images[:, 0, 8:20, 13:15].mean((1, 2)), images[:, 0, 8:20, 12].mean(1)
    assert ((inside < 0.2) & (beside > 0.5)).any()  # an outline, or inverted
    rough = (images[:, 0, :, 1:] - images[:, 0, :, :-1]).abs().mean((1, 2))
    assert rough.max() > 3 * rough.median()  # noise


def test_blur_keeps_the_ink(bars: Tensor) -> None:
    blurred = _blurred(bars, torch.Generator().manual_seed(0))
    assert torch.allclose(blurred.sum((1, 2, 3)), bars.sum((1, 2, 3)), rtol=0.01)
    assert len({round(float(peak), 3) for peak in blurred.amax((1, 2, 3))}) > 50  # each its own


def test_the_seed_decides(bars: Tensor) -> None:
    assert torch.equal(degraded(bars, 0.8), degraded(bars, 0.8))
    assert not torch.equal(degraded(bars, 0.8, seed=1), degraded(bars, 0.8))


def test_an_augmentation_degrades(bars: Tensor) -> None:
    images = augment(bars, Augmentation.parse("degrade=1"), torch.Generator().manual_seed(0))
    assert torch.equal(images, degraded(bars, 1.0))
