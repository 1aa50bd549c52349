import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

import tenfold
from conftest import draw_digits, write_idx
from tenfold.errors import (
    DataError,
    DeviceError,
    DivergedError,
    Interrupted,
    RunError,
    StorageError,
    UsageError,
)
from tenfold.learn.export import weights as formats
from tenfold.learn.recipes.presets import RECIPES
from tenfold.learn.training import checkpoint, loop, start
from tenfold.learn.training.runs import Run
from tenfold.mnist import sources

SMALL: dict[str, Any] = {"batch_size": 50, "quiet": True, "device": "cpu"}


def weights(run: Run) -> dict[str, Tensor]:
    return load_file(run.model_file)


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


class StopAfter:
    """In place of Ctrl-C: asks to stop when `asked` has been read so many times."""

    limit = 10**9

    def __init__(self) -> None:
        self.reads = 0

    def __enter__(self) -> "StopAfter":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @property
    def asked(self) -> bool:
        self.reads += 1
        return self.reads > self.limit


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_learns(name: str, data: Path, tmp_path: Path) -> None:
    few = {"styles": 50, "outliers": 50} if RECIPES[name].pictures else {}
    run = tenfold.train(name, data=data, out=tmp_path / "run", epochs=4, **SMALL, **few)
    first, last = run.metrics[0], run.metrics[-1]
    assert len(run.metrics) == 4
    assert last["val_accuracy"] > 0.6  # type: ignore[operator]
    assert last["val_loss"] < first["val_loss"]  # type: ignore[operator]
    assert (run.recipe.name, run.recipe.data) == (name, str(data))


@pytest.mark.slow
def test_mnist_is_learnt_to_98_percent_in_one_pass(tmp_path: Path) -> None:
    run = tenfold.train(out=tmp_path / "run", quiet=True)
    found = tenfold.evaluate(run, draw=False)
    assert found.n == 10_000
    assert found.accuracy > 0.985
    assert found.ece < 0.01
    assert found.uncalibrated["ece"] > found.ece


def test_the_folder_holds_what_it_should(data: Path, tmp_path: Path) -> None:
    run = tenfold.train("fast", data=data, out=tmp_path / "run", epochs=2, **SMALL)
    names = {p.name for p in run.path.iterdir()}
    assert names == {"recipe.json", "metrics.csv", "steps.csv", "last.ckpt", "model.safetensors"}
    assert list(run.metrics[0]) == [
        "epoch",
        "train_loss",
        "train_accuracy",
        "val_loss",
        "val_accuracy",
        "lr",
        "seconds",
    ]
    assert run.steps[-1]["epoch"] == 2
    mean = np.mean([s["loss"] for s in run.steps if s["epoch"] <= 1])  # type: ignore[operator]
    assert mean == pytest.approx(run.metrics[0]["train_loss"], rel=0.02)
    model = run.model()
    assert model.metrics["val_accuracy"] == pytest.approx(run.metrics[-1]["val_accuracy"], abs=1e-6)
    assert model.data["sha256"] == sources.load(data).checksum
    assert model.task.classes == tuple("0123456789")


def test_without_out_a_run_is_named_for_its_time_and_recipe(data: Path, here: Path) -> None:
    first = tenfold.train("mlp", data=data, epochs=1, **SMALL)
    second = tenfold.train("mlp", data=data, epochs=1, **SMALL)
    assert first.path.parent == Path("runs")
    assert first.path.name.split("-")[2] == "mlp"
    assert first.path != second.path


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(data: Path, tmp_path: Path) -> None:
    def bits(name: str, seed: int) -> dict[str, Tensor]:
        augment = "rotate=10,shift=1,elastic=1,erase=4"
        return weights(
            tenfold.train("cnn", data=data, out=tmp_path / name, epochs=2, seed=seed, augment=augment, **SMALL)
        )

    torch.manual_seed(1)
    first = bits("a", 3)
    torch.manual_seed(2)  # what the caller did before does not matter
    assert same(first, bits("b", 3))
    assert not same(first, bits("c", 4))


def test_recalibrating_changes_the_running_statistics_alone(data: Path, tmp_path: Path) -> None:
    few = {**SMALL, "data": data, "epochs": 2, "augment": "shift=6"}
    loose = tenfold.train("fast", out=tmp_path / "loose", **few)
    recalibrated = tenfold.train("fast", out=tmp_path / "recalibrated", recalibrate_batchnorm=True, **few)
    moved = {key for key, value in weights(recalibrated).items() if not torch.equal(value, weights(loose)[key])}
    assert moved
    assert all("running" in key or "tracked" in key for key in moved)  # the rest is learnt the same
    assert recalibrated.metrics[-1]["val_loss"] != loose.metrics[-1]["val_loss"]


def test_the_callers_random_state_is_left_alone(data: Path, tmp_path: Path) -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    tenfold.train("mlp", data=data, out=tmp_path / "run", epochs=1, **SMALL)
    assert torch.equal(torch.get_rng_state(), before)


def test_validating_does_not_disturb_training(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"epochs": 3, "augment": "rotate=10", **SMALL}
    with_it = tenfold.train("cnn", data=data, out=tmp_path / "a", **options)
    monkeypatch.setattr(loop, "_validate", lambda *_: (None, None))
    without = tenfold.train("cnn", data=data, out=tmp_path / "b", **options)
    assert without.metrics[-1]["val_loss"] is None
    assert same(weights(with_it), weights(without))


@pytest.mark.parametrize("stop_after", [1, 5, 8, 11, 17, 23])
def test_a_stopped_run_goes_on_to_the_same_bits(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_after: int
) -> None:
    # 600 digits, 500 of them for training, in batches of 50: 10 steps an epoch, each reading `asked` once or twice
    options = {"epochs": 3, "augment": "rotate=10,erase=6", "optimizer": "adam", "lr": 1e-3, "patience": 3, **SMALL}
    whole = tenfold.train("cnn", data=data, out=tmp_path / "whole", **options)
    monkeypatch.setattr(start, "Stop", StopAfter)
    monkeypatch.setattr(StopAfter, "limit", stop_after)
    with pytest.raises(Interrupted, match=r"all is saved; resume it: tenfold train --resume .*parts"):
        tenfold.train("cnn", data=data, out=tmp_path / "parts", **options)
    state = checkpoint.load(tmp_path / "parts" / "last.ckpt")
    assert (state["epoch"], state["step"]) < (3, 0)
    assert not Run.open(tmp_path / "parts").finished
    monkeypatch.setattr(StopAfter, "limit", 9)
    with suppress(Interrupted):  # a second stop, if there is so much left
        tenfold.train(resume=tmp_path / "parts", quiet=True)
    monkeypatch.setattr(StopAfter, "limit", 10**9)
    parts = tenfold.train(resume=tmp_path / "parts", quiet=True)
    assert same(weights(whole), weights(parts))

    def without_time(run: Run) -> list[dict[str, float | None]]:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in run.metrics]

    assert without_time(whole) == without_time(parts)
    assert whole.steps == parts.steps


def test_resuming_a_finished_run_changes_nothing(data: Path, tmp_path: Path) -> None:
    run = tenfold.train("mlp", data=data, out=tmp_path / "run", epochs=1, **SMALL)
    before = weights(run)
    (run.path / "metrics.csv").write_text("")  # as if a kill had come before it was written
    after = tenfold.train(resume=run.path, quiet=True)
    assert same(before, weights(after))
    assert len(after.metrics) == 1


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_process_can_be_resumed(tmp_path: Path, how: signal.Signals) -> None:
    data = write_idx(tmp_path / "data", draw_digits(3000))
    words = ["train", "cnn", "--data", data, "--epochs", "4", "--batch-size", "50", "--device", "cpu"]

    def command(*more: object) -> list[str]:
        return [sys.executable, "-m", "tenfold", *map(str, words), *map(str, more)]

    out = tmp_path / "run"
    with subprocess.Popen(command("--out", out), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            if (out / "metrics.csv").is_file() and len((out / "metrics.csv").read_text().splitlines()) > 1:
                break
            time.sleep(0.02)
        process.send_signal(how)
        output, errors = process.communicate(timeout=60)
    if how is signal.SIGINT:
        assert process.returncode == 130
        assert errors.startswith("tenfold: stopped ")
        assert f"tenfold train --resume {out}" in errors
    assert "Traceback" not in errors
    assert "epoch 1/4" in output or how is signal.SIGKILL
    assert not (out / "model.safetensors").exists()
    again = subprocess.run([sys.executable, "-m", "tenfold", "train", "--resume", str(out)], check=False)
    assert again.returncode == 0
    whole = subprocess.run(command("--out", tmp_path / "whole", "--quiet"), check=False)
    assert whole.returncode == 0
    assert same(load_file(out / "model.safetensors"), load_file(tmp_path / "whole" / "model.safetensors"))
    assert [p.name for p in out.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize(("task", "classes"), [("parity", 2), ("is:7", 2), ("0/1-4/5-9", 3)])
def test_tasks(data: Path, tmp_path: Path, task: str, classes: int) -> None:
    run = tenfold.train("mlp", data=data, out=tmp_path / "run", epochs=4, task=task, **SMALL)
    assert weights(run)["7.bias"].shape == (classes,)
    assert run.metrics[-1]["val_accuracy"] > 0.8  # type: ignore[operator]
    found = tenfold.evaluate(run, draw=False)
    assert len(found.classes) == classes
    assert (found.auc is not None) == (classes == 2)


def test_final_learns_from_everything_and_validates_nothing(data: Path, tmp_path: Path) -> None:
    run = tenfold.train("mlp", data=data, out=tmp_path / "run", epochs=1, final=True, **SMALL)
    assert run.metrics[0]["val_loss"] is None
    assert run.model().temperature == 1.0
    state = checkpoint.load(run.checkpoint_file)
    assert int(state["optimizer"]["state"][0]["step"]) == 600 // 50


def test_patience_stops_early_and_keeps_the_best(data: Path, tmp_path: Path) -> None:
    run = tenfold.train(
        "mlp", data=data, out=tmp_path / "run", epochs=60, patience=2, lr=0.02, schedule="constant", **SMALL
    )
    losses = [row["val_loss"] for row in run.metrics]
    assert len(losses) < 60
    best = int(np.argmin(losses))  # type: ignore[arg-type]
    assert best == len(losses) - 3
    assert run.model().metrics["epoch"] == best + 1
    before = run.metrics
    assert tenfold.train(resume=run, quiet=True).metrics == before  # it does not begin again


def test_the_last_epochs_can_be_without_augmentation(data: Path, tmp_path: Path) -> None:
    def learnt(name: str, **changes: Any) -> dict[str, Tensor]:
        return weights(tenfold.train("mlp", data=data, out=tmp_path / name, epochs=2, **SMALL, **changes))

    never = learnt("never")
    assert same(learnt("both", augment="rotate=30", unaugmented_epochs=2), never)
    assert same(learnt("more", augment="rotate=30", unaugmented_epochs=5), never)
    assert not same(learnt("one", augment="rotate=30", unaugmented_epochs=1), never)
    assert not same(learnt("again", augment="rotate=30", unaugmented_epochs=1), learnt("none", augment="rotate=30"))


def test_init_starts_from_earlier_weights(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = tenfold.train("mlp", data=data, out=tmp_path / "a", epochs=5, **SMALL)
    gentle = {"epochs": 1, "lr": 1e-9, "data": data, **SMALL}
    again = tenfold.train("mlp", out=tmp_path / "b", init=first.path, **gentle)
    assert torch.allclose(weights(again)["1.weight"], weights(first)["1.weight"], atol=1e-6)
    state = formats.export(first.model(), "state", tmp_path / "s.pth")
    third = tenfold.train("mlp", out=tmp_path / "c", init=state, **gentle)
    assert same(weights(third), weights(again))
    with pytest.raises(RunError, match="was trained for another task"):
        tenfold.train("mlp", out=tmp_path / "d", init=first.path, task="parity", **gentle)
    parity = tenfold.train(
        "mlp", out=tmp_path / "d", init=first.path, task="parity", new_head=True, **{**gentle, "quiet": False}
    )
    assert "weights from a, but for the output layer" in capsys.readouterr().out
    assert torch.allclose(weights(parity)["1.weight"], weights(first)["1.weight"], atol=1e-6)
    small = {**SMALL, "network": "valid", "channels": (4, 4), "hidden": ()}  # whose logits are normalised
    first = tenfold.train(data=data, out=tmp_path / "f", epochs=1, **small)
    parity = tenfold.train(
        out=tmp_path / "g", init=first.path, task="parity", new_head=True, lr=1e-9, epochs=1, data=data, **small
    )
    kept, old = weights(parity), weights(first)
    assert torch.allclose(kept["0.weight"], old["0.weight"], atol=1e-6)
    assert kept["9.weight"].shape == (2, 4 * 12 * 12)
    assert old["9.weight"].shape == (10, 4 * 12 * 12)
    assert len(kept["10.weight"]) == 2
    with pytest.raises(RunError, match="of another network than cnn"):
        tenfold.train("cnn", out=tmp_path / "e", init=first.path, **gentle)
    assert not (tmp_path / "e").exists()


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
        tenfold.train("mlp", **{"data": data, "out": here / "run", **SMALL, **options})
    assert list(here.iterdir()) == []


def test_a_loss_that_is_no_number_stops_with_the_last_good_state(data: Path, tmp_path: Path) -> None:
    options = {"optimizer": "sgd", "lr": 1e9, "schedule": "step", "gamma": 1e-9, "epochs": 3, **SMALL}
    with pytest.raises(
        DivergedError,
        match=r"in epoch 1: lower --lr \(it is 1e\+09\).*the last good state is kept in .*last.ckpt",
    ):
        tenfold.train("mlp", data=data, out=tmp_path / "run", **options)
    state = checkpoint.load(tmp_path / "run" / "last.ckpt")
    assert all(tensor.isfinite().all() for tensor in state["network"].values())
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_weights_that_overflow_in_the_last_step_are_not_kept(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DivergedError):
        tenfold.train(
            "mlp", data=data, out=tmp_path / "r", **{**SMALL, "batch_size": 600},
            epochs=1, final=True, optimizer="sgd", lr=1e38, schedule="constant",
        )  # fmt: skip
    assert not (tmp_path / "r" / "model.safetensors").exists()


def test_stopping_does_not_save_what_is_no_number(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "Stop", StopAfter)
    monkeypatch.setattr(StopAfter, "limit", 5)
    with pytest.raises(DivergedError):
        tenfold.train("mlp", data=data, out=tmp_path / "run", optimizer="sgd", lr=1e9, schedule="constant", **SMALL)
    assert all(t.isfinite().all() for t in checkpoint.load(tmp_path / "run" / "last.ckpt")["network"].values())


def test_a_full_disk_at_the_start_leaves_no_folder(data: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StorageError("cannot write last.ckpt: No space left on device")

    monkeypatch.setattr(checkpoint, "save", full)
    with pytest.raises(StorageError, match="No space left"):
        tenfold.train("mlp", data=data, out=here / "run", epochs=1, **SMALL)
    assert list(here.iterdir()) == []


def test_a_folder_in_use_is_not_touched(data: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(StorageError, match="not empty: choose another"):
        tenfold.train("mlp", data=data, out=tmp_path, epochs=1, **SMALL)
    run = tenfold.train("mlp", data=data, out=tmp_path / "run", epochs=1, **SMALL)
    with pytest.raises(StorageError, match="resume it with --resume"):
        tenfold.train("mlp", data=data, out=run.path, epochs=1, **SMALL)


def test_what_cannot_be_resumed(data: Path, tmp_path: Path) -> None:
    run = tenfold.train("mlp", data=data, out=tmp_path / "run", epochs=1, **SMALL)
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


def test_mixed_precision_learns(data: Path, tmp_path: Path) -> None:
    run = tenfold.train("cnn-sgd", data=data, out=tmp_path / "run", epochs=4, amp=True, **SMALL)
    assert run.metrics[-1]["val_accuracy"] > 0.6  # type: ignore[operator]
