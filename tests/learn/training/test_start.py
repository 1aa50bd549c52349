import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tenfold
from conftest import Cli, draw_digits, until, write_idx
from learn.trainings import TINY, last, same, stopped, weights
from tenfold.errors import DataError, DeviceError, RunError, StorageError, UsageError
from tenfold.learn.export import weights as formats
from tenfold.learn.recipes import fields
from tenfold.learn.training import checkpoint
from tenfold.learn.training.runs import Run
from tenfold.mnist import sources


@pytest.mark.slow
def test_mnist_is_learnt_to_98_percent_in_one_pass(tmp_path: Path) -> None:
    run = tenfold.train(out=tmp_path / "run", quiet=True)
    scores = tenfold.evaluate(run, draw=False)
    assert scores.n == 10_000
    assert scores.accuracy > 0.985
    assert scores.ece < 0.01
    assert scores.uncalibrated["ece"] > scores.ece


def test_the_folder_holds_what_it_should(trained: Run, data: Path) -> None:
    names = {p.name for p in trained.path.iterdir()}
    assert names == {"recipe.json", "metrics.csv", "steps.csv", "last.ckpt", "model.safetensors"}
    columns = ["epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "lr", "seconds"]
    assert list(trained.metrics[0]) == columns
    assert trained.steps[-1]["epoch"] == 2
    mean = np.mean([s["loss"] or 0.0 for s in trained.steps if (s["epoch"] or 0) <= 1])
    assert mean == pytest.approx(trained.metrics[0]["train_loss"], rel=0.02)
    model = trained.model()
    assert model.metrics["val_accuracy"] == pytest.approx(last(trained, "val_accuracy"), abs=1e-6)
    assert model.data["sha256"] == sources.load(data).checksum
    assert model.task.classes == tuple("0123456789")


def test_resuming_a_finished_run_changes_nothing(run: Run) -> None:
    before = weights(run)
    (run.path / "metrics.csv").write_text("")  # as if a kill had come before it was written
    after = tenfold.train(resume=run.path, quiet=True)
    assert same(before, weights(after))
    assert len(after.metrics) == 2


LONG = ["network=cnn", "channels=4,8", "hidden=16", "epochs=3", "batch_size=50", "device=cpu"]


@pytest.fixture(scope="module")
def unstopped(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of LONG that nothing stopped."""
    out = tmp_path_factory.mktemp("unstopped") / "r"
    return tenfold.train("fast", data=data, out=out, quiet=True, **fields.changes(LONG))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_process_can_be_resumed(
    data: Path, here: Path, tenfold_cli: Cli, unstopped: Run, how: signal.Signals
) -> None:
    done = stopped(how, "train", "fast", *LONG, f"data={data}", "--out", "run")
    assert checkpoint.load(Path("run/last.ckpt"))["epoch"] == 1
    assert not Run.open("run").finished
    assert not Run.open("run").running
    if how is signal.SIGINT:
        assert done.returncode == 130
        assert done.stderr.startswith("tenfold: stopped after epoch 1, ")
        assert "tenfold train --resume run" in done.stderr
    else:
        assert (done.returncode, done.stderr) == (-how, "")
    assert tenfold_cli("train", "--resume", "run").status == 0
    assert same(weights(Path("run")), weights(unstopped))
    assert [p.name for p in Path("run").iterdir() if p.name.startswith(".")] == []


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_process_killed_at_any_moment_can_be_resumed(here: Path, tenfold_cli: Cli, how: signal.Signals) -> None:
    data = write_idx(Path("data"), draw_digits(3000))
    words = ["train", "cnn", "--data", data, "--epochs", 4, "--batch-size", 50, "--device", "cpu", "-q"]
    words += ["--channels", "4,8", "--hidden", 16]
    command, metrics = [sys.executable, "-m", "tenfold", *map(str, words), "--out", "run"], Path("run/metrics.csv")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        until(lambda: metrics.is_file() and metrics.read_text().count("\n") > 1, process)
        process.send_signal(how)
        assert "Traceback" not in process.communicate(timeout=300)[1]
    assert not Path("run/model.safetensors").exists()
    assert tenfold_cli("train", "--resume", "run").status == 0
    assert tenfold_cli(*words, "--out", "whole").status == 0
    assert same(weights(Path("run")), weights(Path("whole")))


@pytest.mark.parametrize(("task", "classes"), [("parity", 2), ("is:7", 2), ("0/1-4/5-9", 3)])
def test_tasks(data: Path, tmp_path: Path, task: str, classes: int) -> None:
    options = {**TINY, "hidden": (64,)}
    run = tenfold.train("mlp", data=data, out=tmp_path / "run", epochs=4, task=task, **options)
    assert weights(run)["4.bias"].shape == (classes,)
    assert last(run, "val_accuracy") > 0.7
    scores = tenfold.evaluate(run, draw=False)
    assert len(scores.classes) == classes
    assert (scores.auc is not None) == (classes == 2)


def test_init_starts_from_earlier_weights(
    trained: Run, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gentle = {**TINY, "epochs": 1, "lr": 1e-9, "data": data}
    again = tenfold.train("mlp", out=tmp_path / "b", init=trained.path, **gentle)
    assert torch.allclose(weights(again)["1.weight"], weights(trained)["1.weight"], atol=1e-6)
    state = formats.export(trained.model(), "state", tmp_path / "s.pth")
    third = tenfold.train("mlp", out=tmp_path / "c", init=state, **gentle)
    assert same(weights(third), weights(again))
    with pytest.raises(RunError, match="was trained for another task"):
        tenfold.train("mlp", out=tmp_path / "d", init=trained.path, task="parity", **gentle)
    with pytest.raises(RunError, match="of another network than cnn"):
        tenfold.train("cnn", out=tmp_path / "e", init=trained.path, **gentle)
    assert not (tmp_path / "e").exists()
    assert capsys.readouterr().out == ""


def test_a_new_head_keeps_all_but_the_output_layer(
    trained: Run, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = {**TINY, "epochs": 1, "data": data}
    gentle = {**few, "lr": 1e-9, "task": "parity", "new_head": True}
    parity = tenfold.train("mlp", out=tmp_path / "d", init=trained.path, **{**gentle, "quiet": False})
    assert "weights from r, but for the output layer" in capsys.readouterr().out
    assert torch.allclose(weights(parity)["1.weight"], weights(trained)["1.weight"], atol=1e-6)
    valid = {"network": "valid", "channels": (4, 4), "hidden": ()}  # whose logits are normalised
    first = tenfold.train(out=tmp_path / "f", **few | valid)
    kept = weights(tenfold.train(out=tmp_path / "g", init=first.path, **gentle | valid))
    assert torch.allclose(kept["0.weight"], weights(first)["0.weight"], atol=1e-6)
    assert kept["9.weight"].shape == (2, 4 * 12 * 12)
    assert weights(first)["9.weight"].shape == (10, 4 * 12 * 12)
    assert len(kept["10.weight"]) == 2


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"batch_size": 501}, DataError, "a batch of 501 is larger than the 500 training digits"),
        ({"val_size": 600}, UsageError, "leaves nothing"),
        ({"val_size": 0, "patience": 2}, UsageError, "needs validation digits"),
        ({"data": "nowhere"}, DataError, "there is no data at"),
        ({"init": "nowhere"}, RunError, "does not exist"),
        ({"init": "elsewhere/nowhere"}, RunError, "elsewhere/nowhere does not exist"),
        ({"task": "3/10-11"}, UsageError, "not clear"),
        ({"hiden": 3}, UsageError, "did you mean 'hidden'"),
        ({"device": "xpu"}, DeviceError, "there is no xpu device here: use --device"),
    ],
)
def test_what_cannot_be_trained_leaves_nothing_behind(
    data: Path, here: Path, options: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        tenfold.train("mlp", **{"data": data, "out": here / "run", **TINY, **options})
    assert list(here.iterdir()) == []


def test_a_full_disk_at_the_start_leaves_no_folder(data: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StorageError("cannot write last.ckpt: No space left on device")

    monkeypatch.setattr(checkpoint, "save", full)
    with pytest.raises(StorageError, match="No space left"):
        tenfold.train("mlp", data=data, out=here / "run", epochs=1, **TINY)
    assert list(here.iterdir()) == []


def test_a_folder_in_use_is_not_touched(run: Run, data: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "mine.txt").write_text("mine")
    with pytest.raises(StorageError, match="not empty: choose another"):
        tenfold.train("mlp", data=data, out=tmp_path / "mine", epochs=1, **TINY)
    with pytest.raises(StorageError, match="resume it with --resume"):
        tenfold.train("mlp", data=data, out=run.path, epochs=1, **TINY)


def test_what_cannot_be_resumed(run: Run, data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="leave --task, --lr out"):
        tenfold.train(resume=run, task="parity", lr=0.1, quiet=True)
    with pytest.raises(UsageError, match="leave the recipe out"):
        tenfold.train("cnn", resume=run, quiet=True)
    with pytest.raises(RunError, match="does not exist; `tenfold runs` lists"):
        tenfold.train(resume=tmp_path / "none", quiet=True)
    with pytest.raises(RunError, match=r"is not a run: it has no recipe\.json"):
        tenfold.train(resume=data, quiet=True)
    recipe = json.loads((run.path / "recipe.json").read_text())
    (run.path / "recipe.json").write_text(json.dumps({**recipe, "task": "parity"}))
    with pytest.raises(RunError, match="a checkpoint of another task: its classes are 0/1/2"):
        tenfold.train(resume=run.path, quiet=True)
    (run.path / "recipe.json").write_text(json.dumps({**recipe, "lr": 0.5, "hidden": [7]}))
    with pytest.raises(RunError, match=r"was changed since the run began \(hidden, lr\)"):
        tenfold.train(resume=run.path, quiet=True)
    (run.path / "recipe.json").write_text(
        json.dumps({**recipe, "data": str(write_idx(tmp_path / "o", draw_digits(100)))})
    )
    with pytest.raises(RunError, match="begun on other data"):
        tenfold.train(resume=run.path, quiet=True)
    (run.path / "recipe.json").write_text(json.dumps(recipe))
    run.checkpoint_file.write_bytes(run.checkpoint_file.read_bytes()[:1000])
    with pytest.raises(RunError, match="damaged"):
        tenfold.train(resume=run.path, quiet=True)
    run.checkpoint_file.unlink()
    with pytest.raises(RunError, match="no checkpoint to resume"):
        tenfold.train(resume=run.path, quiet=True)
