"""Digits redrawn with pens of any width: their skeletons, and how far each pixel is from them."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from tenfold.mnist import SIDE
from tenfold.mnist.digits import Track, untracked

SCALE = 2  # skeletons are found on images twice as large
FINE = SIDE * SCALE
UNIT = 16  # steps of the distance to one pixel of the larger image
REACH = 12  # larger pixels: distances beyond are cut off
_CHUNK = 1000  # images, so that what is worked on stays in the cache


def distances(images: Tensor, track: Track = untracked) -> Tensor:
    """How far each point is from the middle of the nearest stroke: uint8 (N, 56, 56), in sixteenths of its pixels.

    Images are uint8 (N, 28, 28), ink bright. A stroke of width w is then everywhere nearer than w / 2.
    """
    found = torch.empty(len(images), FINE, FINE, dtype=torch.uint8)
    for start in track(range(0, len(images), _CHUNK), "finding skeletons"):
        ink = images[start : start + _CHUNK].unsqueeze(1).float()
        larger = F.interpolate(ink, scale_factor=SCALE, mode="bicubic", align_corners=False)[:, 0].numpy()
        level = larger.max(axis=(1, 2), keepdims=True) * 0.45
        found[start : start + _CHUNK] = torch.from_numpy(_distance(thin(larger > level)))
    return found


def thin(shapes: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The skeletons of shapes bool (N, H, W): lines one pixel wide with the same holes and pieces.

    T. Zhang and C. Suen, "A fast parallel algorithm for thinning digital patterns", 1984, all images at once: whether
    a pixel goes depends on its eight neighbours, which are the bits of an index into a table.
    """
    _, height, width = shapes.shape
    padded = np.pad(shapes.astype(np.uint8), ((0, 0), (1, 1), (1, 1)))
    inner = padded[:, 1:-1, 1:-1]
    code = np.empty(inner.shape, np.uint8)
    gone = True
    while gone:
        gone = False
        for table in _TABLES:
            code[:] = 0
            for bit, (down, right) in enumerate(_AROUND):
                code |= padded[:, 1 + down : 1 + down + height, 1 + right : 1 + right + width] << bit
            goes = table[code] & inner
            inner ^= goes
            gone |= bool(goes.any())
    return inner.astype(bool)


# The neighbours clockwise from the one above, and for each half-step the set of neighbourhoods whose pixel goes.
_AROUND = [(-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1)]


def _table(first: bool) -> NDArray[np.uint8]:
    table = np.zeros(256, np.uint8)
    for code in range(256):
        p = [code >> bit & 1 for bit in range(8)]
        changes = sum(p[k] == 0 and p[(k + 1) % 8] == 1 for k in range(8))
        above, right, below, left = p[0], p[2], p[4], p[6]
        edges = (above & right & below, right & below & left) if first else (above & right & left, above & below & left)
        table[code] = 2 <= sum(p) <= 6 and changes == 1 and not any(edges)
    return table


_TABLES = (_table(True), _table(False))


def _distance(lines: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The distance of every pixel to the nearest true one, uint8 in sixteenths of a pixel: (N, H, W)."""
    from scipy.ndimage import distance_transform_edt

    apart = np.full(lines.shape, float(REACH))
    for place, one in zip(apart, lines, strict=True):
        if one.any():
            distance_transform_edt(~one, distances=place)
    return (apart.clip(max=REACH) * UNIT).astype(np.uint8)
