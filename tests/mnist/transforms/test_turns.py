"""Pillow's images and tensors are turned alike; where pixels of which is in doubt by half a pixel they may differ."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tenfold import transforms
from tenfold.mnist import embedded

BILINEAR = transforms.InterpolationMode.BILINEAR


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    return Image.fromarray(embedded.read("test").images[0])


@pytest.mark.parametrize(
    "transform",
    [
        transforms.RandomRotation((30, 30), BILINEAR),
        transforms.RandomRotation((-80, -80), BILINEAR, center=(10, 12)),
        transforms.RandomRotation((33, 33), BILINEAR, expand=True),
        transforms.RandomAffine((20, 20), interpolation=BILINEAR),
        transforms.RandomAffine(0, translate=(0.2, 0.1), interpolation=BILINEAR),
        transforms.RandomAffine(0, scale=(0.7, 1.3), interpolation=BILINEAR, center=(3, 20)),
        transforms.RandomAffine(0, shear=(20, 20), interpolation=BILINEAR),
        transforms.RandomAffine(10, (0.1, 0.1), (0.8, 1.2), (-9, 9, -9, 9), BILINEAR),
    ],
    ids=repr,
)
def test_images_and_tensors_are_turned_alike(transform: Any, picture: Image.Image) -> None:
    torch.manual_seed(3)
    first = np.asarray(transform(picture), float)
    torch.manual_seed(3)
    second = transform(transforms.PILToTensor()(picture))[0].numpy()
    assert first.shape == second.shape
    assert np.abs(first - second).mean() < 0.5
    assert np.abs(first - second).max() < 10


def test_a_turn_is_counter_clockwise(picture: Image.Image) -> None:
    tensor = transforms.ToTensor()(picture)
    turned = transforms.RandomRotation((90, 90))(tensor)
    assert torch.equal(turned, tensor.rot90(dims=(1, 2)))
    assert np.array_equal(np.asarray(transforms.RandomRotation((90, 90))(picture)), np.rot90(np.asarray(picture)))


def test_a_shift_is_of_whole_pixels(picture: Image.Image) -> None:
    torch.manual_seed(0)
    tensor = transforms.ToTensor()(picture)
    moved = transforms.RandomAffine(0, translate=(0.2, 0.2))(tensor)
    shifts = [(down, across) for down in range(-6, 7) for across in range(-6, 7)]
    assert any(torch.equal(moved, tensor.roll(shift, (1, 2))) for shift in shifts)
    assert not torch.equal(moved, tensor)


def test_what_lies_outside_is_filled(picture: Image.Image) -> None:
    for transform in (transforms.RandomRotation((45, 45), fill=200), transforms.RandomAffine((45, 45), fill=200)):
        assert transform(picture).getpixel((0, 0)) == 200
    colours = transforms.RandomRotation((45, 45), fill=(0.1, 0.2, 0.3))(torch.ones(2, 3, 28, 28))
    assert colours.shape == (2, 3, 28, 28)
    assert torch.allclose(colours[1, :, 0, 0], torch.tensor([0.1, 0.2, 0.3]))
    assert (colours[:, :, 14, 14] == 1).all()
    with pytest.raises(ValueError, match="as many as the image has channels"):
        transforms.RandomRotation(1, fill=(1, 2))(torch.zeros(3, 9, 9))


def test_the_global_random_state_is_followed(picture: Image.Image) -> None:
    torch.manual_seed(3)
    first = transforms.RandomRotation(30)(picture)
    torch.manual_seed(3)
    assert first == transforms.RandomRotation((-30, 30))(picture)
    torch.manual_seed(3)
    assert first == picture.rotate(float(torch.empty(1).uniform_(-30, 30)))
    assert first != picture
    assert transforms.RandomRotation(0)(picture) == picture


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: transforms.RandomRotation(-1), "degrees is a single number, it must be positive"),
        (lambda: transforms.RandomRotation((1, 2, 3)), "degrees should be a sequence of length 2"),
        (lambda: transforms.RandomAffine(0, shear=(1, 2, 3)), "shear should be a sequence of length 2 or 4"),
        (lambda: transforms.RandomAffine(0, translate=(2, 0)), "between 0 and 1"),
        (lambda: transforms.RandomAffine(0, scale=(0, 1)), "positive"),
        (lambda: transforms.RandomRotation(9, interpolation=3)(torch.zeros(1, 9, 9)), "'bicubic' is unsupported"),
    ],
)
def test_what_cannot_be(make: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()
