"""What is inside of a network: its units, a convolution, pooling. Red adds, blue takes away."""

from typing import Any

import numpy as np
import torch
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from torch import Tensor, nn

from tenfold.learn.explain.figures import AGAINST, FOR
from tenfold.learn.figures import GREY, ORANGE, blank, empty
from tenfold.lesson.showing import Image, put, show, write

UNITS = 10  # of a layer that are drawn


def network(model: nn.Sequential, image: Tensor, title: str = "") -> None:
    """A network of linear layers at work on one image (1, 28, 28): its strongest units and the lines between them.

    A unit is the darker, the larger its value. A line is red where it adds to the unit on its right and blue where it
    takes away, and the wider, the more: the weight, times the value on its left.
    """
    columns: list[tuple[Any, Any]] = []  # of each linear layer: its weights and the values after its activation
    with torch.no_grad():
        values = image[None]
        for layer in model.eval():
            values = layer(values)
            if isinstance(layer, nn.Linear):
                columns.append((layer.weight.numpy(), values[0].numpy()))
            elif columns:
                columns[-1] = (columns[-1][0], values[0].numpy())
        chance = values[0].softmax(0).numpy()
    columns[-1] = (columns[-1][0], chance)
    figure = empty(2.6 + 2.3 * len(columns), 3.9)
    axis = figure.subplots()
    axis.axis("off")
    axis.imshow(np.asarray(image[0]), cmap="gray_r", extent=(-1.0, 0.0, -0.57, 0.57))
    axis.add_patch(Rectangle((-1.0, -0.57), 1.0, 1.14, fill=False, color="#d1d5db"))
    axis.set(xlim=(-1.1, 1.3 * len(columns) + 0.5), ylim=(-1.25, 1.15), aspect="auto")
    axis.set_title(title, fontsize=11)
    before: list[int] = []
    for depth, (weights, values) in enumerate(columns, 1):
        last = depth == len(columns)
        chosen = list(range(10)) if last else sorted(np.argsort(-np.abs(values))[:UNITS].tolist())
        heights = np.linspace(1, -1, len(chosen))
        inputs = columns[depth - 2][1] if depth > 1 else None
        _edges(axis, depth, weights[chosen][:, before] * inputs[before] if inputs is not None else None, len(chosen))
        shades = values[chosen] / (np.abs(values[chosen]).max() or 1)
        axis.scatter(
            [1.3 * depth] * len(chosen), heights, c=-shades, cmap="gray", vmin=-1, vmax=0, s=120, ec=GREY, zorder=3
        )
        for number, height in zip(chosen, heights, strict=True):
            if last:
                axis.text(1.3 * depth + 0.14, height, f"{number}   {values[number]:.0%}", va="center", fontsize=10)
        shown = "ten digits" if last else f"{len(chosen)} of {len(values)} units"
        axis.text(1.3 * depth, -1.2, shown, ha="center", fontsize=9, color=GREY)
        before = chosen
    axis.text(-0.5, -1.2, "784 pixels", ha="center", fontsize=9, color=GREY)
    sizes = " to ".join(str(len(weights)) for weights, _ in columns)
    show(
        figure,
        f"A picture of a digit, joined by lines to columns of circles: 784 to {sizes}. It answers {chance.argmax()}.",
    )


def _edges(axis: Any, depth: int, shares: NDArray[Any] | None, count: int) -> None:
    """Lines (units, units before) to a column of units; grey ones from the image, where `shares` is None."""
    heights = np.linspace(1, -1, count)
    if shares is None:
        for height in heights:
            axis.plot([0, 1.3 * depth], [0, height], color="#d1d5db", linewidth=1, zorder=1)
        return
    most = np.abs(shares).max() or 1.0
    for (to, start), share in np.ndenumerate(shares):
        strength = abs(share) / most
        ends = [np.linspace(1, -1, shares.shape[1])[start], heights[to]]
        color = FOR if share > 0 else AGAINST
        axis.plot([1.3 * (depth - 1), 1.3 * depth], ends, color=color, alpha=strength, linewidth=2.5 * strength)


def convolution(image: Image, window: Image, result: Image, place: tuple[int, int]) -> None:
    """A window (k, k) that slides over an image, and the result, with the place (row, column) of one value of it."""
    (row, column), weights, values = place, np.asarray(window), np.asarray(result)
    figure = empty(9.6, 3.3)
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 0.5, 1))
    put(left, image)
    size = len(weights)
    left.add_patch(Rectangle((column - 0.5, row - 0.5), size, size, fill=False, color=ORANGE, linewidth=2))
    put(middle, weights, signed=True)
    write(middle, weights, "{:g}".format, 0.7 * np.abs(weights).max(), 11)
    put(right, values, signed=True)
    right.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, color=ORANGE, linewidth=2))
    for axis, title in (
        (left, "the window lies on a part of the digit:"),
        (middle, "pixel × weight,\nadded up, is"),
        (right, f"one value of the result: {values[row, column]:.1f}".replace("-", "−")),
    ):
        axis.set_title(title, fontsize=10)
    said = "red where the window fits the digit, blue where it fits the opposite"
    show(figure, f"A digit with a frame of {size} × {size} pixels, the window's weights, and the result: {said}.")


def pooling(before: Image, after: Image) -> None:
    """Values (2n, 2m), with lines around each 2 × 2, and the largest of each, (n, m)."""
    values, largest = np.asarray(before), np.asarray(after)
    figure, ((left, right),) = blank(7, 3.4, 1, 2)
    most = float(np.abs(values).max())
    for axis, shown, title in ((left, values, "before"), (right, largest, "after: the largest of each 2 × 2")):
        put(axis, shown, signed=True, most=most)
        write(axis, shown, lambda value: f"{round(value, 1) + 0:.1f}", 0.7 * most)
        axis.set_title(title, fontsize=10)
    for row, column in np.ndindex(*largest.shape):
        left.add_patch(Rectangle((2 * column - 0.5, 2 * row - 0.5), 2, 2, fill=False, color=ORANGE, linewidth=2))
    show(figure, "A table of numbers in frames of 2 × 2, and a smaller table with the largest number of each frame.")
