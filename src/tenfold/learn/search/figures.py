"""Pictures of a search for a better recipe (`tenfold tune`) and of recipes over many seeds (`tenfold study`).

Each function returns a figure, which `figures.save` writes as PNG. The objective is "accuracy" or "loss", on validation
digits. A score far worse than the rest, such as that of a trial that diverged, is drawn as a triangle at the edge of
the scale, so that it does not squash what there is to see.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import Formatter, LogLocator, MaxNLocator

from tenfold.learn.figures import BLUE, GREY, ORANGE, RED, blank, plain
from tenfold.learn.search import statistics

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

SHADES = LinearSegmentedColormap.from_list("shades", ["#c3d9ee", "#6fa3d3", BLUE, "#0a2240"])
LINES = "#e5e7eb"

# How many complete trials it takes until what matters can be told. Of 30 searches over four parameters, where one
# alone matters, it came out first in 27 % with 4 trials (by chance: 25 %), in 67 % with 8, in 97 % with 20.
ENOUGH = 8
_BEST = 0.25  # share of the trials that count as good there; Optuna's own tenth finds it in 33 % and 67 % with 8 and 20


def history(study: "optuna.Study", objective: str) -> Figure:
    """The score of every trial by its number, and the best so far as a line; pruned trials pale at their last score."""
    found = ended(study)
    figure, axes = blank(7.2, 3.6)
    axis: Axes = axes[0, 0]
    done = [trial for trial in found if complete(trial)]
    pruned = [trial for trial in found if _state(trial) == "pruned" and score(trial) is not None]
    failed = [trial for trial in found if _state(trial) == "failed"]
    worst, best = _limits([_number(t) for t in done], [_number(t) for t in done + pruned], objective)
    size = 22 if len(found) <= 100 else 9
    _scores(axis, pruned, worst, best, color="#c4c9d1", s=size, zorder=2, label="pruned, its last score")
    _scores(axis, done, worst, best, color=BLUE, s=size, zorder=3, label="complete")
    if failed:
        edge = [_edge(worst, best)] * len(failed)
        axis.scatter([t.number for t in failed], edge, color=RED, marker="x", s=18, clip_on=False, label="failed")
    if done:
        numbers: list[int] = []
        so_far: list[float] = []
        for trial in done:
            if not so_far or _better(_number(trial), so_far[-1], objective):
                numbers.append(trial.number)
                so_far.append(_number(trial))
        winner = (numbers[-1], so_far[-1])
        line = [*so_far, so_far[-1]]
        axis.step([*numbers, found[-1].number], line, where="post", color=ORANGE, linewidth=1.6, label="best so far")
        axis.scatter(*winner, facecolor="none", edgecolor=ORANGE, s=size + 45, linewidth=1.6, zorder=4)
        title = f"{len(found):,} trial{'s' * (len(found) != 1)}: the best is number {winner[0]}, "
        title += f"with {written(winner[1], objective)}"
    else:
        title = "No trial came to its end"
    _score_scale(axis.yaxis, worst, best, objective)
    axis.set(xlabel="trial", ylabel=f"validation {objective}")
    last = found[-1].number if found else 0
    axis.set_xlim(-0.5 - 0.01 * last, last + 0.5 + 0.01 * last)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axis.grid(axis="y", color=LINES)
    axis.set_axisbelow(True)
    if axis.get_legend_handles_labels()[0]:
        figure.legend(frameon=False, fontsize=8, loc="outside lower center", ncols=4)
    figure.suptitle(title, fontsize=11)
    return figure


def intermediate(study: "optuna.Study", objective: str) -> Figure | None:
    """The validation score of every trial by epoch, those pruned in grey; None if no trial reports two epochs."""
    found = ended(study)
    if all(len(trial.intermediate_values) < 2 for trial in found):
        return None
    figure, axes = blank(7.2, 3.8)
    axis: Axes = axes[0, 0]
    done = [trial for trial in found if complete(trial)]
    first = min(done, key=lambda t: _rank(t, objective), default=None)
    # Nine in ten trials are drawn whole, unless their start is very far from their end.
    curves = [list(trial.intermediate_values.values()) for trial in done or found]
    curves = [[value for value in curve if math.isfinite(value)] or [math.nan] for curve in curves]
    curves.sort(key=max if objective == "loss" else min, reverse=objective != "loss")
    values = [value for curve in curves[: math.ceil(0.9 * len(curves))] for value in curve]
    everything = [value for trial in found for value in trial.intermediate_values.values()]
    top = [(min if objective == "loss" else max)((v for v in everything if math.isfinite(v)), default=math.nan)]
    worst, best = _limits(values, values + top, objective, 12)
    faint = min(0.75, max(0.15, 20 / len(found)))
    seen: set[str] = set()
    for trial in sorted(found, key=lambda t: (t is first, complete(t))):
        epochs = sorted(trial.intermediate_values)
        scores = [trial.intermediate_values[epoch] for epoch in epochs]
        kind = "complete" if complete(trial) else "pruned or failed"
        kind = f"trial {trial.number}, the best" if trial is first else kind
        how: dict[str, Any] = {"color": BLUE, "linewidth": 1, "alpha": faint}
        if trial is first:
            how = {"color": ORANGE, "linewidth": 2}
        elif not complete(trial):
            how = {"color": GREY, "linewidth": 0.9, "alpha": max(faint, 0.3)}
        axis.plot(epochs, scores, **how, label="_" if kind in seen else kind)
        if not complete(trial) or len(epochs) == 1:
            axis.plot(epochs[-1:], scores[-1:], ".", color=how["color"], markersize=4, alpha=how.get("alpha"))
        seen.add(kind)
    _score_scale(axis.yaxis, worst, best, objective)
    axis.set(xlabel="epoch", ylabel=f"validation {objective}")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(axis="y", color=LINES)
    legend = figure.legend(frameon=False, fontsize=8, loc="outside lower center", ncols=4)
    for line in legend.get_lines():
        line.set_alpha(1)
    figure.suptitle(f"Validation {objective} of every trial while it learnt", fontsize=11)
    return figure


def importances(study: "optuna.Study", objective: str) -> Figure | None:
    """How much each parameter decides whether a trial is among the best quarter; None when it cannot be told.

    By PED-ANOVA (S. Watanabe, A. Bansal, F. Hutter, arXiv 2304.10255), shares that add up to 1. It cannot be told from
    fewer than 8 complete trials, for a single parameter, or when all trials score alike.
    """
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    values = [trial.value for trial in ended(study) if complete(trial) and math.isfinite(_number(trial))]
    choices = [p for p in parameters(ended(study)) if p.low < p.high or len(p.choices) > 1]
    if len(values) < ENOUGH or len(choices) < 2 or len(set(values)) < 2:
        return None
    # It warns of what the caption of the figure says: few trials make a poor estimate.
    with warnings.catch_warnings(action="ignore"):
        evaluator = PedAnovaImportanceEvaluator(target_quantile=_BEST)
        shares = get_param_importances(study, evaluator=evaluator, normalize=False)
    total = sum(shares.values())
    if not total > 0:
        return None
    names = sorted(shares, key=lambda name: shares[name])
    figure, axes = blank(6.4, 0.32 * len(names) + 1.1)
    axis: Axes = axes[0, 0]
    bars = axis.barh([plain(name) for name in names], [shares[name] / total for name in names], 0.65, color=BLUE)
    axis.bar_label(bars, [f"{shares[name] / total:.0%}" for name in names], padding=3, fontsize=8)
    axis.set(xlim=(0, 1.12 * shares[names[-1]] / total), xticks=[])
    axis.spines["bottom"].set_visible(False)
    axis.tick_params(axis="y", length=0)
    figure.suptitle(f"What decided the {objective} (from {len(values):,} complete trials)", fontsize=11)
    return figure


def parallel(study: "optuna.Study", objective: str) -> Figure:
    """Every trial as a line through its parameters to its score: the darker the better, pruned ones thin and grey.

    The score's axis has the better end on top, also that of the loss.
    """
    found = ended(study)
    axes_of = parameters(found)
    done = sorted((t for t in found if complete(t)), key=lambda t: _rank(t, objective), reverse=True)
    figure, axes = blank(min(16.0, max(5.0, 1.25 * (len(axes_of) + 1) + 0.8)), 4.4)
    axis: Axes = axes[0, 0]
    worst, best = _limits([_number(t) for t in done], [_number(t) for t in done], objective)
    norm = Normalize(0, 1)
    faint = min(0.9, max(0.08, 20 / max(1, len(found))))
    generator = np.random.default_rng(0)
    for rank, trial in enumerate([t for t in found if not complete(t)] + done, start=-len(found)):
        heights = [p.place(trial.params.get(p.name)) for p in axes_of]
        # Trials of one category would hide each other.
        spread = generator.uniform(-0.022, 0.022, len(axes_of))
        heights = [h + s * bool(p.choices) for h, s, p in zip(heights, spread, axes_of, strict=True)]
        if not complete(trial):
            axis.plot(range(len(heights)), heights, color=GREY, linewidth=0.5, alpha=min(0.5, faint), zorder=1)
            continue
        good = _share(_number(trial), worst, best)
        clear = max(0.0, 1 + (rank + 1) / max(12, 0.1 * len(done)))  # the best tenth stands out, or the best dozen
        last = trial is done[-1]
        axis.plot(
            range(len(heights) + 1),
            [*heights, good],
            color=ORANGE if last else SHADES(norm(good)),
            linewidth=2.2 if last else 0.8 + 0.6 * clear,
            alpha=1 if last else faint + (0.9 - faint) * clear,
            zorder=2 + good + last,
            label=f"trial {trial.number}, the best: {written(_number(trial), objective)}" if last else None,
        )
    ticks = [parameter.ticks() for parameter in axes_of]
    ticks.append(_score_ticks(worst, best, objective) if done else [])
    for column, marks in enumerate(ticks):
        axis.axvline(column, color="#9ca3af", linewidth=0.8, zorder=6)
        for height, text in marks:
            axis.plot([column - 0.02, column + 0.02], [height, height], color="#6b7280", linewidth=0.8, zorder=6)
            axis.text(
                column + 0.045,
                height,
                plain(_short(text)),
                fontsize=7,
                va="center",
                zorder=7,
                bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.6},
            )
    names = [p.name.replace("_", "_\n") if len(p.name) > 12 else p.name for p in axes_of]
    axis.set_xticks(range(len(ticks)), [plain(name) for name in names] + [objective])
    axis.xaxis.tick_top()
    axis.set(ylim=(-0.04, 1.04), xlim=(-0.1, len(ticks) - 0.45), yticks=[])
    axis.tick_params(axis="x", length=0)
    axis.spines[:].set_visible(False)
    if done:
        figure.legend(frameon=False, fontsize=8, loc="outside lower center")
    title = "Each line is a trial: its parameters, and what they scored" if done else "No trial came to its end"
    figure.suptitle(title, fontsize=11)
    return figure


def slices(study: "optuna.Study", objective: str) -> Figure:
    """A panel for each parameter: its value against the score of the complete trials, later trials darker."""
    found = ended(study)
    panels = parameters(found)
    done = [trial for trial in found if complete(trial)]
    columns = min(3, max(1, len(panels)))
    rows = max(1, math.ceil(len(panels) / columns))
    figure, axes = blank(2.7 * columns + 1.2, 2.5 * rows + 0.6, rows, columns)
    worst, best = _limits([_number(t) for t in done], [_number(t) for t in done], objective)
    generator = np.random.default_rng(0)
    norm = Normalize(found[0].number if found else 0, max(found[-1].number, found[0].number + 1) if found else 1)
    first = min(done, key=lambda t: _rank(t, objective), default=None)
    for k, axis in enumerate(axes.flat):
        if k >= len(panels):
            axis.set_visible(False)
            continue
        parameter = panels[k]
        shown = [trial for trial in done if parameter.name in trial.params]
        values = [parameter.value(trial.params[parameter.name]) for trial in shown]
        if parameter.choices:
            values = [v + j for v, j in zip(values, generator.uniform(-0.22, 0.22, len(values)), strict=True)]
        for inside, marker in ((True, "o"), (False, "v" if best > worst else "^")):
            these = [i for i, trial in enumerate(shown) if _within(_number(trial), worst, best) is inside]
            axis.scatter(
                [values[i] for i in these],
                [_number(shown[i]) if inside else _edge(worst, best) for i in these],
                c=[shown[i].number for i in these],
                cmap=SHADES,
                norm=norm,
                marker=marker,
                s=20 if len(done) <= 100 else 9,
                linewidth=0,
                clip_on=inside,
            )
        if first in shown:
            place = (values[shown.index(first)], _number(first))
            axis.scatter(*place, facecolor="none", edgecolor=ORANGE, s=65, linewidth=1.6)
        _parameter_scale(axis, parameter)
        _score_scale(axis.yaxis, worst, best, objective)
        axis.yaxis.set_major_locator(MaxNLocator(5))
        axis.set_ylabel(f"validation {objective}" if k % columns == 0 else "", fontsize=8)
        if k % columns:
            axis.tick_params(axis="y", labelleft=False)
        axis.set_title(plain(parameter.name), fontsize=9)
        axis.grid(axis="y", color=LINES)
        axis.set_axisbelow(True)
    if not panels or not done:
        axes[0, 0].text(0.5, 0.5, "nothing to show", ha="center", color=GREY, transform=axes[0, 0].transAxes)
    if len(done) > 1 and panels:
        from matplotlib.cm import ScalarMappable

        bar = figure.colorbar(ScalarMappable(norm, SHADES), ax=axes, aspect=30 * rows, pad=0.01, fraction=0.03)
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
    percent = "accuracy" in what
    heights = [0.72 * max(1, len(groups)) + 0.35] + ([1.25] if paired else [])
    figure = Figure(figsize=(7.6, sum(heights) + 0.7), dpi=120, layout="constrained", facecolor="white")
    axes = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axis in axes:
        axis.spines[["top", "right", "left"]].set_visible(False)
        axis.tick_params(labelsize=8, color=GREY)
        axis.tick_params(axis="y", length=0)
        axis.grid(axis="x", color=LINES)
        axis.set_axisbelow(True)
    colors = [BLUE, ORANGE, "#15803d", "#7c3aed"]
    top = axes[0]
    everything = [value for _, values in groups for value in values if math.isfinite(value)]
    low, high = _span([values for _, values in groups], min(everything, default=0.0), max(everything, default=1.0))
    for row, (_, values) in enumerate(groups):
        _swarm(top, -row, values, colors[row % len(colors)], what, (low, high))
    top.set_yticks([-row for row in range(len(groups))], [plain(_wrapped(name)) for name, _ in groups], fontsize=9)
    top.set(ylim=(0.55 - max(1, len(groups)), 0.62), xlabel=what)
    top.set_xlim(low, high)
    top.xaxis.set_major_locator(MaxNLocator(7))
    if percent:
        top.xaxis.set_major_formatter(Percent())
    if paired:
        below = axes[1]
        shown = [difference * (100 if percent else 1) for difference in paired]
        finite = [0.0, *(value for value in shown if math.isfinite(value))]
        ends = _span([shown], min(finite), max(finite))
        _swarm(below, 0, shown, GREY, f"difference in {'points' if percent else what}", ends)
        below.axvline(0, color=RED, linewidth=1, linestyle="--", zorder=1)
        below.set_xlim(*ends)
        if len(groups) == 2 and not between:
            between = f"{_short(groups[0][0], 28)} – {_short(groups[1][0], 28)}"
        unit = "percentage points" if percent else what
        words = ", ".join(word for word in ("difference by seed", between, unit) if word)
        below.set(ylim=(-0.5, 0.65), xlabel=plain(words))
        below.set_yticks([0], ["difference"], fontsize=9)
    return figure


def _swarm(axis: Axes, row: float, values: Sequence[float], color: str, what: str, limits: tuple[float, float]) -> None:
    """Scores as dots around a height, those close together above each other; their mean, interval and words."""
    finite = sorted(value for value in values if math.isfinite(value))
    found = statistics.summary(finite) if finite else None
    if found is not None:
        if found.low is not None and found.high is not None:
            axis.plot([found.low, found.high], [row, row], color=color, linewidth=13, alpha=0.22, solid_capstyle="butt")
        axis.plot([found.mean] * 2, [row - 0.2, row + 0.2], color=color, linewidth=2.2, zorder=3)
    # A dot is about a hundredth of the axis wide; those that share a place stand beside it by turns, up and down.
    width = (limits[1] - limits[0]) / 90
    places: dict[int, list[float]] = {}
    for value in finite:
        places.setdefault(round(value / width) if width else 0, []).append(value)
    for column in places.values():
        step = min(0.09, 0.5 / len(column))
        heights = [row + step * (k - (len(column) - 1) / 2) for k in range(len(column))]
        axis.scatter(column, heights, color=color, s=16, alpha=0.75, linewidth=0, zorder=4)
    text = described(values, what)
    axis.text(
        0.0,
        row + 0.34,
        text,
        fontsize=8,
        color="#374151",
        transform=axis.get_yaxis_transform(),
        va="center",
        bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1},
    )


def described(values: Sequence[float], what: str) -> str:
    """Scores in words: mean ± deviation, their number, and the 95 % interval of the mean; `what` as for `written`."""
    finite = [value for value in values if math.isfinite(value)]
    lost = len(values) - len(finite)
    without = f"; {lost} without a score" if lost else ""
    if not finite:
        return f"no score{without}"
    found = statistics.summary(finite)
    places = decimals(found.deviation, what)
    mean = written(found.mean, what, places)
    if found.low is None or found.high is None:
        return f"{mean} (one seed){without}"
    low, high = written(found.low, what, places), written(found.high, what, places)
    deviation = written(found.deviation, what, places).lstrip("+")
    return f"{mean} ± {deviation} (n = {found.n}), 95 % interval of the mean {low} to {high}{without}"


def written(value: float, what: str, places: int | None = None) -> str:
    """A score in words: accuracies in per cent, differences with their sign, others as they are.

    `what` says which it is: "validation accuracy", "loss", "difference in points", "difference in loss" or the like.
    """
    places = decimals(0.0, what) if places is None else places
    if "accuracy" in what:
        return f"{value:.{places}%}"
    sign = "+" if what.startswith("difference") else ""
    return f"{value:{sign},.{places}f}" if not math.isfinite(value) or abs(value) < 1e6 else f"{value:{sign}.3g}"


def decimals(deviation: float, what: str) -> int:
    """How many decimals show two digits of a deviation: 2 or more of per cent and of points, 4 or more of others."""
    percent = "accuracy" in what
    least = 2 if percent or "points" in what else 4
    if not deviation > 0 or not math.isfinite(deviation):
        return least
    shown = float(f"{deviation * (100 if percent else 1):.1e}")
    return min(6, max(least, 1 - math.floor(math.log10(shown))))


def ended(study: "optuna.Study") -> "list[FrozenTrial]":
    """The trials that came to an end, whichever, by number."""
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]


def complete(trial: "FrozenTrial") -> bool:
    """Whether a trial was trained to its end and scored."""
    return trial.state.name == "COMPLETE"


def score(trial: "FrozenTrial") -> float | None:
    """The score of a complete trial, the last one of a pruned trial; None when it has none."""
    if trial.state.name == "FAIL":
        return None
    if trial.value is not None:
        return float(trial.value)
    reported = [float(trial.intermediate_values[step]) for step in sorted(trial.intermediate_values)]
    return next((value for value in reversed(reported) if not math.isnan(value)), None)


def text(value: object) -> str:
    """A parameter's value for people: yes and no, numbers without noise, the empty word as (none)."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "(none)" if value in ("", None) else str(value)


@dataclass
class Parameter:
    """A parameter of the search: its range, on a logarithmic scale or not, or the choices there are."""

    name: str
    low: float = math.inf
    high: float = -math.inf
    log: bool = False
    whole: bool = False
    choices: list[Any] = field(default_factory=list)

    def value(self, value: Any) -> float:
        """Where a value is on the parameter's own scale: a choice by its place among the choices."""
        return float(self.choices.index(value)) if self.choices else float(value)

    def place(self, value: Any) -> float:
        """Where a value is between the low end, 0, and the high end, 1; NaN for a trial without the parameter."""
        if value is None and None not in self.choices:
            return math.nan
        low, high, at = self.low, self.high, self.value(value)
        if self.choices:
            low, high = 0.0, len(self.choices) - 1.0
        elif self.log:
            low, high, at = math.log(low), math.log(high), math.log(at)
        return 0.5 if high <= low else (at - low) / (high - low)

    def ticks(self) -> list[tuple[float, str]]:
        """Some places from 0 to 1 with what stands there: all choices, or both ends and round numbers between."""
        if self.choices:
            return [(self.place(choice), text(choice)) for choice in self.choices]
        if self.high <= self.low:
            return [(0.5, f"{self.low:.4g}")]
        locator = LogLocator(subs=(1.0,)) if self.log else MaxNLocator(4, integer=self.whole)
        chosen = [(0.0, f"{self.low:.4g}"), (1.0, f"{self.high:.4g}")]
        for value in locator.tick_values(self.low, self.high):
            if self.low < value < self.high:
                place = self.place(value)
                if all(abs(place - other) > 0.12 for other, _ in chosen):
                    chosen.append((place, f"{value:.4g}"))
        return sorted(chosen)


def parameters(trials: "Sequence[FrozenTrial]") -> list[Parameter]:
    """What was searched over, in the order it was drawn; ranges and choices that changed underway are joined."""
    from optuna.distributions import CategoricalDistribution

    found: dict[str, Parameter] = {}
    for trial in trials:
        for name, range_ in trial.distributions.items():
            parameter = found.setdefault(name, Parameter(name))
            if isinstance(range_, CategoricalDistribution):
                parameter.choices += [choice for choice in range_.choices if choice not in parameter.choices]
            else:
                value = float(trial.params[name])
                parameter.low = min(parameter.low, float(getattr(range_, "low", value)), value)
                parameter.high = max(parameter.high, float(getattr(range_, "high", value)), value)
                parameter.log = bool(getattr(range_, "log", False)) and parameter.low > 0
                parameter.whole = not isinstance(trial.params[name], float)
    return list(found.values())


class Percent(Formatter):
    """Fractions in per cent, with as few decimals as tell the ticks apart."""

    def __call__(self, x: float, pos: int | None = None) -> str:  # noqa: ARG002
        """A fraction alone, where there is no telling apart."""
        return f"{x:.2%}"

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """The labels of an axis's ticks."""
        places = next((d for d in range(6) if all(abs(round(100 * v, d) - 100 * v) < 1e-7 for v in values)), 6)
        return [f"{v:.{places}%}" for v in values]


def _number(trial: "FrozenTrial") -> float:
    found = score(trial)
    return math.nan if found is None else found


def _state(trial: "FrozenTrial") -> str:
    return {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}[trial.state.name]


def _better(one: float, other: float, objective: str) -> bool:
    return one < other if objective == "loss" else one > other


def _rank(trial: "FrozenTrial", objective: str) -> float:
    """What to sort trials by, the best first; those without a number come last."""
    value = _number(trial)
    return math.inf if math.isnan(value) else value if objective == "loss" else -value


def _limits(scores: Sequence[float], seen: Sequence[float], objective: str, reach: float = 4) -> tuple[float, float]:
    """The worst and the best score to draw: the best there is, and so many times as far from it as the median score.

    The median is that of `scores`; what is `seen` decides how far there is anything to draw.
    """
    finite = [value for value in seen if math.isfinite(value)]
    if not finite:
        return (1.0, 0.0) if objective == "loss" else (0.0, 1.0)
    best, worst = (min, max) if objective == "loss" else (max, min)
    top = best(finite)
    for these in ([value for value in scores if math.isfinite(value)], finite):
        away = median(abs(value - top) for value in these) if these else 0.0
        if away:
            far = top + reach * away if objective == "loss" else top - reach * away
            return best(far, worst(finite)), top
    return worst(finite), top


def _within(value: float, worst: float, best: float) -> bool:
    return min(worst, best) <= value <= max(worst, best)


def _share(value: float, worst: float, best: float) -> float:
    """How good a score is, from the worst drawn, 0, to the best, 1."""
    if best == worst:
        return 1.0
    share = (value - worst) / (best - worst)
    return min(1.0, max(0.0, share)) if math.isfinite(share) else 0.0


def _edge(worst: float, best: float) -> float:
    """Where the scale ends on the bad side: a little beyond the worst score that is drawn."""
    return worst + 0.06 * (worst - best) if worst != best else worst - 0.5 * _least(worst)


def _least(value: float) -> float:
    """Half of how much a scale should show where all scores are alike."""
    return max(0.0005, 0.002 * abs(value))


def _padded(low: float, high: float, share: float) -> tuple[float, float]:
    pad = share * (high - low) or _least(low)
    return low - pad, high + pad


def _span(groups: Sequence[Sequence[float]], low: float, high: float) -> tuple[float, float]:
    """The range to draw scores in, with the intervals of their means as far as they leave the scores readable."""
    room, ends = high - low, [low, high]
    for values in groups:
        finite = [value for value in values if math.isfinite(value)]
        found = statistics.summary(finite) if finite else None
        if found is not None and found.low is not None and found.high is not None:
            ends += [max(found.low, low - room), min(found.high, high + room)]
    return _padded(min(ends), max(ends), 0.04)


def _scores(axis: Axes, trials: "Sequence[FrozenTrial]", worst: float, best: float, **how: Any) -> None:
    """Trials as dots by number, and as triangles at the edge where they are beyond the scale."""
    label = how.pop("label")
    for inside in (True, False):
        these = [trial for trial in trials if _within(_number(trial), worst, best) is inside]
        if these:
            heights = [_number(trial) if inside else _edge(worst, best) for trial in these]
            marker = "o" if inside else "v" if best > worst else "^"
            name = label if inside else f"{label}: beyond the scale"
            numbers = [trial.number for trial in these]
            axis.scatter(numbers, heights, marker=marker, linewidth=0, clip_on=inside, label=name, **how)


def _score_scale(axis: Axis, worst: float, best: float, objective: str) -> None:
    """Limits and labels of an axis with scores."""
    ends = sorted((_edge(worst, best), best + 0.06 * (best - worst) if worst != best else best + 0.5 * _least(best)))
    axis.set_view_interval(ends[0], ends[1], True)
    axis.set_major_locator(MaxNLocator(6))
    if objective == "accuracy":
        axis.set_major_formatter(Percent())


def _score_ticks(worst: float, best: float, objective: str) -> list[tuple[float, str]]:
    if worst == best:
        return [(1.0, written(best, objective))]
    low, high = sorted((worst, best))
    values = [float(value) for value in MaxNLocator(5).tick_values(low, high) if low <= value <= high]
    labels = Percent().format_ticks(values) if objective == "accuracy" else [f"{value:.4g}" for value in values]
    return [(_share(value, worst, best), label) for value, label in zip(values, labels, strict=True)]


def _parameter_scale(axis: Axes, parameter: Parameter) -> None:
    """Limits and ticks of the x axis for a parameter."""
    if parameter.choices:
        names = [plain(_short(text(choice))) for choice in parameter.choices]
        crowded = sum(map(len, names)) > 26
        axis.set_xticks(range(len(names)), names, fontsize=7 if crowded else 8)
        if crowded:
            axis.tick_params(axis="x", rotation=35 if len(names) < 8 else 90)
            for label in axis.get_xticklabels():
                label.set(
                    ha="right" if len(names) < 8 else "center", rotation_mode="anchor" if len(names) < 8 else None
                )
        axis.set_xlim(-0.5, len(names) - 0.5)
    elif parameter.log and parameter.low < parameter.high:
        axis.set_xscale("log")
        room = (parameter.high / parameter.low) ** 0.05
        axis.set_xlim(parameter.low / room, parameter.high * room)
        axis.xaxis.set_minor_formatter(lambda *_: "")
        decades = math.log10(parameter.high / parameter.low)
        axis.xaxis.set_major_locator(
            LogLocator(subs=(1.0,) if decades > 2.5 else (1.0, 3.0) if decades > 1.2 else (1.0, 2.0, 5.0))
        )
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    else:
        axis.set_xlim(*_padded(parameter.low, parameter.high, 0.05))
        axis.xaxis.set_major_locator(MaxNLocator(5, integer=parameter.whole))


def _short(name: str, most: int = 18) -> str:
    """A name cut in its middle, so that both of its ends can be told."""
    return name if len(name) <= most else f"{name[: most // 2]}…{name[-(most - most // 2 - 1) :]}"


def _wrapped(name: str) -> str:
    from textwrap import wrap

    return "\n".join(wrap(_short(name, 60), 22)) or name
