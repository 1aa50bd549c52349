"""torchvision's name for where the usual transforms are: `from tenfold.transforms import ToTensor`."""

from typing import NoReturn

from tenfold.errors import nearest
from tenfold.mnist.transforms.images import InterpolationMode
from tenfold.mnist.transforms.sizes import CenterCrop, Pad, RandomCrop, RandomHorizontalFlip, RandomVerticalFlip, Resize
from tenfold.mnist.transforms.turns import RandomAffine, RandomRotation
from tenfold.mnist.transforms.values import (
    ColorJitter,
    Compose,
    Grayscale,
    Lambda,
    Normalize,
    PILToTensor,
    RandomApply,
    ToPILImage,
    ToTensor,
)

__all__ = [
    "CenterCrop",
    "ColorJitter",
    "Compose",
    "Grayscale",
    "InterpolationMode",
    "Lambda",
    "Normalize",
    "PILToTensor",
    "Pad",
    "RandomAffine",
    "RandomApply",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomRotation",
    "RandomVerticalFlip",
    "Resize",
    "ToPILImage",
    "ToTensor",
]


def __getattr__(name: str) -> NoReturn:
    raise AttributeError(
        f"{nearest('transform', name, __all__)}; torchvision's own go with tenfold.MNIST too: they take its PIL images"
    )
