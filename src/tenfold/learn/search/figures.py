"""Figures of a search for a better recipe (`tenfold tune`) and of recipes over many seeds (`tenfold study`).

Each function returns a figure, which `tenfold.learn.figures.save` writes as PNG. The objective is "accuracy" or "loss",
on validation digits. A score far worse than the rest, such as that of a trial that diverged, is drawn as a triangle at
the edge of the scale, so that it does not squash what there is to see. What a search's parameters decided, and every
trial epoch by epoch, is for optuna-dashboard, which opens the search's study.db.
"""

import math
from collections.abc import Sequence
from textwrap import fill, wrap
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, PercentFormatter

from tenfold.learn.figures import BLUE, GREEN, GREY, ORANGE, RED, blank, empty, escape
from tenfold.learn.search.statistics import described, ends_of, few, summary, written
from tenfold.learn.search.trials import STATES, best_of, complete, ended, score, score_or_nan, state, text

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
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
    scale = _Scale(done, [*done, *pruned], objective)
    size = 22 if len(trials) <= 100 else 9
    for some, color, label in ((pruned, "#c4c9d1", "pruned, its last score"), (done, BLUE, "complete")):
        _dots(axis, scale, [trial.number for trial in some], some, label=label, color=color, s=size, zorder=2)
    if failed:
        edge = [scale.edge] * len(failed)
        axis.scatter([t.number for t in failed], edge, color=RED, marker="x", s=18, clip_on=False, label="failed")
    title, first = "No trial finished", best_of(done, objective)
    if first is not None:
        best = score_or_nan(first)
        so_far = (np.fmin if objective == "loss" else np.fmax).accumulate([score_or_nan(trial) for trial in done])
        numbers = [*(trial.number for trial in done), trials[-1].number]
        axis.step(numbers, [*so_far, best], where="post", color=ORANGE, linewidth=1.6, label="best so far")
        axis.scatter(first.number, best, facecolor="none", edgecolor=ORANGE, s=size + 45, linewidth=1.6, zorder=4)
        title = f"{len(trials):,} trial{'s' * (len(trials) != 1)}: the best is number {first.number}, "
        title += f"with {written(best, objective)}"
    scale.show(axis.yaxis)
    axis.set(xlabel="trial", ylabel=f"validation {objective}")
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
    panels = {name: range_ for trial in trials for name, range_ in trial.distributions.items()}
    done = [trial for trial in trials if complete(trial)]
    columns = min(3, max(1, len(panels)))
    rows = max(1, math.ceil(len(panels) / columns))
    figure, axes = blank(2.7 * columns + 1.2, 2.5 * rows + 0.6, rows, columns)
    scale = _Scale(done, done, objective)
    numbers = [trial.number for trial in trials] or [0]
    shade = ScalarMappable(Normalize(numbers[0], max(numbers[-1], numbers[0] + 1)), SHADES)
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    for k, (axis, name) in enumerate(zip(axes.flat, panels, strict=False)):
        _slice(axis, scale, name, panels[name], done, shade)
        axis.set_ylabel(f"validation {objective}" if k % columns == 0 else "", fontsize=8)
        axis.tick_params(axis="y", labelleft=k % columns == 0)
    if not panels or not done:
        axes[0, 0].text(0.5, 0.5, "nothing to show", ha="center", color=GREY, transform=axes[0, 0].transAxes)
        axes[0, 0].set_visible(True)
    if len(done) > 1 and panels:
        ticks = MaxNLocator(6, integer=True)
        bar = figure.colorbar(shade, ax=axes, aspect=30 * rows, pad=0.01, fraction=0.03, ticks=ticks, label="trial")
        bar.outline.set_visible(False)
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
    limits = _span([values for _, values in groups], what)
    for row, (_, values) in enumerate(groups):
        _swarm(top, -row, values, (BLUE, ORANGE, GREEN, "#7c3aed")[row % 4], what, limits)
    names = [escape("\n".join(wrap(_short(name, 60), 22)) or name) for name, _ in groups]
    top.set_yticks([-row for row in range(len(groups))], names, fontsize=9)
    top.set(ylim=(0.55 - max(1, len(groups)), 0.62), xlim=limits, xlabel=what)
    ticks = MaxNLocator(7).tick_values(*limits)
    top.set_xticks([tick for tick in ticks if limits[0] <= tick <= min(limits[1], 1.0 if percent else math.inf)])
    if percent:
        top.xaxis.set_major_formatter(PercentFormatter(1.0))
    if paired:
        if len(groups) == 2 and not between:
            between = f"{_short(groups[0][0], 28)} – {_short(groups[1][0], 28)}"
        differences = [value * (100 if percent else 1) for value in paired]
        unit = f"difference in {'points' if percent else what}"
        limits = _span([differences], unit, [0.0])
        _swarm(axes[1], 0, differences, GREY, unit, limits)
        axes[1].axvline(0, color=RED, linewidth=1, linestyle="--", zorder=1)
        words = ("difference by seed", between, "percentage points" if percent else what)
        axes[1].set(
            xlim=limits,
            ylim=(-0.5, 0.65),
            xlabel=escape(f"{fill(', '.join(filter(None, words)), 70)}\n{few(len(paired))}".strip()),
        )
        axes[1].set_yticks([0], ["difference"], fontsize=9)
    return figure


def _slice(
    axis: Axes,
    scale: "_Scale",
    name: str,
    range_: "BaseDistribution",
    done: "Sequence[FrozenTrial]",
    shade: ScalarMappable,
) -> None:
    """A parameter's values, a choice by its place among the choices, against the scores of complete trials."""
    shown = [trial for trial in done if name in trial.params]
    places = np.array([range_.to_internal_repr(trial.params[name]) for trial in shown], float)
    if hasattr(range_, "choices"):  # or trials of one choice would hide each other
        places += np.random.default_rng(0).uniform(-0.22, 0.22, len(places))
    color = shade.to_rgba(np.array([trial.number for trial in shown], float))
    _dots(axis, scale, places, shown, color=color, s=20 if len(done) <= 100 else 9)
    first = best_of(done, scale.objective)
    for trial, place in zip(shown, places, strict=True):
        if trial is first:
            axis.scatter(place, score_or_nan(trial), facecolor="none", edgecolor=ORANGE, s=65, linewidth=1.6)
    _parameter_scale(axis, range_)
    scale.show(axis.yaxis)
    axis.yaxis.set_major_locator(MaxNLocator(5))
    axis.set_title(escape(name), fontsize=9)
    axis.grid(axis="y", color=LINES)
    axis.set_axisbelow(True)


def _swarm(axis: Axes, row: float, values: Sequence[float], color: str, what: str, limits: tuple[float, float]) -> None:
    """Scores as dots around a height, those close together above each other; their mean, interval and words."""
    finite = np.sort([value for value in values if math.isfinite(value)])
    if len(finite):
        mean = summary(finite.tolist(), ends_of(what))
        if mean.low is not None and mean.high is not None:
            axis.plot([mean.low, mean.high], [row, row], color=color, linewidth=13, alpha=0.22, solid_capstyle="butt")
        axis.plot([mean.mean] * 2, [row - 0.2, row + 0.2], color=color, linewidth=2.2, zorder=3)
    # A dot is about a hundredth of the axis wide; those that share a place stand beside it by turns, up and down.
    places = np.round(finite / (limits[1] - limits[0]) * 90)
    for place in np.unique(places):
        column = finite[places == place]
        steps = np.arange(len(column)) - (len(column) - 1) / 2
        heights = row + min(0.09, 0.5 / len(column)) * steps
        axis.scatter(column, heights, color=color, s=16, alpha=0.75, linewidth=0, zorder=4)
    box = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1}
    where: dict[str, Any] = {"transform": axis.get_yaxis_transform(), "va": "center", "bbox": box}
    axis.text(0.0, row + 0.34, described(values, what), fontsize=8, color="#374151", **where)


class _Scale:
    """Which scores of an objective are drawn where they are; what is worse stands at the edge.

    It goes from the best score that is drawn to `REACH` times as far from it as the median of typical ones.
    """

    def __init__(self, typical: "Sequence[FrozenTrial]", drawn: "Sequence[FrozenTrial]", objective: str) -> None:
        self.objective = objective
        sign = 1.0 if objective == "loss" else -1.0  # with which less is better
        some, every = (np.array([sign * score_or_nan(trial) for trial in trials]) for trials in (typical, drawn))
        some, every = some[np.isfinite(some)], every[np.isfinite(every)]
        every = every if len(every) else np.array([0.0, sign])
        away = (float(np.median(scores - every.min())) for scores in (some, every) if len(scores))
        reach = REACH * next(filter(None, away), math.inf)
        self.best = sign * float(every.min())
        self.worst = sign * float(min(every.max(), every.min() + reach))
        self._room = 0.06 * (self.best - self.worst) or 0.5 * _least(self.best)
        self.edge = self.worst - self._room  # where the scale ends on the bad side

    def show(self, axis: Axis) -> None:
        """Set the limits and labels of an axis with scores."""
        top = self.best + self._room
        axis.set_view_interval(min(self.edge, top), max(self.edge, top), True)
        axis.set_major_locator(MaxNLocator(6))
        if self.objective == "accuracy":
            axis.set_major_formatter(PercentFormatter(1.0))


def _least(value: float) -> float:
    """How much a scale should show where all scores are alike."""
    return max(0.0005, 0.002 * abs(value))


def _padded(low: float, high: float, share: float) -> tuple[float, float]:
    pad = share * (high - low) or _least(low)
    return low - pad, high + pad


def _span(groups: Sequence[Sequence[float]], what: str, held: Sequence[float] = ()) -> tuple[float, float]:
    """The range to draw scores in, with the intervals of their means as far as they leave the scores readable."""
    scores = [[value for value in values if math.isfinite(value)] for values in groups]
    held = [*held, *(value for values in scores for value in values)] or [0.0, 1.0]
    low, high = min(held), max(held)
    for mean in (summary(values, ends_of(what)) for values in scores if values):
        if mean.low is not None and mean.high is not None:
            held += [max(mean.low, 2 * low - high), min(mean.high, 2 * high - low)]
    return _padded(min(held), max(held), 0.04)


def _dots(
    axis: Axes, scale: _Scale, places: Any, trials: "Sequence[FrozenTrial]", *, color: Any, label: str = "", **how: Any
) -> None:
    """The scores of trials as dots at their places, and as triangles at the edge where they are beyond the scale."""
    x, y = np.asarray(places, float), np.array([score_or_nan(trial) for trial in trials])
    held = (y >= min(scale.worst, scale.best)) & (y <= max(scale.worst, scale.best))
    beyond = "v" if scale.best > scale.worst else "^", f"{label}: beyond the scale" if label else ""
    for some, marker, name in ((held, "o", label), (~held, *beyond)):
        if some.any():
            heights = np.where(held, y, scale.edge)[some]
            shades = color if isinstance(color, str) else color[some]
            how |= {"marker": marker, "linewidth": 0, "clip_on": marker == "o", "label": name}
            axis.scatter(x[some], heights, color=shades, **how)


def _parameter_scale(axis: Axes, range_: Any) -> None:
    """Limits and ticks of the x axis for a parameter."""
    if hasattr(range_, "choices"):
        names = [escape(_short(text(choice))) for choice in range_.choices]
        crowded = sum(map(len, names)) > 26
        turned: dict[str, Any] = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if crowded else {}
        axis.set_xticks(range(len(names)), names, fontsize=7 if crowded else 8, **turned)
        axis.set_xlim(-0.5, len(names) - 0.5)
    elif range_.log and range_.low < range_.high:
        axis.set_xscale("log")
        room = (range_.high / range_.low) ** 0.05
        axis.set_xlim(range_.low / room, range_.high * room)
        decades = math.log10(range_.high / range_.low)
        subs = (1.0,) if decades > 2.5 else (1.0, 3.0) if decades > 1.2 else (1.0, 2.0, 5.0)
        axis.xaxis.set_major_locator(LogLocator(subs=subs))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_formatter("")
    else:
        axis.set_xlim(*_padded(range_.low, range_.high, 0.05))
        axis.xaxis.set_major_locator(MaxNLocator(5, integer=isinstance(range_.high, int)))


def _short(name: str, most: int = 18) -> str:
    """A name cut in its middle, so that both of its ends can be read."""
    return name if len(name) <= most else f"{name[: most // 2]}…{name[-(most - most // 2 - 1) :]}"
