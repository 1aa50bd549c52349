"""Digits as pictures, and as the numbers that they are."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.patches import Rectangle

from tenfold.learn.figures import ORANGE, blank
from tenfold.learn.scoring.metrics import Evaluation
from tenfold.lesson.showing import Image, put, show, write
from tenfold.mnist import embedded


def question() -> None:
    """Twelve digits that people wrote, without their labels."""
    images = embedded.read("train").images[[7, 23, 80, 38, 132, 115, 36, 142, 71, 45, 17, 138]]
    pictures(images, columns=12, alt="Twelve small pictures of handwritten digits, without a word on which they are.")


def pictures(
    images: Sequence[Image] | Image,
    titles: Sequence[object] = (),
    *,
    alt: str,
    signed: bool = False,
    together: bool = False,
    columns: int = 10,
    size: float = 0.9,
    title: str = "",
) -> None:
    """Images in rows, each `size` inches wide and with its title.

    Args:
        images: What is drawn, (N, H, W).
        titles: What stands above each, or nothing.
        alt: What is seen, in a sentence.
        signed: Draw values above 0 red and below 0 blue, instead of ink.
        together: All have one scale; else each its own.
        columns: How many stand side by side.
        size: Inches.
        title: What stands above all.
    """
    values = [np.asarray(image, dtype=float) for image in images]
    rows, columns = math.ceil(len(values) / columns), min(columns, len(values))
    longest = max((str(text).count("\n") + 1 for text in titles), default=0)
    figure, axes = blank(size * columns, (size + 0.17 * longest) * rows + 0.3 * bool(title), rows, columns)
    most = max(float(np.abs(each).max()) for each in values) if together else None
    for axis in axes.flat[len(values) :]:
        axis.axis("off")
    for number, (axis, image) in enumerate(zip(axes.flat, values, strict=False)):
        put(axis, image, signed=signed, most=most)
        if titles:
            axis.set_title(str(titles[number]), fontsize=9)
    figure.suptitle(title, fontsize=11)
    show(figure, alt)


def numbers(image: Image, row: int, column: int, size: int = 12) -> None:
    """A digit of values to 255, and the numbers in a part of it, `size` pixels wide and high."""
    figure, ((left, right),) = blank(9, 4.6, 1, 2)
    values = np.asarray(image)
    part = values[row : row + size, column : column + size]
    for axis, shown, title in ((left, values, "what you see"), (right, part, "the frame, as the machine gets it")):
        put(axis, shown, most=255)
        axis.set_title(title, fontsize=11)
    left.add_patch(Rectangle((column - 0.5, row - 0.5), size, size, fill=False, color=ORANGE, linewidth=2))
    write(right, part, lambda value: f"{value:.0f}", 128)
    show(
        figure,
        "A handwritten digit with a frame around a part of it, and that part enlarged, with a number in each pixel.",
    )


def mistakes(found: Evaluation, count: int = 20) -> None:
    """The test digits that were answered wrongly, the surest first: label, answer, and how sure it was."""
    images, worst = embedded.read("test").images, found.mistakes[:count]
    titles = [f"{one.label} → {one.answer}\n{one.confidence:.0%}" for one in worst]
    said = ", ".join(f"a {one.label} answered {one.answer}" for one in worst[:5])
    pictures([images[one.index] for one in worst], titles, alt=f"Digits that were misread, the surest first: {said}.")
