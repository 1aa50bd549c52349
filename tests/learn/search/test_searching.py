"""The same seed draws the same, and a search ends where there is no hope, or no time."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from tenfold.errors import DataError, RunError
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.search import space, storage
from tenfold.learn.search.jobs import Training
from tenfold.learn.search.searching import Searching, sampler
from tenfold.learn.search.storage import release
from tenfold.learn.search.trials import live

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
WIDE: space.Space = {"lr": space.Range(1e-4, 1e-1, log=True), "hidden": space.Choice(("4", "8"))}


def test_what_is_drawn_follows_from_the_seed_and_the_trials_before() -> None:
    def drawn(seed: int, lost: int | None = None) -> list[dict[str, Any]]:
        study = optuna.create_study(sampler=sampler(seed))
        for number in range(15):
            trial = study.ask()
            space.suggested(WIDE, trial)
            if number == lost:
                release(study, lambda _: True)
                trial = study.ask()
                space.suggested(WIDE, trial)
            study.tell(trial.number, trial.params["lr"])
        return [trial.params for trial in live(study.trials)]

    assert drawn(0) == drawn(0) == drawn(0, lost=12)
    assert drawn(0) != drawn(1)


def failing(tmp_path: Path, error: Exception, monkeypatch: pytest.MonkeyPatch) -> Searching:
    def trained(*_: object) -> None:
        raise error

    monkeypatch.setattr(Training, "trained", trained)
    url = f"sqlite:///{tmp_path / 'study.db'}"
    optuna.create_study(storage=storage.opened(url), study_name=storage.NAME)
    return Searching(url, Recipe(), WIDE, 9, "loss", prune=False, seed=0, threads=1, worker="w")


@pytest.mark.parametrize(("error", "kind"), [(DataError("no data"), DataError), (ValueError("no number"), RunError)])
def test_a_search_ends_where_the_first_trials_all_fail(
    tmp_path: Path, error: Exception, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    with pytest.raises(kind, match=str(error)):
        failing(tmp_path, error, monkeypatch)(told.append)
    assert [(what, number) for what, number, _ in told] == [("ended", number) for number in range(4)]
    assert all("failed: " in how for *_, how in told)


def test_what_is_interrupted_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = failing(tmp_path, KeyboardInterrupt(), monkeypatch)  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        job([].append)
    study = optuna.load_study(study_name=storage.NAME, storage=storage.opened(job.place))
    assert [trial.state for trial in study.trials] == [TrialState.FAIL, TrialState.WAITING]
    assert len(live(study.trials)) == 1


def test_no_trial_is_begun_after_the_time_is_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = failing(tmp_path, ValueError(), monkeypatch)
    replace(job, deadline=0.0)([].append)
    assert optuna.load_study(study_name=storage.NAME, storage=job.place).trials == []


def test_of_two_processes_that_ask_for_the_last_trial_one_trains_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = replace(failing(tmp_path, AssertionError("trained"), monkeypatch), trials=1)
    study = optuna.load_study(study_name=storage.NAME, storage=storage.opened(job.place))
    study.add_trial(optuna.trial.create_trial(state=TrialState.RUNNING))  # the other's
    wanted = iter([True, False])  # as if the other had not asked yet
    monkeypatch.setattr(Searching, "_more", lambda *_: next(wanted))
    told: list[Any] = []
    job(told.append)
    assert told == []
    assert [trial.number for trial in live(study.trials)] == [0]
