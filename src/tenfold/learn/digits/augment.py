"""Augmentation: random changes of whole batches, on the device that holds them.

Elastic deformation follows P. Simard, D. Steinkraus, J. Platt, "Best practices for convolutional neural networks
applied to visual document analysis", 2003 (smooth random displacements; here drawn on a coarse grid and interpolated by
cubics, which is smooth by itself). Erasing follows Z. Zhong et al., "Random erasing data augmentation", 2017, arXiv
1708.04896.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from tenfold.learn.digits.degrade import degrade
from tenfold.learn.recipes.augmentation import Augmentation


def augment(images: Tensor, amounts: Augmentation, generator: torch.Generator) -> Tensor:
    """Changed copies of images float (N, C, H, W) whose background is 0.

    The random numbers come from a generator on the CPU, so that a seed means the same on every device.
    """
    if any((amounts.rotate, amounts.shift, amounts.scale, amounts.shear, amounts.elastic)):
        images = F.grid_sample(images, sampling_grid(images, amounts, generator), align_corners=False)
    if amounts.erase:
        images = _erase(images, amounts.erase, generator)
    return degrade(images, amounts.degrade, generator) if amounts.degrade else images


def sampling_grid(images: Tensor, amounts: Augmentation, generator: torch.Generator, zoom: int = 1) -> Tensor:
    """Where each pixel of the changed images (N, C, H, W) is taken from: x and y from -1 to 1 over an image.

    (N, zoom * H, zoom * W, 2): the results are `zoom` times as large; amounts stay in pixels of the images.
    """
    n, (height, width), device = len(images), images.shape[2:], images.device

    def uniform(limit: float) -> Tensor:  # (N,)
        return (torch.rand(n, generator=generator) * 2 - 1) * limit

    angle, slant = uniform(math.radians(amounts.rotate)), torch.tan(uniform(math.radians(amounts.shear)))
    zoom_x, zoom_y = 1 / (1 + uniform(amounts.scale)), 1 / (1 + uniform(amounts.scale))
    cos, sin = torch.cos(angle), torch.sin(angle)
    matrix = torch.stack(
        [
            *(zoom_x * cos, zoom_x * (cos * slant - sin), uniform(2 * amounts.shift / width)),
            *(zoom_y * sin, zoom_y * (sin * slant + cos), uniform(2 * amounts.shift / height)),
        ],
        dim=1,
    ).view(n, 2, 3)
    grid = F.affine_grid(matrix.to(device), [n, 1, height * zoom, width * zoom], align_corners=False)
    if amounts.elastic:
        # Displacements are drawn at every seventh pixel and have mean zero, so that the digit stays where it is.
        coarse = torch.randn(n, 2, max(2, height // 7), max(2, width // 7), generator=generator)
        coarse = (coarse - coarse.mean(dim=(2, 3), keepdim=True)) * (2 * amounts.elastic / max(height, width))
        smooth = F.interpolate(coarse.to(device), (height * zoom, width * zoom), mode="bicubic", align_corners=True)
        grid = grid + smooth.permute(0, 2, 3, 1)
    return grid


def _erase(images: Tensor, longest: float, generator: torch.Generator) -> Tensor:
    """Every second image with a rectangle set to 0, whose sides are at most `longest` pixels."""
    n, (height, width) = len(images), images.shape[2:]
    side = torch.rand(n, 2, generator=generator) * longest * (torch.rand(n, 1, generator=generator) < 0.5)
    corner = torch.rand(n, 2, generator=generator) * (torch.tensor([height, width]) - side).clamp(min=0)

    def inside(axis: int, length: int) -> Tensor:  # (N, length)
        place = torch.arange(length) + 0.5
        first = corner[:, axis, None]
        return (place >= first) & (place < first + side[:, axis, None])

    erased = inside(0, height)[:, :, None] & inside(1, width)[:, None, :]  # (N, H, W)
    return images.masked_fill(erased[:, None].to(images.device), 0.0)
