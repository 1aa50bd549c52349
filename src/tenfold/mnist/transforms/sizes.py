"""Other sizes: scaled, cropped, padded, mirrored."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps

from tenfold.mnist.transforms import images
from tenfold.mnist.transforms.images import Fill, InterpolationMode, Size, Transform

_MODES = ("nearest", "nearest-exact", "bilinear", "bicubic")  # that torch scales by


class Resize(Transform):
    """An image scaled to (height, width), or with its shorter side scaled to `size` pixels.

    Then its longer side has at most `max_size`. Pillow always averages what it scales down, as `antialias` does for
    tensors.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
        max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        if len(_numbers(size)) not in (1, 2):
            raise ValueError("If size is a sequence, it should have 1 or 2 values")
        if max_size is not None and isinstance(size, Sequence) and len(size) == 2:
            raise ValueError("max_size goes with one size, that of the shorter side")
        self.size: int | Sequence[int] = size
        self.interpolation: InterpolationMode = images.interpolation(interpolation)
        self.max_size: int | None = max_size
        self.antialias: bool | None = antialias

    def forward(self, image: Any) -> Any:
        height, width = self._wanted(*images.size(image))
        if (height, width) == images.size(image):
            return image
        if isinstance(image, Image.Image):
            return image.resize((width, height), images.resampling(self.interpolation))
        mode = images.known(self.interpolation, _MODES)
        smooth = mode in ("bilinear", "bicubic")
        values = F.interpolate(
            images.planes(image),
            (height, width),
            mode=mode,
            align_corners=False if smooth else None,
            antialias=smooth and bool(self.antialias),
        )
        return images.like(values.clamp(0, 255) if image.dtype == torch.uint8 else values, image)

    def _wanted(self, height: int, width: int) -> Size:
        if isinstance(self.size, Sequence) and len(self.size) == 2:
            return self.size[0], self.size[1]
        shorter = self.size if isinstance(self.size, int) else self.size[0]
        longer = int(shorter * max(height, width) / min(height, width))
        if self.max_size is not None:
            if self.max_size <= shorter:
                raise ValueError(f"max_size = {self.max_size} must be greater than the size of the shorter side")
            if longer > self.max_size:
                shorter, longer = int(self.max_size * shorter / longer), self.max_size
        return (shorter, longer) if height <= width else (longer, shorter)


class CenterCrop(Transform):
    """The middle of an image, (height, width) or a square; where the image is smaller, zeros lie around it."""

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size: Size = _pair(size)

    def forward(self, image: Any) -> Any:
        height, width = self.size
        down, across = max(0, height - images.size(image)[0]), max(0, width - images.size(image)[1])
        if down or across:
            image = _padded(image, (across // 2, down // 2, (across + 1) // 2, (down + 1) // 2))
        top, left = (round((side - wanted) / 2) for side, wanted in zip(images.size(image), self.size, strict=True))
        return _cropped(image, top, left, self.size)


class Pad(Transform):
    """An image with a border of `padding` pixels, or (left and right, top and bottom), or (left, top, right, bottom).

    The border is `fill`, or what `padding_mode` makes of the image: "edge", "reflect" or "symmetric".
    """

    def __init__(self, padding: int | Sequence[int], fill: Fill = 0, padding_mode: str = "constant") -> None:
        super().__init__()
        self.padding: int | Sequence[int] = padding
        self.fill: Fill = fill
        self.padding_mode: str = padding_mode
        self._border: tuple[int, int, int, int] = _four(padding)
        if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
            raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")

    def forward(self, image: Any) -> Any:
        return _padded(image, self._border, self.fill, self.padding_mode)


class RandomCrop(Transform):
    """A part of an image at a random place, (height, width) or a square, after it was padded as by `Pad`.

    `pad_if_needed` pads what is smaller than the part.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        padding: int | Sequence[int] | None = None,
        pad_if_needed: bool = False,
        fill: Fill = 0,
        padding_mode: str = "constant",
    ) -> None:
        super().__init__()
        self.size: Size = _pair(size)
        self.padding: int | Sequence[int] | None = padding
        self.pad_if_needed: bool = pad_if_needed
        self.fill: Fill = fill
        self.padding_mode: str = padding_mode

    def forward(self, image: Any) -> Any:
        if self.padding is not None:
            image = Pad(self.padding, self.fill, self.padding_mode)(image)
        down, across = (wanted - side for wanted, side in zip(self.size, images.size(image), strict=True))
        if self.pad_if_needed and across > 0:
            image = Pad((across, 0), self.fill, self.padding_mode)(image)
        if self.pad_if_needed and down > 0:
            image = Pad((0, down), self.fill, self.padding_mode)(image)
        (height, width), now = self.size, images.size(image)
        if now[0] < height or now[1] < width:
            raise ValueError(f"Required crop size {self.size} is larger than input image size {now}")
        if now == self.size:
            return image
        top = int(torch.randint(0, now[0] - height + 1, size=(1,)))
        left = int(torch.randint(0, now[1] - width + 1, size=(1,)))
        return _cropped(image, top, left, self.size)


class _Flip(Transform):
    """An image mirrored along an axis, with probability `p`."""

    axis: ClassVar[int]
    method: ClassVar[Image.Transpose]

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p: float = p

    def forward(self, image: Any) -> Any:
        if not torch.rand(1) < self.p:
            return image
        return image.transpose(self.method) if isinstance(image, Image.Image) else image.flip(self.axis)


class RandomHorizontalFlip(_Flip):
    """An image with left and right swapped, with probability `p`."""

    axis: ClassVar[int] = -1
    method: ClassVar[Image.Transpose] = Image.Transpose.FLIP_LEFT_RIGHT


class RandomVerticalFlip(_Flip):
    """An image with top and bottom swapped, with probability `p`."""

    axis: ClassVar[int] = -2
    method: ClassVar[Image.Transpose] = Image.Transpose.FLIP_TOP_BOTTOM


def _numbers(given: int | Sequence[int]) -> list[int]:
    if isinstance(given, int):
        return [given]
    if isinstance(given, Sequence) and all(isinstance(one, int) for one in given):
        return list(given)
    raise TypeError(f"an int or a sequence of them is wanted, not {given!r}")


def _pair(size: int | Sequence[int]) -> Size:
    """A height and a width."""
    sides = _numbers(size)
    if len(sides) not in (1, 2):
        raise ValueError("Please provide only two dimensions (h, w) for size.")
    return sides[0], sides[-1]


def _four(padding: int | Sequence[int]) -> tuple[int, int, int, int]:
    """What is added left, at the top, right and at the bottom."""
    sides = _numbers(padding)
    if len(sides) not in (1, 2, 4):
        raise ValueError(f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(sides)} element tuple")
    left, top, right, bottom = sides * (4 // len(sides))
    return left, top, right, bottom


def _cropped(image: Any, top: int, left: int, size: Size) -> Any:
    height, width = size
    if isinstance(image, Image.Image):
        return image.crop((left, top, left + width, top + height))
    return image[..., top : top + height, left : left + width]


def _padded(image: Any, border: tuple[int, int, int, int], fill: Fill = 0, mode: str = "constant") -> Any:
    left, top, right, bottom = border
    height, width = images.size(image)
    if mode == "constant" and isinstance(image, Image.Image):
        return ImageOps.expand(image, border, images.colour(image, fill))
    if mode == "constant":
        if not isinstance(fill, int | float | None):
            raise TypeError("a tensor is padded with one number as fill")
        return F.pad(image, (left, right, top, bottom), value=fill or 0)
    # Which row and which column each of the result's is.
    rows, columns = (
        np.pad(np.arange(side), ends, mode)  # type: ignore[call-overload]
        for side, ends in ((height, (top, bottom)), (width, (left, right)))
    )
    if isinstance(image, Image.Image):
        return Image.fromarray(np.asarray(image)[rows][:, columns])
    return image[..., torch.from_numpy(rows)[:, None], torch.from_numpy(columns)]
