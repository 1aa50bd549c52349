import json
from pathlib import Path
from typing import Any

import pytest

from conftest import Cli
from tenfold.errors import MissingExtra, UsageError
from tenfold.learn.training import train
from tenfold.learn.trackers import named

TINY: dict[str, Any] = {"epochs": 2, "hidden": (16,), "batch_size": 50, "device": "cpu", "quiet": True}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_reads_the_training(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = train("mlp", data=data, out=tmp_path / "run", track="tensorboard", **TINY)
    found = EventAccumulator(str(run.path / "tensorboard"), size_guidance={"tensors": 0, "scalars": 0, "images": 0})
    found.Reload()
    for tag, name in (("loss/train", "train_loss"), ("accuracy/val", "val_accuracy"), ("lr", "lr")):
        assert [event.value for event in found.Scalars(tag)] == pytest.approx([row[name] for row in run.metrics])
        assert [event.step for event in found.Scalars(tag)] == [1, 2]
    assert found.Images("curves")
    assert any(tag.startswith("0.") or "weight" in tag for tag in found.Tags()["histograms"])
    assert b'"hidden"' in found.Tensors("recipe/text_summary")[0].tensor_proto.string_val[0]


@pytest.mark.filterwarnings("ignore")  # of MLflow's own
def test_mlflow_reads_the_training(data: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{here}/mlflow.db")
    mlflow.set_tracking_uri(None)
    run = train("mlp", data=data, out="run", track=["mlflow"], **TINY)
    client = mlflow.MlflowClient()
    number = json.loads(Path("run/mlflow.json").read_text())["run_id"]
    found = client.get_run(number)
    assert found.info.status == "FINISHED"
    assert (found.data.params["epochs"], found.data.params["hidden"]) == ("2", "[16]")
    history = client.get_metric_history(number, "val_accuracy")
    assert [(one.step, one.value) for one in history] == [(row["epoch"], row["val_accuracy"]) for row in run.metrics]
    assert {one.path for one in client.list_artifacts(number)} >= {"curves.png", "model.safetensors", "recipe.json"}
    assert mlflow.active_run() is None


def test_an_unknown_tracker_is_refused_before_anything_is_made(data: Path, here: Path, tenfold_cli: Cli) -> None:
    status, _, err = tenfold_cli("train", "mlp", "--data", data, "--track", "tensorbord", "--out", "run")
    assert (status, "did you mean 'tensorboard'" in err) == (2, True)
    assert not Path("run").exists()
    with pytest.raises(UsageError):
        named("wandb")


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingExtra, match=r"tenfold\[track\]"):
        named("mlflow")
