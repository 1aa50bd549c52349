"""Pillow's images and tensors of the same values come out the same, and as torchvision's documentation has it."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tenfold import transforms
from tenfold.mnist import embedded

MODES = transforms.InterpolationMode


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    return Image.fromarray(embedded.read("test").images[0])


@pytest.fixture
def tensor(picture: Image.Image) -> Tensor:
    return transforms.PILToTensor()(picture)


def both(transform: Any, picture: Image.Image, tensor: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """What becomes of the image and of the tensor, with the same random state."""
    torch.manual_seed(5)
    first = np.asarray(transform(picture))
    torch.manual_seed(5)
    return first, transform(tensor)[0].numpy()


@pytest.mark.parametrize(
    "transform",
    [
        transforms.CenterCrop(20),
        transforms.CenterCrop((21, 40)),
        transforms.Pad(3, fill=9),
        transforms.Pad((1, 2, 3, 4)),
        transforms.Pad((2, 5), padding_mode="edge"),
        transforms.Pad(4, padding_mode="reflect"),
        transforms.Pad(4, padding_mode="symmetric"),
        transforms.RandomCrop(28, padding=4),
        transforms.RandomCrop((20, 50), pad_if_needed=True, fill=3),
        transforms.RandomHorizontalFlip(1),
        transforms.RandomVerticalFlip(1),
        transforms.Resize((14, 56), MODES.NEAREST_EXACT),
    ],
    ids=repr,
)
def test_images_and_tensors_come_out_the_same(transform: Any, picture: Image.Image, tensor: Tensor) -> None:
    first, second = both(transform, picture, tensor)
    assert np.array_equal(first, second)
    assert not np.array_equal(first, np.asarray(picture))


@pytest.mark.parametrize("size", [32, (20, 14), (56, 56)])
def test_resize_by_pillow_and_by_torch_differ_by_rounding(size: Any, picture: Image.Image, tensor: Tensor) -> None:
    first, second = both(transforms.Resize(size), picture, tensor)
    assert np.abs(first.astype(int) - second).max() <= 1


def test_resize_of_a_batch_of_floats(tensor: Tensor) -> None:
    batch = torch.stack([tensor / 255, tensor / 510])
    small = transforms.Resize(14)(batch)
    assert (small.shape, small.dtype) == ((2, 1, 14, 14), torch.float32)
    assert torch.equal(small[0], transforms.Resize((14, 14), antialias=True, interpolation=2)(batch[0]))
    assert not torch.equal(small, transforms.Resize(14, antialias=False)(batch))
    assert torch.allclose(small[1] * 2, small[0], atol=1e-6)


def test_resize_by_the_shorter_side(picture: Image.Image) -> None:
    tall = picture.resize((28, 56))
    assert transforms.Resize(14)(tall).size == (14, 28)
    assert transforms.Resize([14])(tall).size == (14, 28)
    assert transforms.Resize(14, max_size=20)(tall).size == (10, 20)
    assert transforms.Resize(28)(tall) is tall
    for wrong in ("x", 2.5, (14, 2.5)):
        with pytest.raises(TypeError, match="int or a sequence of them is wanted, not"):
            transforms.Resize(wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="1 or 2 values"):
        transforms.Resize((1, 2, 3))
    with pytest.raises(ValueError, match="max_size"):
        transforms.Resize((14, 14), max_size=20)
    with pytest.raises(ValueError, match="max_size = 14"):
        transforms.Resize(14, max_size=14)(tall)


def test_padding(picture: Image.Image) -> None:
    row = torch.tensor([[[1, 2, 3, 4]]])
    for mode, wanted in (("reflect", [3, 2, 1, 2, 3, 4, 3, 2]), ("symmetric", [2, 1, 1, 2, 3, 4, 4, 3])):
        assert transforms.Pad((2, 0), padding_mode=mode)(row).flatten().tolist() == wanted
    colour = transforms.Pad(1, fill=(1, 2, 3))(picture.convert("RGB"))
    assert colour.getpixel((0, 0)) == (1, 2, 3)
    with pytest.raises(ValueError, match="not a 3 element tuple"):
        transforms.Pad((1, 2, 3))
    with pytest.raises(ValueError, match="Padding mode"):
        transforms.Pad(1, padding_mode="wrap")
    with pytest.raises(TypeError, match="one number"):
        transforms.Pad(1, fill=(1, 2, 3))(torch.zeros(3, 4, 4))


def test_crops_are_anywhere_and_must_fit(picture: Image.Image) -> None:
    places = torch.arange(9.0).reshape(1, 3, 3)
    found = {float(transforms.RandomCrop(1)(places)) for _ in range(200)}
    assert found == set(range(9))
    state = torch.get_rng_state()
    assert transforms.RandomCrop(28)(picture) is picture
    assert torch.equal(torch.get_rng_state(), state)  # where there is one place, nothing is drawn
    with pytest.raises(ValueError, match=r"crop size \(30, 30\) is larger than input image size \(28, 28\)"):
        transforms.RandomCrop(30)(picture)
    with pytest.raises(ValueError, match="two dimensions"):
        transforms.RandomCrop((1, 2, 3))


def test_flips_happen_as_often_as_is_asked(picture: Image.Image) -> None:
    torch.manual_seed(0)
    for transform in (transforms.RandomHorizontalFlip(0.3), transforms.RandomVerticalFlip(0.3)):
        assert 60 < sum(transform(picture) is not picture for _ in range(300)) < 120


@pytest.mark.parametrize("transform", [transforms.Resize(9), transforms.CenterCrop(9), transforms.Pad(1)])
def test_what_is_no_image(transform: Any) -> None:
    with pytest.raises(TypeError, match="not ndarray"):
        transform(np.zeros((28, 28)))
