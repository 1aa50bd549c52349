"""The trials of a search as Optuna keeps them: how they ended, their scores, and what was searched over."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}


def ended(study: "optuna.Study") -> "list[FrozenTrial]":
    """The trials that are complete, pruned or failed, by number."""
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]


def state(trial: "FrozenTrial") -> str:
    """How a trial ended: complete, pruned or failed."""
    return STATES[trial.state.name]


def complete(trial: "FrozenTrial") -> bool:
    """Whether a trial was trained to the end and scored."""
    return state(trial) == "complete"


def score(trial: "FrozenTrial") -> float | None:
    """The score of a complete trial, the last one of a pruned trial; None when it has none."""
    if trial.state.name == "FAIL":
        return None
    if trial.value is not None:
        return float(trial.value)
    reported = [float(trial.intermediate_values[step]) for step in sorted(trial.intermediate_values)]
    return next((value for value in reversed(reported) if not math.isnan(value)), None)


def order(trial: "FrozenTrial", objective: str) -> tuple[int, float, int]:
    """What sorts trials: the complete before the pruned before the failed, then the best, then the first."""
    value = score_or_nan(trial)
    by_score = math.inf if math.isnan(value) else value if objective == "loss" else -value
    return (list(STATES).index(trial.state.name), by_score, trial.number)


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
    integer: bool = False
    choices: list[Any] = field(default_factory=list)

    def value(self, value: Any) -> float:
        """Where a value is on the parameter's own scale: a choice by its place among the choices."""
        return float(self.choices.index(value)) if self.choices else float(value)


def parameters(trials: "Sequence[FrozenTrial]") -> list[Parameter]:
    """What was searched over, in the order it was drawn; ranges and choices that changed underway are joined."""
    from optuna.distributions import CategoricalDistribution

    searched: dict[str, Parameter] = {}
    for trial in trials:
        for name, range_ in trial.distributions.items():
            parameter = searched.setdefault(name, Parameter(name))
            if isinstance(range_, CategoricalDistribution):
                parameter.choices += [choice for choice in range_.choices if choice not in parameter.choices]
            else:
                value = float(trial.params[name])
                parameter.low = min(parameter.low, float(getattr(range_, "low", value)), value)
                parameter.high = max(parameter.high, float(getattr(range_, "high", value)), value)
                parameter.log = bool(getattr(range_, "log", False)) and parameter.low > 0
                parameter.integer = not isinstance(trial.params[name], float)
    return list(searched.values())


def score_or_nan(trial: "FrozenTrial") -> float:
    """The score of a trial, NaN where it has none."""
    value = score(trial)
    return math.nan if value is None else value
