"""What all figures share: matplotlib's style, colours, sheets of small pictures, the curves of a run, writing a PNG."""

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, MaxNLocator, NullFormatter, PercentFormatter
from numpy.typing import NDArray

from tenfold import files

BLUE, ORANGE, GREEN, RED, GREY = "#2563a8", "#d97706", "#15803d", "#b91c1c", "#6b7280"
# Ten colours that can be distinguished also by the colour-blind (M. Petroff 2021, arXiv 2107.02270).
TEN = ("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd")
Rows = Sequence[dict[str, float | None]]


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure as PNG, whole or not at all. Raises StorageError."""
    # A name in a script that matplotlib's font lacks is drawn as boxes, which is no reason to warn.
    with files.file(path) as temporary, warnings.catch_warnings(action="ignore", category=UserWarning):
        FigureCanvasAgg(figure).print_png(temporary)  # type: ignore[no-untyped-call]
    return Path(path)


def escape(text: str) -> str:
    """A user's text as it is: matplotlib would take what stands between two dollar signs for a formula."""
    return text.replace("$", r"\$")


def empty(width: float, height: float) -> Figure:
    """A figure of so many inches, at 120 pixels each, that belongs to no window and has no axes yet."""
    return Figure(figsize=(width, height), dpi=120, layout="constrained", facecolor="white")


def blank(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Figure, NDArray[Any]]:
    """An empty figure of so many inches, and its axes (rows, columns)."""
    figure = empty(width, height)
    axes = np.asarray(figure.subplots(rows, columns, squeeze=False))
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8, color=GREY)
    return figure, axes


def bare(axis: Axes) -> None:
    """Leave out an axis's frame, ticks and numbers."""
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def colours(classes: int) -> list[Any]:
    """A colour for each class; of more than ten, from dark to light."""
    if classes <= len(TEN):
        return [to_rgba(color) for color in TEN[:classes]]
    return [colormaps["viridis"](k / (classes - 1)) for k in range(classes)]


def montage(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pictures (C, h, w) in rows of `columns(C)` as one (H, W), with NaN between them."""
    count, height, _ = pictures.shape
    across, gap = columns(count), max(1, round(height / 14))
    padded = np.pad(pictures, ((0, -count % across), (0, gap), (0, gap)), constant_values=np.nan)
    rows = padded.reshape(-1, across, *padded.shape[1:]).swapaxes(1, 2)  # (R, h, across, w)
    return rows.reshape(rows.shape[0] * rows.shape[1], -1)[:-gap, :-gap]


def columns(count: int) -> int:
    """In how many columns so many pictures fill a sheet best, wider than high and with few places left empty."""
    root = math.sqrt(count)
    return min(range(math.ceil(root), math.ceil(2 * root) + 1), key=lambda n: (-count % n, abs(n - 1.6 * root)))


def curves(rows: Rows, steps: Rows = (), title: str = "") -> Figure:
    """Loss and accuracy: inside the epochs and by epoch on training digits, by epoch on validation digits.

    `rows` are those of metrics.csv, `steps` those of steps.csv.
    """
    figure, axes = blank(9, 3.4, 1, 2)
    for axis, what in zip(axes[0], ("loss", "accuracy"), strict=True):
        axis.plot([s["epoch"] for s in steps], [s[what] for s in steps], color=BLUE, linewidth=1, alpha=0.45)
        for part, color, label in (("train", BLUE, "training, while learning"), ("val", ORANGE, "validation")):
            points = [(row["epoch"], row[f"{part}_{what}"]) for row in rows if row[f"{part}_{what}"] is not None]
            if points:
                axis.plot(*zip(*points, strict=True), "o-", color=color, markersize=4, linewidth=1.6, label=label)
        axis.set(xlabel="epoch", ylabel=what, xlim=(0, None))
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(axis="y", color="#e5e7eb")
        if axis.lines:
            axis.legend(frameon=False, fontsize=8, loc="best")
    # The first steps are far off; what matters happens near the end of the scale.
    axes[0, 0].set_yscale("log")
    axes[0, 0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes[0, 0].yaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes[0, 0].yaxis.set_minor_formatter(NullFormatter())
    lowest = min([0.9, *(row["train_accuracy"] or 1.0 for row in rows), *(row["val_accuracy"] or 1.0 for row in rows)])
    axes[0, 1].set_ylim(max(0.0, lowest - 0.02), 1.0)
    axes[0, 1].yaxis.set_major_formatter(PercentFormatter(1.0))
    figure.suptitle(escape(title or "Loss and accuracy"), fontsize=11)
    return figure
