"""Clean pictures: strokes on a ground of one colour, as MNIST's own files and drawing pages have it.

There the paper and the light need not be estimated: ink is how far a colour is from the ground. What is not clean, or
not plainly digits, is left to the general way.
"""

from itertools import pairwise

import numpy as np

from tenfold.read.decode import Colours
from tenfold.read.finding.paper import SMALL, Sheet
from tenfold.read.finding.segments import Segment

FEW = 40  # pieces: a page with more is seldom all plain, and takes long to look at twice
_SAME = 2.5 / 255  # of full brightness: colours no further apart are one
_FAR = 0.2  # of full brightness: the strongest ink is at least this far from the ground
_LOW, _HIGH = 0.3, 0.6  # of the strongest: from here on it is ink, and surely ink
_MOST = 0.4  # of the picture: more is no writing
_ALL = 0.9  # of the ink is in the digits: the rest is specks
_APART = 2  # pixels between neighbours in a small picture
_SIZES = 0.6  # the height of the lowest digit over that of the tallest


def sheet(colours: Colours) -> Sheet | None:
    """How far each pixel is from the ground, the strongest ink as 1; None where the picture is not clean.

    The ground is the colour of all four edges, and all ink is on one side of it, darker or brighter.
    """
    ground = colours[0, 0]
    edges = (colours[0], colours[-1], colours[:, 0], colours[:, -1])
    if any(float(np.abs(edge - ground).max()) > _SAME for edge in edges):
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


def certainty(page: Sheet, rows: list[list[Segment]]) -> float:
    """The least probability of the digits on a clean page; 0 unless they are whole, of one height, and all there is.

    In a small picture strokes beside each other may touch or not, which the general way sees better, enlarged.
    """
    segments = [segment for row in rows for segment in row]
    if not segments or not all(segment.digit and not segment.cut for segment in segments):
        return 0.0
    heights = [segment.piece.height for segment in segments]
    some_left = sum(s.piece.mass for s in segments) < _ALL * np.count_nonzero(page.flat > page.low)
    close = any(b.piece.left - a.piece.right < _APART for row in rows for a, b in pairwise(row))
    if some_left or min(heights) < _SIZES * max(heights) or (close and min(page.flat.shape) < SMALL):
        return 0.0
    return min(segment.probability for segment in segments)
