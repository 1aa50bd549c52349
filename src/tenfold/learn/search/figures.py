"""Figures of a search for a better recipe (`tenfold tune`) and of recipes over many seeds (`tenfold study`).

Each function returns a figure, which `tenfold.learn.figures.save` writes as PNG. The objective is "accuracy" or "loss",
on validation digits. A score far worse than the rest, such as that of a trial that diverged, is drawn as a triangle at
the edge of the scale, so that it does not squash what there is to see. What a search's parameters decided, and every
trial epoch by epoch, is for optuna-dashboard, which opens the search's study.db.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, PercentFormatter

from tenfold.learn.figures import BLUE, GREEN, GREY, ORANGE, RED, blank, empty, escape
from tenfold.learn.search.statistics import described, summary, written
from tenfold.learn.search.trials import (
    STATES,
    Parameter,
    complete,
    ended,
    order,
    parameters,
    score,
    score_or_nan,
    state,
    text,
)

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

SHADES = LinearSegmentedColormap.from_list("shades", ["#c3d9ee", "#6fa3d3", BLUE, "#0a2240"])
LINES = "#e5e7eb"
REACH = 4  # how many times as far from the best as the median score a scale goes


def history(study: "optuna.Study", objective: str) -> Figure:
    """The score of every trial by its number, and the best so far as a line; pruned trials pale at their last score."""
    trials = ended(study)
    done, pruned, failed = ([trial for trial in trials if state(trial) == one] for one in STATES.values())
    pruned = [trial for trial in pruned if score(trial) is not None]
    figure, axes = blank(7.2, 3.6)
    axis: Axes = axes[0, 0]
    scale = _Scale.of(done, [*done, *pruned], objective)
    size = 22 if len(trials) <= 100 else 9
    for some, color, label in ((pruned, "#c4c9d1", "pruned, its last score"), (done, BLUE, "complete")):
        _dots(
            axis, scale, [(trial.number, score_or_nan(trial)) for trial in some], label, color=color, s=size, zorder=2
        )
    if failed:
        edge = [scale.edge] * len(failed)
        axis.scatter([t.number for t in failed], edge, color=RED, marker="x", s=18, clip_on=False, label="failed")
    title = "No trial finished"
    if done:
        record = _record(done, objective)
        number, best = list(record.items())[-1]
        line = [*record.items(), (trials[-1].number, best)]
        axis.step(*zip(*line, strict=True), where="post", color=ORANGE, linewidth=1.6, label="best so far")
        axis.scatter(number, best, facecolor="none", edgecolor=ORANGE, s=size + 45, linewidth=1.6, zorder=4)
        title = f"{len(trials):,} trial{'s' * (len(trials) != 1)}: the best is number {number}, "
        title += f"with {written(best, objective)}"
    scale.show(axis.yaxis)
    axis.set(xlabel="trial", ylabel=f"validation {objective}")
    last = trials[-1].number if trials else 0
    axis.set_xlim(-0.5 - 0.01 * last, last + 0.5 + 0.01 * last)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axis.grid(axis="y", color=LINES)
    axis.set_axisbelow(True)
    if axis.get_legend_handles_labels()[0]:
        figure.legend(frameon=False, fontsize=8, loc="outside lower center", ncols=4)
    figure.suptitle(title, fontsize=11)
    return figure


def slices(study: "optuna.Study", objective: str) -> Figure:
    """A panel for each parameter: its value against the score of the complete trials, later trials darker."""
    trials = ended(study)
    panels = parameters(trials)
    done = [trial for trial in trials if complete(trial)]
    columns = min(3, max(1, len(panels)))
    rows = max(1, math.ceil(len(panels) / columns))
    figure, axes = blank(2.7 * columns + 1.2, 2.5 * rows + 0.6, rows, columns)
    scale = _Scale.of(done, done, objective)
    numbers = [trial.number for trial in trials] or [0]
    shade = ScalarMappable(Normalize(numbers[0], max(numbers[-1], numbers[0] + 1)), SHADES)
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    for k, (axis, parameter) in enumerate(zip(axes.flat, panels, strict=False)):
        _slice(axis, scale, parameter, done, shade)
        axis.set_ylabel(f"validation {objective}" if k % columns == 0 else "", fontsize=8)
        axis.tick_params(axis="y", labelleft=k % columns == 0)
    if not panels or not done:
        axes[0, 0].text(0.5, 0.5, "nothing to show", ha="center", color=GREY, transform=axes[0, 0].transAxes)
        axes[0, 0].set_visible(True)
    if len(done) > 1 and panels:
        bar = figure.colorbar(shade, ax=axes, aspect=30 * rows, pad=0.01, fraction=0.03)
        bar.locator = MaxNLocator(6, integer=True)
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=8)
        bar.set_label("trial", fontsize=8)
    figure.suptitle(f"Each parameter against the {objective}; the best trial is ringed", fontsize=11)
    return figure


def seeds(
    groups: Sequence[tuple[str, Sequence[float]]], what: str, paired: Sequence[float] | None = None, between: str = ""
) -> Figure:
    """The scores (fractions or losses) of recipes over their seeds as dots, with the mean and its 95 % interval.

    `what` is, for example, "validation accuracy". `paired` are the differences by seed, drawn below around a line at 0;
    `between` says of what, where there are more than two: "trial 17 – as it was".
    """
    heights = [0.72 * max(1, len(groups)) + 0.35] + ([1.25] if paired else [])
    figure = empty(7.6, sum(heights) + 0.7)
    axes = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axis in axes:
        axis.spines[["top", "right", "left"]].set_visible(False)
        axis.tick_params(labelsize=8, color=GREY)
        axis.tick_params(axis="y", length=0)
        axis.grid(axis="x", color=LINES)
        axis.set_axisbelow(True)
    top, percent = axes[0], "accuracy" in what
    limits = _span([values for _, values in groups])
    for row, (_, values) in enumerate(groups):
        _swarm(top, -row, values, (BLUE, ORANGE, GREEN, "#7c3aed")[row % 4], what, limits)
    names = [escape("\n".join(wrap(_short(name, 60), 22)) or name) for name, _ in groups]
    top.set_yticks([-row for row in range(len(groups))], names, fontsize=9)
    top.set(ylim=(0.55 - max(1, len(groups)), 0.62), xlim=limits, xlabel=what)
    top.xaxis.set_major_locator(MaxNLocator(7))
    if percent:
        top.xaxis.set_major_formatter(PercentFormatter(1.0))
    if paired:
        if len(groups) == 2 and not between:
            between = f"{_short(groups[0][0], 28)} – {_short(groups[1][0], 28)}"
        _differences(axes[1], [value * (100 if percent else 1) for value in paired], "points" if percent else what)
        words = ("difference by seed", between, "percentage points" if percent else what)
        axes[1].set_xlabel(escape(", ".join(word for word in words if word)))
    return figure


def _slice(
    axis: Axes, scale: "_Scale", parameter: "Parameter", done: "Sequence[FrozenTrial]", shade: ScalarMappable
) -> None:
    """A parameter's values against the scores of complete trials."""
    shown = [trial for trial in done if parameter.name in trial.params]
    values = [parameter.value(trial.params[parameter.name]) for trial in shown]
    if parameter.choices:  # or trials of one choice would hide each other
        values += np.random.default_rng(0).uniform(-0.22, 0.22, len(values))
    places = [(float(value), score_or_nan(trial)) for value, trial in zip(values, shown, strict=True)]
    color = shade.to_rgba(np.array([trial.number for trial in shown], float))
    _dots(axis, scale, places, "", color=color, s=20 if len(done) <= 100 else 9)
    first = min(done, key=lambda trial: order(trial, scale.objective), default=None)
    for trial, place in zip(shown, places, strict=True):
        if trial is first:
            axis.scatter(*place, facecolor="none", edgecolor=ORANGE, s=65, linewidth=1.6)
    _parameter_scale(axis, parameter)
    scale.show(axis.yaxis)
    axis.yaxis.set_major_locator(MaxNLocator(5))
    axis.set_title(escape(parameter.name), fontsize=9)
    axis.grid(axis="y", color=LINES)
    axis.set_axisbelow(True)


def _differences(axis: Axes, values: Sequence[float], unit: str) -> None:
    """Differences by seed around a line at 0."""
    limits = _span([values], [0.0])
    _swarm(axis, 0, values, GREY, f"difference in {unit}", limits)
    axis.axvline(0, color=RED, linewidth=1, linestyle="--", zorder=1)
    axis.set(xlim=limits, ylim=(-0.5, 0.65))
    axis.set_yticks([0], ["difference"], fontsize=9)


def _swarm(axis: Axes, row: float, values: Sequence[float], color: str, what: str, limits: tuple[float, float]) -> None:
    """Scores as dots around a height, those close together above each other; their mean, interval and words."""
    finite = sorted(value for value in values if math.isfinite(value))
    if finite:
        mean = summary(finite)
        if mean.low is not None and mean.high is not None:
            axis.plot([mean.low, mean.high], [row, row], color=color, linewidth=13, alpha=0.22, solid_capstyle="butt")
        axis.plot([mean.mean] * 2, [row - 0.2, row + 0.2], color=color, linewidth=2.2, zorder=3)
    # A dot is about a hundredth of the axis wide; those that share a place stand beside it by turns, up and down.
    width = (limits[1] - limits[0]) / 90
    places: dict[int, list[float]] = {}
    for value in finite:
        places.setdefault(round(value / width), []).append(value)
    for column in places.values():
        step = min(0.09, 0.5 / len(column))
        heights = [row + step * (k - (len(column) - 1) / 2) for k in range(len(column))]
        axis.scatter(column, heights, color=color, s=16, alpha=0.75, linewidth=0, zorder=4)
    box = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1}
    where: dict[str, Any] = {"transform": axis.get_yaxis_transform(), "va": "center", "bbox": box}
    axis.text(0.0, row + 0.34, described(values, what), fontsize=8, color="#374151", **where)


@dataclass(frozen=True)
class _Scale:
    """Which scores are drawn: from the worst to the best of an objective."""

    objective: str
    worst: float
    best: float

    @classmethod
    def of(cls, typical: "Sequence[FrozenTrial]", drawn: "Sequence[FrozenTrial]", objective: str) -> "_Scale":
        """A scale from the best score that is drawn to `REACH` times as far from it as the median of typical ones."""
        finite = [score_or_nan(trial) for trial in drawn if math.isfinite(score_or_nan(trial))]
        if not finite:
            return cls(objective, *((1.0, 0.0) if objective == "loss" else (0.0, 1.0)))
        best, worst = (min, max) if objective == "loss" else (max, min)
        top = best(finite)
        for scores in ([score_or_nan(trial) for trial in typical if math.isfinite(score_or_nan(trial))], finite):
            away = median(abs(value - top) for value in scores) if scores else 0.0
            if away:
                far = top + REACH * away if objective == "loss" else top - REACH * away
                return cls(objective, best(far, worst(finite)), top)
        return cls(objective, worst(finite), top)

    def holds(self, value: float) -> bool:
        """Whether a score is drawn where it is, and not at the edge."""
        return min(self.worst, self.best) <= value <= max(self.worst, self.best)

    @property
    def edge(self) -> float:
        """Where the scale ends on the bad side: a little beyond the worst score that is drawn."""
        return self.worst - (0.06 * (self.best - self.worst) or 0.5 * _least(self.worst))

    def show(self, axis: Axis) -> None:
        """Set the limits and labels of an axis with scores."""
        top = self.best + (0.06 * (self.best - self.worst) or 0.5 * _least(self.best))
        axis.set_view_interval(min(self.edge, top), max(self.edge, top), True)
        axis.set_major_locator(MaxNLocator(6))
        if self.objective == "accuracy":
            axis.set_major_formatter(PercentFormatter(1.0))


def _record(done: "Iterable[FrozenTrial]", objective: str) -> dict[int, float]:
    """The best score so far, by the number of the trial that reached it."""
    record: dict[int, float] = {}
    best = math.inf
    for trial in done:
        _, rank, number = order(trial, objective)
        if not record or rank < best:
            best, record[number] = rank, score_or_nan(trial)
    return record


def _least(value: float) -> float:
    """How much a scale should show where all scores are alike."""
    return max(0.0005, 0.002 * abs(value))


def _padded(low: float, high: float, share: float) -> tuple[float, float]:
    pad = share * (high - low) or _least(low)
    return low - pad, high + pad


def _span(groups: Sequence[Sequence[float]], ends: Sequence[float] = ()) -> tuple[float, float]:
    """The range to draw scores in, with the intervals of their means as far as they leave the scores readable."""
    scores = [[value for value in values if math.isfinite(value)] for values in groups]
    ends = [*ends, *(value for values in scores for value in values)] or [0.0, 1.0]
    low, high = min(ends), max(ends)
    for mean in (summary(values) for values in scores if values):
        if mean.low is not None and mean.high is not None:
            ends += [max(mean.low, 2 * low - high), min(mean.high, 2 * high - low)]
    return _padded(min(ends), max(ends), 0.04)


def _dots(axis: Axes, scale: _Scale, places: Sequence[tuple[float, float]], label: str, **how: Any) -> None:
    """Scores as dots at (x, score), and as triangles at the edge where they are beyond the scale."""
    colors = how.pop("color")
    for inside in (True, False):
        some = [k for k, (_, value) in enumerate(places) if scale.holds(value) is inside]
        if some:
            heights = [places[k][1] if inside else scale.edge for k in some]
            marker = "o" if inside else "v" if scale.best > scale.worst else "^"
            name = label if inside or not label else f"{label}: beyond the scale"
            color = colors if isinstance(colors, str) else [colors[k] for k in some]
            x = [places[k][0] for k in some]
            axis.scatter(x, heights, color=color, marker=marker, linewidth=0, clip_on=inside, label=name, **how)


def _parameter_scale(axis: Axes, parameter: Parameter) -> None:
    """Limits and ticks of the x axis for a parameter."""
    if parameter.choices:
        names = [escape(_short(text(choice))) for choice in parameter.choices]
        crowded = sum(map(len, names)) > 26
        turned: dict[str, Any] = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if crowded else {}
        axis.set_xticks(range(len(names)), names, fontsize=7 if crowded else 8, **turned)
        axis.set_xlim(-0.5, len(names) - 0.5)
    elif parameter.log and parameter.low < parameter.high:
        axis.set_xscale("log")
        room = (parameter.high / parameter.low) ** 0.05
        axis.set_xlim(parameter.low / room, parameter.high * room)
        axis.xaxis.set_minor_formatter(lambda *_: "")
        decades = math.log10(parameter.high / parameter.low)
        subs = (1.0,) if decades > 2.5 else (1.0, 3.0) if decades > 1.2 else (1.0, 2.0, 5.0)
        axis.xaxis.set_major_locator(LogLocator(subs=subs))
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    else:
        axis.set_xlim(*_padded(parameter.low, parameter.high, 0.05))
        axis.xaxis.set_major_locator(MaxNLocator(5, integer=parameter.integer))


def _short(name: str, most: int = 18) -> str:
    """A name cut in its middle, so that both of its ends can be read."""
    return name if len(name) <= most else f"{name[: most // 2]}…{name[-(most - most // 2 - 1) :]}"
