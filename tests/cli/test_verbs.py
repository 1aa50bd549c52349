import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from conftest import Cli, draw_digits, write_idx
from tenfold.learn.recipes.presets import RECIPES


def width(picture: str) -> int:
    with Image.open(picture) as opened:
        return opened.size[0]


def run_small(tenfold_cli: Cli, data: Path, *more: object) -> None:
    done = tenfold_cli("train", "mlp", "--data", data, "--epochs", 2, "--batch-size", 50, *more)
    assert done.status == 0, done.err


def test_from_training_to_saving(tenfold_cli: Cli, data: Path, here: Path) -> None:
    done = tenfold_cli("train", "mlp", "--data", data, "--epochs", 2, "--batch-size", 50, "--out", "r")
    assert done.status == 0
    lines = done.out.splitlines()
    assert lines[0].startswith("epoch 1/2  train loss ")
    assert " val loss " in lines[1]
    assert lines[-1] == "the run is in r; score it on the test set: tenfold evaluate r"
    assert width("r/curves.png") > 500

    done = tenfold_cli("evaluate", "r")
    assert done.status == 0
    assert "the report, with figures and mistakes: r/report.html" in done.out
    accuracy = json.loads(Path("r/evaluation.json").read_text())["accuracy"]
    assert f"accuracy {accuracy:.2%}" in done.out

    done = tenfold_cli("evaluate", "r", "--json")
    assert json.loads(done.out)["accuracy"] == accuracy

    done = tenfold_cli("predict", "r", "--count", 3, "--seed", 1)
    assert done.status == 0
    assert "r/predictions.png" in done.out
    assert any(0x2800 < ord(sign) < 0x2900 for sign in done.out)

    done = tenfold_cli("runs", "--root", ".", "--json")
    (listed,) = json.loads(done.out)
    assert (listed["recipe"], listed["epochs"], listed["test_accuracy"]) == ("mlp", 2, accuracy)

    for form, name in (("state", "mnist_model_state.pth"), ("full", "mnist_model_full.pth")):
        assert tenfold_cli("save", "r", "--as", form).status == 0
        loaded = torch.load(name, weights_only=form == "state")
        assert len(loaded) > 3
    assert tenfold_cli("save", "r", "-o", "mnist.pth").status == 0
    assert Path("mnist.pth").is_file()


def test_every_option_reaches_the_recipe(tenfold_cli: Cli, data: Path, here: Path) -> None:
    given = {
        "task": "parity",
        "val_size": 0.25,
        "network": "mlp",
        "channels": [4, 8],
        "hidden": [16],
        "dropout": 0.1,
        "dropout_conv": 0.2,
        "epochs": 1,
        "batch_size": 25,
        "optimizer": "adamw",
        "lr": 0.002,
        "momentum": 0.8,
        "beta2": 0.95,
        "weight_decay": 0.01,
        "label_smoothing": 0.05,
        "schedule": "cosine",
        "warmup": 0.1,
        "gamma": 0.5,
        "augment": "shift=1",
        "patience": 4,
        "seed": 9,
        "device": "cpu",
        "amp": True,
        "channels_last": True,
    }
    words: list[object] = []
    for name, value in given.items():
        words.append(f"--{name.replace('_', '-')}")
        if value is not True:
            words.append(",".join(map(str, value)) if isinstance(value, list) else value)
    assert tenfold_cli("train", "cnn", "--data", data, "--out", "r", *words).status == 0
    written = json.loads(Path("r/recipe.json").read_text())
    assert {name: written[name] for name in given} == given
    assert (
        tenfold_cli("train", "fast", "--data", data, "--out", "s", "--batch-size", 50, "--no-channels-last").status == 0
    )
    assert json.loads(Path("s/recipe.json").read_text())["channels_last"] is False


def test_quiet_is_silent(tenfold_cli: Cli, data: Path, here: Path) -> None:
    done = tenfold_cli("train", "mlp", "--data", data, "--batch-size", 50, "--epochs", 1, "--quiet")
    assert (done.status, done.out, done.err) == (0, "", "")


def test_notes_on_the_data_are_shown(tenfold_cli: Cli, here: Path) -> None:
    some = draw_digits(60)
    np.savez("d.npz", images=255 - some.images[:, ::2, ::2].repeat(2, 0)[:60], labels=some.labels)
    done = tenfold_cli("train", "mlp", "--data", "d.npz", "--batch-size", 10, "--epochs", 1, "--out", "r")
    assert "d.npz: train images of 14 x 14 pixels were fitted into 28 x 28" in done.out
    assert "inverted" in done.out


def test_recipes(tenfold_cli: Cli, here: Path, data: Path) -> None:
    done = tenfold_cli("recipes")
    for name in RECIPES:
        assert f"\n{name} " in done.out
    assert "fast (default)" in done.out
    assert "e+" not in done.out
    assert "± 0.00%" not in done.out
    assert [row["name"] for row in json.loads(tenfold_cli("recipes", "--json").out)] == list(RECIPES)
    assert tenfold_cli("recipes", "cnn", "--save", "my.json").status == 0
    written = json.loads(Path("my.json").read_text())
    assert written == json.loads(tenfold_cli("recipes", "cnn", "--json").out)
    Path("my.json").write_text(json.dumps({**written, "name": "mine", "epochs": 1, "batch_size": 50}))
    assert tenfold_cli("train", "my.json", "--data", data).status == 0
    assert next(Path("runs").iterdir()).name.endswith("-mine")
    assert "adadelta" in tenfold_cli("recipes", "cnn").out


def test_data_verbs(tenfold_cli: Cli, here: Path, data: Path) -> None:
    done = tenfold_cli("data", "show", "--data", data, "-o", "grid.png")
    assert done.status == 0
    assert "60" in done.out
    assert "200 x 28 x 28" in done.out
    assert width("grid.png") > 500
    done = tenfold_cli("data", "verify")
    assert done.status == 0
    assert done.out.count("good") == 4
    assert tenfold_cli("data", "export", "out", "--format", "png", "--data", data).status == 0
    assert len(list(Path("out/train/3").iterdir())) == 60
    done = tenfold_cli("data", "verify", "--folder", data)
    assert (done.status, "MISSING" in done.out) == (1, True)


def test_predict_trains_when_there_is_no_run(
    tenfold_cli: Cli, here: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = RECIPES["fast"].changed(data=str(data), batch_size=50)
    monkeypatch.setitem(RECIPES, "fast", small)
    done = tenfold_cli("predict", "--count", 2)
    assert done.status == 0, done.err
    assert done.out.startswith("there is no finished run yet, so the default recipe is trained first\nepoch 1/1")
    assert len(list(Path("runs").iterdir())) == 1
    done = tenfold_cli("predict", "--count", 2, "--wrong")
    assert "epoch" not in done.out
    assert len(list(Path("runs").iterdir())) == 1


def test_evaluate_without_a_run_takes_the_newest(tenfold_cli: Cli, here: Path, data: Path) -> None:
    run_small(tenfold_cli, data)
    run_small(tenfold_cli, data, "--task", "parity")
    assert "task parity" in tenfold_cli("evaluate").out


def test_runs_tells_when_there_are_none(tenfold_cli: Cli, here: Path) -> None:
    assert "there are no runs in runs" in tenfold_cli("runs").out
    assert json.loads(tenfold_cli("runs", "--json").out) == []


def test_a_terminal_without_unicode(here: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tenfold", "recipes"],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 0, done.stderr
    assert b"% ? 0." in done.stdout


@pytest.mark.parametrize("verb", ["train", "evaluate", "predict", "recipes", "runs", "save"])
def test_help_has_examples(tenfold_cli: Cli, verb: str) -> None:
    done = tenfold_cli(verb, "--help")
    assert done.status == 0
    assert f"tenfold {verb}" in done.out.split("Examples:")[1]


def test_a_run_that_is_stopped_is_listed_as_such(tenfold_cli: Cli, here: Path, data: Path) -> None:
    run_small(tenfold_cli, data, "--out", "runs/a")
    Path("runs/a/model.safetensors").unlink()
    assert "stopped" in tenfold_cli("runs").out


def test_own_test_part_is_what_evaluate_reads(tenfold_cli: Cli, here: Path) -> None:
    write_idx(Path("d"), draw_digits(100), draw_digits(37, seed=4))
    assert tenfold_cli("train", "mlp", "--data", "d", "--batch-size", 20, "--epochs", 1, "--out", "r").status == 0
    assert json.loads(tenfold_cli("evaluate", "r", "--json").out)["n"] == 37
