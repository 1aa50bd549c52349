"""The trials of a search as Optuna keeps them: how they ended, and their scores."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

SURPLUS = "surplus"  # of a trial for which two processes asked when one was wanted
STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}


def live(every: "Iterable[FrozenTrial]") -> "list[FrozenTrial]":
    """The trials without those that are tried again under another number, as their process died, or are too many."""
    every = list(every)
    retried = {number for trial in every for number in trial.system_attrs.get("retry_history", [])}
    return [trial for trial in every if trial.number not in retried and SURPLUS not in trial.user_attrs]


def live_of(study: "optuna.Study") -> "list[FrozenTrial]":
    """The live trials of a study, by number."""
    return live(study.get_trials(deepcopy=False))


def ended(study: "optuna.Study") -> "list[FrozenTrial]":
    """The trials that are complete, pruned or failed, by number."""
    return [trial for trial in live_of(study) if trial.state.is_finished()]


def counts(trials: "Iterable[FrozenTrial]") -> dict[str, int]:
    """How many trials are complete, pruned and failed."""
    names = [trial.state.name for trial in trials]
    return {word: names.count(name) for name, word in STATES.items()}


def state(trial: "FrozenTrial") -> str:
    """How a trial ended: complete, pruned or failed."""
    return STATES[trial.state.name]


def complete(trial: "FrozenTrial") -> bool:
    """Whether a trial was trained to the end and scored."""
    return trial.state.name == "COMPLETE"


def score(trial: "FrozenTrial") -> float | None:
    """The score of a complete trial, the last one of a pruned trial; None when it has none."""
    if trial.state.name == "FAIL":
        return None
    if trial.value is not None:
        return float(trial.value)
    reported = [value for _, value in sorted(trial.intermediate_values.items()) if not math.isnan(value)]
    return float(reported[-1]) if reported else None


def order(trial: "FrozenTrial", objective: str) -> tuple[int, float, int]:
    """What sorts trials: the complete before the pruned before the failed, then the best, then the first."""
    value = score_or_nan(trial)
    by_score = math.inf if math.isnan(value) else value if objective == "loss" else -value
    return (list(STATES).index(trial.state.name), by_score, trial.number)


def best_of(trials: "Iterable[FrozenTrial]", objective: str) -> "FrozenTrial | None":
    """The best of the trials that are complete, of two alike the first; None where there is none."""
    return min(filter(complete, trials), key=lambda trial: order(trial, objective), default=None)


def text(value: object) -> str:
    """A parameter's value for people: yes and no, numbers without noise, the empty word as (none)."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "(none)" if value in ("", None) else str(value)


def score_or_nan(trial: "FrozenTrial") -> float:
    """The score of a trial, NaN where it has none."""
    value = score(trial)
    return math.nan if value is None else value
