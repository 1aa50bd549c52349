"""A page with numbers as a phone would photograph it, and what was read in it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import PIL.Image
from matplotlib.patches import Rectangle
from PIL import ImageDraw, ImageFilter

from tenfold.errors import UsageError
from tenfold.learn.figures import GREEN, GREY, ORANGE, empty
from tenfold.learn.lines import hands
from tenfold.lesson.showing import picture, show
from tenfold.mnist import DIGITS, SIDE
from tenfold.read.reading import Reading

PAPER, RULING, INK = (243, 238, 224), (190, 188, 180), (52, 48, 50)
SIZE = 112  # pixels of a digit with its margin, 80 of the digit itself


def photo(rows: Sequence[str], path: str | Path, seed: int = 0) -> None:
    """Write rows of digits by hand on ruled paper, photograph it, save it as JPEG and show it.

    Every digit has another shape, no two pages are alike that have not the same seed. The page is turned a little, and
    has a shadow, blur and noise. What is no digit is left blank.

    Raises UsageError without a digit.
    """
    if not any(sign in DIGITS for text in rows for sign in text):
        raise UsageError("a photo needs digits to write, such as ['123', '45']")
    random = np.random.default_rng(seed)
    width, height = 120 + SIZE * max(map(len, rows)), 70 + 140 * len(rows)
    paper = PIL.Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(paper)
    for y in range(38, height, 70):
        pen.line([(0, y), (width, y)], RULING, 2)
    for row, text in enumerate(rows):
        for column, sign in enumerate(text):
            if sign in DIGITS:
                digit = PIL.Image.fromarray(hands.digit(sign, random)).resize(
                    (SIZE, SIZE), PIL.Image.Resampling.BICUBIC
                )
                x, y = 60 + SIZE * column + int(random.normal(0, 4)), 30 + 140 * row + int(random.normal(0, 4))
                paper.paste(INK, (x, y), digit)
    turned = paper.rotate(2, PIL.Image.Resampling.BICUBIC, fillcolor=PAPER).filter(ImageFilter.GaussianBlur(0.8))
    along = np.linspace(0, 1, width)[None, :, None] + 0.3 * np.linspace(0, 1, height)[:, None, None]
    values = np.asarray(turned) * (1 - 0.4 / (1 + np.exp((0.75 - along) * 12)))
    values = values + random.normal(0, 4, values.shape)
    PIL.Image.fromarray(values.clip(0, 255).astype(np.uint8)).save(path, "JPEG", quality=85)
    picture(path, f"A photo of ruled paper, half in a shadow, with the handwritten digits {', '.join(rows)}.")


def boxes(path: str | Path, reading: Reading) -> None:
    """A picture with a box around each digit that was read in it, green if it is sure; and what the network saw."""
    page = PIL.Image.open(path)
    figure = empty(7, 7 * page.height / page.width + 1.0)
    top, below = figure.subfigures(2, 1, squeeze=False, height_ratios=(7 * page.height / page.width, 1.0))[:, 0]
    axis = top.subplots()
    axis.imshow(page)
    axis.axis("off")
    for digit in reading.digits:
        x, y, width, height = digit.box
        color = GREEN if digit.sure else ORANGE
        axis.add_patch(Rectangle((x - 3, y - 3), width + 6, height + 6, fill=False, color=color, linewidth=1.5))
        axis.text(x, y - 8, f"{digit.text}  {digit.probability:.0%}", color=color, fontsize=8, weight="bold")
    for small, digit in zip(np.ravel(below.subplots(1, len(reading.digits) or 1)), reading.digits, strict=False):
        small.imshow(np.zeros((SIDE, SIDE)) if digit.seen is None else digit.seen, cmap="gray_r", vmin=0, vmax=255)
        small.set(xticks=[], yticks=[], xlabel=digit.value)
        small.spines[:].set_color(GREY)
    show(
        figure,
        f"The photo with a box around each digit, and each digit as the network saw it: {', '.join(reading.lines)}.",
        photo=True,
    )
