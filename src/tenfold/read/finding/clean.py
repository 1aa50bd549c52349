"""Clean pictures: strokes on a ground of one colour, as MNIST's own files and drawing pages have it.

There the paper and the light need not be estimated: ink is how far a colour is from the ground. What is not clean, or
not plainly digits, is left to the general way.
"""

import numpy as np

from tenfold.read.decode import Colours
from tenfold.read.finding.paper import SMALL, Sheet

_SAME = 2.5 / 255  # of full brightness: colours no further apart are one
_EDGES = 0.35  # of the edges have the ground's colour,
_GROUND = 0.25  # and so much of a picture whose ink touches them
_FAR = 0.2  # of full brightness: the strongest ink is at least this far from the ground
_LOW, _HIGH = 0.3, 0.6  # of the strongest: from here on it is ink, and surely ink
_MOST = 0.6  # of the picture: more is no writing


def sheet(colours: Colours) -> Sheet | None:
    """How far each pixel is from the ground, the strongest ink as 1; None where the picture is not clean.

    The ground is the commonest colour of the four edges, which ink may touch in a small, tight crop; all ink is on one
    side of it, darker or brighter.
    """
    edges = np.concatenate([colours[0], colours[-1], colours[:, 0], colours[:, -1]])  # (N, 3)
    bytes_ = (edges * 255).round().astype(np.int64) @ (1, 256, 65_536)
    values, counts = np.unique(bytes_, return_counts=True)
    ground = edges[int(np.argmax(bytes_ == values[counts.argmax()]))]
    same = np.abs(edges - ground).max(axis=1) <= _SAME
    if same.mean() < _EDGES:
        return None
    small = min(colours.shape[:2]) < SMALL
    if not same.all() and (not small or np.mean(np.abs(colours - ground).max(axis=2) <= _SAME) < _GROUND):
        return None
    red, green, blue = (colours[..., k] - ground[k] for k in range(3))
    above, below = np.maximum(np.maximum(red, green), blue), -np.minimum(np.minimum(red, green), blue)
    least, most = sorted((float(above.max()), float(below.max())))
    if least > _SAME or most < _FAR:
        return None
    dark = bool(below.max() > above.max())
    flat = (below if dark else above) / np.float32(most)
    if np.count_nonzero(flat > _LOW) > _MOST * flat.size:
        return None
    return Sheet(flat, _LOW, _HIGH, 1.0, dark, 1.0)


def inside(page: Sheet) -> bool:
    """Whether no ink touches the edges."""
    edges = (page.flat[0], page.flat[-1], page.flat[:, 0], page.flat[:, -1])
    return all(float(edge.max()) < page.low for edge in edges)
