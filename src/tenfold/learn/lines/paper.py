"""The paper that lines are written on, and how a camera or a scanner sees it."""

import io
from collections.abc import Callable
from typing import Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from tenfold.learn.lines.writing import HEIGHT, Written


class Paper:
    """One sheet for every line of a batch. All that is drawn is float (B, HEIGHT, W) in [0, 1]."""

    def __init__(self, written: Written, generator: np.random.Generator) -> None:
        self._written, self._generator = written, generator
        self._noise = torch.Generator().manual_seed(int(generator.integers(2**62)))
        self._size, _, self._width = written.ink.shape
        self._x = torch.arange(self._width, dtype=torch.float32)[None, None]  # (1, 1, W)
        self._y = torch.arange(HEIGHT, dtype=torch.float32)[None, :, None]  # (1, HEIGHT, 1)
        self._ends = self._each(written.widths)

    def _each(self, values: NDArray[np.float64] | NDArray[np.int64] | NDArray[np.bool_]) -> Tensor:
        return torch.from_numpy(values.astype(np.float32))[:, None, None]

    def _uniform(self, low: float, high: float) -> Tensor:
        return self._each(self._generator.uniform(low, high, self._size))

    def _maybe(self, share: float) -> Tensor:
        return self._each(self._generator.random(self._size) < share)

    def _some(self, share: float | NDArray[np.bool_], draw: Callable[[Self], Tensor]) -> Tensor:
        """What is drawn on a share of the lines, or on certain ones, and 0 on the others."""
        rows = np.flatnonzero(self._generator.random(self._size) < share if isinstance(share, float) else share)
        out = torch.zeros(self._size, HEIGHT, self._width)
        if len(rows):
            some = Written(**{name: values[rows] for name, values in vars(self._written).items()})
            out[torch.from_numpy(rows)] = draw(type(self)(some, self._generator))
        return out

    def _smooth(self, rows: int, columns: int) -> Tensor:
        """What varies slowly, from 0 to 1."""
        coarse = self._generator.random((self._size, 1, rows, columns)).astype(np.float32)
        return F.interpolate(torch.from_numpy(coarse), (HEIGHT, self._width), mode="bilinear", align_corners=True)[:, 0]

    def photograph(self) -> list[NDArray[np.uint8]]:
        """Each line as a picture uint8 (HEIGHT, its width), dark ink on light paper."""
        ink = self._ink()
        rulings = torch.maximum(torch.maximum(self._rulings(), self._boxes()), self._frame())
        strength = torch.where(self._maybe(0.85) > 0, self._uniform(0.5, 0.95), self._uniform(0.33, 0.6))
        paper = self._uniform(0.55, 1.0) - self._uniform(0, 0.25) * self._smooth(2, 4)
        paper = paper * (1 - self._security() * self._uniform(0.3, 1.0)) * (1 - 0.6 * self._stamp())
        image = paper * (1 - rulings * self._uniform(0.3, 0.95)) * (1 - ink * strength) * self._shadow()
        return self._seen(image)

    def _ink(self) -> Tensor:
        """The lines slope and wave a little; remains of other rows, corrections; edges soft or hard, uneven ink."""
        g, ink = self._generator, self._written.ink
        slope = self._each(np.where(g.random(self._size) < 0.6, g.normal(0, 0.02, self._size), 0)).clamp(-0.08, 0.08)
        wave = self._uniform(0, 0.7) * torch.sin(self._y * self._uniform(0.05, 0.3) + self._uniform(0, 6))
        wave = wave + self._uniform(0, 0.7) * torch.sin(self._x * self._uniform(0.05, 0.2) + self._uniform(0, 6))
        down = self._y + slope * (self._x - self._ends / 2) + wave * self._maybe(0.5)
        grid = torch.stack(
            [((self._x + wave) * 2 + 1) / self._width - 1, (down * 2 + 1).expand_as(wave) / HEIGHT - 1], -1
        )
        ink = F.grid_sample(ink[:, None], grid, align_corners=False)[:, 0]
        ink = torch.maximum(ink, self._other_row(1) * self._maybe(0.07))
        ink = torch.maximum(ink, self._other_row(-1) * self._maybe(0.07))
        ink = ((ink - 0.5) * self._uniform(1, 2.2) + 0.5).clamp(0, 1)
        ink = torch.maximum(ink * (1 - self._some(0.08, Paper._breaks)), self._some(0.12, Paper._specks))
        return ink * (1 - self._uniform(0, 0.45) * self._smooth(6, max(2, self._width // 6)))

    def _breaks(self) -> Tensor:
        """1 where a pen failed: fine parallel lines that part strokes, whose pieces are no signs alone."""
        angle = self._uniform(0, np.pi)
        along = self._x * torch.cos(angle) + self._y * torch.sin(angle)
        off = (along + self._uniform(0, 40)).remainder(self._uniform(9, 40))
        return self._stroke(off - 2, 0.2, 1)

    def _specks(self) -> Tensor:
        """Dirt of a pixel, finer than what a pen leaves as a point."""
        dirt = torch.rand((self._size, HEIGHT, self._width), generator=self._noise) < self._uniform(0, 0.002)
        return dirt * self._uniform(0.3, 1)

    def _other_row(self, side: int) -> Tensor:
        """The feet of the row above (1), or the heads of the row below (-1), as far as the line's picture has them."""
        others = self._written.ink[torch.from_numpy(self._generator.permutation(self._size))]
        shown = int(self._generator.integers(5, 14))
        rest = others.new_zeros(self._size, HEIGHT - shown, self._width)
        return torch.cat([others[:, -shown:], rest] if side > 0 else [rest, others[:, :shown]], 1)

    def _stroke(self, distance: Tensor, low: float = 0.5, high: float = 1.4) -> Tensor:
        """A ruling of a width that the whole line has, from the distance to it in pixels."""
        half = self._uniform(low, high)
        return (half + 0.5 - distance.abs()).clamp(0, 1)

    def _rulings(self) -> Tensor:
        """Lines to write on and columns: above, below, at the digits' feet, before and after them, as squared paper."""
        g, written = self._generator, self._written
        tilt = self._each(g.normal(0, 0.006, self._size))
        feet = self._each(written.middles + written.heights / 2)
        out = torch.zeros(self._size, HEIGHT, self._width)
        for share, at in (
            (0.25, self._uniform(0, 6)),
            (0.3, self._uniform(32, 39.5)),
            (0.15, feet + self._uniform(-2, 4)),
        ):
            out = torch.maximum(
                out, self._maybe(share) * self._uniform(0.2, 1) * self._stroke(self._y - at - tilt * self._x)
            )
        lean = self._each(g.normal(0, 0.012, self._size)) * (self._y - HEIGHT / 2)
        for at in (self._uniform(-1, 4), self._ends - self._uniform(1, 5)):
            out = torch.maximum(
                out, self._maybe(0.13) * self._uniform(0.2, 1) * self._stroke(self._x - at - lean, 0.5, 2)
            )
        return torch.maximum(out, self._some(0.07, Paper._squares))

    def _squares(self) -> Tensor:
        """Squared paper."""
        g, pitch = self._generator, self._uniform(8, 36)
        x = self._x - self._each(g.normal(0, 0.012, self._size)) * (self._y - HEIGHT / 2)
        y = self._y - self._each(g.normal(0, 0.006, self._size)) * self._x
        lines = [
            self._uniform(0.15, 0.8)
            * self._stroke((along + self._uniform(0, 36)).remainder(pitch) - pitch / 2, 0.4, 0.9)
            for along in (x, y)
        ]
        return torch.maximum(*lines)

    def _boxes(self) -> Tensor:
        """The walls of cells: whole boxes, boxes apart, or combs, which are open above; of every width and grey."""
        return self._some(self._written.pitches > 0, Paper._walls)

    def _walls(self) -> Tensor:
        g, written = self._generator, self._written
        pitch = self._each(written.pitches)
        inside = (
            (self._x > self._each(written.starts) - 3)
            & (self._x < self._each(written.starts + written.pitches * written.cells) + 3)
        ).float()
        off = (self._x - self._each(written.starts) + pitch / 2).remainder(pitch) - pitch / 2
        apart = self._maybe(0.25) * self._uniform(1, 3)  # pixels from the middle between two boxes
        above = self._each(np.maximum(written.middles - written.heights / 2 - g.uniform(0, 6, self._size), 0.5))
        below = self._each(np.minimum(written.middles + written.heights / 2 + g.uniform(0, 6, self._size), HEIGHT - 1))
        comb = self._maybe(0.3)
        top = torch.where(comb > 0, below - self._uniform(4, 20), above)
        half = self._uniform(0.4, 1.7)
        walls = (half + 0.5 - (off.abs() - apart).abs()).clamp(0, 1) * ((self._y >= top) & (self._y <= below)).float()
        floors = (half + 0.5 - (self._y - below).abs()).clamp(0, 1)
        floors = torch.maximum(floors, (half + 0.5 - (self._y - above).abs()).clamp(0, 1) * (1 - comb))
        floors = floors * (off.abs() >= apart).float() * (1 - comb * self._maybe(0.3))
        dotted = 1 - self._maybe(0.1) * ((self._x + self._y).remainder(4) < 2).float()
        return torch.maximum(walls, floors) * inside * dotted * self._uniform(0.15, 1)

    def _frame(self) -> Tensor:
        """A frame or a ring round the line, drawn by hand or printed."""
        return self._some(0.06, Paper._round)

    def _round(self) -> Tensor:
        written = self._written
        x, y = self._x - self._ends / 2, self._y - self._each(written.middles)
        wide, high = self._ends / 2 - self._uniform(0, 4), self._each(written.heights / 2) + self._uniform(2, 7)
        ring = ((x / wide).abs().pow(2.5) + (y / high).abs().pow(2.5)).clamp(min=1e-6).pow(0.4) - 1
        rectangle = torch.maximum((x.abs() - wide) / high, (y.abs() - high) / high)
        distance = torch.where(self._maybe(0.5) > 0, ring, rectangle) * high
        return self._uniform(0.3, 1) * self._stroke(distance, 0.5, 1.6)

    def _security(self) -> Tensor:
        """Fine patterns as on cheques and tickets: waves, crossed waves, dots, hatching."""
        return self._some(0.6, Paper._waves) + self._some(0.3, Paper._waves) + self._some(0.15, Paper._dots)

    def _waves(self) -> Tensor:
        steep = self._maybe(0.5)
        angle = steep * self._uniform(0, 2 * np.pi) + (1 - steep) * (self._uniform(-0.35, 0.35) + np.pi / 2)
        along = self._x * torch.cos(angle) + self._y * torch.sin(angle)
        across = self._y * torch.cos(angle) - self._x * torch.sin(angle)
        bend = self._uniform(0, 5) * torch.sin(2 * np.pi * across / self._uniform(12, 70) + self._uniform(0, 6))
        bend = bend + self._maybe(0.4) * self._uniform(0, 3) * torch.sin(2 * np.pi * along / self._uniform(15, 60))
        waves = torch.exp(self._uniform(0.5, 5) * (torch.cos(2 * np.pi / self._uniform(2.2, 9) * (along + bend)) - 1))
        return self._uniform(0.02, 0.25) * waves

    def _dots(self) -> Tensor:
        across = torch.cos(self._x * self._uniform(0.7, 2.2))
        dots = across * torch.cos(self._y * self._uniform(0.7, 2.2) + self._uniform(0, 6))
        return self._uniform(0.03, 0.3) * dots.clamp(min=0)

    def _stamp(self) -> Tensor:
        """Part of a large round stamp: one or two rings, paler than the ink."""
        return self._some(0.05, Paper._rings)

    def _rings(self) -> Tensor:
        x, y = self._x - self._uniform(-30, 1) - self._uniform(0, 1) * self._ends, self._y - self._uniform(-40, 80)
        off = (x**2 + y**2).sqrt() - self._uniform(25, 70)
        rings = torch.maximum(self._stroke(off, 0.5, 2), self._maybe(0.5) * self._stroke(off - 6, 0.4, 1))
        return self._uniform(0.1, 0.7) * rings

    def _shadow(self) -> Tensor:
        """Light that fails to one side, softly or at an edge."""
        angle = self._uniform(0, 2 * np.pi)
        x, y = self._x - self._uniform(0, 1) * self._ends, self._y - HEIGHT / 2
        along = x * torch.cos(angle) + y * torch.sin(angle)
        return 1 - self._maybe(0.15) * self._uniform(0.1, 0.6) * torch.sigmoid(along / self._uniform(0.3, 15))

    def _seen(self, image: Tensor) -> list[NDArray[np.uint8]]:
        """Blurred, with noise, sometimes in few pixels or as JPEG, each cut to its width."""
        g = self._generator
        grain = _blurred(torch.randn(image.shape, generator=self._noise))
        image = image + self._maybe(0.4) * self._uniform(0, 0.07) * grain
        once = _blurred(image)
        image = image + self._maybe(0.7) * self._uniform(0, 1) * (once - image)
        image = image + self._maybe(0.15) * self._uniform(0.3, 1) * (_blurred(once) - image)
        image = image + self._maybe(0.6) * self._uniform(0, 0.035) * torch.randn(image.shape, generator=self._noise)
        whole = image.clamp(0, 1).mul(255).round().byte().numpy()
        return [_stored(line[:, :width], g) for line, width in zip(whole, self._written.widths, strict=True)]


def _blurred(image: Tensor) -> Tensor:
    """The mean of 3 x 3 pixels."""
    padded = F.pad(image[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    rows = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    return (rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]) / 9


def _stored(line: NDArray[np.uint8], g: np.random.Generator) -> NDArray[np.uint8]:
    """A line as a file has it: a sixth with fewer pixels, a third as JPEG."""
    height, width = line.shape
    image = Image.fromarray(line)
    if g.random() < 0.17:
        share = g.uniform(0.4, 0.9)
        image = image.resize((max(8, round(width * share)), round(height * share)), Image.Resampling.BOX)
    if g.random() < 0.3:
        packed = io.BytesIO()
        image.save(packed, "JPEG", quality=int(g.integers(25, 90)))
        image = Image.open(packed)
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
