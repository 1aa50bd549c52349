"""Degraded images: light, noise, blur, strange strokes, blots, inverted parts and outlines, for whole batches.

What MNIST-C (N. Mu and J. Gilmer 2019) scores a network by is of such kinds, but none of its functions is used here: a
network that has learnt from these has not seen those.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

STROKES = 4  # at most, in an image
BLUR = 9  # pixels, the side of a blur's kernel


def degrade(images: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Images float (N, 1, H, W) in [0, 1], ink bright: of a `share` of them, degraded copies; the rest as they are.

    One or more of seven things happen to such an image. Random numbers come from a generator on the CPU.
    """
    n, device = len(images), images.device

    def uniform(low: float, high: float) -> Tensor:  # (N, 1, 1, 1)
        return (torch.rand(n, 1, 1, 1, generator=generator) * (high - low) + low).to(device)

    degraded = torch.rand(n, 1, 1, 1, generator=generator).to(device) < share

    def some(chance: float) -> Tensor:  # (N, 1, 1, 1), of the degraded ones
        return degraded & (torch.rand(n, 1, 1, 1, generator=generator).to(device) < chance)

    # The outline alone.
    around, within = F.max_pool2d(images, 3, 1, 1), -F.max_pool2d(-images, 3, 1, 1)
    image = torch.where(some(0.12), ((around - within) * uniform(0.7, 2)).clamp(max=1), images)
    # Blur, mostly along one direction.
    image = torch.where(some(0.2), _blurred(image, generator), image)
    # Strokes of another hand, and blots, in any grey.
    image = torch.where(some(0.25), (image + _strokes(image, generator) * uniform(0.3, 1)).clamp(max=1), image)
    blots = _field(9, image, generator) > uniform(0.6, 0.85)
    image = torch.where(some(0.12) & blots, uniform(0, 1), image)
    # A part of the image, or all of it, is inverted.
    image = torch.where(some(0.15) & _rectangle(image, generator), 1 - image, image)
    # Light: uneven ground, little contrast, or too much of it.
    ground = torch.lerp(_field(4, image, generator), _field(14, image, generator), uniform(0, 0.5))
    fogged = torch.lerp(image, ground, uniform(0.2, 0.85))
    image = torch.where(some(0.25), fogged * uniform(0.6, 1.2), image)
    image = torch.where(some(0.2), image * uniform(0.3, 1.2) + uniform(0, 0.7), image).clamp(0, 1)
    # Noise of three kinds: added, in proportion to the ink, and pixels that are black or white.
    noise = torch.randn(n, *image.shape[1:], generator=generator).to(device)
    image = torch.where(some(0.12), image + noise * uniform(0, 0.3), image)
    image = torch.where(some(0.12), image + noise * image.clamp(min=0).sqrt() * uniform(0, 0.6), image)
    draw = torch.rand(n, *image.shape[1:], generator=generator).to(device)
    limit = uniform(0, 0.12)
    flipped = torch.where(draw < limit, 0.0, torch.where(draw > 1 - limit, 1.0, image))
    return torch.where(some(0.12), flipped, image).clamp(0, 1)


def _blurred(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image under a Gaussian of its own: up to 3 pixels along some direction, up to 1 across."""
    angle, along, across, late = (torch.rand(len(images), 4, generator=generator).to(images.device)).unbind(1)
    angle, along, across = angle * math.pi, 0.4 + 2.6 * along, 0.4 + 0.6 * across
    place = torch.arange(BLUR, device=images.device) - BLUR // 2
    x, y = place.view(1, 1, -1), place.view(1, -1, 1)
    cos, sin = angle.cos().view(-1, 1, 1), angle.sin().view(-1, 1, 1)
    u, v = (x * cos + y * sin) / along.view(-1, 1, 1), (y * cos - x * sin) / across.view(-1, 1, 1)
    kernels = torch.exp(-(u**2 + v**2) / 2) * torch.where(late.view(-1, 1, 1) < 0.5, 1.0, (u >= 0).float())
    kernels = kernels / kernels.sum((1, 2), keepdim=True)  # half of them a trail to one side
    blurred = F.conv2d(images.transpose(0, 1), kernels.unsqueeze(1), padding=BLUR // 2, groups=len(images))
    return blurred.transpose(0, 1)


def _strokes(images: Tensor, generator: torch.Generator) -> Tensor:
    """A polygon of up to STROKES straight strokes, dashed or not: 0 to 1, (N, 1, H, W)."""
    n, (height, width) = len(images), images.shape[2:]
    corners = torch.rand(n, STROKES + 1, 2, generator=generator).to(images.device)
    wide = corners * torch.tensor([width, height], device=images.device)
    number, thick, dash, short = torch.rand(n, 4, 1, generator=generator).to(images.device).unbind(1)
    # Half of them hang together in small steps, the others go where they want.
    small = wide[:, :1] + (torch.cumsum(corners - 0.5, 1) - (corners - 0.5)[:, :1]) * (width / 2)
    wide = torch.where(short[:, None] < 0.5, small, wide)
    start, end = wide[:, :-1], wide[:, 1:]  # (N, S, 2) x, y
    y, x = torch.meshgrid(
        torch.arange(height, device=images.device) + 0.5, torch.arange(width, device=images.device) + 0.5, indexing="ij"
    )
    way = end - start
    length = way.square().sum(2).clamp(min=1e-6)
    dx, dy = x - start[..., 0, None, None], y - start[..., 1, None, None]  # (N, S, H, W)
    along = ((dx * way[..., 0, None, None] + dy * way[..., 1, None, None]) / length[..., None, None]).clamp(0, 1)
    away = torch.hypot(dx - along * way[..., 0, None, None], dy - along * way[..., 1, None, None])
    drawn = (1 + thick[..., None, None] * 1.5 - away).clamp(0, 1)
    dashes = torch.remainder(along * length.sqrt()[..., None, None], 4) < 2
    drawn = torch.where((dash[..., None, None] < 0.4) & dashes, 0.0, drawn)
    kept = torch.arange(STROKES, device=images.device) < 1 + number * STROKES
    return (drawn * kept[..., None, None]).amax(1, keepdim=True)


def _field(side: int, images: Tensor, generator: torch.Generator) -> Tensor:
    """Smooth random grey from 0 to 1, (N, 1, H, W), with about so many hills a side."""
    coarse = torch.rand(len(images), 1, side, side, generator=generator).to(images.device)
    return F.interpolate(coarse, images.shape[2:], mode="bicubic", align_corners=True).clamp(0, 1)


def _rectangle(images: Tensor, generator: torch.Generator) -> Tensor:
    """Which pixels (N, 1, H, W) are inside of a rectangle, or in every second case outside of it."""
    n, (height, width) = len(images), images.shape[2:]
    ends = (torch.rand(n, 2, 2, generator=generator) * 1.5 - 0.25).sort(2).values.to(images.device)  # some are bands
    y, x = (torch.arange(n, device=images.device).add(0.5).div(n) for n in (height, width))
    down = (y >= ends[:, 0, :1]) & (y < ends[:, 0, 1:])  # (N, H)
    across = (x >= ends[:, 1, :1]) & (x < ends[:, 1, 1:])
    inside = (down[:, :, None] & across[:, None])[:, None]
    return inside ^ (torch.rand(n, 1, 1, 1, generator=generator).to(images.device) < 0.5)
