import math

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from tenfold.learn.search import trials


def trial(state: TrialState, value: float | None = None, *, curve: tuple[float, ...] = ()) -> FrozenTrial:
    return create_trial(state=state, value=value, intermediate_values=dict(enumerate(curve, start=1)))


def test_a_trial_has_the_score_it_ended_with() -> None:
    assert trials.score(trial(TrialState.COMPLETE, 0.98, curve=(0.9, 0.97))) == 0.98
    assert trials.score(trial(TrialState.PRUNED, curve=(0.9, 0.95, math.nan))) == 0.95
    failed = trial(TrialState.FAIL, curve=(0.9,))
    assert trials.score(failed) is None
    assert math.isnan(trials.score_or_nan(failed))


def test_the_complete_come_first_then_the_best() -> None:
    complete, better = trial(TrialState.COMPLETE, 0.9), trial(TrialState.COMPLETE, 0.95)
    pruned, failed = trial(TrialState.PRUNED, curve=(0.99,)), trial(TrialState.FAIL)
    every = [failed, pruned, complete, better]
    assert sorted(every, key=lambda one: trials.order(one, "accuracy")) == [better, complete, pruned, failed]
    assert sorted(every, key=lambda one: trials.order(one, "loss"))[:2] == [complete, better]


def test_running_trials_have_not_ended() -> None:
    study = optuna.create_study()
    study.ask()
    study.add_trial(trial(TrialState.PRUNED, curve=(0.5,)))
    assert [trials.state(one) for one in trials.ended(study)] == ["pruned"]


def test_values_are_written_for_people() -> None:
    assert [trials.text(value) for value in (True, 0.000123456, "", 64)] == ["yes", "0.0001235", "(none)", "64"]
