"""Digits as pictures show them: other pens, uneven ink, blur, few pixels, remains of paper, then normalised."""

import torch
import torch.nn.functional as F
from torch import Tensor

from tenfold.learn.digits.augment import sampling_grid
from tenfold.learn.digits.normalisation import Normalisation
from tenfold.learn.digits.pens import FINE, SCALE, UNIT
from tenfold.learn.recipes.augmentation import Augmentation

_NORMALISE = Normalisation(sub=2)  # the images are at most 56 pixels wide, so that four points a pixel are enough


def distort(ink: Tensor, distances: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """A batch of digits as pictures show them: ink float (N, 1, 28, 28) in [0, 1], normalised.

    `ink` is float (N, 1, 28, 28), `distances` uint8 (N, 56, 56) as `pens.distances` gives them. A third is moved by
    the augmentation alone; to the others anything may happen. Random numbers come from a generator on the CPU.
    """
    n, device = len(ink), ink.device

    def uniform(low: float, high: float) -> Tensor:  # (N, 1, 1, 1)
        return (torch.rand(n, 1, 1, 1, generator=generator) * (high - low) + low).to(device)

    def some(share: float) -> Tensor:  # (N, 1, 1, 1), 1 where something is done
        return (torch.rand(n, 1, 1, 1, generator=generator) < share).float().to(device)

    wild = some(0.67)
    grid = sampling_grid(ink, augmentation, generator, SCALE)
    plain = F.grid_sample(ink, grid, align_corners=False)  # (N, 1, 56, 56)
    # Another pen: a stroke is what is near its middle; from hair-thin to a fifth of the digit's height.
    away = F.grid_sample(distances.unsqueeze(1).float() / UNIT, grid, padding_mode="border", align_corners=False)
    width = torch.exp(uniform(-0.5, 2.2))  # 0.6 to 9 pixels of 56, where a digit is 40 high
    drawn = (width / 2 + 0.5 - away).clamp(0, 1)
    image = torch.lerp(plain, drawn, wild * some(0.6))
    # Uneven ink: pressure that changes along the stroke, gaps of a dry pen.
    coarse = torch.rand(n, 1, 5, 5, generator=generator).to(device)
    pressure = F.interpolate(coarse, (FINE, FINE), mode="bilinear", align_corners=True)
    image = image * (1 - wild * some(0.4) * uniform(0.2, 0.9) * pressure)
    speckle = torch.rand(n, 1, FINE // 2, FINE // 2, generator=generator).to(device)
    speckle = F.interpolate(speckle, (FINE, FINE), mode="bilinear", align_corners=False)
    image = image * (1 - wild * some(0.15) * (speckle > 0.8).float())
    # Remains of ruled lines, and specks.
    image = torch.maximum(image, _remains(n, generator, device) * wild * some(0.12) * uniform(0.3, 0.9))
    # Blur.
    soft = F.avg_pool2d(image, 3, 1, 1)
    softer = F.avg_pool2d(F.avg_pool2d(soft, 5, 1, 2), 3, 1, 1)
    image = torch.lerp(image, torch.lerp(soft, softer, uniform(0, 1) * some(0.5)), wild * some(0.5))
    # Few pixels: the whole batch has one size, and a part of it is seen through it.
    size = int(torch.randint(14, 29, (), generator=generator))
    few = F.interpolate(image, (size, size), mode="area")
    few = F.interpolate(few, (FINE, FINE), mode="nearest" if size % 2 else "bilinear")
    image = torch.lerp(image, few, wild * some(0.25))
    # Noise of the camera, where there is ink and beside it; then contrast.
    noise = torch.randn(n, 1, FINE, FINE, generator=generator).to(device)
    near = (F.max_pool2d(image, 5, 2, 2) > 0.1).float()
    near = F.interpolate(near, (FINE, FINE))
    image = (image + noise * near * wild * some(0.3) * uniform(0, 0.25)).clamp(0, 1)
    image = image ** torch.exp(wild * some(0.5) * uniform(-0.6, 0.6))
    return _NORMALISE(image)  # type: ignore[no-any-return]


def _remains(n: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """A stroke along an axis, up to half the image long, three pixels wide, or a speck: 0 and 1 (N, 1, 56, 56)."""
    length = torch.rand(n, 1, generator=generator) * 24 + 2
    thick = torch.rand(n, 1, generator=generator) * 2 + 1
    across = torch.rand(n, 1, generator=generator) < 0.5
    sides = torch.where(across, torch.cat([thick, length], 1), torch.cat([length, thick], 1))  # (N, 2) height, width
    corner = 8 + torch.rand(n, 2, generator=generator) * (FINE - 16 - sides).clamp(min=0)
    place = torch.arange(FINE) + 0.5
    inside = (place >= corner[..., None]) & (place < (corner + sides)[..., None])  # (N, 2, 56)
    return (inside[:, 0, :, None] & inside[:, 1, None, :]).float().unsqueeze(1).to(device)
