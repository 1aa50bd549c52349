import numpy as np
import pytest
import torch
from PIL import Image

from tenfold import transforms


@pytest.fixture
def image() -> Image.Image:
    return Image.fromarray(np.arange(784, dtype=np.uint8).reshape(28, 28))


def test_to_tensor(image: Image.Image) -> None:
    tensor = transforms.ToTensor()(image)
    assert (tensor.shape, tensor.dtype) == ((1, 28, 28), torch.float32)
    assert tensor[0, 0, 5] == 5 / 255
    assert transforms.ToTensor()(np.zeros((4, 6, 3), np.uint8)).shape == (3, 4, 6)
    assert transforms.ToTensor()(np.full((4, 6), 7.0))[0, 0, 0] == 7.0  # floats are not scaled


def test_normalize(image: Image.Image) -> None:
    tensor = transforms.ToTensor()(image)
    done = transforms.Normalize((0.5,), (0.25,))(tensor)
    assert torch.allclose(done, (tensor - 0.5) / 0.25)
    assert done is not tensor
    assert torch.equal(transforms.Normalize(0.5, 0.25)(tensor), done)
    with pytest.raises(ValueError, match="division by zero"):
        transforms.Normalize((0.5,), (0.0,))
    with pytest.raises(TypeError, match="float tensor"):
        transforms.Normalize((0.5,), (1.0,))(torch.zeros(1, 2, 2, dtype=torch.uint8))


def test_rotation_follows_torchs_seed(image: Image.Image) -> None:
    torch.manual_seed(3)
    first = transforms.RandomRotation(30)(image)
    torch.manual_seed(3)
    assert first == transforms.RandomRotation((-30, 30))(image)
    assert first != image
    assert transforms.RandomRotation(0)(image) == image
    with pytest.raises(ValueError, match="must be positive"):
        transforms.RandomRotation(-1)


def test_compose_resize_and_lambda(image: Image.Image) -> None:
    both = transforms.Compose([transforms.Resize((14, 20)), transforms.Lambda(np.array)])
    assert both(image).shape == (14, 20)
    assert transforms.Resize(14)(image.resize((28, 56))).size == (14, 28)
