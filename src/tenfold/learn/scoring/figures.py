"""Figures of scores: the confusion matrix, the reliability diagram, digits with their answers, every class of the data.

Each function returns a figure, which `tenfold.learn.figures.save` writes as PNG.
"""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tenfold.learn.figures import BLUE, GREEN, GREY, ORANGE, RED, bare, blank, empty, escape
from tenfold.learn.scoring.metrics import Bin
from tenfold.mnist.digits import Digits


def confusion(matrix: NDArray[np.int64], names: Sequence[str]) -> Figure:
    """The confusion matrix: right answers on the diagonal, mistakes in red by their number."""
    size = max(3.6, 0.52 * len(names) + 1.6)
    figure, axes = blank(size + 0.6, size)
    axis: Axes = axes[0, 0]
    mistakes = np.where(np.eye(len(names), dtype=bool), 0, matrix)
    shades = axis.imshow(mistakes, cmap="Reds", vmin=0, vmax=max(1, mistakes.max()))
    for (row, column), count in np.ndenumerate(matrix):
        red, green, blue, _ = shades.to_rgba(mistakes[row, column])
        color = "black" if 0.3 * red + 0.59 * green + 0.11 * blue > 0.5 else "white"
        axis.text(column, row, f"{count}", ha="center", va="center", fontsize=8, color=color)
    axis.set_xticks(
        range(len(names)), [escape(name) for name in names], rotation=0 if max(map(len, names)) < 8 else 45, ha="center"
    )
    axis.set_yticks(range(len(names)), [escape(name) for name in names])
    axis.set(xlabel="answer", ylabel="label")
    axis.set_title("Confusion matrix", fontsize=11)
    return figure


def reliability(bins: Sequence[Bin], error: float) -> Figure:
    """Accuracy against confidence, with the number of answers in each bin below."""
    figure = empty(4.8, 4.8)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    width = bins[0].high - bins[0].low
    middle = [(b.low + b.high) / 2 for b in bins]
    top.bar(middle, [b.accuracy for b in bins], width * 0.9, color=BLUE, label="accuracy of the answers")
    sure = [b.confidence for b in bins]
    top.plot(sure, sure, "o", color=ORANGE, markersize=4, label="their mean confidence")
    top.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle="--", label="perfect calibration")
    top.set(ylabel="accuracy", ylim=(0, 1.02), xlim=(0, 1))
    top.legend(frameon=False, fontsize=8, loc="upper left")
    bottom.bar(middle, [b.count for b in bins], width * 0.9, color=GREY)
    bottom.set(xlabel="confidence", ylabel="answers", yscale="log")
    for axis in (top, bottom):
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    figure.suptitle(f"Reliability: expected calibration error {error:.2%}", fontsize=11)
    return figure


def answers(
    images: NDArray[np.uint8],
    captions: Sequence[str],
    right: Sequence[bool],
    title: str,
    probabilities: NDArray[np.float32] | None = None,
) -> Figure:
    """Digits (N, 28, 28) with a caption each, red where the answer is wrong; bars show each class's probability."""
    columns = min(8, max(1, len(images)))
    rows = max(1, math.ceil(len(images) / columns))
    each = 1.85 if probabilities is not None else 1.6
    figure, axes = blank(max(4.0, 1.3 * columns), each * rows + 0.5, rows, columns)
    for axis in axes.flat:
        axis.axis("off")
    for k, (axis, image, caption) in enumerate(zip(axes.flat, images, captions, strict=False)):
        axis.imshow(image, cmap="gray_r", vmin=0, vmax=255, interpolation="nearest")
        axis.set_title(escape(caption), fontsize=8, color="black" if right[k] else RED)
        if probabilities is not None:
            bars = axis.inset_axes((0.0, -0.24, 1.0, 0.22))
            best = int(probabilities[k].argmax())
            colors = [(GREEN if right[k] else RED) if c == best else GREY for c in range(probabilities.shape[1])]
            bars.bar(range(probabilities.shape[1]), probabilities[k], color=colors)
            bars.set(ylim=(0, 1), xticks=[], yticks=[])
            bars.spines[["top", "right", "left"]].set_visible(False)
    if not len(images):
        axes[0, 0].text(0.5, 0.5, "none", ha="center", va="center", color=GREY)
    figure.suptitle(title, fontsize=11)
    return figure


def classes(digits: Digits, names: Sequence[str], per_class: int = 12, seed: int = 0) -> Figure:
    """A row of examples for every class, drawn at random, with the class's mean image first and its count."""
    generator = np.random.default_rng(seed)
    figure, axes = blank(0.62 * (per_class + 1) + 1.6, 0.66 * len(names) + 0.7, len(names), per_class + 1)
    for axis in axes.flat:
        axis.axis("off")
    for label, row in enumerate(axes):
        members = np.flatnonzero(digits.labels == label)
        row[0].axis("on")
        bare(row[0])
        row[0].set_ylabel(f"{escape(names[label])}\n{len(members):,}", rotation=0, ha="right", va="center", fontsize=8)
        if len(members):
            row[0].imshow(digits.images[members].mean(0), cmap="Blues", vmin=0, vmax=255)
        for axis, index in zip(row[1:], generator.permutation(members), strict=False):
            axis.imshow(digits.images[index], cmap="gray_r", vmin=0, vmax=255, interpolation="nearest")
    figure.suptitle("Every class: how many, their mean (blue), and examples", fontsize=11)
    return figure
