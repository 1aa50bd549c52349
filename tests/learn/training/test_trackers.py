import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from learn.trainings import TINY
from tenfold.errors import Interrupted, MissingExtra, RunError, StorageError, UsageError
from tenfold.learn.train import train
from tenfold.learn.training.runs import Run
from tenfold.learn.training.trackers import named
from tenfold.learn.training.watchers import Watcher


def events(run: Run) -> Any:
    """What TensorBoard reads of a run."""
    module = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = module.EventAccumulator(str(run.path / "tensorboard"), {"tensors": 0, "scalars": 0, "images": 0})
    return found.Reload()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_reads_the_training(data: Path, tmp_path: Path) -> None:
    run = train("mlp", data=data, out=tmp_path / "run", track="tensorboard", epochs=2, **TINY)
    found = events(run)
    for tag, name in (("loss/train", "train_loss"), ("accuracy/val", "val_accuracy"), ("lr", "lr")):
        assert [event.value for event in found.Scalars(tag)] == pytest.approx([row[name] for row in run.metrics])
        assert [event.step for event in found.Scalars(tag)] == [1, 2]
    assert found.Images("curves")
    assert any(tag.startswith("0.") or "weight" in tag for tag in found.Tags()["histograms"])
    assert found.Graph().node
    assert b'"hidden"' in found.Tensors("recipe/text_summary")[0].tensor_proto.string_val[0]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database of MLflow's, whose tables take seconds to make."""
    place = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    with warnings.catch_warnings(action="ignore"):
        pytest.importorskip("mlflow").MlflowClient(f"sqlite:///{place}").search_experiments()
    return place


@pytest.fixture
def mlflow(here: Path, database: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """MLflow with an empty database in a folder of its own, and nothing chosen."""
    module = pytest.importorskip("mlflow")
    shutil.copy(database, here)
    for name in ("MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{here}/mlflow.db")
    module.set_tracking_uri(None)
    yield module
    while module.active_run() is not None:
        module.end_run()
    os.environ.pop("MLFLOW_EXPERIMENT_ID", None)  # which MLflow sets


def tracked(run: Run) -> str:
    return str(json.loads((run.path / "mlflow.json").read_text())["run_id"])


@pytest.mark.filterwarnings("ignore")  # of MLflow's own
def test_mlflow_reads_the_training(data: Path, mlflow: Any) -> None:
    run = train("mlp", data=data, out="run", track=["mlflow"], epochs=2, **TINY)
    client = mlflow.MlflowClient()
    found = client.get_run(tracked(run))
    assert found.info.status == "FINISHED"
    assert client.get_experiment(found.info.experiment_id).name == "tenfold"
    assert (found.data.params["epochs"], found.data.params["hidden"]) == ("2", "[16]")
    history = client.get_metric_history(tracked(run), "val_accuracy")
    assert [(one.step, one.value) for one in history] == [(row["epoch"], row["val_accuracy"]) for row in run.metrics]
    kept = {one.path for one in client.list_artifacts(tracked(run))}
    assert kept >= {"curves.png", "model.safetensors", "recipe.json", "metrics.csv", "steps.csv"}
    assert mlflow.active_run() is None
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    (model,) = mlflow.search_logged_models(output_format="list")
    ink = torch.randn(7, 1, 28, 28)
    again = mlflow.pytorch.load_model(model.model_uri)
    torch.testing.assert_close(again(ink), run.model().network.eval()(ink), rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_a_training_that_is_stopped_and_resumed_is_one_run_of_mlflow(
    data: Path, mlflow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(Watcher):
        def step(self, *_: Any) -> None:
            os.kill(os.getpid(), 2)
            self.step = lambda *_: None  # type: ignore[method-assign]

    with pytest.raises(Interrupted):
        train("mlp", data=data, out="run", track="mlflow", watchers=[Stopped()], epochs=2, **TINY)
    client = mlflow.MlflowClient()
    number = tracked(Run.open("run"))
    assert client.get_run(number).info.status == "KILLED"
    run = train(resume="run", track="mlflow", quiet=True)
    assert tracked(run) == number
    assert client.get_run(number).info.status == "FINISHED"
    assert [one.step for one in client.get_metric_history(number, "train_loss")] == [1, 2]


@pytest.mark.filterwarnings("ignore")
def test_who_comes_late_is_told_what_was(run: Run, mlflow: Any) -> None:
    run = train(resume=run, track="mlflow,tensorboard", quiet=True)
    losses = [row["train_loss"] for row in run.metrics]
    history = mlflow.MlflowClient().get_metric_history(tracked(run), "train_loss")
    assert [one.value for one in history] == losses
    assert [event.value for event in events(run).Scalars("loss/train")] == pytest.approx(losses)


@pytest.mark.filterwarnings("ignore")
def test_the_callers_run_and_experiment_are_kept(data: Path, mlflow: Any) -> None:
    mlflow.set_experiment("mine")
    with mlflow.start_run() as mine:
        run = train("mlp", data=data, out="run", track="mlflow", epochs=2, **TINY)
        assert mlflow.active_run().info.run_id == mine.info.run_id
    found = mlflow.get_run(tracked(run))
    assert found.info.experiment_id == mine.info.experiment_id
    assert found.data.tags["mlflow.parentRunId"] == mine.info.run_id


@pytest.mark.filterwarnings("ignore")
def test_a_server_that_is_not_there_is_told_at_once(data: Path, mlflow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(StorageError, match=r"MLflow at http://127\.0\.0\.1:9 does not answer"):
        train("mlp", data=data, out="run", track="mlflow", epochs=2, **TINY)
    assert not Path("run").exists()


@pytest.mark.filterwarnings("ignore")
def test_a_run_that_mlflow_has_lost_is_told(run: Run, mlflow: Any) -> None:
    (run.path / "mlflow.json").write_text('{"run_id": "0123"}')
    with pytest.raises(RunError, match=r"for a new one remove .*r/mlflow.json"):
        train(resume=run, track="mlflow", quiet=True)


@pytest.mark.slow
def test_on_the_command_line_trackers_say_nothing_of_their_own(data: Path, here: Path) -> None:
    command = [sys.executable, "-m", "tenfold", "train", "mlp", "--epochs", "1", "--hidden", "16", "--data", str(data)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW")}
    done = subprocess.run(
        [*command, "--track", "mlflow,tensorboard", "--out", "runs/it"],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()][:2] == ["epoch", "validation"]
    assert "look at it: tensorboard --logdir runs" in done.stdout
    assert "in MLflow: run it of sqlite:///" in done.stdout
    assert Path("mlflow.db").is_file()


@pytest.mark.parametrize("when", ["step", "epoch", "end", "close"])
def test_who_fails_is_told_no_more_and_the_training_goes_on(
    data: Path, tmp_path: Path, when: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []

    class Faulty:
        def __getattr__(self, name: str) -> Any:
            def call(*_: Any) -> None:
                told.append(name)
                if name == when:
                    raise OSError("the wire is cut\nin two")

            return call

    faulty: Any = Faulty()
    run = train("mlp", data=data, out=tmp_path / "run", watchers=[faulty], epochs=1, **TINY | {"quiet": False})
    assert run.model_file.is_file()
    says = "Faulty failed and is left out; training continues: the wire is cut\n"
    assert says in capsys.readouterr().out
    assert told.count(when) == (2 if when == "close" else 1)
    assert told[-1] == "close"


def test_names_are_known_and_counted_once() -> None:
    with pytest.raises(UsageError):
        named("wandb")
    assert len(named("tensorboard, tensorboard")) == 1


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingExtra, match=r"tenfold\[track\]"):
        named("mlflow")
