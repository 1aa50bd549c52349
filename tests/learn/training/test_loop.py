from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import tenfold
from learn.trainings import OF_DIGITS, TINY, last, same, weights
from tenfold.errors import DivergedError, Interrupted, RunError, UsageError
from tenfold.learn.lines import dataset as line_data
from tenfold.learn.lines import glyphs as line_glyphs
from tenfold.learn.recipes.presets import RECIPES
from tenfold.learn.training import checkpoint, loop
from tenfold.learn.training.runs import Run
from tenfold.mnist import sources

THIN: dict[str, Any] = {**TINY, "channels": (4, 8)}
WIDTHS = {"vgg": (4, 8, 8), "separable": (4, 8, 8, 8, 8), "valid": (4, 8, 8, 8)}  # a tenth of the recipes'


@pytest.mark.parametrize("name", OF_DIGITS)
def test_every_recipe_learns(name: str, data: Path, tmp_path: Path) -> None:
    few: dict[str, Any] = {"styles": 20, "outliers": 20} if RECIPES[name].pictures else {}
    if RECIPES[name].network in WIDTHS:
        few["channels"] = WIDTHS[RECIPES[name].network]
    run = tenfold.train(name, data=data, out=tmp_path / "run", epochs=4, batch_size=50, device="cpu", quiet=True, **few)
    assert last(run, "val_accuracy") > 0.25  # by chance, 0.1
    assert last(run, "val_loss") < (run.metrics[0]["val_loss"] or 0)
    assert (len(run.metrics), run.recipe.name, run.recipe.data) == (4, name, str(data))


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(data: Path, tmp_path: Path) -> None:
    def bits(name: str, seed: int) -> dict[str, Tensor]:
        augment = "rotate=10,shift=1,elastic=1,erase=4"
        run = tenfold.train("cnn", data=data, out=tmp_path / name, epochs=1, seed=seed, augment=augment, **THIN)
        return weights(run)

    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = bits("a", 3)
    assert torch.equal(torch.get_rng_state(), before)  # the caller's
    torch.manual_seed(2)  # what the caller did before does not matter
    assert same(first, bits("b", 3))
    assert not same(first, bits("c", 4))


def test_recalibrating_changes_the_running_statistics_alone(data: Path, tmp_path: Path) -> None:
    few = {**THIN, "data": data, "epochs": 1, "augment": "shift=6"}
    loose = tenfold.train("fast", out=tmp_path / "loose", **few)
    recalibrated = tenfold.train("fast", out=tmp_path / "recalibrated", recalibrate_batchnorm=True, **few)
    moved = {key for key, value in weights(recalibrated).items() if not torch.equal(value, weights(loose)[key])}
    assert moved
    assert all("running" in key or "tracked" in key for key in moved)  # the rest is learnt the same
    assert last(recalibrated, "val_loss") != last(loose, "val_loss")


def test_validating_does_not_disturb_training(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"epochs": 2, "augment": "rotate=10", "data": data, **THIN}
    with_it = tenfold.train("cnn", out=tmp_path / "a", **options)
    monkeypatch.setattr(loop, "_validate", lambda *_: (None, None))
    without = tenfold.train("cnn", out=tmp_path / "b", **options)
    assert without.metrics[-1]["val_loss"] is None
    assert same(weights(with_it), weights(without))


# 600 digits, 500 of them for training, in batches of 50: 10 steps an epoch, and a look after each and after the epoch
AUGMENTED = {**THIN, "epochs": 3, "augment": "rotate=10,erase=6", "optimizer": "adam", "lr": 1e-3, "patience": 3}


@pytest.fixture(scope="module")
def unstopped(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return tenfold.train("cnn", data=data, out=tmp_path_factory.mktemp("unstopped") / "r", **AUGMENTED)


@pytest.mark.parametrize("looks", [1, 8, 10, 11, 17, 23])
def test_a_stopped_run_is_resumed_to_the_same_bits(
    unstopped: Run, data: Path, tmp_path: Path, stop_after: Callable[..., None], looks: int
) -> None:
    stop_after(looks)
    with pytest.raises(Interrupted, match=r"all is saved; resume it: tenfold train --resume .*parts"):
        tenfold.train("cnn", data=data, out=tmp_path / "parts", **AUGMENTED)
    state = checkpoint.load(tmp_path / "parts" / "last.ckpt")
    assert (state["epoch"], state["step"]) < (3, 0)
    assert not Run.open(tmp_path / "parts").finished
    stop_after(9)
    with suppress(Interrupted):  # a second stop, if there is so much left
        tenfold.train(resume=tmp_path / "parts", quiet=True)
    stop_after()
    parts = tenfold.train(resume=tmp_path / "parts", quiet=True)
    assert same(weights(unstopped), weights(parts))

    def without_time(run: Run) -> list[dict[str, float | None]]:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in run.metrics]

    assert without_time(unstopped) == without_time(parts)
    assert unstopped.steps == parts.steps


def test_final_learns_from_everything_and_validates_nothing(data: Path, tmp_path: Path) -> None:
    run = tenfold.train("mlp", data=data, out=tmp_path / "run", epochs=1, final=True, **TINY)
    assert run.metrics[0]["val_loss"] is None
    assert run.model().temperature == 1.0
    state = checkpoint.load(run.checkpoint_file)
    assert int(state["optimizer"]["state"][0]["step"]) == 600 // 50


def test_patience_stops_early_and_keeps_the_best(data: Path, tmp_path: Path) -> None:
    options = {**TINY, "hidden": (128,), "epochs": 60, "patience": 2, "lr": 0.02, "schedule": "constant"}
    run = tenfold.train("mlp", data=data, out=tmp_path / "run", **options)
    losses = [row["val_loss"] or 0.0 for row in run.metrics]
    assert len(losses) < 60
    best = int(np.argmin(losses))
    assert best == len(losses) - 3
    assert run.model().metrics["epoch"] == best + 1
    before = run.metrics
    assert tenfold.train(resume=run, quiet=True).metrics == before  # it does not begin again


def test_the_last_epochs_can_be_without_augmentation(data: Path, tmp_path: Path) -> None:
    def learnt(name: str, **changes: Any) -> dict[str, Tensor]:
        return weights(tenfold.train("mlp", data=data, out=tmp_path / name, epochs=2, **TINY, **changes))

    never = learnt("never")
    assert same(learnt("more", augment="rotate=30", unaugmented_epochs=5), never)
    last_one = learnt("one", augment="rotate=30", unaugmented_epochs=1)
    assert not same(last_one, never)
    assert not same(last_one, learnt("none", augment="rotate=30"))


def test_mixed_precision_learns(data: Path, tmp_path: Path) -> None:
    run = tenfold.train("cnn-sgd", data=data, out=tmp_path / "run", epochs=4, amp=True, **THIN)
    assert last(run, "val_accuracy") > 0.5


def test_a_loss_that_is_no_number_stops_with_the_last_good_state(data: Path, tmp_path: Path) -> None:
    options = {"optimizer": "sgd", "lr": 1e9, "schedule": "step", "gamma": 1e-9, "epochs": 3, **TINY}
    says = r"in epoch 1: lower --lr \(it is 1e\+09\).*the last good state is kept in .*last.ckpt"
    with pytest.raises(DivergedError, match=says):
        tenfold.train("mlp", data=data, out=tmp_path / "run", **options)
    state = checkpoint.load(tmp_path / "run" / "last.ckpt")
    assert all(tensor.isfinite().all() for tensor in state["network"].values())
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_weights_that_overflow_in_the_last_step_are_not_kept(data: Path, tmp_path: Path) -> None:
    options = {**TINY, "batch_size": 600, "final": True, "optimizer": "sgd", "lr": 1e38, "schedule": "constant"}
    with pytest.raises(DivergedError):
        tenfold.train("mlp", data=data, out=tmp_path / "r", epochs=1, **options)
    assert not (tmp_path / "r" / "model.safetensors").exists()


def test_stopping_does_not_save_what_is_no_number(data: Path, tmp_path: Path, stop_after: Callable[..., None]) -> None:
    stop_after(5)
    with pytest.raises(DivergedError):
        tenfold.train("mlp", data=data, out=tmp_path / "run", optimizer="sgd", lr=1e9, schedule="constant", **TINY)
    assert all(t.isfinite().all() for t in checkpoint.load(tmp_path / "run" / "last.ckpt")["network"].values())


# Lines

LINES: dict[str, Any] = {"channels": (4, 6, 8, 8), "epochs": 2, "batch_size": 16, "device": "cpu", "quiet": True}


@pytest.fixture(scope="module")
def few_lines(data: Path) -> Iterator[None]:
    """Lines of few digits, 10 batches an epoch and 2 to validate on."""
    source = sources.load(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "load", lambda *_, **__: source)
        patch.setattr(line_data, "EPOCH", 160)
        patch.setattr(line_data, "VALIDATION", 2)
        patch.setattr(line_glyphs, "DRAWN", dict.fromkeys(line_glyphs.DRAWN, 100))
        yield


@pytest.fixture(scope="module")
def lines_run(few_lines: None, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return tenfold.train("lines", out=tmp_path_factory.mktemp("lines") / "run", **LINES)


@pytest.mark.parametrize(
    "looks", [pytest.param(looks, marks=pytest.mark.slow) if looks > 4 else 4 for looks in (4, 10, 13)]
)
def test_lines_are_learnt_and_resumed_to_the_same_bits(
    lines_run: Run, tmp_path: Path, stop_after: Callable[..., None], looks: int
) -> None:
    assert last(lines_run, "val_loss") < (lines_run.metrics[0]["val_loss"] or 0)
    stop_after(looks)
    with pytest.raises(Interrupted):
        tenfold.train("lines", out=tmp_path / "parts", **LINES)
    stop_after()
    assert same(weights(tenfold.train(resume=tmp_path / "parts", quiet=True)), weights(lines_run))
    model = lines_run.model()
    assert (model.task.name, len(model.task.classes), model.temperature) == ("lines", 20, 1.0)


def test_lines_are_learnt_from_an_earlier_network(lines_run: Run, tmp_path: Path) -> None:
    more = tenfold.train(init=lines_run.path, out=tmp_path / "more", epochs=1, device="cpu", quiet=True)
    assert (more.recipe.name, more.recipe.task, more.recipe.lr) == ("teach", "lines", 3e-4)
    assert more.recipe.batch_size == lines_run.recipe.batch_size
    assert last(more, "val_loss") < (lines_run.metrics[0]["val_loss"] or 0)
    with pytest.raises(RunError, match="was trained for another task"):
        tenfold.train("fast", init=lines_run.path, out=tmp_path / "digits", quiet=True, device="cpu")


def test_what_reads_lines_is_not_taken_for_a_network_of_digits(lines_run: Run) -> None:
    for verb in (tenfold.evaluate, tenfold.predict, tenfold.explain):
        with pytest.raises(RunError, match="reads lines: this is for networks that read one digit"):
            verb(lines_run)
    with pytest.raises(UsageError, match="--watch films digits"):
        tenfold.train("lines", watch=True, **LINES)
    with pytest.raises(UsageError, match="--watch films digits"):
        tenfold.train(resume=lines_run, watch=True)
    with pytest.raises(UsageError, match="--recalibrate-batchnorm does not go with --task lines"):
        tenfold.train("lines", recalibrate_batchnorm=True, **LINES)
    with pytest.raises(UsageError, match="--styles does not go with --task lines"):
        tenfold.train("lines", styles=5, **LINES)
    with pytest.raises(UsageError, match="unknown network 'cnn': there are line"):
        tenfold.train("lines", network="cnn", **LINES)
