import math
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState, create_trial
from scipy import special, stats

from tenfold.learn import figures
from tenfold.learn.search import figures as search_figures

SPACE: dict[str, BaseDistribution] = {
    "lr": FloatDistribution(1e-4, 0.1, log=True),
    "dropout": FloatDistribution(0.0, 0.6),
    "batch_size": CategoricalDistribution([64, 128, 256]),
    "hidden": CategoricalDistribution(["64", "512x256", "1024x1024x1024x1024x512"]),
    "styles": IntDistribution(0, 5000),
    "patience": IntDistribution(1, 64, log=True),
    "channels_last": CategoricalDistribution([True, False]),
    "augment": CategoricalDistribution(["", "rotate=10,$shift$=2"]),
}
ALL = (search_figures.history, search_figures.slices)
COMPLETE, PRUNED, FAIL = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL


def drawn(space: dict[str, BaseDistribution], generator: np.random.Generator) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, range_ in space.items():
        if isinstance(range_, CategoricalDistribution):
            values[name] = range_.choices[generator.integers(len(range_.choices))]
        elif isinstance(range_, IntDistribution):
            values[name] = int(generator.integers(range_.low, range_.high + 1))
        elif isinstance(range_, FloatDistribution):
            low, high = np.log([range_.low, range_.high]) if range_.log else (range_.low, range_.high)
            at = generator.uniform(low, high)
            values[name] = float(np.exp(at) if range_.log else at)
    return values


def make_study(
    states: list[TrialState],
    objective: str = "accuracy",
    space: dict[str, BaseDistribution] = SPACE,
    epochs: int = 4,
    scores: list[float] | None = None,
) -> optuna.Study:
    """A search that never ran: its scores follow from the learning rate, or are given."""
    generator = np.random.default_rng(0)
    study = optuna.create_study(direction="minimize" if objective == "loss" else "maximize")
    for k, state in enumerate(states):
        params = drawn(space, generator)
        error = 0.008 + 0.003 * (math.log10(params.get("lr", 0.005)) + 2.3) ** 2 + abs(generator.normal(0, 0.0003))
        last = (3 * error if objective == "loss" else 1 - error) if scores is None else scores[k]
        worse = 0.2 if objective == "loss" else -0.05
        curve = [last + worse * math.exp(-e) for e in range(1, epochs)] + [last]
        if state is not COMPLETE:
            curve = curve[: max(1, epochs // 2)]
        if state is FAIL:
            curve[-1] = math.nan
        study.add_trial(
            create_trial(
                state=state,
                params=params,
                distributions=space,
                value=None if state is FAIL else curve[-1],
                intermediate_values=dict(enumerate(curve, start=1)),
            )
        )
    return study


def mixed(n: int) -> list[TrialState]:
    return [PRUNED if k % 4 == 3 else FAIL if k % 11 == 5 else COMPLETE for k in range(n)]


def dots(axis: Axes) -> list[tuple[float, float]]:
    """Where the scattered dots of an axis are."""
    found = [c for c in axis.collections if isinstance(c, PathCollection)]
    return [(float(x), float(y)) for c in found for x, y in np.asarray(c.get_offsets())]


def words(figure: Figure) -> str:
    texts = [
        text.get_text() for axis in figure.axes for text in [*axis.texts, *axis.get_xticklabels(), axis.xaxis.label]
    ]
    return "\n".join([*texts, figure.get_suptitle()])


@pytest.mark.parametrize("objective", ["accuracy", "loss"])
@pytest.mark.parametrize(
    "states",
    [[], [COMPLETE], [PRUNED] * 3, [FAIL], mixed(12), mixed(120)],
    ids=["none", "one", "pruned", "failed", "12", "120"],
)
def test_every_figure_can_be_drawn(states: list[TrialState], objective: str, tmp_path: Path) -> None:
    study = make_study(states, objective)
    for draw in ALL:
        path = tmp_path / f"{draw.__name__}.png"
        assert figures.save(draw(study, objective), path).stat().st_size > 2000


def test_trials_that_still_run_are_passed_over(tmp_path: Path) -> None:
    study = make_study([COMPLETE] * 3)
    study.ask(SPACE)
    study.enqueue_trial({"lr": 0.01})
    for draw in ALL:
        figures.save(draw(study, "accuracy"), tmp_path / "x.png")
    assert search_figures.history(study, "accuracy").get_suptitle().startswith("3 trials")


@pytest.mark.parametrize(("objective", "best"), [("accuracy", [0.98, 0.98, 0.991]), ("loss", [0.98, 0.97, 0.97])])
def test_the_best_so_far_follows_the_objective(objective: str, best: list[float]) -> None:
    axis = search_figures.history(make_study([COMPLETE] * 3, objective, scores=[0.98, 0.97, 0.991]), objective).axes[0]
    (line,) = axis.lines
    xs, ys = (np.asarray(part, float) for part in line.get_data())
    assert [float(ys[xs <= k][-1]) for k in range(3)] == best


def test_a_diverged_trial_does_not_squash_the_rest() -> None:
    scores = [0.03, 0.031, 0.035, 1e9, 0.04, math.inf]
    study = make_study([COMPLETE] * 6, "loss", scores=scores, epochs=3)
    axis = search_figures.history(study, "loss").axes[0]
    low, high = axis.get_ylim()
    assert 0.028 < low < 0.03
    assert 0.04 < high < 0.08
    assert sum(y == pytest.approx(high) for _, y in dots(axis)) == 2  # at the edge, not left out
    panel = search_figures.slices(study, "loss").axes[0]
    assert panel.get_ylim()[1] < 0.08
    assert len(dots(panel)) == 6 + 1


def test_pruned_and_failed_trials_are_told_apart() -> None:
    figure = search_figures.history(make_study([COMPLETE, PRUNED, FAIL, COMPLETE]), "accuracy")
    found = {c.get_label(): len(np.asarray(c.get_offsets())) for c in figure.axes[0].collections}
    assert found["complete"] == 2
    assert found["failed"] == 1
    assert sum(n for label, n in found.items() if str(label).startswith("pruned")) == 1


def test_slices_of_a_space_that_changed_underway_are_joined() -> None:
    study = make_study([COMPLETE] * 2, space={"lr": FloatDistribution(0.001, 0.1, log=True)})
    wider: dict[str, BaseDistribution] = {"lr": FloatDistribution(0.01, 0.5, log=True), "dropout": SPACE["dropout"]}
    params = {"lr": 0.3, "dropout": 0.1}
    study.add_trial(create_trial(params=params, distributions=wider, value=0.98))
    panels = search_figures.slices(study, "accuracy").axes
    assert len(dots(panels[0])) - len(dots(panels[1])) in (1, 2, 3)  # two trials have no dropout


def test_slices_have_a_panel_for_each_parameter() -> None:
    study = make_study([COMPLETE] * 12 + [PRUNED] * 2)
    figure = search_figures.slices(study, "accuracy")
    panels = {axis.get_title(): axis for axis in figure.axes if axis.get_visible() and axis.get_title()}
    assert list(panels) == list(SPACE)
    assert {name for name, axis in panels.items() if axis.get_xscale() == "log"} == {"lr", "patience"}
    assert [label.get_text() for label in panels["channels_last"].get_xticklabels()] == ["yes", "no"]
    places = [x for x, _ in dots(panels["batch_size"])]
    assert len(set(places)) > 3, "those of one choice do not hide each other"
    assert max(abs(x - round(x)) for x in places) < 0.25


def test_the_study_figure_says_means_and_intervals(tmp_path: Path) -> None:
    first, second = [0.9912, 0.9915, 0.9918], [0.9910, 0.9911, 0.9912]
    differences = [a - b for a, b in zip(first, second, strict=True)]
    figure = search_figures.seeds([("fast", first), ("fast $x$", second)], "validation accuracy", differences)
    top, below = figure.axes
    mean = np.mean(first)
    reach = stats.t.ppf(0.975, 2) * stats.sem(first) / (mean * (1 - mean))  # on the scale of log-odds
    low, high = (special.expit(special.logit(mean) + sign * reach) for sign in (-1, 1))
    assert f"99.150% ± 0.030% (n = 3), 95 % interval of the mean {low:.3%} to {high:.3%}" in words(figure)
    assert "+0.040 ± 0.020 (n = 3)" in words(figure)
    assert "percentage points" in below.get_xlabel()
    assert sorted(x for x, _ in dots(below)) == pytest.approx([0.02, 0.04, 0.06])
    assert any(list(line.get_xdata()) == [0, 0] for line in below.lines)  # type: ignore[arg-type]
    figures.save(figure, tmp_path / "seeds.png")
    ticks = [label.get_text() for label in top.get_xticklabels()]
    assert len(set(ticks)) == len(ticks)
    assert all(tick.endswith("%") for tick in ticks)


@pytest.mark.parametrize(
    ("groups", "what", "paired"),
    [
        ([("one", [0.99])], "validation accuracy", None),
        ([("one", [0.99]), ("two", [0.98])], "validation accuracy", [0.01]),
        ([(f"trial {k}", [0.99, 0.991, 0.992]) for k in range(4)], "validation accuracy", [0.0, 0.0, 0.0]),
        ([("one", [0.03, math.nan]), ("two", [math.nan, math.nan])], "validation loss", [math.nan, math.nan]),
        ([("a name that goes on " * 5, [0.99] * 40)], "test accuracy", None),
    ],
)
def test_the_study_figure_takes_whatever_there_is(groups: Any, what: str, paired: Any, tmp_path: Path) -> None:
    figures.save(search_figures.seeds(groups, what, paired), tmp_path / "seeds.png")
