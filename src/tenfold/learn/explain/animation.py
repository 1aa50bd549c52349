"""A training as an animated GIF, and some of its moments side by side: digits before the last layer, first filters."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from tenfold import files
from tenfold.errors import RunError
from tenfold.learn.explain.digit_map import principal
from tenfold.learn.explain.figures import filter_sheet, name_class, strongest
from tenfold.learn.figures import BLUE, GREY, colours, empty, escape, montage

POWER = 2.5  # look k of n is after (k / n) ** POWER of the training, so that they are closest at its start
FRAME = 120  # milliseconds
PAUSE = 3000  # on the last frame


@dataclass(frozen=True, eq=False)
class Film:
    """The looks at a training, L of them, at N digits and C filters."""

    epochs: NDArray[np.float64]  # (L,), how far the training was
    points: NDArray[np.float32]  # (L, N, 2), on two axes that are fitted to the last look: see `_axes`
    labels: NDArray[np.int64]  # (N,)
    answers: NDArray[np.int64]  # (L, N)
    filters: NDArray[np.float32]  # (L, C, h, w)
    classes: NDArray[np.str_]  # names
    share: float  # of the last look's variance that lies in the plane of these axes
    part: str  # of the data that the digits are of: "validation" or "training"

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """Of each look (L,)."""
        accuracy: NDArray[np.float64] = (self.answers == self.labels).mean(1)
        return accuracy

    @property
    def caption(self) -> str:
        """What is shown."""
        return f"{len(self.labels)} {self.part} digits by what the last layer is given; ringed: answered wrongly"

    @cached_property
    def strongest(self) -> float:
        """Where the scale of the filters ends, the same for all looks."""
        return strongest(self.filters)

    def title(self, k: int) -> str:
        """When look k was, and how many answers were right."""
        epoch = self.epochs[k]
        when = f"epoch {epoch:.{4 if epoch < 0.01 else 2}f}" if epoch else "before the first step"
        return f"{when}: {self.accuracy[k]:.0%} right"


def developed(folder: Path, labels: NDArray[np.int64], classes: tuple[str, ...], part: str) -> Film:
    """The film of the looks in a folder. Raises RunError when one of them is damaged."""
    paths = sorted(folder.glob("*.npz"))
    looks: list[dict[str, NDArray[Any]]] = []
    for path in paths:
        try:
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
                looks.append({name: archive[name] for name in ("embeddings", "answers", "filters")})
        except Exception as error:  # numpy raises a dozen kinds here
            raise RunError(f"cannot read {path}, it is damaged: remove it, then resume the run") from error
    clouds = [_scaled(torch.from_numpy(look["embeddings"].astype(np.float32))) for look in looks]
    axes = _axes(clouds[-1], torch.from_numpy(labels))
    plane = torch.linalg.qr(axes)[0]
    share = (clouds[-1] @ plane).square().sum().item() / max(clouds[-1].square().sum().item(), 1e-12)
    return Film(
        epochs=np.array([float(path.stem) for path in paths]),
        points=torch.stack([cloud @ axes for cloud in clouds]).numpy(),
        labels=labels,
        answers=np.stack([look["answers"] for look in looks]).astype(np.int64),
        filters=np.stack([look["filters"] for look in looks]).astype(np.float32),
        classes=np.array(classes),
        share=share,
        part=part,
    )


def _scaled(points: Tensor) -> Tensor:
    """Points (N, D) around zero and as far from it as in every other look, for networks grow while they learn."""
    points = points - points.mean(0)
    return points / points.square().sum(1).mean().sqrt().clamp_min(1e-12)


def _axes(points: Tensor, labels: Tensor) -> Tensor:
    """Two axes (D, 2) for points (N, D): the least linear map that takes the middles of the classes to a ring.

    On the ring the classes follow each other as they do around the first two principal axes. Of three classes or fewer,
    and where the points have too few dimensions for a ring, it is those axes.
    """
    _, axes = principal(points, 2)
    present = np.unique(labels.numpy()).tolist()
    middles = torch.stack([points[labels == k].mean(0) for k in present])
    if len(present) < 4:
        return axes
    flat = (middles - middles.mean(0)) @ axes
    place = torch.atan2(flat[:, 1], flat[:, 0]).argsort().argsort() * (2 * torch.pi / len(present))
    ring = torch.stack([place.cos(), place.sin()], 1)
    to_ring = torch.linalg.pinv(middles, rtol=1e-3) @ ring
    return to_ring if ((middles @ to_ring - ring).abs() < 0.3).all() else axes


def animate(film: Film, path: str | Path, name: str = "") -> Path:
    """Write the film as an animated GIF, which browsers, notebooks and slides show. Raises StorageError."""
    figure = Figure(figsize=(9.6, 5.4), dpi=100, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    left = figure.add_axes((0.01, 0.065, 0.54, 0.835))
    right = figure.add_axes((0.60, 0.36, 0.38, 0.50))
    below = figure.add_axes((0.645, 0.12, 0.33, 0.17))
    head = figure.text(0.03, 0.94, "", fontsize=13, fontweight="bold", va="center")
    figure.text(0.98, 0.94, escape(name), fontsize=9, color=GREY, ha="right", va="center")
    figure.text(0.79, 0.885, "filters of the first layer", ha="center", va="center")
    figure.text(0.01, 0.03, film.caption, fontsize=9, va="center")
    _curve(below, film)
    (mark,) = below.plot([], [], "o", color=BLUE, markersize=6)
    frames: list[Image.Image] = []
    for k in range(len(film.epochs)):
        for artist in (*left.collections, *left.texts, *right.images):
            artist.remove()
        _digits(left, film, k, size=20)
        filter_sheet(right, film.filters[k], film.strongest)
        mark.set_data([k], [film.accuracy[k]])
        head.set_text(film.title(k))
        canvas.draw()  # type: ignore[no-untyped-call]
        frames.append(Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB"))  # type: ignore[no-untyped-call]
    flat = _with_one_palette(frames)
    durations = [FRAME] * (len(flat) - 1) + [PAUSE]
    with files.file(path) as temporary:
        flat[0].save(temporary, "GIF", save_all=True, append_images=flat[1:], duration=durations, loop=0)
    return Path(path)


def sheet(film: Film, title: str = "Training", columns: int = 5) -> Figure:
    """Some moments of the film side by side, for a page that does not move: the digits above, the filters below."""
    height, width = montage(film.filters[-1]).shape
    below = min(1.0, 1.05 * height / width)  # of a filters' sheet as wide as the digits above it
    chosen = np.unique(np.linspace(0, len(film.epochs) - 1, min(columns, len(film.epochs))).round().astype(int))
    figure = empty(2.7 * len(chosen) + 0.2, 3.3 + 2.6 * below)
    axes = figure.subplots(2, len(chosen), squeeze=False, height_ratios=(1, below))
    for k, (top, bottom) in zip(chosen, axes.T, strict=True):
        _digits(top, film, k, size=9)
        filter_sheet(bottom, film.filters[k], film.strongest)
        top.set_title(film.title(k), fontsize=11)
    axes[0, 0].set_ylabel("digits", fontsize=11)
    axes[1, 0].set_ylabel("filters", fontsize=11)
    figure.suptitle(escape(f"{title}\n{film.caption}"), fontsize=11)
    return figure


def _digits(axis: Axes, film: Film, k: int, size: float) -> None:
    """Look k at the digits, those that are answered wrongly ringed, and the names of the classes at their middles."""
    points, color = film.points[k], np.array(colours(len(film.classes)))[film.labels]
    rings = [(0, 0, 0, float(wrong)) for wrong in film.answers[k] != film.labels]
    x, y = points.T
    axis.scatter(x, y, s=size, c=color, edgecolor=rings, linewidth=0.7, zorder=2)
    # Room for nearly all that is ever there; the same for all looks.
    low, high = np.quantile(film.points, (0.002, 0.998), axis=(0, 1))
    room = np.maximum(0.06 * (high - low), 1e-6)
    (left, right), (bottom, top) = np.stack([low - room, high + room], 1)
    axis.set(xlim=(left, right), ylim=(bottom, top), xticks=[], yticks=[])
    axis.spines[:].set_color("#e5e7eb")
    for number in np.unique(film.labels):
        name_class(axis, np.median(points[film.labels == number], 0), str(film.classes[number]), 13)


def _curve(axis: Axes, film: Film) -> None:
    """Accuracy by look, with the epochs at which they were."""
    axis.plot(film.accuracy, color=BLUE, linewidth=1.4, alpha=0.6)
    epochs = [epoch for epoch in (0, 0.01, 0.1, 0.5, 1, 3, 10, 30, 100, 300) if epoch <= film.epochs[-1]]
    axis.set_xticks(np.interp(epochs, film.epochs, range(len(film.epochs))), [f"{epoch:g}" for epoch in epochs])
    axis.set(xlim=(0, len(film.epochs) - 0.5), ylim=(0, 1.02), yticks=[0, 0.5, 1])
    axis.yaxis.set_major_formatter(PercentFormatter(1.0))
    axis.set_xlabel("epoch", fontsize=8, labelpad=1)
    axis.set_ylabel("right", fontsize=8, labelpad=1)
    axis.tick_params(labelsize=8, color=GREY)
    axis.spines[["top", "right"]].set_visible(False)


def _with_one_palette(frames: list[Image.Image]) -> list[Image.Image]:
    """Frames in one palette, so that colours do not flicker: those of weights, white, and those of three frames."""
    some = np.concatenate([np.asarray(frames[k]) for k in (0, len(frames) // 2, -1)])
    common = Image.fromarray(some).quantize(159, dither=Image.Dither.NONE).getpalette() or []
    weights = (colormaps["RdBu_r"](np.linspace(0, 1, 96))[:, :3] * 255).astype(np.uint8)
    palette = Image.new("P", (1, 1))
    palette.putpalette(weights.tobytes() + b"\xff\xff\xff" + bytes(common))
    flat = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    for one, frame in zip(flat, frames, strict=True):  # Pillow takes what is nearest to a rounded colour
        one.paste(len(weights), mask=Image.fromarray((np.asarray(frame) == 255).all(2)))
    return flat
