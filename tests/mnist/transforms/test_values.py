from typing import Any

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
    assert torch.equal(transforms.PILToTensor()(image), (tensor * 255).to(torch.uint8))
    with pytest.raises(TypeError, match="PIL Image or ndarray"):
        transforms.ToTensor()(tensor)
    with pytest.raises(ValueError, match="Got 4 dimensions"):
        transforms.ToTensor()(np.zeros((1, 1, 4, 6)))


@pytest.mark.parametrize(
    ("mode", "value", "kind", "wanted"),
    [
        ("1", 1, torch.float32, 1.0),
        ("I", 70_000, torch.int32, 70_000),
        ("I;16", 300, torch.int16, 300),
        ("F", 0.3, torch.float32, 0.3),
    ],
)
def test_to_tensor_of_pictures_that_are_not_bytes(mode: str, value: Any, kind: torch.dtype, wanted: Any) -> None:
    tensor = transforms.ToTensor()(Image.new(mode, (3, 2), value))
    assert (tensor.shape, tensor.dtype) == ((1, 2, 3), kind)
    assert tensor[0, 0, 0].item() == pytest.approx(wanted)


def test_to_pil_image_is_the_way_back(image: Image.Image) -> None:
    back = transforms.ToPILImage()
    assert back(transforms.ToTensor()(image)) == image
    assert back(np.asarray(image)) == back(torch.from_numpy(np.array(image))) == image
    assert back(torch.zeros(3, 2, 5)).size == (5, 2)
    modes = [back(torch.zeros(channels, 2, 2)).mode for channels in (1, 2, 3, 4)]
    assert modes == ["L", "LA", "RGB", "RGBA"]
    assert transforms.ToPILImage("HSV")(torch.zeros(3, 2, 2)).mode == "HSV"
    assert transforms.ToPILImage("F")(torch.full((1, 2, 2), 0.3)).getpixel((0, 0)) == pytest.approx(0.3)
    assert back(np.full((2, 2), 300, np.int16)).getpixel((1, 1)) == 300
    with pytest.raises(ValueError, match="4 channels"):
        back(torch.zeros(5, 2, 2))
    with pytest.raises(ValueError, match="use L"):
        transforms.ToPILImage("RGB")(torch.zeros(1, 2, 2))
    with pytest.raises(TypeError, match="float64 is not supported"):
        back(np.zeros((2, 2)))
    with pytest.raises(TypeError, match="Tensor or ndarray"):
        back(image)


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
    with pytest.raises(TypeError, match=r"put ToTensor\(\) before Normalize"):
        transforms.Normalize(0.5, 0.25)(image)
    with pytest.raises(ValueError, match="C, H, W"):
        transforms.Normalize(0.5, 0.25)(tensor[0])


def test_compose_lambda_and_random_apply(image: Image.Image) -> None:
    both = transforms.Compose([transforms.Resize((14, 20)), transforms.Lambda(np.array)])
    assert both(image).shape == (14, 20)
    torch.manual_seed(0)
    some = transforms.RandomApply([transforms.CenterCrop(20)], p=0.3)
    assert 60 < sum(some(image).size == (20, 20) for _ in range(300)) < 120
    with pytest.raises(TypeError, match="callable"):
        transforms.Lambda("np.array")  # type: ignore[arg-type]


def test_grayscale(image: Image.Image) -> None:
    colour = Image.merge("RGB", [image, image.rotate(90), image.rotate(180)])
    grey, tensor = transforms.Grayscale()(colour), transforms.PILToTensor()(colour)
    assert grey.mode == "L"
    assert transforms.Grayscale(3)(image).getpixel((5, 0)) == (5, 5, 5)
    found = transforms.Grayscale()(tensor)
    assert found.shape == (1, 28, 28)
    assert np.abs(found[0].numpy().astype(int) - np.asarray(grey)).max() <= 1
    assert transforms.Grayscale(3)(tensor[:1]).shape == (3, 28, 28)
    with pytest.raises(ValueError, match="1 or 3"):
        transforms.Grayscale(2)
    with pytest.raises(TypeError, match="1 or 3, H, W"):
        transforms.Grayscale()(torch.zeros(2, 9, 9))


@pytest.mark.parametrize("how", ["brightness", "contrast", "saturation"])
def test_colours_of_images_and_tensors_change_alike(image: Image.Image, how: str) -> None:
    colour = Image.merge("RGB", [image, image.rotate(90), image.rotate(180)])
    jitter = transforms.ColorJitter(**{how: (0.4, 0.7)})
    torch.manual_seed(1)
    first = np.asarray(jitter(colour)).transpose(2, 0, 1)
    torch.manual_seed(1)
    second = jitter(transforms.ToTensor()(colour)) * 255
    assert np.abs(first - second.numpy()).max() < 2
    assert np.abs(first - transforms.PILToTensor()(colour).numpy()).max() > 20


def test_hue_and_grey() -> None:
    red = Image.new("RGB", (2, 2), (255, 0, 0))
    assert transforms.ColorJitter(hue=(0.5, 0.5))(red).getpixel((0, 0)) == (0, 255, 252)  # 127 of 255
    jitter, grey = transforms.ColorJitter(saturation=0.9, hue=0.5), Image.new("L", (2, 2), 77)
    assert jitter(grey) == grey
    assert (jitter(torch.full((1, 2, 2), 0.3)) == 0.3).all()
    with pytest.raises(TypeError, match="before ToTensor"):
        transforms.ColorJitter(hue=0.1)(torch.zeros(3, 2, 2))
    with pytest.raises(ValueError, match="non negative"):
        transforms.ColorJitter(brightness=-1)
    with pytest.raises(ValueError, match=r"between \(-0.5, 0.5\)"):
        transforms.ColorJitter(hue=0.7)
    with pytest.raises(TypeError, match="length 2"):
        transforms.ColorJitter(contrast=(1, 2, 3))
