"""MNIST's own normalisation of a digit, as a network's first layer: any picture of ink becomes 28 x 28.

Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition", 1998: the digit
is scaled, undistorted, so that its bounding box fits 20 x 20, and moved so that its centre of mass is at the centre of
28 x 28. Here that is one affine sampling, averaged over sub-pixels, out of operations that ONNX has too; the
brightness is stretched as well, so that a thin or faint stroke arrives as strong as a thick one.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tenfold.mnist import SIDE

BOX = 20  # pixels, the longer side of the digit
INK = 0.25  # of the brightest: what counts for the bounding box
CENTRE = 14.5  # pixels from the edge: where the centre of mass of MNIST's digits is, both ways


class Normalisation(nn.Module):
    """Ink float (N, 1, H, W) in [0, 1], bright on 0, to (N, 1, 28, 28), likewise; a blank image stays blank.

    Each image is sampled at `sub` x `sub` points a pixel, between its four nearest pixels. A digit more than about
    4 * `sub` / 4 times larger than 20 pixels should be shrunk by averaging before, or thin strokes fall between points.
    """

    def __init__(self, sub: int = 4) -> None:
        super().__init__()
        self.sub = sub

    def forward(self, image: Tensor) -> Tensor:
        """The digits, normalised: (N, 1, 28, 28)."""
        height, width = image.shape[2:]
        ink = image[:, 0]  # (N, H, W)
        least = INK * ink.amax(dim=(1, 2)).clamp(min=1e-6)[:, None]  # (N, 1)
        top, bottom = _extent(ink.amax(dim=2) >= least)  # (N,) first row, row after the last
        left, right = _extent(ink.amax(dim=1) >= least)
        longest = torch.maximum(bottom - top, right - left).clamp(min=1.0)
        # The centre of mass, where pixel k reaches from k to k + 1.
        mass = ink.sum(dim=(1, 2)).clamp(min=1e-6)
        x = (ink.sum(dim=1) * _places(width, ink)).sum(dim=1) / mass
        y = (ink.sum(dim=2) * _places(height, ink)).sum(dim=1) / mass
        # Nothing is turned, so sampling is a product with a matrix on either side, far cheaper than point by point.
        step = (longest / BOX)[:, None]  # (N, 1) pixels of the image to one of the result
        fine = (_places(SIDE * self.sub, ink) / self.sub - CENTRE)[None] * step  # (N, 28 sub)
        across = self._weights(x[:, None] + fine, width)  # (N, 28, W)
        down = self._weights(y[:, None] + fine, height)  # (N, 28, H)
        small = (down @ ink @ across.transpose(1, 2))[:, None]
        return small / small.amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-6)

    def _weights(self, at: Tensor, length: int) -> Tensor:
        """How much of each of `length` pixels is in each of 28, sampled at (N, 28 sub) places: (N, 28, length).

        A place between two pixels takes of each the nearer the more (linear interpolation), outside there is nothing.
        """
        apart = (at[:, :, None] - _places(length, at)).abs()  # (N, 28 sub, length)
        return F.relu(1 - apart).view(-1, SIDE, self.sub, length).mean(dim=2)


def _places(length: int, like: Tensor) -> Tensor:
    """The centres of `length` pixels: 0.5, 1.5, …"""
    return torch.arange(length, device=like.device, dtype=like.dtype) + 0.5


def _extent(inked: Tensor) -> tuple[Tensor, Tensor]:
    """Of rows bool (N, L) the number of the first that is true, and the number after the last."""
    numbers = torch.arange(inked.shape[1], device=inked.device, dtype=torch.float32)[None]
    return torch.where(inked, numbers, 1e9).amin(dim=1), torch.where(inked, numbers + 1, 0.0).amax(dim=1)
