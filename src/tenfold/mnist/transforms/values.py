"""Transforms one after the other, and those of values: tensors of pictures and back, their scale, their colours."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageEnhance
from torch import Tensor

from tenfold.mnist.transforms.images import Transform

_WIDE = {"I": np.int32, "I;16": np.int16, "F": np.float32}  # modes with other values than bytes
_MODES = {1: ("L",), 2: ("LA",), 3: ("RGB", "YCbCr", "HSV"), 4: ("RGBA", "CMYK", "RGBX")}  # of bytes, by channels
_GREY = {"uint8": "L", "int16": "I;16", "int32": "I", "float32": "F"}  # modes of one channel, by the type of values


class Compose:
    """Transforms applied one after the other."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        self.transforms = transforms

    def __call__(self, image: Any) -> Any:
        for transform in self.transforms:
            image = transform(image)
        return image

    def __repr__(self) -> str:
        return "\n".join(["Compose(", *(f"    {transform!r}" for transform in self.transforms), ")"])


class RandomApply(Transform):
    """Transforms applied one after the other with probability `p`, or none of them."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]], p: float = 0.5) -> None:
        super().__init__()
        self.transforms: Sequence[Callable[[Any], Any]] = transforms
        self.p: float = p

    def forward(self, image: Any) -> Any:
        return image if self.p < torch.rand(1) else Compose(self.transforms)(image)


class Lambda:
    """Any function as a transform."""

    def __init__(self, lambd: Callable[[Any], Any]) -> None:
        if not callable(lambd):
            raise TypeError(f"Argument lambd should be callable, got {type(lambd).__name__}")
        self.lambd = lambd

    def __call__(self, image: Any) -> Any:
        return self.lambd(image)

    def __repr__(self) -> str:
        return "Lambda()"


class ToTensor:
    """A PIL image or an array (H, W) or (H, W, C) as a tensor (C, H, W); bytes become floats in [0, 1]."""

    def __call__(self, image: Any) -> Tensor:
        tensor = _tensor(image)
        return tensor.to(torch.get_default_dtype()).div(255) if tensor.dtype == torch.uint8 else tensor

    def __repr__(self) -> str:
        return "ToTensor()"


class PILToTensor:
    """A PIL image as a tensor (C, H, W) of its own values, uint8 for most."""

    def __call__(self, image: Any) -> Tensor:
        if not isinstance(image, Image.Image):
            raise TypeError(f"pic should be PIL Image. Got {type(image)}")
        return _tensor(image)

    def __repr__(self) -> str:
        return "PILToTensor()"


def _tensor(image: Any) -> Tensor:
    if isinstance(image, Image.Image):
        array = np.array(image.convert("L") if image.mode == "1" else image)
        array = array.astype(_WIDE.get(image.mode, np.uint8), copy=False)
    elif isinstance(image, np.ndarray):
        array = image.copy()
    else:
        raise TypeError(f"pic should be PIL Image or ndarray. Got {type(image)}")
    if array.ndim not in (2, 3):
        raise ValueError(f"pic should be 2/3 dimensional. Got {array.ndim} dimensions.")
    array = array[:, :, None] if array.ndim == 2 else array
    return torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)))


class ToPILImage:
    """A tensor (C, H, W) or (H, W), or an array (H, W, C) or (H, W), as a PIL image.

    Floats in a tensor go from 0 to 1, and are bytes in the image unless `mode` is "F". Without a mode it follows from
    the number of channels and the type of the values.
    """

    def __init__(self, mode: str | None = None) -> None:
        self.mode: str | None = mode

    def __call__(self, image: Any) -> Image.Image:
        array = self._array(image)
        channels = array.shape[2]
        if channels > 4:
            raise ValueError(f"pic should not have > 4 channels. Got {channels} channels.")
        grey = _GREY.get(array.dtype.name) if channels == 1 else None
        usual: tuple[str, ...] = (grey,) if grey else _MODES[channels] if array.dtype == np.uint8 else ()
        if not usual:
            raise TypeError(f"Input type {array.dtype} is not supported for {channels} channels")
        if self.mode is not None and self.mode not in usual:
            raise ValueError(f"mode {self.mode!r} does not go with these values: use {' or '.join(usual)}")
        size = (array.shape[1], array.shape[0])
        return Image.frombytes(self.mode or usual[0], size, np.ascontiguousarray(array).tobytes())

    def _array(self, image: Any) -> NDArray[Any]:
        """The values (H, W, C)."""
        if not isinstance(image, Tensor | np.ndarray):
            raise TypeError(f"pic should be Tensor or ndarray. Got {type(image)}.")
        if image.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {image.ndim} dimensions.")
        if isinstance(image, np.ndarray):
            return image[:, :, None] if image.ndim == 2 else image
        image = image[None] if image.ndim == 2 else image
        if image.is_floating_point() and self.mode != "F":
            image = image.mul(255).byte()
        array: NDArray[Any] = image.detach().cpu().numpy().transpose(1, 2, 0)
        return array

    def __repr__(self) -> str:
        return f"ToPILImage({'' if self.mode is None else f'mode={self.mode}'})"


class Normalize(Transform):
    """A tensor (…, C, H, W) with `mean` taken off and divided by `std`, per channel."""

    def __init__(self, mean: float | Sequence[float], std: float | Sequence[float], inplace: bool = False) -> None:
        super().__init__()
        if any(value == 0 for value in (std if isinstance(std, Sequence) else [std])):
            raise ValueError(f"std {std} has a zero, which would lead to division by zero")
        self.mean: float | Sequence[float] = mean
        self.std: float | Sequence[float] = std
        self.inplace: bool = inplace

    def forward(self, tensor: Tensor) -> Tensor:
        if not isinstance(tensor, Tensor):
            raise TypeError(f"img should be Tensor Image. Got {type(tensor)}: put ToTensor() before Normalize")
        if not tensor.is_floating_point():
            raise TypeError(f"Input tensor should be a float tensor. Got {tensor.dtype}.")
        if tensor.ndim < 3:
            raise ValueError(f"a tensor image of size (..., C, H, W) is wanted, not {tuple(tensor.shape)}")
        mean = torch.as_tensor(self.mean, dtype=tensor.dtype, device=tensor.device).view(-1, 1, 1)
        std = torch.as_tensor(self.std, dtype=tensor.dtype, device=tensor.device).view(-1, 1, 1)
        return (tensor if self.inplace else tensor.clone()).sub_(mean).div_(std)

    def __repr__(self) -> str:
        return f"Normalize(mean={self.mean}, std={self.std})"


class Grayscale(Transform):
    """An image in grey, with one channel or three that are the same."""

    def __init__(self, num_output_channels: int = 1) -> None:
        super().__init__()
        if num_output_channels not in (1, 3):
            raise ValueError("num_output_channels should be either 1 or 3")
        self.num_output_channels: int = num_output_channels

    def forward(self, image: Any) -> Any:
        channels = self.num_output_channels
        if isinstance(image, Image.Image):
            grey = image.convert("L")
            return grey if channels == 1 else Image.merge("RGB", [grey] * 3)
        luminance = _luminance(image)
        return luminance if channels == 1 else luminance.expand(*image.shape[:-3], 3, *image.shape[-2:])


class ColorJitter(Transform):
    """An image with brightness, contrast, saturation and hue changed at random, in a random order.

    A number is how far the factor may be from 1, or the hue from 0, either way; else it is (low, high). A grey image
    has neither saturation nor hue. The hue of a tensor in colour is not changed: put ColorJitter before ToTensor.
    """

    def __init__(
        self,
        brightness: float | Sequence[float] = 0,
        contrast: float | Sequence[float] = 0,
        saturation: float | Sequence[float] = 0,
        hue: float | Sequence[float] = 0,
    ) -> None:
        super().__init__()
        self.brightness: tuple[float, float] | None = _around(brightness, "brightness")
        self.contrast: tuple[float, float] | None = _around(contrast, "contrast")
        self.saturation: tuple[float, float] | None = _around(saturation, "saturation")
        self.hue: tuple[float, float] | None = _around(hue, "hue", 0, (-0.5, 0.5))

    def forward(self, image: Any) -> Any:
        order = torch.randperm(4).tolist()
        ranges = (self.brightness, self.contrast, self.saturation, self.hue)
        factors = [None if one is None else float(torch.empty(1).uniform_(*one)) for one in ranges]
        for k in order:
            factor = factors[k]
            if factor is not None:
                image = (_bright, _contrasted, _saturated, _hued)[k](image, factor)
        return image


def _around(
    value: float | Sequence[float], name: str, centre: float = 1, bound: tuple[float, float] = (0, float("inf"))
) -> tuple[float, float] | None:
    """(low, high), as it is given or about the centre; None where nothing is changed."""
    if isinstance(value, int | float):
        if value < 0:
            raise ValueError(f"If {name} is a single number, it must be non negative.")
        low, high = centre - value, centre + value
        low = max(low, 0.0) if centre else low
    elif len(value) == 2:
        low, high = value
    else:
        raise TypeError(f"{name} should be a single number or a list/tuple with length 2.")
    if not bound[0] <= low <= high <= bound[1]:
        raise ValueError(f"{name} values should be between {bound}, but got {[low, high]}.")
    return None if low == high == centre else (float(low), float(high))


def _bright(image: Any, factor: float) -> Any:
    if isinstance(image, Image.Image):
        return ImageEnhance.Brightness(image).enhance(factor)
    return _blended(image, torch.zeros_like(image), factor)


def _contrasted(image: Any, factor: float) -> Any:
    if isinstance(image, Image.Image):
        return ImageEnhance.Contrast(image).enhance(factor)
    floats = _luminance(image) if image.is_floating_point() else _luminance(image).float()
    return _blended(image, floats.mean(dim=(-3, -2, -1), keepdim=True), factor)


def _saturated(image: Any, factor: float) -> Any:
    if isinstance(image, Image.Image):
        return ImageEnhance.Color(image).enhance(factor)
    return image if image.shape[-3] == 1 else _blended(image, _luminance(image), factor)


def _hued(image: Any, shift: float) -> Any:
    if not isinstance(image, Image.Image):
        if image.shape[-3] != 1:
            raise TypeError("the hue of a tensor is not changed here: put ColorJitter before ToTensor")
        return image
    if image.mode in ("L", "1", "I", "F"):
        return image
    hue, saturation, value = image.convert("HSV").split()
    turned = np.array(hue) + np.uint8(int(shift * 255) % 256)  # bytes: beyond 255 they begin again
    return Image.merge("HSV", (Image.fromarray(turned), saturation, value)).convert(image.mode)


def _luminance(image: Tensor) -> Tensor:
    """A tensor (…, 1, H, W) of one that has 1 or 3 channels."""
    if not isinstance(image, Tensor) or image.ndim < 3 or image.shape[-3] not in (1, 3):
        shown = tuple(image.shape) if isinstance(image, Tensor) else type(image).__name__
        raise TypeError(f"a PIL image or a tensor (…, 1 or 3, H, W) is wanted, not {shown}")
    if image.shape[-3] == 1:
        return image.clone()
    red, green, blue = image.unbind(-3)
    return (0.2989 * red + 0.587 * green + 0.114 * blue).to(image.dtype).unsqueeze(-3)


def _blended(image: Tensor, other: Tensor, share: float) -> Tensor:
    """So much of an image and the rest of another, which may be more than all and less than nothing."""
    top = 1 if image.is_floating_point() else torch.iinfo(image.dtype).max
    return (share * image + (1 - share) * other).clamp(0, top).to(image.dtype)
