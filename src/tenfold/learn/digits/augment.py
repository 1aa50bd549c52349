"""Augmentation: random changes of whole batches, on the device that holds them."""

import math
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from tenfold.errors import UsageError, nearest
from tenfold.learn.digits.degrade import wear
from tenfold.learn.digits.parts import Part


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How far each image may be changed; 0 leaves a kind out. Every amount is drawn uniformly, for each image anew.

    Elastic deformation follows P. Simard, D. Steinkraus, J. Platt, "Best practices for convolutional neural networks
    applied to visual document analysis", 2003 (smooth random displacements; here drawn on a coarse grid and
    interpolated by cubics, which is smooth by itself). Erasing follows Z. Zhong et al., "Random erasing data
    augmentation", 2017, arXiv 1708.04896.
    """

    rotate: float = 0.0  # degrees, either way
    shift: float = 0.0  # pixels, each way in x and y
    scale: float = 0.0  # 0.1 is a factor between 0.9 and 1.1
    shear: float = 0.0  # degrees of slant, either way
    elastic: float = 0.0  # pixels of displacement (its standard deviation at the grid's points)
    erase: float = 0.0  # pixels, longest side of the rectangle that is blanked in every second image
    wear: float = 0.0  # share of the images that are worn: light, noise, blur, strange strokes, blots, outlines

    @classmethod
    def parse(cls, text: str) -> "Augmentation":
        """The augmentation that a text such as "rotate=10,shift=2" describes; "" or "none" is no augmentation.

        Raises UsageError for an unknown kind or an amount that cannot be meant.
        """
        known = [kind.name for kind in fields(cls)]
        amounts: dict[str, float] = {}
        for item in text.split(",") if text not in ("", "none") else []:
            name, _, amount = item.strip().partition("=")
            if name not in known:
                raise UsageError(nearest("augmentation", name, known))
            try:
                amounts[name] = float(amount)
            except ValueError:
                raise UsageError(
                    f"--augment {name} needs an amount: --augment {name}={'0.1' if name in ('scale', 'wear') else '2'}"
                ) from None
            if not 0 <= amounts[name] <= {"scale": 0.9, "shear": 80.0, "wear": 1.0}.get(name, 180.0):
                raise UsageError(f"--augment {item.strip()} makes no sense: the amount is out of range")
        return cls(**amounts)

    def __bool__(self) -> bool:
        return any(getattr(self, kind.name) for kind in fields(self))

    def __call__(self, images: Tensor, generator: torch.Generator, part: Part | None = None) -> Tensor:
        """Changed copies of images float (N, C, H, W) whose ground is 0; they are this `part` of a batch, or all of it.

        The random numbers come from a generator on the CPU, so that a seed means the same on every device.
        """
        part = part or Part(len(images))
        if any((self.rotate, self.shift, self.scale, self.shear, self.elastic)):
            height, width = images.shape[2:]
            grid = self.grid(part, height, width, generator, images.device)
            images = F.grid_sample(images, grid, align_corners=False)
        if self.erase:
            images = self._erased(images, part, generator)
        return wear(images, self.wear, generator, part) if self.wear else images

    def grid(
        self, part: Part, height: int, width: int, generator: torch.Generator, device: torch.device, fine: int = 1
    ) -> Tensor:
        """Where each pixel of the changed images is taken from, x and y from -1 to 1 over an image of height x width.

        (N, fine * H, fine * W, 2): the results are `fine` times as large; amounts stay in pixels of the images.
        """

        n = len(part)

        def uniform(limit: float) -> Tensor:  # (N,)
            return (part.rand(generator=generator) * 2 - 1) * limit

        angle, slant = uniform(math.radians(self.rotate)), torch.tan(uniform(math.radians(self.shear)))
        zoom_x, zoom_y = 1 / (1 + uniform(self.scale)), 1 / (1 + uniform(self.scale))
        cos, sin = torch.cos(angle), torch.sin(angle)
        matrix = torch.stack(
            [
                *(zoom_x * cos, zoom_x * (cos * slant - sin), uniform(2 * self.shift / width)),
                *(zoom_y * sin, zoom_y * (sin * slant + cos), uniform(2 * self.shift / height)),
            ],
            dim=1,
        ).view(n, 2, 3)
        grid = F.affine_grid(matrix.to(device), [n, 1, height * fine, width * fine], align_corners=False)
        if self.elastic:
            # Displacements are drawn at every seventh pixel and are zero-mean, so that the digit stays where it is.
            coarse = part.randn(2, max(2, height // 7), max(2, width // 7), generator=generator)
            coarse = (coarse - coarse.mean(dim=(2, 3), keepdim=True)) * (2 * self.elastic / max(height, width))
            smooth = F.interpolate(coarse.to(device), (height * fine, width * fine), mode="bicubic", align_corners=True)
            grid = grid + smooth.permute(0, 2, 3, 1)
        return grid

    def _erased(self, images: Tensor, part: Part, generator: torch.Generator) -> Tensor:
        height, width = images.shape[2:]
        side = part.rand(2, generator=generator) * self.erase * (part.rand(1, generator=generator) < 0.5)
        corner = part.rand(2, generator=generator) * (torch.tensor([height, width]) - side).clamp(min=0)

        def inside(axis: int, length: int) -> Tensor:  # (N, length)
            place = torch.arange(length) + 0.5
            first = corner[:, axis, None]
            return (place >= first) & (place < first + side[:, axis, None])

        blank = inside(0, height)[:, :, None] & inside(1, width)[:, None, :]  # (N, H, W)
        return images.masked_fill(blank[:, None].to(images.device), 0.0)
