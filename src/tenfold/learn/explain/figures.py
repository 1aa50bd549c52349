"""Figures of what is inside a network: each a slide. `draw` writes them all."""

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
from tenfold.learn.explain.explanation import Explanation, Grey, Inside, Map, percent, pixels
from tenfold.learn.figures import BLUE, GREY, RED, bare, colours, empty, escape, montage, save
from tenfold.progress import track

FILTERS = 64  # of the first layer, at most
FOR, AGAINST = "#b2182b", "#2166ac"  # the ends of the colours that say what speaks for a class and against it
SIGNS = "red: ink here adds to what the filter says; blue: it takes away"
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
    kinds = {"saliency": saliency, "change": change}
    for one in inside.digits:
        sheets |= {f"digit-{one.index}-{kind}": partial(make, one) for kind, make in kinds.items()}
    paths = {name: save(make(), folder / f"{name}.png") for name, make in track(sheets.items(), "drawing the figures")}
    digits = [
        replace(one, figures={kind: paths.pop(f"digit-{one.index}-{kind}") for kind in kinds}) for one in inside.digits
    ]
    return replace(inside, digits=digits, figures=paths)


def filters(weights: Grey) -> Figure:
    """The first layer's filters (C, h, w), all on one scale."""
    height, width = montage(weights).shape
    figure = empty(9.0, 7.6 * height / width + 1.2)
    axis = figure.subplots()
    shown = filter_sheet(axis, weights, strongest(weights))
    axis.set_xlabel(SIGNS)
    figure.colorbar(shown, ax=axis, aspect=18, pad=0.02, label="weight").outline.set_visible(False)
    figure.suptitle(_filters_title(weights), fontsize=13)
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
    _answered(top, bars, one)
    start, end = (f"{logits[one.answer]:.1f}".replace("-", "−") for logits in (one.blank, one.logits))
    sentences = (
        f"Integrated gradients go from a blank picture to this one in {STEPS} steps. Together the pixels take the "
        f"logit of {one.answer} from {start} to {end}.",
        f"Occlusion lays a patch of {PATCH} × {PATCH} pixels, blank or full of ink, on every place. A pixel shows "
        "what the logit loses under it on average.",
        "Each square has a scale of its own; the line is the digit's outline.",
    )
    bare(notes)
    words = escape("\n\n".join(textwrap.fill(sentence, 38) for sentence in sentences))
    notes.text(0, 1, words, va="top", fontsize=9, color="#374151", in_layout=False)
    axes = right.subplots(3, 3)
    heads = (f"for {one.answer}", f"for {one.runner_up}", f"for {one.answer} rather than {one.runner_up}")
    for row, (way, name) in zip(axes, WAYS, strict=True):
        first, second = getattr(one, way)
        for axis, values in zip(row, (first, second, first - second), strict=True):
            shown = _heat(axis, values, one.image)
        row[0].set_ylabel(name, fontsize=11)
    for axis, head in zip(axes[0], heads, strict=True):
        axis.set_title(_fit(head, 24))
    bar = right.colorbar(shown, ax=axes, location="bottom", shrink=0.6, aspect=30, pad=0.02, ticks=[-1, 0, 1])
    bar.ax.set_xticklabels(["speaks against it", "0", "speaks for it"], fontsize=11)
    bar.outline.set_visible(False)
    figure.suptitle(escape(f"What speaks for the answer {one.answer} to test digit {one.index}"), fontsize=14)
    return figure


def change(one: Explanation) -> Figure:
    """The picture, the least change found that makes it another digit to the network, and what comes of it."""
    figure = empty(11.2, 5.8)
    top, bottom = figure.subplots(2, 3, height_ratios=(2.4, 1))
    _answered(top[0], bottom[0], one)
    _change(top[1], top[2], one)
    bottom[1].axis("off")
    if one.change is None:
        bottom[2].axis("off")
    else:
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
    few = inside.filters[: FILTERS // 2]
    axis = left.subplots()
    filter_sheet(axis, few, strongest(few))
    axis.set_xlabel(SIGNS)
    left.suptitle(_filters_title(few), fontsize=12)
    _map(right.subplots(), inside.map, inside.classes, inside.digits, small=True)
    right.suptitle(_map_title(inside.map), fontsize=12)
    rows = bottom.subplots(count, 6, squeeze=False, width_ratios=(1, 1.1, 1, 1, 1, 1))
    for row, one in zip(rows, inside.digits, strict=False):
        _answered(row[0], row[1], one)
        row[0].set_xlabel(f"test digit {one.index}")
        for axis, pair, name in ((row[2], one.gradients, "integrated gradients"), (row[3], one.erased, "occlusion")):
            _heat(axis, pair[0] - pair[1], one.image)
            axis.set_title(_fit(f"red: for {one.answer}\nblue: for {one.runner_up}", 24), fontsize=10)
            axis.set_xlabel(name)
        _change(row[4], row[5], one)
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


def _answered(picture: Axes, bars: Axes, one: Explanation) -> None:
    """The digit with its label and its answer, and the probability of each class."""
    said = f"answered\n{_fit(one.answer, 16)} ({percent(one.probabilities[one.answer])})"
    _digit(picture, one.image, f"it is {_fit(one.label, 12)}, {said}")
    _bars(bars, one.probabilities, one.answer)
    bars.set_ylabel("probability")


def _fit(text: str, most: int) -> str:
    """Text, each of its lines cut to so many signs."""
    return escape("\n".join(line if len(line) <= most else f"{line[: most - 1]}…" for line in text.split("\n")))


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
    axis.set_xticks(range(len(names)), [_fit(name, 10) for name in names], **turned)
    axis.set_yticks([0, 0.5, 1], ["0", "50%", "100%"])
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
        left.text(0.5, 0.5, words, ha="center", va="center", fontsize=11, color=RED)
        return
    # Ink that is added in red, taken away in blue, over the digit in grey; the most that is changed in full colour.
    gain = (after.image.astype(float) - one.image) / 255
    picture = np.repeat(1 - 0.3 * (one.image / 255)[..., None], 3, 2)
    for amount, color in ((gain, FOR), (-gain, AGAINST)):
        share = np.clip(amount / (np.abs(gain).max() or 1.0), 0, 1)[..., None]
        picture = picture * (1 - share) + np.array(to_rgb(color)) * share
    _picture(left, picture)
    left.set_title(f"the least change found:\n{pixels(after.ink)} pixels of ink", fontsize=10)
    left.set_xlabel(f"red: {pixels(gain.clip(0).sum())} added\nblue: {pixels((-gain).clip(0).sum())} taken away")
    probability = percent(after.probabilities[after.answer])
    _digit(right, after.image, f"then answered\n{_fit(after.answer, 16)} ({probability})")


def strongest(weights: Grey) -> float:
    """Where the scale of filters ends."""
    return float(np.quantile(np.abs(weights), 0.998)) or 1.0


def filter_sheet(axis: Axes, weights: Grey, most: float) -> Any:
    """Filters (C, h, w) on a scale from -`most` in blue to `most` in red."""
    bare(axis)
    return axis.imshow(montage(weights), cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest")


def _filters_title(weights: Grey) -> str:
    count, height, width = weights.shape
    return f"What the first layer looks for, the strongest first:\n{count} filters of {height} × {width} weights"


def _map_title(places: Map) -> str:
    marked = (places.labels != places.answers).sum()
    return (
        f"{len(places.points):,} of {places.total:,} test digits by what the last layer is given:\n"
        f"alike beside alike (t-SNE), {marked:,} of {places.mistakes:,} mistakes marked"
    )


def _map(
    axis: Axes, places: Map, classes: Sequence[str], digits: Sequence[Explanation], *, small: bool = False
) -> None:
    color, points, dot = np.array(colours(len(classes)))[places.labels], places.points, 5 if small else 9
    right = places.labels == places.answers
    x, y = points.T
    axis.scatter(x[right], y[right], s=dot, color=color[right], alpha=0.55, linewidth=0)
    edge: dict[str, Any] = {"edgecolor": "black", "linewidth": 0.8}
    # Few mistakes say what they are, if that is one sign; others have its colour.
    wrong = [classes[k] for k in places.labels[~right]]
    signs = not small and len(wrong) <= NAMED and all(len(name) < 2 for name in wrong)
    mark: dict[str, Any] = {"s": 80, "color": "white"} if signs else {"s": 3.2 * dot, "color": color[~right]}
    label = f"mistake, {'and' if signs else 'in the colour of'} what it is"
    axis.scatter(x[~right], y[~right], zorder=3, label=label, **mark, **edge)
    for left, top, name in zip(x[~right], y[~right], wrong, strict=True) if signs else ():
        axis.text(left, top, escape(name), fontsize=7, ha="center", va="center_baseline", zorder=3.1, clip_on=True)
    for number, name in enumerate(classes):
        members = points[right & (places.labels == number)]
        if len(members):  # at the one nearest to the median, which is inside even where they lie in two parts
            away = np.abs(members - np.median(members, 0)).sum(1)
            name_class(axis, members[away.argmin()], name, 13 if small else 17)
    star: dict[str, Any] = {"s": 12 * dot, "marker": "*", "color": "#facc15", "zorder": 6, **edge}
    box = {"facecolor": "white", "alpha": 0.85, "edgecolor": "#d1d5db", "boxstyle": "round,pad=0.2"}
    for number, one in enumerate(digits):
        said = _fit(f"{one.index}: {one.label}" + ("" if one.right else f" → {one.answer}"), 30)
        beside = (9, -14 if number % 2 else 9)  # two that lie together stay apart
        for place in points[places.index == one.index]:
            axis.scatter(*place, label="_" if number else "explained", **star)
            axis.annotate(said, place, beside, textcoords="offset points", zorder=7, bbox=box)
    axis.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2)
    bare(axis)


def name_class(axis: Axes, place: Grey, name: str, size: float) -> None:
    """The name of a class at a place, readable on dots of every colour."""
    outline = [withStroke(linewidth=3, foreground="white")]
    how: dict[str, Any] = {"fontsize": size if len(name) < 6 else 10, "fontweight": "bold", "path_effects": outline}
    axis.text(place[0], place[1], _fit(name, 16), ha="center", va="center", zorder=5, clip_on=True, **how)
