"""Lines written from glyphs: one hand and one pen a line, glyphs from overlapping to far apart, or each in its cell."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from tenfold.learn.digits.pens import SCALE, UNIT
from tenfold.learn.lines.glyphs import SOURCES, Glyphs
from tenfold.learn.lines.texts import HIDDEN, Line

HEIGHT = 40  # pixels: of every line
PATCH = 56  # pixels: the width in which a glyph is drawn
WIDEST = 400  # pixels: what is longer is cut off
_SIDE = 64  # pixels of the sheet before and after the line, for what stands out
_OUT = 6.0  # pixels from the ink at which the field ends

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Written:
    """Lines in ink on nothing, and what paper and rulings go by, all in pixels."""

    ink: Tensor  # float (B, HEIGHT, W) in [0, 1]
    widths: NDArray[np.int64]  # (B,)
    heights: Floats  # of digits
    middles: Floats  # of digits, from above
    starts: Floats  # of the first cell, from the left
    pitches: Floats  # of the cells; 0 where there are none
    cells: NDArray[np.int64]  # how many
    seen: NDArray[np.bool_]  # (B, K): which signs are neither hidden by others nor cut off


def write(lines: Sequence[Line], glyphs: Glyphs, generator: np.random.Generator) -> Written:
    """The lines in ink."""
    g, size, longest = generator, len(lines), max(len(line.drawn) for line in lines)
    shape = (size, longest)
    chosen, digit, real = _choose(lines, glyphs, g, longest)
    uniform, normal = g.uniform, g.normal
    # One hand a line: its size, width, slant, and how even it is; some of it varies from glyph to glyph.
    height = np.where(g.random(size) < 0.8, uniform(17, 31, size), uniform(28, 38, size))
    tails = np.array(["," in line.drawn for line in lines])  # below the feet of digits, and to be seen
    height = np.where(tails, np.minimum(height, 29), height)
    uneven = uniform(0, 1, size)[:, None]
    middle = HEIGHT / 2 + uniform(-1, 1, size) * (np.maximum((HEIGHT - height) / 2, 0) + 1.5)
    middle = np.where(tails, np.minimum(middle, HEIGHT - 0.75 * height), middle)
    scale = (height / 20)[:, None] * np.exp(normal(0, 0.1, shape) * uneven)
    scale *= np.where(digit, 1, np.exp(normal(0, 0.15, shape)))
    lesser = (g.random((size, 1)) < 0.1) & (np.cumsum(real, 1) > longest // 2)  # cents, or zeros made in haste
    scale *= np.where(lesser, uniform(0.55, 0.85, (size, 1)), 1)
    wide = np.exp(normal(0, 0.14, (size, 1)) + normal(0, 0.08, shape))
    closing, small = (_are(signs, lines, longest) for signs in ("-=~", HIDDEN))
    wide *= np.where(closing & (g.random((size, 1)) < 0.4), uniform(1, 2.2, shape), 1)
    slant = normal(0.08, 0.22, (size, 1)) + normal(0, 0.07, shape) * uneven
    turn = normal(0, 0.07, shape) * np.where(digit, 1, 0.3)
    up = middle[:, None] + normal(0, 1.3, shape) * uneven * (height / 25)[:, None]
    field = _fields(glyphs, chosen, scale, height, g)
    grid = _grid(scale, wide, slant, turn, up, uneven, g)
    patches = F.grid_sample(field[:, None] + _OUT, grid, align_corners=False).sub_(_OUT)[:, 0]
    patches.add_(0.5).clamp_(0, 1).mul_(torch.from_numpy(real.reshape(-1, 1, 1)))
    ink = patches.numpy().reshape(size, longest, HEIGHT, PATCH)
    cells = np.array([len(line.drawn) for line in lines])
    starts, pitches = _cells(height, cells, g)
    space = _are(" ", lines, longest) * (height * uniform(0.2, 0.8, size))[:, None]
    places, widths = _places(ink, real, digit, space, starts, pitches, cells, g)
    widest = -(-int(widths.max()) // 8) * 8
    sheet = np.zeros((size, HEIGHT, widest + 2 * _SIDE + PATCH), np.float32)
    for row, (canvas, line) in enumerate(zip(sheet, lines, strict=True)):
        for k in range(len(line.drawn)):
            at = places[row, k] + _SIDE
            if 0 <= at <= widest + 2 * _SIDE:
                part = canvas[:, at : at + PATCH]
                np.maximum(part, ink[row, k], out=part)
    seen = _seen(ink, places, widths, real, small)
    sheet = sheet[:, :, _SIDE : _SIDE + widest]
    return Written(torch.from_numpy(sheet.copy()), widths, height, middle, starts, pitches, cells, seen)


def _are(signs: str, lines: Sequence[Line], longest: int) -> NDArray[np.bool_]:
    """Which signs of the lines are one of these, (B, K)."""
    return np.array([[sign in signs for sign in line.drawn] + [False] * (longest - len(line.drawn)) for line in lines])


def _seen(
    ink: NDArray[np.float32],
    places: NDArray[np.int64],
    widths: NDArray[np.int64],
    real: NDArray[np.bool_],
    small: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Which signs a reader can see: half of a sign's ink is inside of the line, and of small ones apart from others."""
    on = ink > 0.3  # (B, K, HEIGHT, PATCH)
    near = on.copy()
    for axis in (2, 3):  # and a pixel around it
        wide = np.moveaxis(near, axis, 0)
        wide[1:], wide[:-1] = wide[1:] | wide[:-1], wide[:-1] | wide[1:]
    seen = real.copy()
    for row in range(len(ink)):
        covers = np.zeros((HEIGHT, int(widths[row]) + 2 * PATCH), np.uint8)  # how many signs have ink there
        spans = []
        for k in np.flatnonzero(real[row]):
            at = int(np.clip(places[row, k] + PATCH, 0, covers.shape[1] - PATCH))
            covers[:, at : at + PATCH] += near[row, k]
            spans.append((k, at))
        covers[:, :PATCH] = covers[:, PATCH + int(widths[row]) :] = 255
        for k, at in spans:
            mine, over = on[row, k], covers[:, at : at + PATCH]
            shown = np.count_nonzero(mine & (over <= 1 if small[row, k] else over < 255))
            seen[row, k] = 2 * shown >= np.count_nonzero(mine) > 0
    return seen


def _choose(
    lines: Sequence[Line], glyphs: Glyphs, g: np.random.Generator, longest: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Which glyph is written where, whether it is a digit, and whether there is any: (B, K) each.

    A hand has one way to write a digit, and often writes it quite alike twice.
    """
    chosen = np.zeros((len(lines), longest), np.int64)
    digit, real = np.zeros(chosen.shape, bool), np.zeros(chosen.shape, bool)
    for row, line in enumerate(lines):
        shares = [(0.9, 0.05, 0.05), (0.35, 0.15, 0.5), (0.1, 0.2, 0.7)][g.choice(3, p=[0.4, 0.35, 0.25])]
        ways: dict[str, str] = {}
        before: dict[str, int] = {}
        alike = g.choice([0.0, 0.5, 0.95])
        for k, sign in enumerate(line.drawn):
            digit[row, k], real[row, k] = sign.isdigit(), sign != " "
            if sign == " ":
                continue
            way = ways.setdefault(sign, str(g.choice(SOURCES, p=shares)) if sign.isdigit() else "hand")
            some = glyphs.index[way, sign]
            again = sign in before and g.random() < alike
            before[sign] = chosen[row, k] = before[sign] if again else some[g.integers(len(some))]
    return chosen, digit, real


def _fields(glyphs: Glyphs, chosen: NDArray[np.int64], scale: Floats, height: Floats, g: np.random.Generator) -> Tensor:
    """How deep each point is in the ink, in the line's pixels and below 0 outside: float (B * K, 56, 56).

    With most pens a stroke is as wide as the pen; the others leave the digits as MNIST has them.
    """
    size, longest = chosen.shape
    flat, scales = chosen.ravel(), torch.from_numpy(scale.astype(np.float32).reshape(-1, 1, 1))
    pen = np.exp(g.uniform(np.log(1.15), np.log(5.0), size)) * np.clip(height / 27, 0.7, 1.15)
    pens = torch.from_numpy(np.repeat(pen, longest).astype(np.float32))[:, None, None]
    pens = pens * torch.from_numpy(np.exp(g.normal(0, 0.06, len(flat))).astype(np.float32))[:, None, None]
    field = pens / 2 - torch.from_numpy(glyphs.distances[flat]).float() * scales / (UNIT * SCALE)
    own = np.repeat(g.random(size) < 0.35, longest)
    if own.any():
        images = torch.from_numpy(glyphs.images[flat[own]]).float()[:, None] / 255
        larger = F.interpolate(images, scale_factor=SCALE, mode="bilinear", align_corners=False)[:, 0]
        more = torch.from_numpy(np.repeat(g.uniform(-0.3, 0.9, size), longest)[own].astype(np.float32))
        steep = 1.8 * scales[torch.from_numpy(own)]
        bolder = more[:, None, None].minimum(0.45 * steep - 0.5)  # as far as empty paper stays so
        field[torch.from_numpy(own)] = (larger - 0.45) * steep + bolder
    return field.clamp_(-_OUT, _OUT)


def _grid(
    scale: Floats, wide: Floats, slant: Floats, turn: Floats, up: Floats, uneven: Floats, g: np.random.Generator
) -> Tensor:
    """Where each pixel of each patch lies in its glyph, for `grid_sample`: float (B * K, HEIGHT, PATCH, 2).

    Glyphs are scaled, slanted, turned, and bent a little: a larger upper or lower half, bows and waves.
    """
    bends = (uneven * np.ones_like(scale)).ravel() * (g.random(scale.size) < 0.7)

    def each(values: Floats) -> Tensor:
        return torch.from_numpy(values.ravel().astype(np.float32))[:, None, None]

    def bend(deviation: float) -> Tensor:
        return each(g.normal(0, deviation, scale.size) * bends)

    def wave(along: Tensor) -> Tensor:
        return torch.sin(along * each(g.uniform(0.2, 0.5, scale.size)) + each(g.uniform(0, 2 * np.pi, scale.size)))

    x = torch.arange(PATCH, dtype=torch.float32) - PATCH / 2 + 0.5
    y = torch.arange(HEIGHT, dtype=torch.float32)[:, None] + 0.5 - each(up)
    u, v = (x + each(slant) * y) / each(scale * wide), y / each(scale)
    larger = (v**2 - 36) / 10
    u, v = u + bend(0.1) * larger + bend(0.6) * wave(v), v + bend(0.13) * larger + bend(0.5) * wave(v)
    v = v + bend(0.5) * wave(u)
    cos, sin = each(np.cos(turn)), each(np.sin(turn))
    return torch.stack([(cos * u + sin * v) / 14, (cos * v - sin * u) / 14], -1)


def _cells(height: Floats, cells: NDArray[np.int64], g: np.random.Generator) -> tuple[Floats, Floats]:
    """Where there are cells, one a glyph: the first one's start, and their pitch, which is 0 where there are none."""
    size = len(height)
    pitches = np.clip(height * g.uniform(0.75, 1.5, size), 18, np.clip((WIDEST - 12) / cells, 18, 48))
    pitches = np.where(g.random(size) < 0.14, pitches, 0)
    return g.uniform(-2, 10, size), pitches


def _places(
    ink: NDArray[np.float32],
    real: NDArray[np.bool_],
    digit: NDArray[np.bool_],
    space: Floats,
    starts: Floats,
    pitches: Floats,
    cells: NDArray[np.int64],
    g: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each patch begins, (B, K), and how wide each line is, (B,)."""
    size, longest = real.shape
    on = ink > 0.3
    some = on.any(-1)  # (B, K, HEIGHT): the rows of a patch that have ink, and where it begins and ends there
    left = np.where(some, on.argmax(-1), 10_000)
    right = np.where(some, PATCH - 1 - on[..., ::-1].argmax(-1), -10_000)
    padded = np.pad(left, ((0, 0), (0, 0), (2, 2)), constant_values=10_000)
    near = np.min([padded[..., k : k + HEIGHT] for k in range(5)], 0)  # two rows above and below count too
    first, last = left.min(-1), right.max(-1)
    first, last = np.where(first < 10_000, first, PATCH // 2), np.where(last >= 0, last, PATCH // 2)
    spacing = g.random(size)
    gap = np.where(spacing < 0.22, g.uniform(-2, 0.5, size), np.where(spacing < 0.78, g.uniform(0.5, 6, size), 0))
    gap = np.where(spacing >= 0.78, g.uniform(5, 16, size), gap)[:, None]
    gaps = np.maximum(gap + g.normal(0, 1, real.shape) * np.where(spacing < 0.78, 1.3, 2.5)[:, None], -3.5)
    least, most = g.uniform(-1.5, 2.5, (size, 1)), g.uniform(3, 10, (size, 1))  # before and after signs
    gaps = np.where(digit, gaps, np.clip(gaps, least, most))
    gaps[:, 1:] = np.where(digit[:, 1:] & ~digit[:, :-1], np.maximum(gaps[:, 1:], least), gaps[:, 1:])
    margin, after = (np.where(g.random(size) < 0.4, g.uniform(-1.5, 2, size), g.uniform(1, 18, size)) for _ in range(2))
    edge = np.repeat((margin - gaps[:, 0])[:, None], HEIGHT, 1)  # (B, HEIGHT): how far right there is ink
    middle_before, end = np.full(size, -10_000.0), np.zeros(size)
    places = np.zeros(real.shape, np.int64)
    for k in range(longest):
        at = (edge - near[:, k]).max(-1) + gaps[:, k] + 1
        half = (first[:, k] + last[:, k]) / 2
        apart = np.where(digit[:, k], np.maximum(6, (last - first)[:, k] * 0.55), 3)
        at = np.round(np.maximum(at, middle_before + apart - half))  # no glyph lies over another one's middle
        free = starts + pitches * (k + 0.5) - half + g.normal(0, 0.07, size) * pitches
        at = np.where(pitches > 0, np.round(free), at).astype(np.int64)
        places[:, k], here = at, real[:, k]
        edge = np.where(here[:, None], np.maximum(edge, right[:, k] + at[:, None]), edge) + space[:, k, None]
        middle_before = np.where(here, at + half, middle_before)
        end = np.where(here, np.maximum(end, at + last[:, k] + 1), end)
    end = np.where(pitches > 0, starts + pitches * cells + g.uniform(-1, 2, size), end + after)
    return places, np.clip(np.ceil(end), 16, WIDEST).astype(np.int64)
