"""Figures of what is inside a network: each a slide. `draw` writes them all."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from tenfold.learn.figures import BLUE, GREY, RED, plain, save
from tenfold.learn.inside import PATCH, Change, Explanation, Inside, Map, with_figures

FOR, AGAINST = "#b2182b", "#2166ac"  # the ends of the colours that say what speaks for a class and against it
MAPS = 16  # of a convolution, in a row
WAYS = (
    ("gradients", "integrated gradients:\neach pixel's share"),
    ("erased", f"ink taken away,\n{PATCH} × {PATCH} pixels at a time"),
    ("inked", f"ink put there,\n{PATCH} × {PATCH} pixels at a time"),
)


def draw(found: Inside, folder: Path) -> Inside:
    """Write every figure into a folder; what was found, with their paths. Raises StorageError."""
    own = {
        "filters": save(filters(found.filters), folder / "filters.png"),
        "map": save(map_of_digits(found.map, found.classes, found.digits), folder / "map.png"),
    }
    paths = []
    for one in found.digits:
        stem = f"digit-{one.index}"
        paths.append(
            {
                "saliency": save(saliency(one), folder / f"{stem}-saliency.png"),
                "layers": save(layers(one, found.classes), folder / f"{stem}-layers.png"),
                "change": save(change(one), folder / f"{stem}-change.png"),
            }
        )
    own["overview"] = save(overview(found), folder / "overview.png")
    return with_figures(found, own, paths)


def filters(weights: NDArray[np.float32]) -> Figure:
    """The first layer's filters (C, h, w), all on one scale."""
    across = columns(len(weights))
    rows = math.ceil(len(weights) / across)
    figure = _figure(max(4.5, 0.72 * across + 1.1), 0.72 * rows + 0.9)
    axis = figure.subplots()
    shown = _filters(axis, weights)
    bar = figure.colorbar(shown, ax=axis, shrink=min(1.0, 2.6 / (0.72 * rows)), aspect=18, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, color=GREY)
    bar.set_label("weight", fontsize=8)
    sort = "" if weights.shape[1] < 28 else ", as large as the image"
    figure.suptitle(f"What the first layer looks for: {len(weights)} filters{sort}", fontsize=11)
    return figure


def map_of_digits(places: Map, classes: Sequence[str], digits: Sequence[Explanation] = ()) -> Figure:
    """The test digits as the last layer sees them, with the mistakes marked and those that are explained."""
    figure = _figure(8.4, 7.2)
    _map(figure.subplots(), places, classes, digits)
    figure.suptitle(_map_title(places), fontsize=11)
    return figure


def saliency(one: Explanation) -> Figure:
    """What speaks for the answer, for the runner-up, and for the one rather than the other, by three ways."""
    figure = _figure(9.6, 7.6)
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=(1, 3.1))[0]
    top, bars, free = left.subplots(3, 1, height_ratios=(1, 0.8, 1))
    _digit(top, one.image, _said(one))
    _bars(bars, one.probabilities, [one.answer], "probability")
    free.axis("off")
    axes = right.subplots(3, 3)
    heads = (f"for {one.answer}", f"for {one.runner_up}", f"for {one.answer} rather than {one.runner_up}")
    shown = None
    for row, (way, words) in zip(axes, WAYS, strict=True):
        pair = getattr(one, way)
        for axis, values in zip(row, (pair[0], pair[1], pair[0] - pair[1]), strict=True):
            shown = _heat(axis, values, one.image)
        row[0].set_ylabel(words, fontsize=9)
    for axis, head in zip(axes[0], heads, strict=True):
        axis.set_title(plain(head), fontsize=10)
    bar = right.colorbar(shown, ax=axes, location="bottom", shrink=0.6, aspect=30, pad=0.02, ticks=[-1, 0, 1])
    bar.ax.set_xticklabels(["speaks against it", "0", "speaks for it"], fontsize=9)
    bar.ax.tick_params(color=GREY)
    bar.outline.set_visible(False)
    figure.suptitle(plain(f"What speaks for the answer {one.answer} to test digit {one.index}"), fontsize=12)
    return figure


def layers(one: Explanation, classes: Sequence[str]) -> Figure:
    """The digit as each layer has it: maps of the convolutions, units of the others, and the logits."""
    stages = list(one.activations.items())
    heights = [_stage_height(values) for _, values in stages[:-1]] + [1.5]
    figure = _figure(10, 0.55 + sum(heights))
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=(1, 6.2))[0]
    _digit(left.subplots(), one.image, _said(one))
    parts = right.subfigures(len(stages), 1, squeeze=False, height_ratios=heights)
    for part, (name, values) in zip(parts[:, 0], stages, strict=True):
        axis = part.subplots()
        if name == stages[-1][0]:
            _logits(axis, values, classes, one.answer)
        else:
            _stage(axis, values)
        size = ": a logit for each class" if name == stages[-1][0] else _size(values)
        part.suptitle(f"{name}{size}", fontsize=9, x=0.01, ha="left")
    figure.suptitle(plain(f"Test digit {one.index}, layer by layer"), fontsize=12)
    return figure


def change(one: Explanation) -> Figure:
    """The picture, the least change found that makes it another digit to the network, and what comes of it."""
    figure = _figure(9.6, 4.6)
    axes = figure.subplots(2, 3, height_ratios=(2.2, 1))
    _digit(axes[0, 0], one.image, _said(one))
    _bars(axes[1, 0], one.probabilities, [one.answer], "probability")
    found = one.change
    if found is None:
        _nothing(axes[0, 1], f"No change was found\nthat makes it {_article(one.wanted)}.")
        for axis in (axes[0, 2], axes[1, 1], axes[1, 2]):
            axis.axis("off")
    else:
        _difference(axes[0, 1], one, found)
        axes[0, 1].set_title(f"the change: {found.ink:.1f} pixels of ink", fontsize=9)
        _digit(axes[0, 2], found.image, f"answered {found.answer}  {found.probabilities[found.answer]:.0%}")
        _legend_of_change(axes[1, 1], one, found)
        _bars(axes[1, 2], found.probabilities, [found.answer], "")
    figure.suptitle(
        plain(f"How little makes test digit {one.index} {_article(one.wanted)} to the network?"), fontsize=12
    )
    return figure


def overview(found: Inside) -> Figure:
    """All at a glance: filters, map, and for each digit why it is answered so and the least change that turns it."""
    count = max(1, len(found.digits))
    figure = _figure(13.2, 4.6 + 2.45 * count)
    top, bottom = figure.subfigures(2, 1, squeeze=False, height_ratios=(4.3, 2.45 * count), hspace=0.02)[:, 0]
    left, right = top.subfigures(1, 2, squeeze=False, width_ratios=(1, 1.35))[0]
    shown = found.filters[:32] if found.filters.shape[1] >= 28 else found.filters
    _filters(left.subplots(), shown)
    left.suptitle(f"What the first layer looks for: {len(shown)} filters", fontsize=10)
    _map(right.subplots(), found.map, found.classes, found.digits, small=True)
    right.suptitle(_map_title(found.map), fontsize=10)
    rows = bottom.subplots(count, 6, squeeze=False, width_ratios=(1, 1.1, 1, 1, 1, 1))
    for row, one in zip(rows, found.digits, strict=False):
        _digit(row[0], one.image, f"test digit {one.index}: {_said(one)}")
        _bars(row[1], one.probabilities, [one.answer], "")
        difference = one.gradients[0] - one.gradients[1]
        _heat(row[2], difference, one.image)
        row[2].set_title(plain(f"for {one.answer} rather than {one.runner_up}"), fontsize=9)
        row[2].set_xlabel("integrated gradients", fontsize=8, color=GREY)
        _heat(row[3], one.erased[0] - one.erased[1], one.image)
        row[3].set_title(plain(f"for {one.answer} rather than {one.runner_up}"), fontsize=9)
        row[3].set_xlabel("ink taken away", fontsize=8, color=GREY)
        if one.change is None:
            _nothing(row[4], f"No change was found\nthat makes it {_article(one.wanted)}.")
            row[5].axis("off")
            continue
        _difference(row[4], one, one.change)
        row[4].set_title(f"least change: {one.change.ink:.1f} pixels", fontsize=9)
        row[4].set_xlabel("red added, blue removed", fontsize=8, color=GREY)
        _digit(
            row[5], one.change.image, f"answered {one.change.answer}  {one.change.probabilities[one.change.answer]:.0%}"
        )
    figure.suptitle(plain(f"Inside {Path(found.model).name}"), fontsize=13)
    return figure


def montage(pictures: NDArray[np.float32], across: int | None = None) -> NDArray[np.float32]:
    """Pictures (C, h, w) in rows of so many, or as fits best, as one (H, W), with NaN between them."""
    count, height, width = pictures.shape
    across = across or columns(count)
    rows = math.ceil(count / across)
    gap = max(1, round(height / 14))
    sheet = np.full((rows * (height + gap) - gap, across * (width + gap) - gap), np.nan, np.float32)
    for k, picture in enumerate(pictures):
        y, x = k // across * (height + gap), k % across * (width + gap)
        sheet[y : y + height, x : x + width] = picture
    return sheet


def columns(count: int) -> int:
    """In how many columns so many pictures fill a sheet best, wider than high and with few places left empty."""
    root = math.sqrt(count)
    return min(range(math.ceil(root), math.ceil(2 * root) + 1), key=lambda n: (-count % n, abs(n - 1.6 * root)))


def colours(classes: int) -> list[Any]:
    """A colour for each class."""
    if classes <= 10:
        return [colormaps["tab10"](k) for k in range(classes)]
    return [colormaps["hsv"](k / classes) for k in range(classes)]


def _figure(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), dpi=120, layout="constrained", facecolor="white")


def _bare(axis: Axes) -> None:
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def _digit(axis: Axes, image: NDArray[np.uint8], title: str) -> None:
    axis.imshow(image, cmap="gray_r", vmin=0, vmax=255, interpolation="nearest")
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_color("#d1d5db")
    axis.set_title(plain(title), fontsize=9)


def _said(one: Explanation) -> str:
    sure = f"{one.probabilities[one.answer]:.0%}"
    return f"{one.answer}  {sure}" if one.right else f"{one.label} → {one.answer}  {sure}"


def _article(name: str) -> str:
    """A class as the end of a sentence: "a 4", "an 8", "odd"."""
    if not name.isdigit():
        return name
    return f"{'an' if name.startswith('8') or name in ('11', '18') else 'a'} {name}"


def _bars(axis: Axes, probabilities: dict[str, float], marked: Sequence[str], label: str) -> None:
    """A bar for each class, or for the six most probable of many."""
    names = list(probabilities)
    if len(names) > 12:
        names = sorted(names, key=lambda name: -probabilities[name])[:6]
    values = [probabilities[name] for name in names]
    colors = [BLUE if name in marked else "#cbd5e1" for name in names]
    axis.bar(range(len(names)), values, color=colors)
    axis.set_xticks(range(len(names)), [plain(name) for name in names], fontsize=8)
    axis.set(ylim=(0, 1), yticks=[0, 0.5, 1])
    axis.set_yticklabels(["0", "50 %", "100 %"], fontsize=8)
    axis.set_ylabel(label, fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(color=GREY)


def _heat(axis: Axes, values: NDArray[np.float32], image: NDArray[np.uint8]) -> Any:
    """What speaks for it in red and against it in blue, each picture on its own scale, with the digit's outline."""
    most = float(np.abs(values).max()) or 1.0
    shown = axis.imshow(values / most, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
    if image.min() < 128 <= image.max():
        axis.contour(image, [127.5], colors="#111827", linewidths=0.9, alpha=0.75)
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_color("#d1d5db")
    return shown


def _difference(axis: Axes, one: Explanation, found: Change) -> None:
    """Ink that is added in red, taken away in blue, over the digit in grey."""
    before, after = one.image / 255, found.image / 255
    added, taken = np.clip(after - before, 0, 1), np.clip(before - after, 0, 1)
    pale = 1 - 0.35 * before[..., None]  # the digit itself, in light grey
    picture = np.repeat(pale, 3, 2)
    for amount, color in ((added, (0.70, 0.09, 0.17)), (taken, (0.13, 0.40, 0.67))):
        share = np.clip(amount * 1.4, 0, 1)[..., None]
        picture = picture * (1 - share) + np.array(color) * share
    axis.imshow(picture, interpolation="nearest")
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_color("#d1d5db")


def _legend_of_change(axis: Axes, one: Explanation, found: Change) -> None:
    gain = (found.image.astype(float) - one.image) / 255
    axis.axis("off")
    lines = (
        (f"■ {gain.clip(0).sum():.1f} added", FOR),
        (f"■ {(-gain).clip(0).sum():.1f} taken away", AGAINST),
        (f"the digit has {one.image.sum() / 255:.0f}", GREY),
    )
    for k, (words, color) in enumerate(lines):
        axis.text(0.5, 0.85 - 0.27 * k, words, color=color, ha="center", va="center", fontsize=10)


def _nothing(axis: Axes, words: str) -> None:
    axis.axis("off")
    axis.text(0.5, 0.5, plain(words), ha="center", va="center", fontsize=11, color=RED, transform=axis.transAxes)


def _filters(axis: Axes, weights: NDArray[np.float32]) -> Any:
    most = float(np.quantile(np.abs(weights), 0.998)) or 1.0
    shown = axis.imshow(montage(weights), cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest")
    _bare(axis)
    return shown


def _map_title(places: Map) -> str:
    part = "" if len(places.points) == places.total else f"{len(places.points):,} of "
    mistakes = int((places.labels != places.answers).sum())
    all_of = "all " if mistakes == places.mistakes else f"{mistakes:,} of "
    return (
        f"{part}{places.total:,} test digits as the last layer gets them: alike beside alike,\n"
        f"{all_of}{places.mistakes:,} mistakes marked"
    )


def _map(
    axis: Axes, places: Map, classes: Sequence[str], digits: Sequence[Explanation], *, small: bool = False
) -> None:
    colors = np.array(colours(len(classes)))
    right = places.labels == places.answers
    dot = 5 if small else 9
    points = places.points
    for these, size, how in (
        (right, dot, {"alpha": 0.55, "linewidth": 0}),
        (~right, 3.2 * dot, {"edgecolor": "black", "linewidth": 0.7, "zorder": 3}),
    ):
        axis.scatter(points[these, 0], points[these, 1], s=size, color=colors[places.labels[these]], **how)
    for number, name in enumerate(classes):
        members = points[right & (places.labels == number)]
        if len(members):
            x, y = _middle(members)
            axis.text(
                *(x, y, plain(name)),
                ha="center",
                va="center",
                fontsize=(13 if small else 17) if len(name) < 4 else 9,
                fontweight="bold",
                color="black",
                path_effects=[withStroke(linewidth=3.5, foreground="white")],
                zorder=5,
            )
    for number, one in enumerate(digits):
        at = np.flatnonzero(places.index == one.index)
        if len(at):
            x, y = points[at[0]]
            axis.scatter(x, y, s=12 * dot, marker="*", color="#facc15", edgecolor="black", linewidth=0.9, zorder=6)
            axis.annotate(
                plain(f"{one.index}: {_said(one)}"),
                (x, y),
                xytext=(9, -14 if number % 2 else 9),  # two that lie together are told apart
                textcoords="offset points",
                fontsize=8,
                zorder=7,
                bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "#d1d5db", "boxstyle": "round,pad=0.2"},
            )
    axis.scatter(
        [], [], s=3.2 * dot, color="white", edgecolor="black", linewidth=0.9, label="mistake, coloured by label"
    )
    if digits:
        axis.scatter([], [], s=12 * dot, marker="*", color="#facc15", edgecolor="black", label="explained")
    axis.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2)
    _bare(axis)


def _middle(members: NDArray[np.float32]) -> NDArray[np.float32]:
    """The member nearest to the median: a place that is inside even where the members lie in a ring or in two parts."""
    away = np.abs(members - np.median(members, 0)).sum(1)
    nearest: NDArray[np.float32] = members[away.argmin()]
    return nearest


def _stage_height(values: NDArray[np.float32]) -> float:
    if values.ndim == 3:
        return 0.45 + 0.56 * math.ceil(min(len(values), 2 * MAPS) / MAPS)
    return 0.45 + 0.14 * math.ceil(len(values) / 64)


def _stage(axis: Axes, values: NDArray[np.float32]) -> None:
    """Maps side by side, the most active ones of many; units as cells of a strip."""
    if values.ndim == 3:
        strong = np.sort(np.argsort(-values.clip(0).sum((1, 2)), kind="stable")[: 2 * MAPS])
        sheet = montage(values[strong], MAPS)
        axis.imshow(sheet, cmap="magma", vmin=min(0.0, float(values.min())), vmax=float(values.max()) or 1.0)
    else:
        across = min(64, len(values))
        strip = np.full(math.ceil(len(values) / across) * across, np.nan, np.float32)
        strip[: len(values)] = values
        low, high = min(0.0, float(values.min())), float(values.max()) or 1.0
        axis.imshow(strip.reshape(-1, across), cmap="magma", vmin=low, vmax=max(high, low + 1e-6), aspect="auto")
    axis.set_anchor("W")
    _bare(axis)


def _size(values: NDArray[np.float32]) -> str:
    if values.ndim == 3:
        count, height, width = values.shape
        some = f", the {2 * MAPS} most active" if count > 2 * MAPS else ""
        return f": {count} maps of {height} × {width}{some}"
    return f": {len(values)} numbers"


def _logits(axis: Axes, values: NDArray[np.float32], classes: Sequence[str], answer: str) -> None:
    colors = [BLUE if name == answer else "#cbd5e1" for name in classes]
    axis.bar(range(len(values)), values, color=colors)
    axis.axhline(0, color=GREY, linewidth=0.8)
    axis.set_xticks(range(len(values)), [plain(name) for name in classes], fontsize=8)
    axis.tick_params(labelsize=8, color=GREY)
    axis.set_ylabel("logit", fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)
