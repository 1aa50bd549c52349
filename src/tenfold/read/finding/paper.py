"""Colours to ink: the light and the paper taken away, dark ink or light ink alike."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tenfold.read import filters, limits
from tenfold.read.decode import Colours, Pixels, fitting
from tenfold.read.decode import colours as in_colours

Ink = NDArray[np.float32]  # (H, W), 0 where there is paper, 1 where the ink is full

COARSE = 128  # pixels of the longer side, at which the paper is estimated
TINY = 24  # pixels, at which it is decided whether ink is dark or light
REACH = 0.3  # of the shorter side: what is narrower than this, and unlike what is around it, is ink
_CROWDED = 0.3  # of a picture: where more is ink it is a tight crop, of which
_DISTINCT = 5.0  # deviations of the paper are between it and the ink
_TIGHT = 0.4  # at least is paper
_AS_DARK = 0.04  # of full brightness may be between the paper in a shadow and that beside it
_EDGE = 0.06  # of full brightness lie between neighbours of the coarse paper where light ends hard
_SHEET, _SHEET_ENDS = 0.08, 0.3  # of a picture is a sheet on a table at least, and of its edges at most,
_FILLED, _BRIGHTER = 0.85, 0.25  # of its outline is as bright as it, and of full brightness it is so far from the table
_SQUARE = 1.2  # times the area between its corners it has at most: what is round has more
_RIM = 5  # pixels of the coarse picture: a window, in which the edge of a sheet is no ink
_CLEAR = 0.1  # of the clearest channel's skewness: what has less shows no ink
_BINS = 128  # of a histogram
_SAMPLE = 200  # rows and columns at least, in which noise is measured
FAINT = 0.055  # of the paper's brightness: less than this is never ink
ROUGH = 0.4  # of the darkest: where noise reaches this, it is smoothed
TEXTURE = 0.7  # of the darkest: where noise reaches this, nothing stands out from it
_SAME = 2.5 / 255  # of full brightness: colours no further apart are one
_COMMON = 0.35  # of the edges have the ground's colour,
_GROUND = 0.25  # and so much of a picture whose ink touches them
_FAR = 0.2  # of full brightness: the strongest ink is at least this far from the ground
_SOFT, _FULL = 0.3, 0.6  # of the strongest: from here on it is ink, and surely ink
_WRITING = 0.6  # of the picture: more is no writing
SMALL = 112  # pixels: smaller pictures are enlarged to about this, so that strokes are wider than a pixel


@dataclass(frozen=True)
class Sheet:
    """A picture's ink under one assumption, dark on light or light on dark."""

    flat: Ink  # how far each pixel differs from the paper beside it, 1 where it is all dark (or all light)
    low: float  # from here on a pixel is ink if it is joined to one that is surely ink,
    high: float  # which is one from here on; both 0 for a blank sheet
    full: float  # what the inside of a stroke has
    dark: bool  # ink dark on light
    zoom: float  # pixels of `flat` to one of the colours it was made from

    @property
    def blank(self) -> bool:
        """Whether there is no ink at all."""
        return self.high == 0

    @property
    def inside(self) -> bool:
        """Whether no ink touches the edges."""
        edges = (self.flat[0], self.flat[-1], self.flat[:, 0], self.flat[:, -1])
        return all(float(edge.max()) < self.low for edge in edges)

    @property
    def ink(self) -> Ink:
        """Ink from 0 to 1, soft at its edges."""
        if self.blank:
            return np.zeros_like(self.flat)
        floor = self.low * 0.6
        soft: Ink = np.clip((self.flat - floor) / (self.full - floor), 0, 1)
        return soft


def clean(pixels: Pixels) -> Sheet | None:
    """How far each pixel (H, W, 3) is from the ground, the strongest ink as 1; None where the picture is not clean.

    Strokes on a ground of one colour, as MNIST's own files and drawing pages have it, need no estimate of paper and
    light. The ground is the commonest colour of the four edges, which ink may touch in a small, tight crop; all ink is
    on one side of it, darker or brighter.
    """
    height, width, _ = pixels.shape
    every = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])  # (N, 3)
    edges = in_colours(every)
    bytes_ = (edges * 255).round().astype(np.int64) @ (1, 256, 65_536)
    values, counts = np.unique(bytes_, return_counts=True)
    first = int(np.argmax(bytes_ == values[counts.argmax()]))
    same = np.abs(edges - edges[first]).max(axis=1) <= _SAME
    if same.mean() < _COMMON or not (same.all() or min(height, width) < SMALL):
        return None
    # Few pixels are not the ground's, and nothing is reckoned for the others.
    unlike = np.flatnonzero(pixels.reshape(height, -1) != np.tile(every[first], width)) // 3
    unlike = unlike[np.diff(unlike, prepend=-1) > 0]
    away = (in_colours(pixels.reshape(-1, 3)[unlike]) - edges[first]).T
    above, below = np.maximum.reduce(away), -np.minimum.reduce(away)
    if not same.all() and np.count_nonzero(np.maximum(above, below) > _SAME) > (1 - _GROUND) * height * width:
        return None
    least, most = sorted((float(above.max(initial=0)), float(below.max(initial=0))))
    if least > _SAME or most < _FAR:
        return None
    dark = float(below.max()) == most
    flat = np.zeros(height * width, np.float32)
    flat[unlike] = (below if dark else above) / np.float32(most)
    if np.count_nonzero(flat > _SOFT) > _WRITING * flat.size:
        return None
    return Sheet(flat.reshape(height, width), _SOFT, _FULL, 1.0, dark, 1.0)


def sheets(colours: Colours) -> Iterator[Sheet]:
    """The picture's ink, the likelier of dark ink and light ink first; blank ones are left out.

    The paper is what remains when everything narrow is closed by its surroundings (grey-scale morphology, J. Serra
    1982), found on a small copy. Ink is how far a pixel is from the paper there, for dark ink relative to the paper's
    brightness, so that shadows and uneven light go away.
    """
    zoom = 1.0
    height, width = colours.shape[:2]
    if min(height, width) < SMALL:
        zoom = float(min(8, np.ceil(SMALL / min(height, width)), max(1, 1200 // max(height, width))))
    channels = _alike(_channels(colours))
    first = _lopsided(channels) <= 0
    for dark in (first, not first):
        values = _mixed([channel if dark else 1 - channel for channel in channels])
        if zoom > 1:
            values = _resized(values, (int(width * zoom), int(height * zoom)), Image.Resampling.BICUBIC).clip(0, 1)
        sheet = _sheet(values, dark, zoom)
        if not sheet.blank:
            yield sheet


def lying(colours: Colours) -> NDArray[np.bool_] | None:
    """Where a sheet or a plate is on something else, without its edge: bool (H, W); None where none is to be seen."""
    size = fitting(colours.shape[1], colours.shape[0], COARSE)
    for channel in _channels(colours):
        coarse = _resized(channel, size, Image.Resampling.BOX)
        for values in (coarse, 1 - coarse):
            if (whole := _area(values)) is not None:
                inner = filters.extreme(filters.extreme(whole, _RIM, 0, least=True), _RIM, 1, least=True)
                return np.asarray(Image.fromarray(inner).resize(colours.shape[1::-1], Image.Resampling.NEAREST))
    return None


def _area(values: Ink) -> NDArray[np.bool_] | None:
    """The area (H, W) that is most of what is bright, has four corners, and little on it that is not as bright."""
    bright = values > otsu(values)
    labels, boxes = filters.components(bright, corners=False)
    if not boxes:
        return None
    own = labels == np.bincount(labels.ravel())[1:].argmax() + 1
    whole = filters.filled(own)
    most, area = np.count_nonzero(own), np.count_nonzero(whole)
    edges = np.concatenate([whole[0], whole[-1], whole[:, 0], whole[:, -1]])
    if not (_SHEET * whole.size < area < (1 - _SHEET) * whole.size and edges.mean() < _SHEET_ENDS):
        return None
    filled = min(area / _four(whole), most / area, most / np.count_nonzero(bright))
    apart = filters.median(values[own]) - filters.median(values[~whole])
    return whole if filled > _FILLED and area < _SQUARE * _four(whole) and apart > _BRIGHTER else None


def _four(mask: NDArray[np.bool_]) -> float:
    """The area in pixels between four corners of a mask: those farthest in the corners of its box, or on its sides."""
    y, x = (each.astype(float) for each in np.nonzero(mask))
    areas = []
    for one, other in ((x + y, x - y), (x, y)):
        corners = [one.argmin(), other.argmax(), one.argmax(), other.argmin()]
        xs, ys = x[corners], y[corners]
        areas.append(abs(float(xs @ np.roll(ys, -1) - ys @ np.roll(xs, -1))) / 2)
    return max(1.0, *areas)


def _mixed(channels: list[Ink]) -> Ink:
    """One grey in which every colour counts as much as the ink, darker than its paper, shows in it."""
    if len(channels) == 1:
        return channels[0]
    size = fitting(channels[0].shape[1], channels[0].shape[0], COARSE)
    small = [_resized(channel, size, Image.Resampling.BOX) for channel in channels]
    papers = [_paper(each) for each in small]
    shown = [np.square(np.maximum(paper - each, 0)).mean() for paper, each in zip(papers, small, strict=True)]
    weights = np.array(shown, np.float32) + np.float32(1e-12)
    weights /= weights.sum()
    mixed: Ink = sum(w * channel for w, channel in zip(weights, channels, strict=True))
    return mixed


def _paper(small: Ink) -> Ink:
    """What remains of a small picture when all that is dark and narrow is closed by its surroundings."""
    window = max(3, int(REACH * min(small.shape)) | 1)
    paper = filters.closed(_without_specks(small), window)
    return filters.gaussian(paper, window / 48, edge=True)


def _without_specks(values: Ink) -> Ink:
    """The median of 3 x 3 pixels, from the sorted three of each column: ten times as fast as one of any size."""
    padded = np.pad(values, 1, mode="edge")
    low, middle, high = (
        _sorted(part[:, :-2], part[:, 1:-1], part[:, 2:]) for part in _sorted(padded[:-2], padded[1:-1], padded[2:])
    )
    return _sorted(low[2], middle[1], high[0])[1]


def _sorted(a: Ink, b: Ink, c: Ink) -> tuple[Ink, Ink, Ink]:
    """The least, the middle and the largest of three values each."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    return np.minimum(low, c), np.maximum(low, np.minimum(high, c)), np.maximum(high, c)


def _alike(channels: list[Ink]) -> list[Ink]:
    """The channels, turned round where ink is brighter in them and in the clearest one it is darker, or the reverse."""
    if len(channels) == 1:
        return channels
    skews = [_lopsided([channel]) for channel in channels]
    clearest = max(skews, key=abs)
    against = [skew * clearest < 0 and abs(skew) > _CLEAR * abs(clearest) for skew in skews]
    return [1 - channel if other else channel for channel, other in zip(channels, against, strict=True)]


def _lopsided(channels: list[Ink]) -> float:
    """Whether what differs most from its surroundings is brighter (above 0) or darker: the third moment."""
    height, width = channels[0].shape
    size = fitting(width, height, TINY)
    small = np.mean([_resized(c, size, Image.Resampling.BOX) for c in channels], axis=0)
    window = max(3, int(0.6 * min(size)) | 1)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(small, window // 2, mode="edge"), (window, window))
    away = small - np.partition(around.reshape(*small.shape, -1), window**2 // 2)[..., window**2 // 2]
    return float(np.mean(away**3))


def _channels(colours: Colours) -> list[Ink]:
    """The three colours, or a single grey where there are none."""
    red, green, blue = (np.ascontiguousarray(colours[..., k]) for k in range(3))
    if max(float(np.abs(red - green).max()), float(np.abs(green - blue).max())) < 0.02:
        return [green]
    return [red, green, blue]


def _sheet(values: Ink, dark: bool, zoom: float) -> Sheet:
    height, width = values.shape
    coarse = _paper(_resized(values, fitting(width, height, COARSE), Image.Resampling.BOX))
    paper = _resized(coarse, (width, height), Image.Resampling.BILINEAR)
    hard = max(float(np.abs(np.diff(coarse, axis=k)).max(initial=0)) for k in (0, 1)) > _EDGE
    if hard:  # a shadow's edge is sharper than that
        window = max(3, int(REACH * min(values.shape)) | 1)
        paper = np.minimum(paper, filters.closed(values, window))
    flat = np.maximum(paper - values, 0)
    if dark:
        flat /= np.maximum(paper, 0.2)
    if zoom == 1 and max(height, width) > 500:
        flat = filters.gaussian(flat, 0.7)
    sheet = thresholds(flat, dark, zoom)
    if hard and not sheet.blank and _erase_wedges(flat, values, paper, sheet.low):
        sheet = thresholds(flat, dark, zoom)
    return sheet


def _erase_wedges(flat: Ink, values: Ink, paper: Ink, low: float) -> int:
    """Erase what is as dark as paper near it and ends at the picture's edge, as a shadow does; how many pieces."""
    labels, boxes = filters.components(flat > low, corners=False)
    edges = {*labels[0].tolist(), *labels[-1].tolist(), *labels[:, 0].tolist(), *labels[:, -1].tolist()}
    erased, around = 0, int(REACH * min(flat.shape) / 2)
    for number, place in enumerate(boxes, 1):
        if number not in edges:
            continue
        limits.check()
        rows, columns = (slice(max(0, part.start - around), part.stop + around) for part in place)
        own = labels[place] == number
        if abs(filters.median(values[place][own]) - float(paper[rows, columns].min())) < _AS_DARK:
            flat[place][own] = 0
            erased += 1
    return erased


def thresholds(flat: Ink, dark: bool, zoom: float) -> Sheet:
    """Where ink begins: above the noise; what is surely ink, where N. Otsu's method (1979) cuts the rest in two."""
    least = _least(flat)
    if least > ROUGH * float(flat.max()):  # rough paper, or a camera in the dark: strokes are wider than the grain
        flat = filters.gaussian(flat, max(1.0, min(flat.shape) / 130))
        least = _least(flat)
    above = flat[flat > least]
    if above.size < 6 or least > TEXTURE * float(above.max()):
        return Sheet(flat, 0.0, 0.0, 1.0, dark, zoom)
    cut = otsu(above)
    full = max(filters.median(above[above > cut]) if (above > cut).any() else cut, least * 1.2)
    high = max(least, min(cut, 0.6 * full))
    low = max(least, 0.5 * high)
    return Sheet(flat, low, high, full, dark, zoom)


def _least(flat: Ink) -> float:
    """The least that may be ink, above the noise: its standard deviation is taken from below the median of the paper.

    In a tight crop much is ink, and less of the rest is paper for certain.
    """
    sample = flat[:: max(1, flat.shape[0] // _SAMPLE), :: max(1, flat.shape[1] // _SAMPLE)]
    ink = sample > otsu(sample)
    apart = float(sample[ink].mean() - sample[~ink].mean()) if ink.any() and not ink.all() else 0.0
    crowded = ink.mean() > _CROWDED and apart > _DISTINCT * float(sample[~ink].std())  # and not one cloud of noise
    share = _TIGHT if crowded else 1.0
    ordered = np.sort(sample, axis=None)
    quarter, middle = (float(ordered[int(part * share * ordered.size)]) for part in (0.25, 0.5))
    return max(FAINT, middle + 4.5 * (middle - quarter) / 0.6745)


def otsu(values: NDArray[np.float32]) -> float:
    """The value that parts the others into two classes with the least variance inside them (N. Otsu 1979)."""
    low, high = float(values.min()), float(values.max())
    edges = np.linspace(low, high, _BINS + 1)
    bins = ((values - low) * (_BINS / max(high - low, 1e-12))).astype(np.intp).ravel()
    counts = np.bincount(np.minimum(bins, _BINS - 1), minlength=_BINS)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * np.square(sums / below - (sums[-1] - sums) / above)
    best = np.nan_to_num(between)
    # Where several cuts are as good, as between two far-off values, the middle one.
    tied = np.flatnonzero(best >= best.max() * (1 - 1e-9))
    return float(edges[int(tied.mean()) + 1])


def _resized(values: Ink, size: tuple[int, int], how: Image.Resampling) -> Ink:
    return np.asarray(Image.fromarray(values).resize(size, how))
