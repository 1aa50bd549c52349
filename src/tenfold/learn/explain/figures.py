"""Figures of what is inside a network: each a slide. `draw` writes them all."""

import math
import textwrap
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from tenfold.learn.explain.explanation import (
    FILTERS,
    PATCH,
    STEPS,
    Change,
    Explanation,
    Inside,
    Map,
    percent,
    pixels,
    with_figures,
)
from tenfold.learn.figures import BLUE, GREY, RED, plain, save
from tenfold.progress import track

FOR, AGAINST = "#b2182b", "#2166ac"  # the ends of the colours that say what speaks for a class and against it
MAPS = 16  # of a convolution, in a row
NAMED = 200  # mistakes in the map, at most, that say what they are
# Ten colours that are told apart also by the colour-blind (M. Petroff 2021, arXiv 2107.02270).
TEN = ("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd")
WAYS = (
    ("gradients", "integrated gradients:\neach pixel's share"),
    ("erased", f"ink taken away,\n{PATCH} × {PATCH} pixels at a time"),
    ("inked", f"ink put there,\n{PATCH} × {PATCH} pixels at a time"),
)


def draw(found: Inside, folder: Path) -> Inside:
    """Write every figure into a folder; what was found, with their paths. Raises StorageError."""
    sheets: dict[Path, Callable[[], Figure]] = {
        folder / "filters.png": lambda: filters(found.filters),
        folder / "map.png": lambda: map_of_digits(found.map, found.classes, found.digits),
    }
    for one in found.digits:
        sheets[folder / f"digit-{one.index}-saliency.png"] = partial(saliency, one)
        sheets[folder / f"digit-{one.index}-layers.png"] = partial(layers, one, found.classes)
        sheets[folder / f"digit-{one.index}-change.png"] = partial(change, one)
    sheets[folder / "overview.png"] = lambda: overview(found)
    for path, make in track(sheets.items(), "drawing the figures"):
        save(make(), path)
    own = {name: folder / f"{name}.png" for name in ("filters", "map", "overview")}
    kinds = ("saliency", "layers", "change")
    each = [{kind: folder / f"digit-{one.index}-{kind}.png" for kind in kinds} for one in found.digits]
    return with_figures(found, own, each)


def filters(weights: NDArray[np.float32]) -> Figure:
    """The first layer's filters (C, h, w), all on one scale."""
    across = columns(len(weights))
    rows = math.ceil(len(weights) / across)
    size = 0.72 if len(weights) > 4 else 1.6
    figure = _figure(max(6.4, size * across + 1.3), size * rows + 1.2)
    axis = figure.subplots()
    shown = _filters(axis, weights)
    bar = figure.colorbar(shown, ax=axis, shrink=min(1.0, 2.6 / (size * rows)), aspect=18, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=10, color=GREY)
    bar.set_label("weight", fontsize=10)
    figure.suptitle(f"What the first layer looks for: {_count(weights)}", fontsize=13)
    return figure


def map_of_digits(places: Map, classes: Sequence[str], digits: Sequence[Explanation] = ()) -> Figure:
    """The test digits as the last layer sees them, with the mistakes marked and those that are explained."""
    figure = _figure(9.6, 8.0)
    axis = figure.subplots()
    _map(axis, places, classes, digits)
    axis.set_title(
        "Only nearness tells: the sizes of groups and the gaps between them mean little.", fontsize=10, color=GREY
    )
    figure.suptitle(_map_title(places, digits), fontsize=13)
    return figure


def saliency(one: Explanation) -> Figure:
    """What speaks for the answer, for the runner-up, and for the one rather than the other, by three ways."""
    figure = _figure(11.2, 8.2)
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=(1, 2.7))[0]
    top, bars, notes = left.subplots(3, 1, height_ratios=(1, 0.65, 1.1))
    _digit(top, one.image, _said(one))
    _bars(bars, one.probabilities, [one.answer], "probability")
    _notes(
        notes,
        [
            f"Integrated gradients go from a blank picture to this one in {STEPS} steps. Together the pixels take the "
            f"logit of {one.answer} from {_number(one.blank[one.answer])} to {_number(one.logits[one.answer])}.",
            f"Occlusion lays a patch of {PATCH} × {PATCH} pixels, blank or full of ink, on every place. A pixel shows "
            "what the logit loses under it on average.",
            "Each square has a scale of its own; the line is the digit's outline.",
        ],
    )
    axes = right.subplots(3, 3)
    heads = (f"for {one.answer}", f"for {one.runner_up}", f"for {one.answer} rather than {one.runner_up}")
    shown = None
    for row, (way, words) in zip(axes, WAYS, strict=True):
        pair = getattr(one, way)
        for axis, values in zip(row, (pair[0], pair[1], pair[0] - pair[1]), strict=True):
            shown = _heat(axis, values, one.image)
        row[0].set_ylabel(words, fontsize=11)
    for axis, head in zip(axes[0], heads, strict=True):
        axis.set_title(_fit(head, 24), fontsize=12)
    bar = right.colorbar(shown, ax=axes, location="bottom", shrink=0.6, aspect=30, pad=0.02, ticks=[-1, 0, 1])
    bar.ax.set_xticklabels(["speaks against it", "0", "speaks for it"], fontsize=11)
    bar.ax.tick_params(color=GREY)
    bar.outline.set_visible(False)
    figure.suptitle(plain(f"What speaks for the answer {one.answer} to test digit {one.index}"), fontsize=14)
    return figure


def layers(one: Explanation, classes: Sequence[str]) -> Figure:
    """The digit as each layer has it: maps of the convolutions, units of the others, and the logits."""
    stages = list(one.activations.items())
    heights = [_stage_height(values) for _, values in stages[:-1]] + [1.7]
    figure = _figure(11, max(4.2, 0.6 + sum(heights)))
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=(1, 4.4))[0]
    picture, notes = left.subplots(2, 1)
    _digit(picture, one.image, _said(one))
    words = ["Dark is the least in a layer and bright the most: each layer has a scale of its own."]
    _notes(notes, words if len(stages) > 1 else [], 32)
    parts = right.subfigures(len(stages), 1, squeeze=False, height_ratios=heights)
    for part, (name, values) in zip(parts[:, 0], stages, strict=True):
        axis = part.subplots()
        if name == stages[-1][0]:
            _logits(axis, values, classes, one.answer)
        else:
            _stage(axis, values)
        size = ": a logit for each class" if name == stages[-1][0] else _size(values)
        part.suptitle(f"{name}{size}", fontsize=11, x=0.01, ha="left")
    figure.suptitle(plain(f"Test digit {one.index}, layer by layer"), fontsize=14)
    return figure


def change(one: Explanation) -> Figure:
    """The picture, the least change found that makes it another digit to the network, and what comes of it."""
    figure = _figure(11.2, 5.8)
    axes = figure.subplots(2, 3, height_ratios=(2.4, 1))
    _digit(axes[0, 0], one.image, _said(one))
    _bars(axes[1, 0], one.probabilities, [one.answer], "probability")
    found = one.change
    if found is None:
        _nothing(axes[0, 1], f"No change was found\nthat makes it {_article(one.wanted)}.")
        for axis in (axes[0, 2], axes[1, 1], axes[1, 2]):
            axis.axis("off")
    else:
        _difference(axes[0, 1], one, found)
        axes[0, 1].set_title(f"the least change found:\n{pixels(found.ink)} pixels of ink", fontsize=11)
        _digit(axes[0, 2], found.image, _after(found))
        _legend_of_change(axes[1, 1], one, found)
        _bars(axes[1, 2], found.probabilities, [found.answer], "probability")
    figure.suptitle(
        plain(f"How little makes test digit {one.index} {_article(one.wanted)} to the network?"), fontsize=14
    )
    return figure


def overview(found: Inside) -> Figure:
    """All at a glance: filters, map, and for each digit why it is answered so and the least change that turns it."""
    count = max(1, len(found.digits))
    figure = _figure(13.2, 5.2 + 2.8 * count)
    top, bottom = figure.subfigures(2, 1, squeeze=False, height_ratios=(4.7, 2.8 * count), hspace=0.02)[:, 0]
    left, right = top.subfigures(1, 2, squeeze=False, width_ratios=(1, 1.35))[0]
    few = found.filters[:32] if found.filters.shape[1] >= 28 else found.filters
    _filters(left.subplots(), few)
    left.suptitle(f"What the first layer looks for:\n{_count(few)}", fontsize=12)
    _map(right.subplots(), found.map, found.classes, found.digits, small=True)
    right.suptitle(_map_title(found.map, found.digits), fontsize=12)
    rows = bottom.subplots(count, 6, squeeze=False, width_ratios=(1, 1.1, 1, 1, 1, 1))
    for row, one in zip(rows, found.digits, strict=False):
        _digit(row[0], one.image, _said(one))
        row[0].set_xlabel(f"test digit {one.index}", fontsize=10)
        _bars(row[1], one.probabilities, [one.answer], "")
        for axis, way, words in ((row[2], "gradients", "integrated gradients"), (row[3], "erased", "occlusion")):
            pair = getattr(one, way)
            _heat(axis, pair[0] - pair[1], one.image)
            axis.set_title(_fit(f"red: for {one.answer}\nblue: for {one.runner_up}", 24), fontsize=10)
            axis.set_xlabel(words, fontsize=10)
        if one.change is None:
            _nothing(row[4], f"No change was found\nthat makes it {_article(one.wanted)}.")
            row[5].axis("off")
            continue
        _difference(row[4], one, one.change)
        row[4].set_title(f"the least change found:\n{pixels(one.change.ink)} pixels of ink", fontsize=10)
        row[4].set_xlabel("red: added, blue: taken away", fontsize=10)
        _digit(row[5], one.change.image, _after(one.change))
    figure.suptitle(plain(f"Inside {Path(found.model).name}"), fontsize=15)
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
    """A colour for each class; of more than ten, from dark to light."""
    if classes <= len(TEN):
        return [to_rgba(color) for color in TEN[:classes]]
    return [colormaps["viridis"](k / (classes - 1)) for k in range(classes)]


def _figure(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), dpi=120, layout="constrained", facecolor="white")


def _bare(axis: Axes) -> None:
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def _digit(axis: Axes, image: NDArray[np.uint8], title: str) -> None:
    axis.imshow(image, cmap="gray_r", vmin=0, vmax=255, interpolation="nearest")
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_color("#d1d5db")
    axis.set_title(title, fontsize=10)


def _said(one: Explanation) -> str:
    return f"it is {_fit(one.label, 12)}, answered\n{_fit(one.answer, 16)} ({percent(one.probabilities[one.answer])})"


def _after(found: Change) -> str:
    return f"then answered\n{_fit(found.answer, 16)} ({percent(found.probabilities[found.answer])})"


def _fit(text: str, most: int) -> str:
    """Text, each of its lines cut to so many signs."""
    return plain("\n".join(line if len(line) <= most else f"{line[: most - 1]}…" for line in text.split("\n")))


def _count(weights: NDArray[np.float32]) -> str:
    """How many filters there are, and of which size."""
    count, height, width = weights.shape
    strongest = "the strongest " if count in (FILTERS, FILTERS // 2) and height >= 28 else ""
    return f"{strongest}{count} filters of {height} × {width} weights"


def _number(value: float) -> str:
    return f"{value:.1f}".replace("-", "−")


def _notes(axis: Axes, sentences: Sequence[str], width: int = 38) -> None:
    """Small print: a paragraph for each sentence."""
    axis.axis("off")
    words = "\n\n".join(textwrap.fill(sentence, width) for sentence in sentences)
    text = axis.text(0.0, 1.0, plain(words), ha="left", va="top", fontsize=9, color="#374151", transform=axis.transAxes)
    text.set_in_layout(False)


def _article(name: str) -> str:
    """A class as the end of a sentence: "a 4", "an 8", "odd"."""
    if not name.isdigit():
        return name
    return f"{'an' if name.startswith('8') or name in ('11', '18') else 'a'} {name}"


def _bars(axis: Axes, probabilities: dict[str, float], marked: Sequence[str], label: str) -> None:
    """A bar for each class, or for the six most probable of many."""
    names = list(probabilities)
    short = max(map(len, names)) < 3
    if len(names) > 12:
        names = sorted(names, key=lambda name: -probabilities[name])[:6]
    values = [probabilities[name] for name in names]
    colors = [BLUE if name in marked else "#cbd5e1" for name in names]
    axis.bar(range(len(names)), values, color=colors)
    turned: dict[str, Any] = {} if short or len(names) < 4 else {"rotation": 45, "ha": "right"}
    axis.set_xticks(range(len(names)), [_fit(name, 10) for name in names], fontsize=10, **turned)
    axis.set(ylim=(0, 1), yticks=[0, 0.5, 1])
    if len(names) < 4:  # or the bars would be walls
        axis.set_xlim(-1, len(names))
    axis.set_yticklabels(["0", "50%", "100%"], fontsize=10)
    axis.set_ylabel(label, fontsize=10)
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
    """Ink that is added in red, taken away in blue, over the digit in grey; the most that is changed in full colour."""
    before, after = one.image / 255, found.image / 255
    most = _most(one, found) or 1.0
    picture = np.repeat(1 - 0.3 * before[..., None], 3, 2)
    for amount, color in ((after - before, FOR), (before - after, AGAINST)):
        share = np.clip(amount / most, 0, 1)[..., None]
        picture = picture * (1 - share) + np.array(to_rgba(color)[:3]) * share
    axis.imshow(picture, interpolation="nearest")
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_color("#d1d5db")


def _most(one: Explanation, found: Change) -> float:
    """The most that a pixel is changed, of full ink."""
    return float(np.abs(found.image.astype(float) - one.image).max()) / 255


def _legend_of_change(axis: Axes, one: Explanation, found: Change) -> None:
    gain = (found.image.astype(float) - one.image) / 255
    axis.axis("off")
    lines = (
        (f"■ {pixels(gain.clip(0).sum())} added", FOR),
        (f"■ {pixels((-gain).clip(0).sum())} taken away", AGAINST),
        (f"the digit has {one.image.sum() / 255:.0f} pixels of ink", "#374151"),
        (f"full colour: {_most(one, found):.0%} of full ink", "#374151"),
    )
    for k, (words, color) in enumerate(lines):
        axis.text(0.5, 0.95 - 0.24 * k, words, color=color, ha="center", va="center", fontsize=11)


def _nothing(axis: Axes, words: str) -> None:
    axis.axis("off")
    axis.text(0.5, 0.5, plain(words), ha="center", va="center", fontsize=11, color=RED, transform=axis.transAxes)


def _filters(axis: Axes, weights: NDArray[np.float32]) -> Any:
    most = float(np.quantile(np.abs(weights), 0.998)) or 1.0
    shown = axis.imshow(montage(weights), cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest")
    _bare(axis)
    axis.set_xlabel("red: ink here adds to what the filter says; blue: it takes away", fontsize=10)
    return shown


def _map_title(places: Map, digits: Sequence[Explanation]) -> str:
    part = "" if len(places.points) == places.total else f"{len(places.points):,} of "
    mistakes = int((places.labels != places.answers).sum())
    all_of = "all " if mistakes == places.mistakes else f"{mistakes:,} of "
    alone = bool(digits) and len(digits[0].activations) == 1
    what = "by their pixels, which is all that one layer gets" if alone else "by what the last layer is given"
    if places.mistakes == 0:
        end = "none is answered wrongly"
    else:
        end = f"{all_of}{places.mistakes:,} mistakes marked" if places.mistakes > 1 else "the one mistake marked"
    return f"{part}{places.total:,} test digits {what}:\nalike beside alike (t-SNE), {end}"


def _map(
    axis: Axes, places: Map, classes: Sequence[str], digits: Sequence[Explanation], *, small: bool = False
) -> None:
    colors = np.array(colours(len(classes)))
    right = places.labels == places.answers
    dot = 5 if small else 9
    wrong = [classes[k] for k in places.labels[~right]]
    named = not small and len(wrong) <= NAMED and all(len(name) < 2 for name in wrong)
    points = places.points
    for these, size, how in (
        (right, dot, {"alpha": 0.55, "linewidth": 0}),
        (~right, 80 if named else 3.2 * dot, {"edgecolor": "black", "linewidth": 0.8, "zorder": 3}),
    ):
        fill = ["white"] * int(these.sum()) if named and these is not right else colors[places.labels[these]]
        axis.scatter(points[these, 0], points[these, 1], s=size, color=fill, **how)
    for k in np.flatnonzero(~right) if named else ():
        what = plain(classes[places.labels[k]])
        axis.text(
            points[k, 0], points[k, 1], what, fontsize=7, ha="center", va="center_baseline", zorder=3.1, clip_on=True
        )
    for number, name in enumerate(classes):
        members = points[right & (places.labels == number)]
        if len(members):
            x, y = _middle(members)
            axis.text(
                *(x, y, _fit(name, 16)),
                ha="center",
                va="center",
                fontsize=(13 if small else 17) if len(name) < 6 else 10,
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
                _fit(f"{one.index}: {one.label}" + ("" if one.right else f" → {one.answer}"), 30),
                (x, y),
                xytext=(9, -14 if number % 2 else 9),  # two that lie together are told apart
                textcoords="offset points",
                fontsize=10,
                zorder=7,
                bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "#d1d5db", "boxstyle": "round,pad=0.2"},
            )
    label = "mistake, and what it is" if named else "mistake, in the colour of what it is"
    axis.scatter([], [], s=80 if named else 3.2 * dot, color="white", edgecolor="black", linewidth=0.9, label=label)
    if digits:
        axis.scatter([], [], s=12 * dot, marker="*", color="#facc15", edgecolor="black", label="explained")
    axis.legend(frameon=False, fontsize=10, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2)
    _bare(axis)


def _middle(members: NDArray[np.float32]) -> NDArray[np.float32]:
    """The member nearest to the median: a place that is inside even where the members lie in a ring or in two parts."""
    away = np.abs(members - np.median(members, 0)).sum(1)
    nearest: NDArray[np.float32] = members[away.argmin()]
    return nearest


def _stage_height(values: NDArray[np.float32]) -> float:
    if values.ndim == 3:
        return 0.4 + 0.56 * math.ceil(min(len(values), 2 * MAPS) / MAPS)
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
    turned: dict[str, Any] = {} if max(map(len, classes)) < 3 or len(classes) < 4 else {"rotation": 45, "ha": "right"}
    axis.set_xticks(range(len(values)), [_fit(name, 10) for name in classes], **turned)
    if len(values) < 4:
        axis.set_xlim(-1.5, len(values) + 0.5)
    axis.tick_params(labelsize=10, color=GREY)
    axis.set_ylabel("logit", fontsize=10)
    axis.spines[["top", "right"]].set_visible(False)
