"""Digits as pictures, and as the numbers that they are."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from tenfold.errors import UsageError
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
    title: str = "",
    signed: bool = False,
    columns: int = 10,
    size: float = 0.9,
) -> None:
    """Images in rows.

    Args:
        images: What is drawn, (N, H, W).
        titles: What stands above each; without, they stand closer together.
        alt: What is seen, in a sentence.
        title: What stands above all.
        signed: Draw values above 0 red and below 0 blue, all on one scale, instead of ink.
        columns: How many stand side by side.
        size: The width of each in inches.

    Raises UsageError without an image, and for another number of titles than of images.
    """
    values = [np.asarray(image, dtype=float) for image in images]
    if not values or len(titles) not in (0, len(values)):
        raise UsageError(
            f"there must be an image or more, and a title for each or none, not {len(values)}, {len(titles)}"
        )
    if not titles:
        values, size = [_tiled(values, columns)], size * min(columns, len(values))
    rows, columns = math.ceil(len(values) / columns), min(columns, len(values))
    height = size * values[0].shape[0] / values[0].shape[1] + 0.17 * max(
        (str(t).count("\n") + 1 for t in titles), default=0
    )
    figure, axes = blank(size * columns, height * rows + 0.3 * bool(title), rows, columns)
    most = max(float(np.nanmax(np.abs(each))) for each in values) if signed else None
    for axis in axes.flat[len(values) :]:
        axis.axis("off")
    for number, (axis, image) in enumerate(zip(axes.flat, values, strict=False)):
        put(axis, image, signed=signed, most=most)
        if titles:
            axis.set_title(str(titles[number]), fontsize=9)
        else:
            axis.spines[:].set_visible(False)
    figure.suptitle(title, fontsize=11)
    show(figure, alt)


def _tiled(images: list[NDArray[np.float64]], columns: int) -> NDArray[np.float64]:
    """Images in rows as one, with two pixels between them."""
    missing = -len(images) % columns if len(images) > columns else 0
    padded = [np.pad(image, ((0, 2), (0, 2)), constant_values=np.nan) for image in images]
    padded += [np.full_like(padded[0], np.nan)] * missing
    return np.concatenate([np.concatenate(padded[k : k + columns], 1) for k in range(0, len(padded), columns)])[
        :-2, :-2
    ]


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
    if not worst:
        print("There are no mistakes.")  # noqa: T201
        return
    titles = [f"{one.label} → {one.answer}\n{one.confidence:.0%}" for one in worst]
    said = ", ".join(f"a {one.label} answered {one.answer}" for one in worst[:5])
    pictures([images[one.index] for one in worst], titles, alt=f"Digits that were misread, the surest first: {said}.")
