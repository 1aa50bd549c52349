"""Figures of what is inside a network: each a slide. `draw` writes them all."""

import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from tenfold.learn.explain.attributions import PATCH, STEPS
from tenfold.learn.explain.explanation import Change, Explanation, Grey, Inside, Map, percent, pixels
from tenfold.learn.figures import BLUE, GREY, RED, bare, colours, columns, empty, escape, montage, save
from tenfold.progress import track

FILTERS = 64  # of the first layer, at most
FOR, AGAINST = "#b2182b", "#2166ac"  # the ends of the colours that say what speaks for a class and against it
NAMED = 200  # mistakes in the map, at most, that say what they are
WAYS = (
    ("gradients", "integrated gradients:\neach pixel's share"),
    ("erased", f"ink taken away,\n{PATCH} × {PATCH} pixels at a time"),
    ("inked", f"ink put there,\n{PATCH} × {PATCH} pixels at a time"),
)


def draw(inside: Inside, folder: Path) -> Inside:
    """Write every figure into a folder; the same with their paths. Raises StorageError."""
    sheets: dict[str, Callable[[], Figure]] = {
        "filters": partial(filters, inside.filters),
        "map": partial(map_of_digits, inside.map, inside.classes, inside.digits),
        "overview": partial(overview, inside),
    }
    for one in inside.digits:
        sheets[f"digit-{one.index}-saliency"] = partial(saliency, one)
        sheets[f"digit-{one.index}-change"] = partial(change, one)
    paths = {name: save(make(), folder / f"{name}.png") for name, make in track(sheets.items(), "drawing the figures")}
    digits = [
        replace(one, figures={kind: paths[f"digit-{one.index}-{kind}"] for kind in ("saliency", "change")})
        for one in inside.digits
    ]
    return replace(inside, digits=digits, figures={name: paths[name] for name in ("filters", "map", "overview")})


def filters(weights: Grey) -> Figure:
    """The first layer's filters (C, h, w), all on one scale."""
    across = columns(len(weights))
    rows = math.ceil(len(weights) / across)
    size = 0.72 if len(weights) > 4 else 1.6
    figure = empty(max(6.4, size * across + 1.3), size * rows + 1.2)
    axis = figure.subplots()
    bar = figure.colorbar(_filters(axis, weights), ax=axis, shrink=min(1.0, 2.6 / (size * rows)), aspect=18, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=10, color=GREY)
    bar.set_label("weight", fontsize=10)
    figure.suptitle(f"What the first layer looks for: {_count(weights)}", fontsize=13)
    return figure


def map_of_digits(places: Map, classes: Sequence[str], digits: Sequence[Explanation] = ()) -> Figure:
    """The test digits as the last layer sees them, with the mistakes marked and those that are explained."""
    figure = empty(9.6, 8.0)
    axis = figure.subplots()
    _map(axis, places, classes, digits)
    axis.set_title(
        "Only nearness tells: the sizes of groups and the gaps between them mean little.", fontsize=10, color=GREY
    )
    figure.suptitle(_map_title(places), fontsize=13)
    return figure


def saliency(one: Explanation) -> Figure:
    """What speaks for the answer, for the runner-up, and for the one rather than the other, by three ways."""
    figure = empty(11.2, 8.2)
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=(1, 2.7))[0]
    top, bars, notes = left.subplots(3, 1, height_ratios=(1, 0.65, 1.1))
    _digit(top, one.image, _said(one))
    _bars(bars, one.probabilities, one.answer)
    bars.set_ylabel("probability", fontsize=10)
    start, end = (f"{logits[one.answer]:.1f}".replace("-", "−") for logits in (one.blank, one.logits))
    _notes(
        notes,
        f"Integrated gradients go from a blank picture to this one in {STEPS} steps. Together the pixels take the "
        f"logit of {one.answer} from {start} to {end}.",
        f"Occlusion lays a patch of {PATCH} × {PATCH} pixels, blank or full of ink, on every place. A pixel shows "
        "what the logit loses under it on average.",
        "Each square has a scale of its own; the line is the digit's outline.",
    )
    axes = right.subplots(3, 3)
    heads = (f"for {one.answer}", f"for {one.runner_up}", f"for {one.answer} rather than {one.runner_up}")
    shown = None
    for row, (way, words) in zip(axes, WAYS, strict=True):
        first, second = getattr(one, way)
        for axis, values in zip(row, (first, second, first - second), strict=True):
            shown = _heat(axis, values, one.image)
        row[0].set_ylabel(words, fontsize=11)
    for axis, head in zip(axes[0], heads, strict=True):
        axis.set_title(_fit(head, 24), fontsize=12)
    bar = right.colorbar(shown, ax=axes, location="bottom", shrink=0.6, aspect=30, pad=0.02, ticks=[-1, 0, 1])
    bar.ax.set_xticklabels(["speaks against it", "0", "speaks for it"], fontsize=11)
    bar.ax.tick_params(color=GREY)
    bar.outline.set_visible(False)
    figure.suptitle(escape(f"What speaks for the answer {one.answer} to test digit {one.index}"), fontsize=14)
    return figure


def change(one: Explanation) -> Figure:
    """The picture, the least change found that makes it another digit to the network, and what comes of it."""
    figure = empty(11.2, 5.8)
    top, bottom = figure.subplots(2, 3, height_ratios=(2.4, 1))
    _digit(top[0], one.image, _said(one))
    _bars(bottom[0], one.probabilities, one.answer)
    bottom[0].set_ylabel("probability", fontsize=10)
    _change(top[1], top[2], one)
    if one.change is None:
        bare(bottom[1])
        bare(bottom[2])
    else:
        _legend_of_change(bottom[1], one, one.change)
        _bars(bottom[2], one.change.probabilities, one.change.answer)
    title = f"How little makes test digit {one.index} {_article(one.wanted)} to the network?"
    figure.suptitle(escape(title), fontsize=14)
    return figure


def overview(inside: Inside) -> Figure:
    """All at a glance: filters, map, and for each digit why it is answered so and the least change that turns it."""
    count = max(1, len(inside.digits))
    figure = empty(13.2, 5.2 + 2.8 * count)
    top, bottom = figure.subfigures(2, 1, squeeze=False, height_ratios=(4.7, 2.8 * count), hspace=0.02)[:, 0]
    left, right = top.subfigures(1, 2, squeeze=False, width_ratios=(1, 1.35))[0]
    few = inside.filters[: FILTERS // 2] if inside.filters.shape[1] >= 28 else inside.filters
    _filters(left.subplots(), few)
    left.suptitle(f"What the first layer looks for:\n{_count(few)}", fontsize=12)
    _map(right.subplots(), inside.map, inside.classes, inside.digits, small=True)
    right.suptitle(_map_title(inside.map), fontsize=12)
    rows = bottom.subplots(count, 6, squeeze=False, width_ratios=(1, 1.1, 1, 1, 1, 1))
    for row, one in zip(rows, inside.digits, strict=False):
        _digit(row[0], one.image, _said(one))
        row[0].set_xlabel(f"test digit {one.index}", fontsize=10)
        _bars(row[1], one.probabilities, one.answer)
        for axis, pair, words in (
            (row[2], one.gradients, "integrated gradients"),
            (row[3], one.erased, "occlusion"),
        ):
            _heat(axis, pair[0] - pair[1], one.image)
            axis.set_title(_fit(f"red: for {one.answer}\nblue: for {one.runner_up}", 24), fontsize=10)
            axis.set_xlabel(words, fontsize=10)
        _change(row[4], row[5], one)
        if one.change is not None:
            row[4].set_xlabel("red: added, blue: taken away", fontsize=10)
    figure.suptitle(escape(f"Inside {Path(inside.model).name}"), fontsize=15)
    return figure


def _picture(axis: Axes, picture: NDArray[Any], **how: Any) -> Any:
    """A picture in a thin frame."""
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(True)
    axis.spines[:].set_color("#d1d5db")
    return axis.imshow(picture, interpolation="nearest", **how)


def _digit(axis: Axes, image: NDArray[np.uint8], title: str) -> None:
    _picture(axis, image, cmap="gray_r", vmin=0, vmax=255)
    axis.set_title(title, fontsize=10)


def _said(one: Explanation) -> str:
    return f"it is {_fit(one.label, 12)}, answered\n{_fit(one.answer, 16)} ({percent(one.probabilities[one.answer])})"


def _fit(text: str, most: int) -> str:
    """Text, each of its lines cut to so many signs."""
    return escape("\n".join(line if len(line) <= most else f"{line[: most - 1]}…" for line in text.split("\n")))


def _count(weights: Grey) -> str:
    """How many filters there are, and of which size."""
    count, height, width = weights.shape
    strongest = "the strongest " if count in (FILTERS, FILTERS // 2) and height >= 28 else ""
    return f"{strongest}{count} filters of {height} × {width} weights"


def _notes(axis: Axes, *sentences: str) -> None:
    """Small print: a paragraph for each sentence."""
    bare(axis)
    words = escape("\n\n".join(textwrap.fill(sentence, 38) for sentence in sentences))
    text = axis.text(0.0, 1.0, words, ha="left", va="top", fontsize=9, color="#374151", transform=axis.transAxes)
    text.set_in_layout(False)


def _article(name: str) -> str:
    """A class as the end of a sentence: "a 4", "an 8", "odd"."""
    if not name.isdigit():
        return name
    return f"{'an' if name.startswith('8') or name in ('11', '18') else 'a'} {name}"


def _bars(axis: Axes, probabilities: dict[str, float], answer: str) -> None:
    """The probability of each class, or of the six most probable of many."""
    names = list(probabilities)
    turned: dict[str, Any] = {"rotation": 45, "ha": "right"} if max(map(len, names)) > 2 and len(names) > 3 else {}
    if len(names) > 12:
        names = sorted(names, key=lambda name: -probabilities[name])[:6]
    colors = [BLUE if name == answer else "#cbd5e1" for name in names]
    axis.bar(range(len(names)), [probabilities[name] for name in names], color=colors)
    axis.set_xticks(range(len(names)), [_fit(name, 10) for name in names], fontsize=10, **turned)
    axis.set_yticks([0, 0.5, 1], ["0", "50%", "100%"], fontsize=10)
    axis.set_ylim(0, 1)
    if len(names) < 4:  # or the bars would be walls
        axis.set_xlim(-1, len(names))
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(color=GREY)


def _heat(axis: Axes, values: Grey, image: NDArray[np.uint8]) -> Any:
    """What speaks for it in red and against it in blue, each picture on its own scale, with the digit's outline."""
    most = float(np.abs(values).max()) or 1.0
    if image.min() < 128 <= image.max():
        axis.contour(image, [127.5], colors="#111827", linewidths=0.9, alpha=0.75)
    return _picture(axis, values / most, cmap="RdBu_r", vmin=-1, vmax=1)


def _change(left: Axes, right: Axes, one: Explanation) -> None:
    """What is changed, and the picture after it."""
    after = one.change
    if after is None:
        bare(left)
        bare(right)
        words = escape(f"No change was found\nthat makes it {_article(one.wanted)}.")
        left.text(0.5, 0.5, words, ha="center", va="center", fontsize=11, color=RED, transform=left.transAxes)
        return
    # Ink that is added in red, taken away in blue, over the digit in grey; the most that is changed in full colour.
    gain = _gain(one, after)
    picture = np.repeat(1 - 0.3 * (one.image / 255)[..., None], 3, 2)
    for amount, color in ((gain, FOR), (-gain, AGAINST)):
        share = np.clip(amount / (np.abs(gain).max() or 1.0), 0, 1)[..., None]
        picture = picture * (1 - share) + np.array(to_rgb(color)) * share
    _picture(left, picture)
    left.set_title(f"the least change found:\n{pixels(after.ink)} pixels of ink", fontsize=10)
    _digit(
        right, after.image, f"then answered\n{_fit(after.answer, 16)} ({percent(after.probabilities[after.answer])})"
    )


def _gain(one: Explanation, after: Change) -> NDArray[np.float64]:
    """The ink that each pixel gains, of full ink."""
    gain: NDArray[np.float64] = (after.image.astype(float) - one.image) / 255
    return gain


def _legend_of_change(axis: Axes, one: Explanation, after: Change) -> None:
    gain = _gain(one, after)
    bare(axis)
    lines = (
        (f"■ {pixels(gain.clip(0).sum())} added", FOR),
        (f"■ {pixels((-gain).clip(0).sum())} taken away", AGAINST),
        (f"the digit has {one.image.sum() / 255:.0f} pixels of ink", "#374151"),
        (f"full colour: {np.abs(gain).max():.0%} of full ink", "#374151"),
    )
    for k, (words, color) in enumerate(lines):
        axis.text(0.5, 0.95 - 0.24 * k, words, color=color, ha="center", va="center", fontsize=11)


def _filters(axis: Axes, weights: Grey) -> Any:
    most = float(np.quantile(np.abs(weights), 0.998)) or 1.0
    bare(axis)
    axis.set_xlabel("red: ink here adds to what the filter says; blue: it takes away", fontsize=10)
    return axis.imshow(montage(weights), cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest")


def _map_title(places: Map) -> str:
    part = "" if len(places.points) == places.total else f"{len(places.points):,} of "
    marked = int((places.labels != places.answers).sum())
    all_of = "all " if marked == places.mistakes else f"{marked:,} of "
    end = f"{all_of}{places.mistakes:,} mistakes marked"
    if places.mistakes < 2:
        end = "the one mistake marked" if places.mistakes else "none is answered wrongly"
    return f"{part}{places.total:,} test digits by what the last layer is given:\nalike beside alike (t-SNE), {end}"


def _map(
    axis: Axes, places: Map, classes: Sequence[str], digits: Sequence[Explanation], *, small: bool = False
) -> None:
    color, points, dot = np.array(colours(len(classes)))[places.labels], places.points, 5 if small else 9
    right = places.labels == places.answers
    x, y = points.T
    wrong = [classes[k] for k in places.labels[~right]]
    axis.scatter(x[right], y[right], s=dot, color=color[right], alpha=0.55, linewidth=0)
    edge: dict[str, Any] = {"edgecolor": "black", "linewidth": 0.8}
    # Few mistakes say what they are, if that is one sign; others have its colour.
    if not small and len(wrong) <= NAMED and all(len(name) < 2 for name in wrong):
        mark: dict[str, Any] = {"s": 80, "color": "white", "label": "mistake, and what it is", **edge}
        axis.scatter(x[~right], y[~right], zorder=3, **mark)
        for place, name in zip(points[~right], wrong, strict=True):
            axis.text(
                place[0],
                place[1],
                escape(name),
                fontsize=7,
                ha="center",
                va="center_baseline",
                zorder=3.1,
                clip_on=True,
            )
    else:
        axis.scatter(x[~right], y[~right], s=3.2 * dot, color=color[~right], zorder=3, **edge)
        axis.scatter([], [], s=3.2 * dot, color="white", label="mistake, in the colour of what it is", **edge)
    for number, name in enumerate(classes):
        members = points[right & (places.labels == number)]
        if len(members):
            size = (13 if small else 17) if len(name) < 6 else 10
            outline = [withStroke(linewidth=3.5, foreground="white")]
            how: dict[str, Any] = {"fontsize": size, "fontweight": "bold", "path_effects": outline, "zorder": 5}
            middle = _middle(members)
            axis.text(middle[0], middle[1], _fit(name, 16), ha="center", va="center", **how)
    star: dict[str, Any] = {"s": 12 * dot, "marker": "*", "color": "#facc15", "zorder": 6, **edge}
    for number, one in enumerate(digits):
        for place in points[places.index == one.index]:
            axis.scatter(place[0], place[1], label="_" if number else "explained", **star)
            axis.annotate(
                _fit(f"{one.index}: {one.label}" + ("" if one.right else f" → {one.answer}"), 30),
                place,
                xytext=(9, -14 if number % 2 else 9),  # two that lie together stay apart
                textcoords="offset points",
                fontsize=10,
                zorder=7,
                bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "#d1d5db", "boxstyle": "round,pad=0.2"},
            )
    axis.legend(frameon=False, fontsize=10, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2)
    bare(axis)


def _middle(members: Grey) -> Grey:
    """The member nearest to the median: a place that is inside even where the members lie in a ring or in two parts."""
    away = np.abs(members - np.median(members, 0)).sum(1)
    nearest: Grey = members[away.argmin()]
    return nearest
