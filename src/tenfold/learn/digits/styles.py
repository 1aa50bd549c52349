"""Digits in styles that MNIST, written by Americans of 1990, has few of: a flagged 1, a crossed 7, a slashed 0, print.

They are drawn as strokes with random proportions, or set in the fonts that come with matplotlib, and normalised as
MNIST's digits are.
"""

import warnings
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tenfold.learn.digits.normalisation import Normalisation
from tenfold.mnist.digits import Digits

CANVAS = 96  # pixels, on which shapes are drawn before they are normalised as digits are
FONTS = (
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSansMono", "DejaVuSerif", "DejaVuSerif-Italic"),
    *("STIXGeneral", "STIXGeneralItalic"),
)
_PRINTED = 0.3  # the share of digits that are set in a font

Points = list[tuple[float, float]]  # x to the right and y down, about 0 to 1


def draw(count: int, generator: np.random.Generator) -> Digits:
    """Digits drawn or set, every class equally often but the 1 twice, which differs most from MNIST's."""
    labels = generator.permutation(np.resize([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1], count)).astype(np.int64)
    faces = fonts()
    canvases = np.zeros((count, CANVAS, CANVAS), np.uint8)
    for canvas, label in zip(canvases, labels, strict=True):
        canvas[:] = (
            printed(str(label), faces, generator)
            if generator.random() < _PRINTED
            else _drawn(strokes(int(label), generator), generator)
        )
    return Digits(normalised(canvases), labels)


def normalised(canvases: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shapes of any size uint8 (N, H, W) as MNIST's images, uint8 (N, 28, 28)."""
    normalise = Normalisation()
    pieces = [
        normalise(torch.from_numpy(part).float().div_(255).unsqueeze(1))[:, 0].mul(255).round().byte().numpy()
        for part in np.array_split(canvases, max(1, len(canvases) // 500))
    ]
    return np.concatenate(pieces)


def fonts() -> list[ImageFont.FreeTypeFont]:
    """The fonts that come with matplotlib."""
    with warnings.catch_warnings(action="ignore"):
        import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return [ImageFont.truetype(folder / f"{name}.ttf", 60) for name in FONTS]


def printed(text: str, faces: list[ImageFont.FreeTypeFont], generator: np.random.Generator) -> NDArray[np.uint8]:
    """A text in one of the fonts, as it is or bolder: uint8 (96, 96)."""
    canvas = Image.new("L", (CANVAS, CANVAS))
    font = faces[generator.integers(len(faces))]
    bold = int(generator.integers(0, 3))
    ImageDraw.Draw(canvas).text((CANVAS / 2, CANVAS / 2), text, 255, font, anchor="mm", stroke_width=bold)
    return np.asarray(canvas)


def strokes(digit: int, generator: np.random.Generator) -> list[Points]:
    """The strokes of a digit as it is taught in one school or another."""

    def between(low: float, high: float) -> float:
        return float(generator.uniform(low, high))

    def maybe(share: float) -> bool:
        return bool(generator.random() < share)

    slim = between(0.45, 0.8)  # width to height
    match digit:
        case 0:
            ring = _arc(slim / 2, 0.5, slim / 2, 0.5, -80, -80 - between(340, 375))
            slash = [(slim * between(0.7, 1.1), between(0, 0.2)), (slim * between(-0.1, 0.3), between(0.8, 1.0))]
            return [ring, slash] if maybe(0.4) else [ring]
        case 1:
            # The flag climbs steeply, where the bar of a 7 lies flat.
            reach, angle = between(0.15, 0.6), np.radians(between(28, 65))
            lean = between(-0.1, 0.15)
            flag: Points = [(-reach * np.cos(angle), reach * np.sin(angle)), (0.0, 0.0), (-lean, 1.0)]
            half = between(0.12, 0.4)
            base: Points = [
                (-lean - half, 1 + between(-0.03, 0.03)),
                (-lean + half * between(0.6, 1.2), 1 + between(-0.03, 0.03)),
            ]
            return [flag, base] if maybe(0.4) else [flag]
        case 2:
            top = _arc(slim / 2, 0.3, slim / 2, 0.3, 200, 380)
            foot: Points = [(0.0, 1.0), (slim * between(0.9, 1.3), 1 + between(-0.06, 0.03))]
            return [[*top, (slim * between(0.4, 0.6), between(0.6, 0.75)), *foot]]
        case 3:
            if maybe(0.5):  # flat above
                flat: Points = [
                    (0.0, 0.0),
                    (slim, between(-0.02, 0.04)),
                    (slim * between(0.3, 0.5), between(0.36, 0.46)),
                ]
                return [[*flat, *_arc(slim * 0.45, 0.7, slim * 0.55, 0.3, -80, 140)]]
            upper = _arc(slim * 0.45, 0.25, slim * 0.5, 0.25, 210, 440)
            return [[*upper, *_arc(slim * 0.45, 0.74, slim * 0.55, 0.26, -80, 150)]]
        case 4:
            across, down = between(0.55, 0.78), slim * between(0.6, 0.85)
            bar = [(slim * between(0.95, 1.25), across + between(-0.05, 0.05))]
            if maybe(0.6):  # closed
                return [[(down, 1.0), (down, 0.0), (0.0, across), *bar]]
            start = slim * between(0.1, 0.4)
            return [[(start, between(0, 0.1)), (0.0, across), *bar], [(down, between(0.0, 0.35)), (down, 1.0)]]
        case 5:
            belly = _arc(slim * 0.42, 0.68, slim * 0.58, 0.32, -110, 140)
            left = slim * between(0.05, 0.2)
            bar = [(left, between(-0.03, 0.03)), (slim * between(0.8, 1.2), between(-0.08, 0.05))]
            if maybe(0.5):
                return [[bar[1], bar[0], (left * 0.8, between(0.4, 0.48)), *belly]]
            return [[bar[0], (left * 0.8, between(0.4, 0.48)), *belly], bar]
        case 6:
            loop = _arc(slim / 2, 0.72, slim / 2, between(0.22, 0.3), 180, 180 - between(340, 380))
            return [[(slim * between(0.4, 0.95), 0.0), (slim * between(0.1, 0.25), between(0.25, 0.4)), *loop]]
        case 7:
            tilt = between(-0.04, 0.07)
            corner, end = (slim, tilt), (slim * between(0.1, 0.6), 1.0)
            line: Points = [(0.0, 0.0), corner, end]
            if maybe(0.3):
                line = [(between(-0.03, 0.03), between(0.1, 0.22)), *line]
            middle = ((corner[0] + end[0]) / 2 + between(-0.03, 0.03), between(0.42, 0.58))
            half = slim * between(0.2, 0.4)
            cross = [(middle[0] - half, middle[1] + between(-0.03, 0.05)), (middle[0] + half, middle[1])]
            return [line, cross] if maybe(0.5) else [line]
        case 8:
            if maybe(0.5):  # two rings
                small = slim * between(0.35, 0.5)
                return [_arc(slim / 2, 0.24, small, 0.24, 90, 450), _arc(slim / 2, 0.74, slim / 2, 0.26, -90, 270)]
            upper = _arc(slim / 2, 0.24, slim * 0.42, 0.24, -45, -270)
            return [[*upper, *_arc(slim / 2, 0.74, slim / 2, 0.26, -90, 200), (slim * 0.85, between(0.05, 0.15))]]
        case 9:
            ring = _arc(slim / 2, 0.28, slim / 2, 0.28, 0, -between(340, 380))
            end = (slim * between(0.8, 1.0), 1.0) if maybe(0.6) else (slim * between(0.1, 0.5), 1.0)
            return [[*ring, (slim, between(0.1, 0.35)), end]]
    raise AssertionError(digit)


def _arc(x: float, y: float, wide: float, high: float, first: float, last: float) -> Points:
    """Part of an ellipse from one angle to another in degrees: 0 is to the right, 90 below."""
    return [(x + wide * np.cos(a), y + high * np.sin(a)) for a in np.radians(np.linspace(first, last, 14))]


def _drawn(lines: list[Points], generator: np.random.Generator) -> NDArray[np.uint8]:
    """Strokes on a canvas, uint8 (96, 96), their corners sometimes rounded, each point a little off its place."""
    rounding = int(generator.integers(0, 3))
    canvas = Image.new("L", (CANVAS, CANVAS))
    pen, width = ImageDraw.Draw(canvas), int(generator.integers(4, 10))
    for line in lines:
        points = np.array(line) + generator.normal(0, 0.012, (len(line), 2))
        for _ in range(rounding):
            points = rounded(points)
        places = [(float(x), float(y)) for x, y in points * 62 + (24, 17)]
        pen.line(places, 255, width, joint="curve")
        for x, y in (places[0], places[-1]):
            pen.ellipse([x - width / 2, y - width / 2, x + width / 2, y + width / 2], 255)
    return np.asarray(canvas)


def rounded(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """A line with its corners cut, which done twice or thrice makes it a curve (G. Chaikin 1974); its ends stay."""
    first, second = points[:-1], points[1:]
    inner = np.stack([0.75 * first + 0.25 * second, 0.25 * first + 0.75 * second], 1).reshape(-1, 2)
    return np.concatenate([points[:1], inner[1:-1], points[-1:]])
