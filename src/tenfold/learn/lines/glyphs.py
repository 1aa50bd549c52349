"""Everything that a line can be written with: MNIST's digits, other styles and hands, signs, letters."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tenfold.learn.digits import outliers, pens, styles
from tenfold.learn.lines import hands, texts
from tenfold.mnist import SIDE
from tenfold.mnist.digits import Digits, Track, untracked

SOURCES = ("mnist", "style", "hand")  # of digits; signs are of hands alone
DRAWN = {"style": 8_000, "hand": 24_000, "sign": 4_200, "other": 4_000, "unit": 1_600}  # how many are drawn
_READ = "%+=~^:;*"  # signs that are classes, or can be taken for them


@dataclass(frozen=True)
class Glyphs:
    """Shapes uint8 (N, 28, 28), digits 20 pixels high in the middle, and which of them are what."""

    images: NDArray[np.uint8]
    distances: NDArray[np.uint8]  # (N, 56, 56), see `pens`
    index: dict[tuple[str, str], NDArray[np.int64]]  # by source and sign


def glyphs(digits: Digits, generator: np.random.Generator, share: float = 1.0, track: Track = untracked) -> Glyphs:
    """The digits of MNIST and, of all that is drawn, such a share."""
    count = {name: max(20, round(number * share)) for name, number in DRAWN.items()}
    styled = styles.draw(count["style"], generator)
    parts: list[tuple[str, NDArray[np.uint8], list[str]]] = [
        ("mnist", digits.images, [str(label) for label in digits.labels]),
        ("style", styled.images, [str(label) for label in styled.labels]),
        _drawn("hand", list(hands.DIGITS), count["hand"], hands.digit, generator, track),
        _drawn("hand", list(hands.SIGNS), count["sign"], hands.sign, generator, track),
        _drawn("hand", [texts.OTHER], count["other"] // 2, hands.sign, generator, track),
        _drawn("hand", [texts.ALIKE], count["other"] // 4, hands.sign, generator, track),
        _drawn("hand", list(texts.LETTERS), count["unit"], hands.sign, generator, track),
    ]
    faces, letters = styles.fonts(), [sign for sign in outliers.LETTERS + outliers.SIGNS if sign not in _READ]
    printed = [styles.printed(str(generator.choice(letters)), faces, generator) for _ in range(count["other"] // 2)]
    parts.append(("hand", styles.normalised(np.stack(printed)), [texts.OTHER] * len(printed)))
    parts.append(_drawn("hand", list(texts.LETTERS), count["unit"], partial(typed, faces), generator, track))
    images = np.concatenate([shapes for _, shapes, _ in parts])
    names = [(source, sign) for source, _, signs in parts for sign in signs]
    numbers: dict[tuple[str, str], list[int]] = {name: [] for name in names}
    for number, name in enumerate(names):
        numbers[name].append(number)
    index = {name: np.array(some) for name, some in numbers.items()}
    return Glyphs(images, pens.distances(torch.from_numpy(images), track).numpy(), index)


def typed(faces: list[ImageFont.FreeTypeFont], sign: str, generator: np.random.Generator) -> NDArray[np.uint8]:
    """A letter of a font, uint8 (28, 28), beside digits as high as its capitals."""
    font, bold = faces[generator.integers(len(faces))], int(generator.integers(0, 3))
    capital = -font.getbbox("H", anchor="ls")[1]
    side = round(SIDE * capital / hands.HEIGHT)
    canvas = Image.new("L", (side, side))
    foot = (SIDE + hands.HEIGHT) / 2 * side / SIDE
    ImageDraw.Draw(canvas).text((side / 2, foot), sign, 255, font, anchor="ms", stroke_width=bold)
    return np.asarray(canvas.resize((SIDE, SIDE), Image.Resampling.BOX))


def _drawn(
    source: str,
    signs: list[str],
    count: int,
    draw: Callable[[str, np.random.Generator], NDArray[np.uint8]],
    generator: np.random.Generator,
    track: Track,
) -> tuple[str, NDArray[np.uint8], list[str]]:
    """So many shapes in all, every sign equally often."""
    names = [str(sign) for sign in np.resize(signs, count)]
    return source, np.stack([draw(sign, generator) for sign in track(names, "drawing signs")]), names
