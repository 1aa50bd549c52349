"""The values of the dead are tried again, and a storage can be reached from elsewhere."""

import socket
import threading
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from tenfold.learn.search import searching, space, storage
from tenfold.learn.search.storage import release
from tenfold.learn.search.trials import live

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
WIDE: space.Space = {"lr": space.Range(1e-4, 1e-1, log=True), "hidden": space.Choice(("4", "8"))}


def begun(study: optuna.Study, worker: str) -> optuna.Trial:
    trial = study.ask()
    space.suggested(WIDE, trial)
    trial.set_user_attr(storage.DRAWN, True)
    trial.set_user_attr("worker", worker)
    return trial


def test_the_values_of_the_dead_are_tried_again() -> None:
    study = optuna.create_study()
    mine, other = begun(study, "mine"), begun(study, "other")
    release(study, lambda trial: trial.user_attrs["worker"] == "mine")
    assert [trial.state for trial in study.trials] == [TrialState.FAIL, TrialState.RUNNING, TrialState.WAITING]
    assert [trial.number for trial in live(study.trials)] == [1, 2]
    again = study.ask()
    assert (again.number, space.suggested(WIDE, again)) == (2, mine.params)
    for _ in range(5):  # and not without end
        release(study, lambda trial: trial.number != other.number)
        study.ask()
    assert [trial.state for trial in live(study.trials)] == [TrialState.RUNNING, TrialState.FAIL, TrialState.RUNNING]


def test_who_is_killed_while_it_releases_loses_no_values(monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object, **__: object) -> None:
        raise Killed

    study = optuna.create_study()
    dead, lost, wrong = (begun(study, name) for name in ("dead", "lost", "wrong"))
    study.tell(lost.number, state=TrialState.FAIL)  # as Optuna does of the dead, before it asks again
    wrong.set_user_attr(storage.ERROR, "too wide")
    study.tell(wrong.number, state=TrialState.FAIL)
    with monkeypatch.context() as patch:
        patch.setattr(study, "tell", killed)
        with pytest.raises(Killed):
            release(study, lambda _: True)
    for _ in range(2):
        release(study, lambda _: True)
    waiting = [trial.params for trial in study.trials if trial.state == TrialState.WAITING]
    assert waiting == [dead.params, lost.params]
    assert [trial.number for trial in live(study.trials) if trial.state == TrialState.FAIL] == [wrong.number]


@pytest.mark.parametrize("cached", [False, True])
def test_a_trial_may_end_while_it_is_released(cached: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    study = optuna.create_study()
    dying = begun(study, "dying")
    before = study.get_trials(deepcopy=True)
    study.tell(dying.number, 0.5)
    monkeypatch.setattr(study, "get_trials", lambda **_: before)
    if cached:  # as where it ended just after Optuna has looked
        monkeypatch.setattr(study._storage, "get_trial", lambda _: before[0])
    release(study, lambda _: True)  # which has seen it running
    monkeypatch.undo()
    assert study.trials[dying.number].value == 0.5


def test_who_dies_while_values_are_drawn_changes_none_of_them() -> None:
    drawn = []
    for dies in (False, True):
        study = optuna.create_study(sampler=searching.sampler(0))
        if dies:
            space.suggested({"lr": WIDE["lr"]}, study.ask())
            release(study, lambda _: True)
        drawn.append(space.suggested(WIDE, study.ask()))
    assert drawn[0] == drawn[1]


def test_a_storage_is_served_to_others(tmp_path: Path) -> None:
    pytest.importorskip("grpc")
    url = f"sqlite:///{tmp_path / 'study.db'}"
    study = optuna.create_study(storage=storage.opened(url), study_name=storage.NAME)
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    threading.Thread(target=storage.serve, args=(url, port), daemon=True).start()
    place = storage.opened(f"localhost:{port}")
    place.wait_server_ready(20)  # type: ignore[attr-defined]
    there = optuna.load_study(study_name=storage.NAME, storage=place)
    there.tell(begun(there, "far").number, 0.5)
    assert [(trial.value, trial.user_attrs["worker"]) for trial in study.trials] == [(0.5, "far")]
