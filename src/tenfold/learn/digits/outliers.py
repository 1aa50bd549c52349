"""Shapes that are no digit, for a network to learn what it must not answer: letters, touching digits, scribbles, marks.

Learning from what is not wanted follows D. Hendrycks, M. Mazeika, T. Dietterich, "Deep anomaly detection with outlier
exposure", 2019, arXiv 1812.04606.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tenfold.learn.digits import styles
from tenfold.learn.digits.styles import CANVAS
from tenfold.mnist import SIDE
from tenfold.mnist.digits import Digits

# Letters and signs that nobody takes for a digit, even written badly: no O, I, l, Z, S, B, q, g, b, z, s, o, i, j, D.
LETTERS = "ACEFHKMNPRTUVWXYacdefhkmnprtuvwxy"
SIGNS = "#%&@*+=<>€£§~^:;∞λπωΣΩ√ÄÖÜéÆñ"

_TURNED = (2, 3, 4, 5, 6, 7, 9)  # the digits that are none on their side
_ON_HEAD = (3, 4, 7)  # nor on their head

# What share of the shapes is of each kind.
KINDS = {"letters": 0.42, "touching": 0.28, "scribbles": 0.15, "turned": 0.08, "marks": 0.07}


def draw(count: int, digits: Digits, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Shapes uint8 (count, 28, 28), normalised as MNIST's digits are.

    `digits` are what the touching and the turned ones are made of, labelled with what they are; where none of them can
    be turned, marks take their place.
    """
    faces = styles.fonts()
    turnable = bool(np.isin(digits.labels, _TURNED).any())
    makers: dict[str, Callable[[], NDArray[np.uint8]]] = {
        "letters": lambda: _letter(faces, generator),
        "touching": lambda: _touching(digits, generator),
        "scribbles": lambda: _scribble(generator),
        "turned": lambda: _turned(digits, generator) if turnable else _mark(generator),
        "marks": lambda: _mark(generator),
    }
    shares = np.array(list(KINDS.values())) / sum(KINDS.values())
    canvases = np.zeros((count, CANVAS, CANVAS), np.uint8)
    for canvas, kind in zip(canvases, np.repeat(list(KINDS), generator.multinomial(count, shares)), strict=True):
        canvas[:] = makers[kind]()
    return styles.normalised(canvases)


def _letter(faces: list[ImageFont.FreeTypeFont], generator: np.random.Generator) -> NDArray[np.uint8]:
    """A letter or sign, or two letters, thin or thick."""
    signs = LETTERS if generator.random() < 0.8 else SIGNS
    text = "".join(generator.choice(list(signs), 2 if generator.random() < 0.15 else 1))
    return styles.printed(text, faces, generator)


def _touching(digits: Digits, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Two or three digits side by side that touch."""
    canvas = np.zeros((CANVAS, CANVAS), np.uint8)
    left, top = 2, 34
    for _ in range(2 if generator.random() < 0.8 else 3):
        image = _wide(digits, generator)
        columns = np.flatnonzero(image.max(0) > 64)
        image = image[:, columns[0] : columns[-1] + 1]
        width = image.shape[1]
        y = top + int(generator.integers(-3, 4))
        place = canvas[y : y + SIDE, max(0, left) : max(0, left) + width]
        np.maximum(place, image[:, : place.shape[1]], out=place)
        left = max(0, left) + width - int(generator.integers(0, 3))
    return canvas


def _wide(digits: Digits, generator: np.random.Generator) -> NDArray[np.uint8]:
    """A digit that is not a bare stroke: two of those side by side could be one."""
    while True:
        image: NDArray[np.uint8] = digits.images[generator.integers(len(digits))]
        if (image.max(0) > 64).sum() >= 7 or generator.random() < 0.1:
            return image


def _scribble(generator: np.random.Generator) -> NDArray[np.uint8]:
    """A long smooth line that wanders about."""
    points = np.cumsum(generator.normal(0, 1, (int(generator.integers(10, 26)), 2)), axis=0)
    points = (points - points.mean(0)) * generator.uniform(0.6, 1.4, 2)
    points = points / np.abs(points).max() * 40 + CANVAS / 2
    for _ in range(3):
        points = styles.rounded(points)
    canvas = Image.new("L", (CANVAS, CANVAS))
    ImageDraw.Draw(canvas).line([(x, y) for x, y in points], 255, int(generator.integers(2, 8)), joint="curve")
    return np.asarray(canvas)


def _turned(digits: Digits, generator: np.random.Generator) -> NDArray[np.uint8]:
    """A digit on its side, or on its head where that is no digit."""
    while True:
        k = int(generator.integers(len(digits)))
        quarters = int(generator.integers(1, 4))
        if int(digits.labels[k]) in (_TURNED if quarters % 2 else _ON_HEAD):
            break
    canvas = np.zeros((CANVAS, CANVAS), np.uint8)
    canvas[34:62, 34:62] = np.rot90(digits.images[k], quarters)
    return canvas


def _mark(generator: np.random.Generator) -> NDArray[np.uint8]:
    """A dash, a blot, a cross, a corner, a frame, a grid."""
    canvas = Image.new("L", (CANVAS, CANVAS))
    pen = ImageDraw.Draw(canvas)
    width = int(generator.integers(2, 8))
    a, b = (int(v) for v in generator.integers(8, 40, 2))
    c, d = (int(v) for v in generator.integers(56, 88, 2))
    match int(generator.integers(7)):
        case 0:
            y = int(generator.integers(40, 56))
            pen.line([(a, y), (c, y + int(generator.integers(-8, 9)))], 255, width)
        case 1:
            pen.ellipse([a, b, c, d], 255)
        case 2:
            pen.rectangle([a, b, c, b + (d - b) // 2], 255)
        case 3:
            pen.line([(a, b), (c, d)], 255, width)
            pen.line([(a, d), (c, b)], 255, width)
        case 4:
            pen.rectangle([a, b, c, b + (d - b) // 2], None, 255, width)  # a tall one would be a 0
        case 5:
            corner = [(a, b), (a, d), (c, d)] if generator.random() < 0.5 else [(a, b), (c, b), (a, b), (a, d)]
            pen.line(corner, 255, width)
        case 6:
            for at in np.linspace(10, 86, int(generator.integers(3, 6))):
                pen.line([(at, 8), (at, 88)], 255, 2 + width // 3)
                if generator.random() < 0.6:
                    pen.line([(8, at), (88, at)], 255, 2 + width // 3)
    return np.asarray(canvas)
