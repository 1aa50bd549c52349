"""Clean pictures: strokes on a ground of one colour, as MNIST's own files and drawing pages have it.

There the paper and the light need not be estimated: ink is how far a colour is from the ground. What is not clean, or
not plainly digits, is left to the general way.
"""

import numpy as np

from tenfold.read.decode import Pixels, colours
from tenfold.read.finding.paper import SMALL, Sheet

_SAME = 2.5 / 255  # of full brightness: colours no further apart are one
_EDGES = 0.35  # of the edges have the ground's colour,
_GROUND = 0.25  # and so much of a picture whose ink touches them
_FAR = 0.2  # of full brightness: the strongest ink is at least this far from the ground
_LOW, _HIGH = 0.3, 0.6  # of the strongest: from here on it is ink, and surely ink
_MOST = 0.6  # of the picture: more is no writing


def sheet(pixels: Pixels) -> Sheet | None:
    """How far each pixel (H, W, 3) is from the ground, the strongest ink as 1; None where the picture is not clean.

    The ground is the commonest colour of the four edges, which ink may touch in a small, tight crop; all ink is on one
    side of it, darker or brighter.
    """
    height, width, _ = pixels.shape
    every = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])  # (N, 3)
    edges = colours(every)
    bytes_ = (edges * 255).round().astype(np.int64) @ (1, 256, 65_536)
    values, counts = np.unique(bytes_, return_counts=True)
    first = int(np.argmax(bytes_ == values[counts.argmax()]))
    same = np.abs(edges - edges[first]).max(axis=1) <= _SAME
    if same.mean() < _EDGES or not (same.all() or min(height, width) < SMALL):
        return None
    # Few pixels are not the ground's, and nothing is reckoned for the others.
    unlike = np.flatnonzero(pixels.reshape(height, -1) != np.tile(every[first], width)) // 3
    unlike = unlike[np.diff(unlike, prepend=-1) > 0]
    away = (colours(pixels.reshape(-1, 3)[unlike]) - edges[first]).T
    above, below = np.maximum.reduce(away), -np.minimum.reduce(away)
    if not same.all() and np.count_nonzero(np.maximum(above, below) > _SAME) > (1 - _GROUND) * height * width:
        return None
    least, most = sorted((float(above.max(initial=0)), float(below.max(initial=0))))
    if least > _SAME or most < _FAR:
        return None
    dark = float(below.max()) == most
    flat = np.zeros(height * width, np.float32)
    flat[unlike] = (below if dark else above) / np.float32(most)
    if np.count_nonzero(flat > _LOW) > _MOST * flat.size:
        return None
    return Sheet(flat.reshape(height, width), _LOW, _HIGH, 1.0, dark, 1.0)


def inside(page: Sheet) -> bool:
    """Whether no ink touches the edges."""
    edges = (page.flat[0], page.flat[-1], page.flat[:, 0], page.flat[:, -1])
    return all(float(edge.max()) < page.low for edge in edges)
