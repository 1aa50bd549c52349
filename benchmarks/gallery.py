"""Draw the example pictures of the page of `tenfold serve`, and docs/explained.png.

    python benchmarks/gallery.py [--out DIR]

The examples are strokes of our own on paper of our own. What is explained is a page on ruled paper in a shadow, written
with validation digits, and how it is read.
"""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

import pages
import tenfold
from measuring import ROOT, arguments, validation_digits
from tenfold import files
from tenfold.read import decode

FOLDER = ROOT / "src" / "tenfold" / "serve" / "page" / "gallery"
WIDTH, HEIGHT = 480, 360
_FINE = 3  # times as large are pictures drawn, and then averaged down

Point = tuple[float, float]
Stroke = list[list[Point]]  # curves, each through its points, that meet in corners

# Each digit as strokes, in units of its height, y down.
# fmt: off
SHAPES: dict[str, list[Stroke]] = {
    "0": [[[(0.34, 0.01), (0.15, 0.1), (0.05, 0.36), (0.06, 0.7), (0.17, 0.93), (0.32, 0.98), (0.47, 0.88), (0.56, 0.6),
            (0.54, 0.3), (0.44, 0.08), (0.34, 0.01)]]],
    "1": [[[(0.06, 0.26), (0.18, 0.15), (0.28, 0.0)], [(0.28, 0.0), (0.28, 0.5), (0.26, 1.0)]]],
    "2": [[[(0.06, 0.26), (0.1, 0.1), (0.26, 0.0), (0.44, 0.04), (0.52, 0.2), (0.46, 0.42), (0.28, 0.7), (0.04, 0.97)],
           [(0.04, 0.97), (0.18, 0.93), (0.34, 0.97), (0.6, 0.95)]]],
    "3": [[[(0.06, 0.12), (0.16, 0.03), (0.32, 0.0), (0.47, 0.09), (0.48, 0.28), (0.37, 0.42), (0.2, 0.47)],
           [(0.2, 0.47), (0.4, 0.5), (0.53, 0.62), (0.53, 0.82), (0.4, 0.96), (0.2, 0.99), (0.03, 0.9)]]],
    "4": [[[(0.28, 0.0), (0.18, 0.3), (0.03, 0.62)], [(0.03, 0.62), (0.3, 0.62), (0.62, 0.58)]],
          [[(0.46, 0.26), (0.45, 0.6), (0.42, 1.0)]]],
    "5": [[[(0.14, 0.04), (0.11, 0.25), (0.09, 0.44)],
           [(0.09, 0.44), (0.26, 0.38), (0.43, 0.42), (0.54, 0.58), (0.53, 0.8), (0.4, 0.95), (0.2, 0.99),
            (0.02, 0.92)]],
          [[(0.14, 0.04), (0.32, 0.05), (0.56, 0.02)]]],
    "6": [[[(0.44, 0.0), (0.24, 0.16), (0.1, 0.42), (0.05, 0.7), (0.13, 0.92), (0.3, 0.99), (0.46, 0.92), (0.52, 0.76),
            (0.45, 0.6), (0.3, 0.54), (0.15, 0.62), (0.07, 0.76)]]],
    "7": [[[(0.03, 0.05), (0.3, 0.06), (0.58, 0.03)], [(0.58, 0.03), (0.4, 0.44), (0.24, 1.0)]]],
    "8": [[[(0.48, 0.17), (0.41, 0.05), (0.28, 0.0), (0.15, 0.05), (0.09, 0.18), (0.15, 0.32), (0.29, 0.44),
            (0.44, 0.57), (0.51, 0.75), (0.43, 0.93), (0.28, 0.99), (0.12, 0.93), (0.05, 0.76), (0.13, 0.58),
            (0.29, 0.44), (0.42, 0.32), (0.48, 0.17)]]],
    "9": [[[(0.52, 0.2), (0.44, 0.06), (0.29, 0.01), (0.13, 0.08), (0.06, 0.24), (0.12, 0.41), (0.28, 0.46),
            (0.43, 0.38), (0.53, 0.18)],
           [(0.53, 0.18), (0.53, 0.55), (0.44, 1.0)]]],
}
# In one line, which misses its beginning by a little.
STAR: list[Stroke] = [
    [[(0.52, 0.0), (0.36, 0.5), (0.21, 0.95)], [(0.21, 0.95), (0.6, 0.64), (0.99, 0.37)],
     [(0.99, 0.37), (0.5, 0.38), (0.02, 0.35)], [(0.02, 0.35), (0.44, 0.66), (0.83, 0.97)],
     [(0.83, 0.97), (0.68, 0.5), (0.5, 0.03)]],
]
# fmt: on


def curve(points: list[Point], parts: int = 12) -> list[Point]:
    """A smooth curve through points, as a polyline: the spline of E. Catmull and R. Rom (1974)."""
    around = points[0] == points[-1]
    p = np.array([points[-2] if around else points[0], *points, points[1] if around else points[-1]], float)
    line: list[Point] = []
    for k in range(1, len(p) - 2):
        for t in np.linspace(0, 1, parts, endpoint=False):
            a, b, c, d = p[k - 1 : k + 3]
            at = 0.5 * (
                2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
            )  # fmt: skip
            line.append((float(at[0]), float(at[1])))
    return [*line, points[-1]]


def polyline(stroke: Stroke) -> list[Point]:
    """A stroke's curves one after the other, as one polyline."""
    return [point for part in stroke for point in curve(part)]


class Sheet:
    """Ink that is being written, 0 to 1."""

    def __init__(self) -> None:
        self._image = Image.new("L", (WIDTH * _FINE, HEIGHT * _FINE))
        self._pen = ImageDraw.Draw(self._image)

    def draw(self, strokes: list[Stroke], x: float, y: float, size: float, width: float, lean: float = 0.0) -> None:
        """Strokes at a place, `size` pixels to a unit; a pen of `width` pixels, which thins a little at both ends."""
        for stroke in strokes:
            line = _dense(polyline(stroke), size)
            for (px, py), t in zip(line, np.linspace(0, 1, len(line)), strict=True):
                radius = width / 2 * (0.82 + 0.18 * np.sin(np.pi * t)) * _FINE
                cx, cy = (x + (px - lean * (py - 0.5)) * size) * _FINE, (y + py * size) * _FINE
                self._pen.ellipse([cx - radius, cy - radius, cx + radius, cy + radius], fill=255)

    def write(
        self, text: str, x: float, y: float, size: float, width: float, *, gap: float, seed: int, lean: float = 0.0
    ) -> None:
        """A number from x on, its digits a little unlike each other."""
        generator = np.random.default_rng(seed)
        for sign in text:
            high = size * generator.uniform(0.94, 1.06)
            self.draw(SHAPES[sign], x, y + generator.uniform(-0.04, 0.04) * size, high, width, lean)
            x += high * (max(px for s in SHAPES[sign] for part in s for px, _ in part) + gap)

    @property
    def ink(self) -> NDArray[np.float64]:
        """The ink, (H, W)."""
        return np.asarray(self._image.resize((WIDTH, HEIGHT), Image.Resampling.BOX)) / 255


def _dense(line: list[Point], size: float) -> list[Point]:
    """A polyline with a point for about every half pixel."""
    points = np.array(line)
    way = np.r_[0, np.hypot(*np.diff(points, axis=0).T).cumsum()] * size
    at = np.arange(0, way[-1] + 0.5, 0.5)
    return list(zip(np.interp(at, way, points[:, 0]), np.interp(at, way, points[:, 1]), strict=True))


def coloured(ink: NDArray[np.float64], paper: NDArray[np.float64] | str, pen: str) -> NDArray[np.float64]:
    """Ink of a colour on paper: (H, W, 3), 0 to 1."""
    ground = _colour(paper) if isinstance(paper, str) else paper
    return np.asarray(ground + ink[..., None] * (_colour(pen) - ground))


def _colour(name: str) -> NDArray[np.float64]:
    return np.array([int(name[k : k + 2], 16) for k in (1, 3, 5)]) / 255


def seven() -> NDArray[np.float64]:
    sheet = Sheet()
    sheet.draw(SHAPES["7"], 165, 70, 220, 17, lean=0.05)
    sheet.draw([[[(0.14, 0.52), (0.34, 0.49), (0.56, 0.47)]]], 165, 70, 220, 17, lean=0.05)
    return coloured(sheet.ink, "#fbfaf6", "#1d2330")


def ruled() -> NDArray[np.float64]:
    sheet = Sheet()
    sheet.write("2718", 70, 118, 118, 9, gap=0.16, lean=0.1, seed=4)
    paper = np.ones((HEIGHT, WIDTH, 1)) * _colour("#f8f4e6")
    for y in range(28, HEIGHT, 52):
        paper[y : y + 2] = _colour("#b9cbe0")
    paper[:, 44:46] = _colour("#e3aeb0")
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    shadow = ndimage.gaussian_filter((x + 0.55 * y > 400).astype(float), 14)
    return np.asarray(coloured(sheet.ink, paper, "#1f3f8f") * (1 - 0.3 * shadow[..., None]))


def touching() -> NDArray[np.float64]:
    sheet = Sheet()
    sheet.write("354", 92, 92, 172, 14, gap=0.01, seed=4)
    return coloured(sheet.ink, "#f6f5f1", "#26221f")


def rows() -> NDArray[np.float64]:
    sheet = Sheet()
    for k, text in enumerate(("1904", "62", "3571")):
        sheet.write(text, 84 + 6 * k, 34 + 105 * k, 74, 7, gap=0.24, lean=0.08, seed=k + 1)
    return coloured(sheet.ink, "#fdfcf9", "#1d2330")


def chalk() -> NDArray[np.float64]:
    sheet = Sheet()
    sheet.write("365", 96, 92, 170, 15, gap=0.16, seed=3)
    grain = ndimage.gaussian_filter(np.random.default_rng(0).normal(0, 1, (HEIGHT, WIDTH)), 1.2)
    return coloured(sheet.ink * np.clip(0.86 + 0.35 * grain, 0.5, 1), "#23382f", "#f2f1e8")


def star() -> NDArray[np.float64]:
    sheet = Sheet()
    sheet.draw(STAR, 130, 62, 222, 12)
    return coloured(sheet.ink, "#fbfaf6", "#1d2330")


def save(picture: Image.Image, path: Path, colours: int) -> None:
    """Write a PNG file of few colours."""
    file = io.BytesIO()
    picture.quantize(colours, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    files.content(path, file.getvalue())
    print(f"{path}: {len(file.getvalue()) / 1e3:.1f} kB")


def explained() -> Image.Image:
    """A page on which one digit is not sure, and how it is read."""
    digits, generator = validation_digits(), np.random.default_rng(5)
    above = pages.written(digits, "2718 2818", 70, generator, (-0.06, 0.25))
    below = pages.written(digits, "60457", 70, generator, (-0.1, 0.2))
    sheet = pages.on_paper(pages.sheet([above, below], 70, generator, slope=3), generator)
    page = pages.shaded(pages.ruled(sheet, 70, generator, squared=False, strength=0.3), generator)
    (picture,) = decode.pages(np.stack([page, page * 0.97, page * 0.86], axis=2))
    return tenfold.Reader().explained(picture)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--out", type=Path, default=FOLDER)
    out: Path = parser.parse_args().out
    reader = tenfold.Reader()
    for draw in (seven, ruled, touching, rows, chalk, star):
        picture = Image.fromarray((draw().clip(0, 1) * 255).round().astype(np.uint8))
        path = out / f"{draw.__name__}.png"
        save(picture, path, 128)
        print(f"  read as {reader.read(path).lines}")
    explained().quantize(256).save(ROOT / "docs" / "explained.png", optimize=True)


if __name__ == "__main__":
    main()
