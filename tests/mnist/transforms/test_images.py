import pytest
import torch
from PIL import Image
from torch import nn

from tenfold import transforms
from tenfold.mnist.transforms import images

MODES = transforms.InterpolationMode


def test_interpolation_is_named_as_torchvision_and_pillow_do() -> None:
    assert images.interpolation(Image.Resampling.BICUBIC) is images.interpolation(3) is MODES.BICUBIC
    assert images.resampling(MODES.NEAREST_EXACT) is Image.Resampling.NEAREST
    with pytest.raises(TypeError, match="not 77"):
        images.interpolation(77)
    with pytest.raises(ValueError, match="'lanczos' is unsupported with Tensor input: use nearest"):
        images.known(MODES.LANCZOS, ("nearest",))


def test_transforms_show_their_arguments_as_torchvision_does() -> None:
    assert repr(transforms.Resize(32)) == "Resize(size=32, interpolation=bilinear, max_size=None, antialias=True)"
    assert repr(transforms.Pad(2)) == "Pad(padding=2, fill=0, padding_mode=constant)"
    assert repr(transforms.RandomHorizontalFlip()) == "RandomHorizontalFlip(p=0.5)"


def test_transforms_of_tensors_may_stand_in_a_network() -> None:
    layers = nn.Sequential(transforms.Resize((32, 32)), transforms.Normalize(0.5, 0.5), nn.Flatten())
    assert layers(torch.zeros(5, 1, 28, 28)).shape == (5, 1024)


def test_fill_is_one_number_or_one_for_each_channel() -> None:
    grey, colour = Image.new("L", (2, 2)), Image.new("RGB", (2, 2))
    assert images.colour(grey, None) == 0
    assert images.colour(grey, (7.9,)) == 7
    assert images.colour(colour, 9) == (9, 9, 9)
    assert images.colour(colour, (1, 2, 3)) == (1, 2, 3)
    assert images.colour(Image.new("F", (2, 2)), 0.5) == 0.5
    with pytest.raises(ValueError, match="2 numbers, and the image 3 channels"):
        images.colour(colour, (1, 2))


def test_whole_numbers_are_rounded() -> None:
    image = torch.arange(6, dtype=torch.uint8).reshape(1, 2, 3)
    planes = images.planes(image)
    assert (planes.shape, planes.dtype) == ((1, 1, 2, 3), torch.float32)
    assert torch.equal(images.like(planes + 0.4, image), image)
