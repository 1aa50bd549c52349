"""Charts: what there is of each digit, walks downhill, losses and accuracies."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from matplotlib.ticker import MaxNLocator

from tenfold.errors import UsageError
from tenfold.learn.figures import GREEN, GREY, ORANGE, blank
from tenfold.lesson.showing import Image, show

COLORS = (GREY, ORANGE, GREEN, "#832db6", "#a96b59")  # red and blue mean something else
Rows: TypeAlias = Sequence[Mapping[str, float | None]]


def frequencies(images: Image, labels: Image) -> None:
    """How often each label comes, and each value of a pixel."""
    figure, ((left, right),) = blank(9, 2.6, 1, 2)
    left.bar(range(10), np.bincount(np.asarray(labels)), color=GREY)
    left.set(xticks=range(10), xlabel="digit")
    left.set_title("how many there are of each digit", fontsize=10)
    right.hist(np.asarray(images).ravel(), bins=64, color=GREY, log=True)
    right.set(xlabel="value of a pixel")
    right.set_title("how many pixels have each value (log scale)", fontsize=10)
    right.grid(axis="y", alpha=0.3)
    show(figure, "Left, ten bars of about the same height, one for each digit. Right, most pixels are 0, some are 255.")


def descents(function: Callable[[float], float], paths: Mapping[str, Sequence[float]], low: float, high: float) -> None:
    """Walks on a curve, each in a panel: the places w that each came to, from the first on.

    The curve is drawn from `low` to `high`, or as far as the walk went.
    """
    figure, axes = blank(3.1 * len(paths), 2.8, 1, len(paths))
    for axis, (name, path) in zip(axes[0], paths.items(), strict=True):
        along = np.linspace(min(low, *path), max(high, *path), 200)
        axis.plot(along, [function(w) for w in along], color="#9ca3af")
        axis.plot(path, [function(w) for w in path], "o-", color=ORANGE, markersize=4, linewidth=1)
        axis.plot(path[0], function(path[0]), "o", color="black", markersize=7)
        axis.set(xlabel="w")
        axis.set_title(name, fontsize=10)
    axes[0, 0].set_ylabel("loss")
    show(figure, f"A curve like a valley, and the steps of a walk that begins at the black dot: {'; '.join(paths)}.")


def lines(values: Mapping[str, Sequence[float]], title: str, xlabel: str = "step", ylabel: str = "loss") -> None:
    """A line for each name: its values, counted from 1."""
    figure, ((axis,),) = blank(6.5, 2.8)
    for (name, series), color in zip(values.items(), COLORS, strict=False):
        marks = ".-" if len(series) < 50 else "-"
        axis.plot(range(1, len(series) + 1), series, marks, color=color, linewidth=1.3, label=name)
    axis.set(xlabel=xlabel, ylabel=ylabel)
    axis.set_title(title, fontsize=11)
    axis.grid(axis="y", alpha=0.3)
    axis.legend(frameon=False, fontsize=9)
    ends = "; ".join(f"{name} goes from {series[0]:.3g} to {series[-1]:.3g}" for name, series in values.items())
    show(figure, f"{title}. Lines over each {xlabel}: {ends}.")


def curves(rows: Rows, title: str) -> None:
    """Loss and accuracy by epoch, on training digits (grey) and validation digits (orange)."""
    figure, axes = blank(9, 2.8, 1, 2)
    for axis, what in zip(axes[0], ("loss", "accuracy"), strict=True):
        for part, name, color in (("train", "training", GREY), ("val", "validation", ORANGE)):
            points = [(row["epoch"], row[f"{part}_{what}"]) for row in rows]
            axis.plot(*zip(*points, strict=True), ".-", color=color, label=name)
        axis.set(xlabel="epoch", ylabel=what)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(axis="y", alpha=0.3)
        axis.legend(frameon=False, fontsize=9)
    figure.suptitle(title, fontsize=11)
    said = ", ".join(f"{name} from {rows[0][name]:.3f} to {rows[-1][name]:.3f}" for name in ("train_loss", "val_loss"))
    show(figure, f"{title}: curves of loss and accuracy by epoch; {said}.")


def dots(scores: Mapping[str, Sequence[float]], title: str, least: float = 0.0) -> None:
    """A dot for each seed's accuracy and a stroke for the mean; an arrow at the edge for what is below `least`.

    Raises UsageError without a score.
    """
    if not scores or not all(scores.values()):
        raise UsageError("there is nothing to compare: each name needs a score or more")
    figure, ((axis,),) = blank(7.5, 0.9 + 0.33 * len(scores))
    for place, values in enumerate(scores.values()):
        for value in values:
            axis.plot(100 * max(value, least), place, "o" if value >= least else "<", color=GREY, alpha=0.7)
        if (mean := statistics.mean(values)) >= least:
            axis.plot([100 * mean] * 2, [place - 0.3, place + 0.3], color=ORANGE, linewidth=2.5)
    axis.set_yticks(range(len(scores)), list(scores))
    axis.set(ylim=(len(scores) - 0.5, -0.5), xlabel="validation accuracy, %")
    axis.set_title(title, fontsize=11)
    axis.grid(axis="x", alpha=0.3)
    said = "; ".join(f"{name}: {statistics.mean(values):.1%}" for name, values in scores.items())
    named = title if title.endswith("?") else f"{title}."
    show(figure, f"{named} A dot for each seed, a stroke for the mean. {said}.")


def confusion(counts: Sequence[Sequence[int]]) -> None:
    """How often each label (row) got each answer (column); mistakes are the darker, the more there are."""
    figure, ((axis,),) = blank(4.6, 4.4)
    values = np.array(counts)
    wrong = values - np.diag(np.diag(values))
    axis.imshow(wrong, cmap="Oranges", vmin=0, vmax=max(1, 1.5 * wrong.max()))
    for (label, answer), count in np.ndenumerate(values):
        if count:
            weight = "bold" if label == answer else "normal"
            axis.text(answer, label, str(count), ha="center", va="center", fontsize=8, weight=weight)
    axis.set(xticks=range(len(values)), yticks=range(len(values)), xlabel="answer", ylabel="label")
    axis.spines[:].set_visible(False)
    label, answer = np.unravel_index(wrong.argmax(), wrong.shape)
    often = f"Most often, {wrong.max()} times, a {label} was taken for a {answer}"
    show(figure, f"A table of ten labels by ten answers. {often}; on the diagonal are the right answers.")
