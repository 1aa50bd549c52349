"""Going on from a trained network: whose recipe it is, what is mixed in, and what becomes of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import tenfold
from conftest import Cli
from learn.corrections import corrections, sevens
from learn.trainings import last, same, weights
from tenfold.errors import Interrupted, RunError
from tenfold.learn.export import onnx
from tenfold.learn.export import weights as formats
from tenfold.learn.networks.inference import infer
from tenfold.learn.training import models, runs
from tenfold.learn.training.runs import Run
from tenfold.mnist.digits import Digits

QUICK: dict[str, Any] = {"quiet": True, "device": "cpu", "epochs": 1, "mix": 256}


def test_corrections_teach_the_bundled_model(
    tmp_path: Path, little: Digits, capsys: pytest.CaptureFixture[str]
) -> None:
    data = corrections(tmp_path / "c", sevens(12))
    fresh = sevens(60, seed=1)
    model = models.load(runs.BUNDLED)
    before = infer(model.network, torch.from_numpy(fresh)).argmax(1)
    assert (before == 7).float().mean() < 0.3
    run = tenfold.train(
        init="default", data=data, out=tmp_path / "run", **{**QUICK, "quiet": False, "mix": 2000, "epochs": 2}
    )
    after = infer(run.model().network, torch.from_numpy(fresh)).argmax(1)
    assert (after == 7).float().mean() > 0.8
    assert last(run, "val_accuracy") > 0.985
    recipe = run.recipe
    assert (recipe.name, recipe.network, recipe.init, recipe.data) == ("teach", "vgg", "default", str(data))
    out = capsys.readouterr().out
    assert "12 digits of yours (12 x 7)" in out
    assert "validation is on 1,000 of MNIST's" in out
    assert "weights from the bundled model" in out
    assert "of 12 digits of yours are answered right before" in out
    assert "12 of 12 digits of yours are answered right now" in out


def test_the_default_network_is_the_bundled_one(tmp_path: Path, little: Digits) -> None:
    data = corrections(tmp_path / "c", sevens(1))
    run = tenfold.train(init="default", data=data, out=tmp_path / "run", lr=1e-9, weight_decay=0, **QUICK)
    learnt, bundled = weights(run), load_file(runs.BUNDLED)
    assert learnt.keys() == bundled.keys()
    assert torch.allclose(learnt["0.weight"], bundled["0.weight"], atol=1e-6)
    assert run.model().recipe.outliers > 0  # it still tells what is no digit
    assert not (tmp_path / "runs").exists()


def test_a_run_and_its_file_are_taught_by_their_own_recipe(trained: Run, tmp_path: Path, little: Digits) -> None:
    own = corrections(tmp_path / "c", sevens(3))
    for number, init in enumerate([trained.path, trained.model_file]):
        run = tenfold.train(init=init, data=own, out=tmp_path / f"b{number}", **QUICK)
        assert (run.recipe.name, run.recipe.network, run.recipe.hidden) == ("teach", "mlp", (16,))
        assert (run.recipe.epochs, run.recipe.pictures, run.recipe.outliers) == (1, False, 0)
        assert run.recipe.init == str(trained.path)
    plain = tenfold.train(init=trained.path, out=tmp_path / "d", **{**QUICK, "mix": 0})
    assert (plain.recipe.name, plain.recipe.data, plain.recipe.hidden) == ("teach", None, (16,))
    state = formats.export(trained.model(), "state", tmp_path / "s.pth")
    with pytest.raises(RunError, match="of another network than strided"):  # plain weights say nothing of a recipe
        tenfold.train(init=state, out=tmp_path / "e", **{**QUICK, "mix": 0})


def test_a_recipe_that_is_named_is_the_recipe(tmp_path: Path) -> None:
    with pytest.raises(
        RunError, match=r"of another network than strided .* leave the recipe out to continue with theirs"
    ):
        tenfold.train(
            "fast", init="default", data=corrections(tmp_path / "c", sevens(2)), out=tmp_path / "run", **QUICK
        )
    assert not (tmp_path / "run").exists()


def test_another_task_needs_a_new_head_also_of_the_bundled_model(tmp_path: Path) -> None:
    data = corrections(tmp_path / "c", sevens(2))
    with pytest.raises(RunError, match=r"default was trained for another task .* add --new-head"):
        tenfold.train(init="default", data=data, out=tmp_path / "run", task="parity", **QUICK)


@pytest.mark.parametrize("looks", [1, 5])
def test_a_stopped_lesson_is_resumed_to_the_same_bits(
    trained: Run, tmp_path: Path, little: Digits, stop_after: Callable[..., None], looks: int
) -> None:
    own = corrections(tmp_path / "c", sevens(5))
    options = {**QUICK, "init": trained.path, "data": own, "epochs": 2, "batch_size": 100, "augment": "rotate=10"}
    options |= {"styles": 20, "outliers": 20}
    whole = tenfold.train(out=tmp_path / "whole", **options)
    stop_after(looks)
    with pytest.raises(Interrupted):
        tenfold.train(out=tmp_path / "parts", **options)
    stop_after()
    parts = tenfold.train(resume=tmp_path / "parts", quiet=True)
    assert same(weights(whole), weights(parts))
    corrections(tmp_path / "c", sevens(1), "1")
    with pytest.raises(RunError, match="begun on other data"):
        tenfold.train(resume=tmp_path / "parts", quiet=True)


def test_the_threshold_is_fitted_on_what_mnist_held_out_whatever_became_of_the_corrections(
    tmp_path: Path, little: Digits
) -> None:
    data = corrections(tmp_path / "c", sevens(3))
    run = tenfold.train(init="default", data=data, out=tmp_path / "run", **QUICK)
    held = {image.tobytes() for image in little.images[5000:]}
    corrections(tmp_path / "c", sevens(1), "1")  # the service went on saving
    digits = onnx._validation(run.model())
    assert digits is not None
    assert {image.tobytes() for image in digits.images} == held
    for path in data.rglob("*.png"):
        path.unlink()
    assert onnx._validation(run.model()) is not None


@pytest.mark.slow
def test_what_was_taught_is_read(tmp_path: Path, here: Path, tenfold_cli: Cli) -> None:
    """The way a user goes: learn from the corrections, read a picture with the run."""
    corrections(Path("c"), sevens(12))
    page = np.full((120, 120), 230, np.uint8)
    ink = np.asarray(Image.fromarray(sevens(1, seed=5)[0]).resize((84, 84)))
    page[18:102, 18:102] -= (0.8 * ink).astype(np.uint8)
    Image.fromarray(page).save("photo.png")
    assert tenfold_cli("read", "photo.png", "--single", "--always-answer").out == "1\n"
    done = tenfold_cli("train", "--data", "c", "--init", "default", "--out", "r", "--mix", 2000, "--epochs", 2)
    assert done.status == 0, done.err
    lines = done.out.splitlines()
    assert lines[-1] == "the run is in r; read with it: tenfold read photo.jpg --model r"
    assert float(lines[-2].split()[-1].rstrip("%")) > 98.5
    done = tenfold_cli("read", "photo.png", "--single", "--always-answer", "--model", "r")
    assert done.out == "7\n"
    described = tenfold.Reader("r/model.onnx").classifier.description
    assert described.rejects
    assert described.metadata["threshold_error"] is not None
