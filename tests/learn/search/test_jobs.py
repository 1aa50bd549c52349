import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from learn.trainings import same, weights
from tenfold.engines.jobs import Event, Job
from tenfold.errors import ClusterError, DivergedError, Interrupted, StorageError, UsageError
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.search.jobs import Lost, Outcome, Place, Tally, Training, train_all
from tenfold.learn.stopping import Stop
from tenfold.learn.training.checkpoint import State
from tenfold.learn.training.runs import Run
from tenfold.learn.training.watchers import StopTraining, Watcher

TRAINED = Outcome({"seed": 0, "val_accuracy": 0.5, "seconds": 1.0, "data": "abc"})


class Scripted:
    """An engine that does nothing, and says of every job what it is told to."""

    name, slots = "a script", 2

    def __init__(self, *events: tuple[Any, ...]) -> None:
        self.events = list(events)
        self.keys: list[int] = []

    def start(self, key: int, job: Job, lives: int = 2, seconds: float | None = None) -> None:
        self.keys.append(key)

    def wait(self, seconds: float) -> list[Event]:
        event = Event(self.keys.pop(0), *self.events.pop(0))
        self.keys += [event.key] if event.kind == "reported" else []
        return [event]


def done_by(engine: Scripted, folder: Path, count: int = 2) -> dict[str, Any]:
    """What comes of so many trainings, by their folders' names."""
    wanted = {folder / f"{seed:03}": Recipe(seed=seed) for seed in range(count)}
    for place in wanted:
        place.mkdir(parents=True, exist_ok=True)
    rows = train_all(wanted, engine, Place(), Tally("trainings", count, quiet=True), Stop())
    return {place.name: row for place, row in rows.items()}


def test_what_is_done_is_kept_and_not_done_again(tmp_path: Path) -> None:
    engine = Scripted(("reported", {"epoch": 1, "epochs": 2}), ("done", TRAINED), ("failed", DivergedError("nan")))
    (tmp_path / "000").mkdir()
    (tmp_path / "000" / "last.ckpt").write_text("")
    assert done_by(engine, tmp_path) == {"001": TRAINED.row, "000": Lost("nan")}
    assert json.loads((tmp_path / "001" / "result.json").read_text()) == TRAINED.row
    again = Scripted(("lost", "it died twice"))
    assert done_by(again, tmp_path) == {"001": TRAINED.row, "000": Lost("it died twice")}


def test_what_all_would_raise_ends_it(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="full"):
        done_by(Scripted(("failed", StorageError("the disk is full"))), tmp_path / "a")
    with pytest.raises(ClusterError, match="none of the 2 trainings finished; the first: nan"):
        done_by(Scripted(("failed", DivergedError("nan")), ("lost", "it died twice")), tmp_path / "b")
    with pytest.raises(Interrupted, match="stopped after 1 of 3 trainings; the same command resumes"):
        done_by(Scripted(("done", TRAINED), ("failed", Interrupted("stopped"))), tmp_path / "c", count=3)


class Enough(Watcher):
    def epoch(self, state: State) -> None:
        raise StopTraining


def test_a_training_reports_its_epochs_and_may_be_ended_early(data: Path, tmp_path: Path) -> None:
    import torch

    recipe = Recipe(network="mlp", hidden=(8,), epochs=2, batch_size=50, data=str(data), device="cpu")
    reports: list[dict[str, Any]] = []
    report = reports.append
    threads = torch.get_num_threads()
    try:
        outcome = Training(recipe, travel=True, test=True)(report)
        assert Training(recipe).trained([Enough()]) is None
        kept = Training(recipe, folder=str(tmp_path / "kept"))(report)
        assert Training(recipe, folder=str(tmp_path / "kept"))(report) is not None  # it is there already
    finally:
        torch.set_num_threads(threads)
    assert [(row["epoch"], row["epochs"]) for row in reports] == [(1, 2), (2, 2), (1, 2), (2, 2)]
    assert kept.contents == {}
    assert {"model.safetensors", "recipe.json", "metrics.csv"} <= outcome.contents.keys()
    assert 0 < outcome.row["test_accuracy"] <= 1
    (tmp_path / "sent").mkdir()
    for name, content in outcome.contents.items():
        (tmp_path / "sent" / name).write_bytes(content)
    assert same(weights(tmp_path / "sent"), weights(Run.open(tmp_path / "kept")))


def test_what_a_killed_command_still_writes_is_waited_for(data: Path, tmp_path: Path) -> None:
    code = """
import sys, time, pathlib, tenfold.files
run = pathlib.Path(sys.argv[1])
with tenfold.files.held(run, "taken"):
    for k in range(20):
        run.mkdir(exist_ok=True)
        (run / "metrics.csv").write_text(str(k))
        if k == 0:
            print("held", flush=True)
        time.sleep(0.05)
"""
    recipe = Recipe(network="mlp", hidden=(8,), epochs=1, batch_size=50, data=str(data), device="cpu")
    with subprocess.Popen([sys.executable, "-c", code, tmp_path / "000"], stdout=subprocess.PIPE) as before:
        assert before.stdout is not None
        assert before.stdout.readline() == b"held\n"
        assert Training(recipe, folder=str(tmp_path / "000")).trained([]) is not None
        assert before.wait() == 0


def test_a_place_must_be_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    for words, says in (
        ({"on": "spark"}, "unknown engine 'spark'"),
        ({"address": "auto"}, "add --on ray"),
        ({"jobs": 0}, "--jobs must be 1 or more, not 0"),
        ({"threads": 10_000}, "--threads must be at most"),
    ):
        with pytest.raises(UsageError, match=says):
            Place(**words)
    for name, value in {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match="torchrun is for tenfold train"):
        Place()
