"""Turned, moved, scaled and sheared at random."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from tenfold.mnist.transforms import images
from tenfold.mnist.transforms.images import Fill, InterpolationMode, Size, Transform

_MODES = ("nearest", "bilinear")  # that torch samples by


class RandomRotation(Transform):
    """An image turned by a random angle between -`degrees` and +`degrees`, or inside a given (low, high).

    It is turned counter-clockwise about `center`, (x, y) in pixels, or its middle. `expand` makes it large enough to
    hold all that was turned.
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        interpolation: InterpolationMode | int = InterpolationMode.NEAREST,
        expand: bool = False,
        center: Sequence[float] | None = None,
        fill: Fill = 0,
    ) -> None:
        super().__init__()
        self.degrees: list[float] = _range(degrees, "degrees")
        self.interpolation: InterpolationMode = images.interpolation(interpolation)
        self.expand: bool = expand
        self.center: Sequence[float] | None = center
        self.fill: Fill = fill

    def forward(self, image: Any) -> Any:
        angle, (height, width) = _uniform(*self.degrees), images.size(image)
        if isinstance(image, Image.Image):
            return image.rotate(
                angle,
                images.resampling(self.interpolation),
                self.expand,
                None if self.center is None else (self.center[0], self.center[1]),
                fillcolor=images.colour(image, self.fill),
            )
        middle = np.array([width, height]) / 2
        centre = np.zeros(2) if self.center is None else np.asarray(self.center) - middle
        inverse = _inverse(-angle, centre)
        if self.expand:
            corners = np.array([[-1, -1, 1, 1], [-1, 1, -1, 1]]) * middle[:, None]
            turned = np.trunc((inverse @ np.vstack([corners, np.ones(4)]) + middle[:, None]) / 1e-4) * 1e-4
            width, height = (np.ceil(turned.max(axis=1)) - np.floor(turned.min(axis=1))).astype(int).tolist()
        return _sampled(image, inverse, (height, width), self.interpolation, self.fill)


class RandomAffine(Transform):
    """An image turned, moved, scaled and sheared at random, about `center` or its middle.

    `translate` are the greatest shares of the width and the height that it is moved by, either way; `scale` is (low,
    high); `shear` is a range of degrees along x, as `degrees` is, or two, along x and y.
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: float | Sequence[float] | None = None,
        interpolation: InterpolationMode | int = InterpolationMode.NEAREST,
        fill: Fill = 0,
        center: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        if translate is not None and not (len(translate) == 2 and all(0 <= share <= 1 for share in translate)):
            raise ValueError("translation values should be two between 0 and 1")
        if scale is not None and not (len(scale) == 2 and min(scale) > 0):
            raise ValueError("scale values should be two that are positive")
        self.degrees: list[float] = _range(degrees, "degrees")
        self.translate: Sequence[float] | None = translate
        self.scale: Sequence[float] | None = scale
        self.shear: list[float] | None = None if shear is None else _range(shear, "shear", 2, 4)
        self.interpolation: InterpolationMode = images.interpolation(interpolation)
        self.fill: Fill = fill
        self.center: Sequence[float] | None = center

    def forward(self, image: Any) -> Any:
        height, width = images.size(image)
        angle = _uniform(*self.degrees)
        move = [0, 0]
        if self.translate is not None:
            most = [share * side for share, side in zip(self.translate, (width, height), strict=True)]
            move = [round(_uniform(-one, one)) for one in most]
        scale = 1.0 if self.scale is None else _uniform(*self.scale)
        shear = [0.0, 0.0]
        if self.shear is not None:
            shear[0] = _uniform(*self.shear[:2])
            shear[1] = _uniform(*self.shear[2:]) if len(self.shear) == 4 else 0.0
        middle = np.array([width, height]) / 2
        centre = middle if self.center is None else np.asarray(self.center)
        if isinstance(image, Image.Image):
            inverse = _inverse(angle, centre, move, scale, shear)
            return image.transform(
                (width, height),
                Image.Transform.AFFINE,
                tuple(inverse.ravel().tolist()),
                images.resampling(self.interpolation),
                fillcolor=images.colour(image, self.fill),
            )
        inverse = _inverse(angle, centre - middle, move, scale, shear)
        return _sampled(image, inverse, (height, width), self.interpolation, self.fill)


def _range(value: float | Sequence[float], name: str, *lengths: int) -> list[float]:
    """(low, high) as it is given, or from minus to plus a number; of some lengths."""
    if isinstance(value, int | float):
        if value < 0:
            raise ValueError(f"If {name} is a single number, it must be positive.")
        return [-float(value), float(value)]
    if len(value) not in (lengths or (2,)):
        raise ValueError(f"{name} should be a sequence of length {' or '.join(map(str, lengths or (2,)))}.")
    return [float(one) for one in value]


def _uniform(low: float, high: float) -> float:
    return float(torch.empty(1).uniform_(low, high))


def _inverse(
    angle: float,
    centre: NDArray[np.float64],
    move: Sequence[float] = (0, 0),
    scale: float = 1.0,
    shear: Sequence[float] = (0, 0),
) -> NDArray[np.float64]:
    """The matrix (2, 3) from a place (x, y, 1) of the result to that in the image: clockwise, all in degrees."""
    turn, along, down = (math.radians(one) for one in (angle, *shear))
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    sheared = np.array([[1, 0], [-math.tan(down), 1]]) @ np.array([[1, -math.tan(along)], [0, 1]])
    back = np.linalg.inv(scale * rotation @ sheared)
    return np.column_stack([back, centre - back @ (centre + np.asarray(move))])


def _sampled(
    image: Tensor, inverse: NDArray[np.float64], size: Size, interpolation: InterpolationMode, fill: Fill
) -> Tensor:
    """An image of `size` where each pixel is from the place that `inverse` says, both from the middle of theirs."""
    mode, (height, width) = images.known(interpolation, _MODES), images.size(image)
    planes = images.planes(image)
    # From the units of the one, -1 to 1, to those of the other.
    theta = inverse * [size[1], size[0], 2] / np.array([[width], [height]])
    grid = F.affine_grid(torch.from_numpy(theta)[None].to(planes), [1, 1, *size], align_corners=False)
    inside = torch.ones_like(planes[:, :1])
    found = F.grid_sample(torch.cat([planes, inside], 1), grid, mode, "zeros", align_corners=False)
    values, inside = found[:, :-1], found[:, -1:]
    each = [0.0] if fill is None else [float(fill)] if isinstance(fill, int | float) else [float(one) for one in fill]
    if len(each) not in (1, image.shape[-3] if image.ndim > 2 else 1):
        raise ValueError(f"fill has {len(each)} numbers, which must be 1, or as many as the image has channels")
    outside = torch.tensor(each).to(planes).repeat(planes.shape[1] // len(each)).view(1, -1, 1, 1)
    return images.like(values * inside + outside * (1 - inside), image)
