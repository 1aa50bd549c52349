"""The transforms that examples for MNIST use, for PIL images, with torchvision's names and conventions.

Training inside tenfold does not use them: there, whole batches are augmented at once.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

__all__ = ["Compose", "Lambda", "Normalize", "RandomRotation", "Resize", "ToTensor"]


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


class ToTensor:
    """A PIL image or an array (H, W) or (H, W, C) as a tensor (C, H, W); bytes become floats in [0, 1]."""

    def __call__(self, image: Any) -> torch.Tensor:
        array = np.asarray(image)
        array = array[:, :, None] if array.ndim == 2 else array
        tensor = torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)).copy())
        return tensor.to(torch.get_default_dtype()).div(255) if tensor.dtype == torch.uint8 else tensor

    def __repr__(self) -> str:
        return "ToTensor()"


class Normalize:
    """A tensor (…, C, H, W) with `mean` taken off and divided by `std`, per channel."""

    def __init__(self, mean: float | Sequence[float], std: float | Sequence[float], inplace: bool = False) -> None:
        if any(value == 0 for value in (std if isinstance(std, Sequence) else [std])):
            raise ValueError(f"std {std} has a zero, which would lead to division by zero")
        self.mean: float | Sequence[float] = mean
        self.std: float | Sequence[float] = std
        self.inplace: bool = inplace

    def __call__(self, tensor: torch.Tensor) -> torch.Tensor:
        if not tensor.is_floating_point():
            raise TypeError(f"Input tensor should be a float tensor. Got {tensor.dtype}.")
        mean = torch.as_tensor(self.mean, dtype=tensor.dtype, device=tensor.device).view(-1, 1, 1)
        std = torch.as_tensor(self.std, dtype=tensor.dtype, device=tensor.device).view(-1, 1, 1)
        return (tensor if self.inplace else tensor.clone()).sub_(mean).div_(std)

    def __repr__(self) -> str:
        return f"Normalize(mean={self.mean}, std={self.std})"


class RandomRotation:
    """A PIL image turned by a random angle between -`degrees` and +`degrees`, or inside a given (low, high)."""

    def __init__(self, degrees: float | Sequence[float], fill: float = 0) -> None:
        low, high = (-degrees, degrees) if isinstance(degrees, int | float) else degrees
        if low > high:
            raise ValueError("If degrees is a single number, it must be positive.")
        self.degrees: list[float] = [float(low), float(high)]
        self.fill: float = fill

    def __call__(self, image: Image.Image) -> Image.Image:
        angle = float(torch.empty(1).uniform_(*self.degrees))
        return image.rotate(angle, Image.Resampling.NEAREST, fillcolor=self.fill)

    def __repr__(self) -> str:
        return f"RandomRotation(degrees={self.degrees}, fill={self.fill})"


class Resize:
    """A PIL image scaled to (height, width), or with its shorter side scaled to `size` pixels."""

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = size

    def __call__(self, image: Image.Image) -> Image.Image:
        if isinstance(self.size, int):
            shorter = min(image.size)
            width, height = (int(self.size * side / shorter) for side in image.size)
        else:
            height, width = self.size
        return image.resize((width, height), Image.Resampling.BILINEAR)

    def __repr__(self) -> str:
        return f"Resize(size={self.size})"


class Lambda:
    """Any function as a transform."""

    def __init__(self, lambd: Callable[[Any], Any]) -> None:
        self.lambd = lambd

    def __call__(self, image: Any) -> Any:
        return self.lambd(image)

    def __repr__(self) -> str:
        return "Lambda()"
