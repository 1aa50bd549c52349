"""What transforms have in common: how an image is looked at, PIL's or a tensor, and how they show themselves."""

from collections.abc import Sequence
from enum import Enum
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

Fill = float | Sequence[float] | None  # of what lies outside the image: for all channels, or one for each
Size = tuple[int, int]  # height, width


class InterpolationMode(Enum):
    """How values between pixels come about; Pillow's number for it does as well."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


class Transform(nn.Module):
    """A transform that shows its arguments; as a module it may also stand in an `nn.Sequential`."""

    def __repr__(self) -> str:
        given = {name: value for name, value in vars(self).items() if name != "training" and name[0] != "_"}
        shown = (
            f"{name}={value.value if isinstance(value, InterpolationMode) else value}" for name, value in given.items()
        )
        return f"{type(self).__name__}({', '.join(shown)})"


def size(image: Any) -> Size:
    """Height and width. Raises TypeError for what is no image."""
    if isinstance(image, Image.Image):
        return image.height, image.width
    if isinstance(image, Tensor) and image.ndim >= 2:
        return image.shape[-2], image.shape[-1]
    raise TypeError(f"a PIL image or a tensor (…, H, W) is wanted, not {type(image).__name__}")


def interpolation(given: InterpolationMode | int) -> InterpolationMode:
    """The mode itself, or the one of Pillow's number. Raises TypeError for what is neither."""
    if isinstance(given, InterpolationMode):
        return given
    try:
        return InterpolationMode[Image.Resampling(given).name]
    except ValueError:
        raise TypeError(f"interpolation must be an InterpolationMode or a number of Pillow's, not {given!r}") from None


def known(mode: InterpolationMode, names: Sequence[str]) -> str:
    """The name of a mode, which must be one of those. Raises ValueError for another."""
    if mode.value not in names:
        raise ValueError(f"Interpolation mode {mode.value!r} is unsupported with Tensor input: use {', '.join(names)}")
    return str(mode.value)


def resampling(mode: InterpolationMode) -> Image.Resampling:
    """What Pillow calls a mode."""
    return Image.Resampling[mode.name.removesuffix("_EXACT")]


def colour(image: Image.Image, fill: Fill) -> Any:
    """What Pillow is to fill with: a number, or one for each channel."""
    channels = len(image.getbands())
    each = [0] if fill is None else [fill] if isinstance(fill, int | float) else list(fill)
    if len(each) not in (1, channels):
        raise ValueError(f"fill has {len(each)} numbers, and the image {channels} channels: they must be as many, or 1")
    values = each if image.mode == "F" else [int(one) for one in each]
    return values[0] if channels == 1 else tuple(values * (channels // len(values)))


def planes(image: Tensor) -> Tensor:
    """The channels of an image, or of several, as floats (1, N, H, W)."""
    floats = image if image.dtype in (torch.float32, torch.float64) else image.float()
    return floats.reshape(1, -1, *image.shape[-2:])


def like(planes: Tensor, image: Tensor) -> Tensor:
    """Floats (1, N, H, W) in the shape and type of an image."""
    values = planes.reshape(*image.shape[:-2], *planes.shape[-2:])
    return (values if image.is_floating_point() else values.round()).to(image.dtype)
