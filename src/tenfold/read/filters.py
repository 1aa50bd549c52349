"""What finding digits needs of image processing, in numpy: importing scipy.ndimage was a third of a cold start."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tenfold.read import limits

Bools = NDArray[np.bool_]
Box = tuple[slice, slice]  # rows and columns


def components(mask: Bools, *, corners: bool = True) -> tuple[NDArray[np.int32], list[Box]]:
    """The connected parts of a mask (H, W): their numbers from 1 at each of their pixels, else 0, and their boxes.

    Parts are numbered by their first pixels, row by row. Pixels that touch at their corners alone are connected, unless
    `corners` is false. Runs of a row are joined with those of the next one that they touch: the lower number is handed
    on to what is hung on what (as in FastSV, Y. Zhang and others 2020).
    """
    height, width = mask.shape
    across = width + 2  # so that no run goes on in the next row, or touches one over the edge
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).ravel().view(np.int8), prepend=np.int8(0))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    first = np.searchsorted(ends, starts + across, "left" if corners else "right")
    last = np.searchsorted(starts, ends + across, "right" if corners else "left")
    counts = np.maximum(last - first, 0)
    upper = np.repeat(np.arange(len(starts)), counts)
    lower = np.arange(len(upper)) + np.repeat(first - (np.cumsum(counts) - counts), counts)
    root = np.arange(len(starts))
    while len(upper):
        limits.check()
        low = np.minimum(root[upper], root[lower])
        hung = root.copy()
        np.minimum.at(hung, root[upper], low)
        np.minimum.at(hung, root[lower], low)
        hung = hung[hung]
        if np.array_equal(hung, root):
            break
        root = hung
    roots, numbers = np.unique(root, return_inverse=True)
    painted = np.zeros(height * across, np.int32)
    painted[starts], painted[ends] = numbers + 1, -(numbers + 1)
    labels = np.cumsum(painted, dtype=np.int32).reshape(height, across)[:, 1:-1]
    far = np.full((4, len(roots)), np.iinfo(np.int64).max)  # top, left, and the negatives of bottom and right
    rows = starts // across
    for side, values in zip(far, (rows, starts % across - 1, -rows - 1, 1 - ends % across), strict=True):
        np.minimum.at(side, numbers, values)
    return labels, [(slice(top, -bottom), slice(left, -right)) for top, left, bottom, right in far.T.tolist()]


def filled(mask: Bools) -> Bools:
    """A mask (H, W) with the holes that it goes all round."""
    labels, boxes = components(~np.pad(mask, 1), corners=False)
    return labels[1:-1, 1:-1] != 1 if boxes else mask


def dilated(mask: Bools, times: int) -> Bools:
    """A mask (H, W) and the pixels to its left and right, above and below, so many times."""
    for _ in range(times):
        limits.check()
        wider = mask.copy()
        wider[1:] |= mask[:-1]
        wider[:-1] |= mask[1:]
        wider[:, 1:] |= mask[:, :-1]
        wider[:, :-1] |= mask[:, 1:]
        mask = wider
    return mask


def extreme(values: NDArray[Any], size: int, axis: int, *, least: bool = False) -> NDArray[Any]:
    """The greatest value, or the least, of each `size` in a row along an axis, `size` being odd; fewer at the ends."""
    pick = np.minimum if least else np.maximum
    length = values.shape[axis]
    beside = [(size // 2, size // 2) if k == axis else (0, 0) for k in range(values.ndim)]
    wide = np.moveaxis(np.pad(values, beside, mode="edge"), axis, 0)
    covered = 1
    while 2 * covered <= size:
        limits.check()
        wide = pick(wide[:-covered], wide[covered:])
        covered *= 2
    return np.moveaxis(pick(wide[:length], wide[size - covered :][:length]), 0, axis)


def closed(values: NDArray[Any], size: int) -> NDArray[Any]:
    """What is darker than its surroundings (H, W) and narrower than a square of `size`, which is odd, is as bright."""
    for least in (False, True):
        for axis in (0, 1):
            values = extreme(values, size, axis, least=least)
    return values


def mean(values: NDArray[np.float32], size: int, axis: int) -> NDArray[np.float32]:
    """The mean of each `size` values in a row along an axis, `size` being odd; mirrored at the ends."""
    beside = [(size // 2 + 1, size // 2) if k == axis else (0, 0) for k in range(values.ndim)]
    sums = np.moveaxis(np.cumsum(np.pad(values, beside, mode="symmetric"), axis=axis, dtype=np.float64), axis, 0)
    means: NDArray[np.float32] = np.moveaxis((sums[size:] - sums[:-size]) / size, 0, axis).astype(np.float32)
    return means


def gaussian(values: NDArray[np.float32], deviation: float, *, edge: bool = False) -> NDArray[np.float32]:
    """Values (H, W) blurred by a Gaussian of a deviation in pixels; mirrored at the edges, or with `edge` repeated."""
    reach = int(4 * deviation + 0.5)
    weights = np.exp(-0.5 * (np.arange(reach + 1) / deviation) ** 2)
    weights = (weights / (2 * weights.sum() - 1)).astype(np.float32)
    for axis in (0, 1):
        beside = [(reach, reach) if k == axis else (0, 0) for k in range(2)]
        wide = np.moveaxis(np.pad(values, beside, mode="edge" if edge else "symmetric"), axis, 0)
        length = values.shape[axis]
        blurred = weights[0] * wide[reach : reach + length]
        both = np.empty_like(blurred)
        for k in range(1, reach + 1):
            limits.check()
            np.add(wide[reach - k :][:length], wide[reach + k :][:length], out=both)
            both *= weights[k]
            blurred += both
        values = np.moveaxis(blurred, 0, axis)
    return np.ascontiguousarray(values)


def median(values: ArrayLike) -> float:
    """The median of some numbers, without the masked arrays whose import by numpy's own takes 30 ms; nan of none."""
    flat = np.array(values, float).ravel()
    if not len(flat):
        return float("nan")
    below, above = (len(flat) - 1) // 2, len(flat) // 2
    flat.partition((below, above))
    return float(flat[below] + flat[above]) / 2
