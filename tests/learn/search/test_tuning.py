"""Tuning: what is searched and kept, going on, several processes, confirmation, and what it never reads."""

import json
import math
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import optuna
import pytest

from conftest import Cli, draw_digits, write_idx
from learn.trainings import stopped
from tenfold.errors import TenfoldError, UsageError
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.search import study as studies
from tenfold.learn.search.trials import live
from tenfold.learn.search.tuning import Tuning, tune
from tenfold.learn.training.start import train

SMALL = Recipe(name="small", network="mlp", hidden=(8,), epochs=2, batch_size=32, lr=1e-2)
SEARCH = ("lr=1e-4..1e-1:log", "hidden=4,8,16", "dropout=0..0.6")


def trials(folder: str | Path) -> list[Any]:
    """Those of a tuning, without what was tried again."""
    return live(every_trial(folder))


def every_trial(folder: str | Path) -> list[Any]:
    place = Path(folder).absolute() / "study.db"
    study = optuna.load_study(study_name="tenfold", storage=f"sqlite:///{place}")
    every = study.get_trials()
    study._storage._backend.engine.dispose()  # type: ignore[attr-defined]
    return every


def what(found: list[Any]) -> list[Any]:
    return [(trial.state.name, trial.params, trial.value, trial.intermediate_values) for trial in found]


def small(data: Path, count: int, out: str, **more: Any) -> Tuning:
    return tune(
        SMALL, **{"trials": count, "search": SEARCH, "data": data, "out": out, "jobs": 1, "quiet": True, **more}
    )


def test_a_search_ends_with_a_confirmed_recipe_and_a_report(data: Path, here: Path, tenfold_cli: Cli) -> None:
    SMALL.save(here / "small.json")
    words = ["tune", "small.json", "--search", *SEARCH, "--trials", 4, "--seeds", 2, "--data", data, "--jobs", 2]
    status, out, err = tenfold_cli(*words)
    assert status == 0, err
    folder = here / "runs" / "tune-small"
    found = trials(folder)
    assert [trial.number for trial in found] == list(range(4))
    # The recipe as it was is the first, so that the search cannot end below it.
    assert found[0].params == {"lr": 1e-2, "hidden": "8", "dropout": 0.0}
    told = json.loads((folder / "tuning.json").read_text())
    assert sum(told["trials"].values()) == 4
    names = {row["name"] for row in told["confirmed"]}
    assert "as it was" in names
    assert len(names) == min(3, told["trials"]["complete"] - 1) + 1
    means = [row["mean"] for row in told["confirmed"]]
    assert means == sorted(means, reverse=True)
    assert all(row["n"] == 2 and len(row["scores"]) == 2 for row in told["confirmed"])
    # By seeds that no trial had.
    assert {path.name for path in folder.glob("confirm/*/*")} == {"001", "002"}
    best = Recipe.read(folder / "best.json")
    assert best.as_dict() == told["best"]
    assert best.changed(name="x") == Recipe().changed(**{**told["confirmed"][0]["fields"], "name": "x"})
    assert "best.json" in out
    page = (folder / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert "http://" not in page.replace("http://www.w3.org", "")
    for name in ("history", "slices", "seeds"):
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    # What it recommends can be trained.
    assert tenfold_cli("train", folder / "best.json", "--out", "trained", "-q").status == 0
    # The same command again trains nothing, and tells the same.
    before = what(found)
    status, again, _ = tenfold_cli(*words, "--json")
    assert status == 0
    assert json.loads(again)["confirmed"] == told["confirmed"]
    assert what(trials(folder)) == before


def test_a_trial_scores_what_training_its_recipe_scores(data: Path, here: Path) -> None:
    import torch

    from tenfold.learn.search import space

    small(data, 2, "t", seeds=0)
    trial = trials("t")[1]
    recipe = space.applied(SMALL, trial.params)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        run = train(recipe, data=data, out="alone", quiet=True)
    finally:
        torch.set_num_threads(threads)
    assert run.model().metrics["val_accuracy"] == trial.value
    assert trial.intermediate_values == {k + 1: row["val_accuracy"] for k, row in enumerate(run.metrics)}


def test_a_search_that_stopped_is_resumed_as_it_would_have_gone_on(data: Path, here: Path) -> None:
    small(data, 12, "whole", seeds=0)
    small(data, 3, "parts", seeds=0)
    small(data, 12, "parts", seeds=0)
    assert what(trials("parts")) == what(trials("whole"))
    assert len({str(trial.params) for trial in trials("whole")}) == 12
    small(data, 2, "other", seeds=0, seed=1)
    assert trials("other")[1].params != trials("whole")[1].params


def test_the_test_set_is_never_read(tmp_path: Path, here: Path) -> None:
    data = write_idx(tmp_path / "data", draw_digits(300))  # without one
    assert small(data, 2, "t", seeds=1).best is not None


def test_loss_is_made_small(data: Path, here: Path) -> None:
    found = small(data, 2, "t", objective="loss", seeds=1)
    losses = [trial.value for trial in trials("t") if trial.value is not None]
    means = [sum(one.scores) / len(one.scores) for one in found.confirmed]
    assert means == sorted(means)
    assert found.as_dict()["mean"] == means[0]
    assert min(losses) < math.log(10)


def test_poor_trials_end_early_and_diverged_ones_are_told(data: Path, here: Path) -> None:
    words = ["lr=1e-9,2e-2", "dropout=0..0.5"]
    small(data, 24, "t", search=words, epochs=4, seeds=0)
    # Five complete first, then what is below the median of the others ends after its first epochs.
    early = [trial for trial in trials("t") if trial.state.name == "PRUNED"]
    assert any(trial.params["lr"] < 1e-8 for trial in early)
    assert all(trial.intermediate_values and max(trial.intermediate_values) < 4 for trial in early)
    small(data, 8, "all", search=words, epochs=2, seeds=0, prune=False)
    assert {trial.state.name for trial in trials("all")} == {"COMPLETE"}
    found = small(data, 8, "wild", search=["lr=1e-2,1e30"], optimizer="sgd", seeds=0)
    wild = [trial for trial in trials("wild") if "error" in trial.user_attrs]
    assert wild
    assert all(t.state.name == "PRUNED" and "the loss became" in t.user_attrs["error"] for t in wild)
    assert found.trials == {"complete": 8 - len(wild), "pruned": len(wild), "failed": 0}
    assert found.best is not None
    assert found.best.lr == 1e-2


def test_values_that_do_not_go_together_are_failures_not_the_end(data: Path, here: Path) -> None:
    small(data, 6, "t", search=["batch_size=1,32", "network=mish,mlp"], seeds=0, network="mlp", epochs=1)
    failed = [trial for trial in trials("t") if trial.state.name == "FAIL"]
    assert all(trial.params == {"batch_size": 1, "network": "mish"} for trial in failed)
    assert all("batch normalisation" in trial.user_attrs["error"] for trial in failed)


def test_a_hopeless_space_ends_with_its_error(data: Path, here: Path) -> None:
    with pytest.raises(TenfoldError, match="leave nothing"):
        small(data, 50, "t", search=["channels=1x1x1x1x1x1x1x1x1x1x1x1x1x1,2x2x2x2x2x2x2x2x2x2x2x2x2x2"], network="cnn")
    assert len(trials("t")) == 5


def test_no_trial_is_begun_after_the_time_is_up(data: Path, here: Path) -> None:
    found = small(data, 10_000, "t", timeout=1e-3, seeds=1)
    assert found.trials == {"complete": 0, "pruned": 0, "failed": 0}
    assert found.best is None
    assert found.report is not None
    assert found.report.exists()


LONG = ["hidden=16", "lr=1e-4..1e-2:log", "batch_size=50"]


def command(data: Path, count: int, out: str, epochs: int = 40) -> list[str]:
    more = ["--no-prune", "--seeds", "0", "--trials", str(count), "--jobs", "1", "--data", str(data), "--out", out]
    return ["tune", "mlp", *LONG, f"epochs={epochs}", *more]


@pytest.fixture(scope="module")
def unstopped(data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The trials of a tuning that nothing stopped."""
    out = tmp_path_factory.mktemp("unstopped") / "t"
    tune("mlp", search=[*LONG, "epochs=40"], trials=4, prune=False, seeds=0, data=data, out=out, jobs=1, quiet=True)
    return what(trials(out))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_the_same_command_resumes_and_no_trial_is_lost_or_counted_twice(
    data: Path, here: Path, tenfold_cli: Cli, unstopped: list[Any], how: signal.Signals
) -> None:
    words = command(data, 4, "t")
    done = stopped(how, *words)
    assert done.returncode == (130 if how == signal.SIGINT else -9)
    if how == signal.SIGINT:
        assert "stopped after 1 of 4 trials; the same command resumes" in done.stderr
    before = every_trial("t")
    told = {("COMPLETE", "FAIL", "WAITING"), ("COMPLETE", "RUNNING"), ("COMPLETE", "COMPLETE")}
    assert tuple(trial.state.name for trial in before) in told  # its process may have had time to tell
    assert tenfold_cli(*words).status == 0
    after = trials("t")
    assert [trial.params for trial in after[:2]] == [trial.params for trial in before[:2]]
    assert what(after) == unstopped


@pytest.mark.slow
def test_several_processes_work_on_one_tuning(data: Path, here: Path) -> None:
    words = [sys.executable, "-m", "tenfold", *command(data, 9, "t")]
    both = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outs = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    every = trials("t")
    assert {trial.state.name for trial in every} == {"COMPLETE"}
    assert len({trial.user_attrs["worker"] for trial in every}) == 2
    assert len({str(trial.params) for trial in every}) == len(every) == 9
    assert sum("the report:" in out for out in outs) >= 1
    assert (here / "t" / "report.html").exists()


def test_while_another_process_confirms_this_one_leaves_it_to_that(data: Path, here: Path, tenfold_cli: Cli) -> None:
    small(data, 1, "t", seeds=0)
    (here / "t" / "report.html").unlink()
    with studies.claimed(here / "t"):
        assert small(data, 1, "t", seeds=0).elsewhere
    assert not (here / "t" / "report.html").exists()
    SMALL.save(here / "small.json")
    with studies.claimed(here / "t"):
        given = ["small.json", *SEARCH, "--trials", 1, "--data", data, "--out", "t", "--jobs", 1, "--seeds", 0]
        status, out, _ = tenfold_cli("tune", *given)
    assert status == 0
    assert "another process still works" in out


def test_usage_of_python_needs_optuna_only_here(monkeypatch: pytest.MonkeyPatch, data: Path, here: Path) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match=r"tenfold\[tune\]"):
        small(data, 1, "t")
    with pytest.raises(UsageError):
        small(data, 0, "t")


def test_a_search_begins_where_another_program_makes_the_tables(
    data: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import IntegrityError

    made, asked = optuna.create_study, []

    def late(**words: Any) -> Any:
        asked.append(words)
        if len(asked) < 3:
            raise IntegrityError("INSERT", {}, Exception("UNIQUE constraint failed"))
        return made(**words)

    monkeypatch.setattr(optuna, "create_study", late)
    assert small(data, 1, "t", seeds=0).trials["complete"] == 1
    assert len(asked) == 3
