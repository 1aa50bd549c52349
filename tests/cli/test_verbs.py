import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from PIL import Image

from conftest import Cli
from learn.trainings import TINY
from tenfold import cli
from tenfold.learn.recipes.presets import RECIPES
from tenfold.learn.training import runs
from tenfold.learn.training.runs import Run, held

pytestmark = pytest.mark.usefixtures("few_shown")


def width(picture: str) -> int:
    with Image.open(picture) as opened:
        return opened.size[0]


def test_from_a_run_to_what_is_saved(tenfold_cli: Cli, run: Run, here: Path) -> None:
    done = tenfold_cli("evaluate", "r")
    assert done.status == 0
    assert "the report, with figures and mistakes: r/report.html" in done.out
    accuracy = json.loads(Path("r/evaluation.json").read_text())["accuracy"]
    assert f"accuracy {accuracy:.2%}" in done.out

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


def test_recipes(tenfold_cli: Cli, here: Path, data: Path) -> None:
    done = tenfold_cli("recipes")
    for name in RECIPES:
        assert f"\n{name} " in done.out
    assert "fast (default)" in done.out
    assert "e+" not in done.out
    assert "± 0.00%" not in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    assert [row["name"] for row in json.loads(tenfold_cli("recipes", "--json").out)] == list(RECIPES)
    assert tenfold_cli("recipes", "cnn", "--save", "my.json").status == 0
    written = json.loads(Path("my.json").read_text())
    assert written == json.loads(tenfold_cli("recipes", "cnn", "--json").out)
    mine = {"name": "mine", "channels": [4, 8], "hidden": [16], "epochs": 1, "batch_size": 50}
    Path("my.json").write_text(json.dumps(written | mine))
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
    few = {name: value for name, value in TINY.items() if name != "quiet"}
    small = RECIPES["fast"].changed(data=str(data), channels=(4, 8), **few)
    monkeypatch.setitem(RECIPES, "fast", small)
    done = tenfold_cli("predict", "--count", 2)
    assert done.status == 0, done.err
    assert done.out.startswith("there is no finished run yet, so the default recipe is trained first\nepoch 1/1")
    assert len(list(Path("runs").iterdir())) == 1
    done = tenfold_cli("predict", "--count", 2, "--wrong")
    assert "epoch" not in done.out
    assert len(list(Path("runs").iterdir())) == 1


def test_runs_tells_when_there_are_none(tenfold_cli: Cli, here: Path) -> None:
    assert "there are no runs in runs" in tenfold_cli("runs").out
    assert json.loads(tenfold_cli("runs", "--json").out) == []


def test_a_run_that_is_stopped_is_listed_as_such(tenfold_cli: Cli, run: Run, here: Path) -> None:
    run.model_file.unlink()
    run.lock_file.parent.mkdir(exist_ok=True)
    run.lock_file.touch()  # as a process leaves it that is killed
    done = tenfold_cli("runs", "--root", ".")
    assert " stopped " in done.out
    assert "tenfold train --resume r\n" in done.out


def test_a_process_that_is_about_to_end_is_waited_for(run: Run) -> None:
    def other() -> None:
        with held(run.path):
            time.sleep(0.5)

    thread = threading.Thread(target=other)
    thread.start()
    while not run.running:
        time.sleep(0.01)
    with held(run.path):  # is not refused
        assert run.running
    thread.join()


def test_a_run_that_is_trained_now_is_listed_as_such_and_not_resumed(
    tenfold_cli: Cli, run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "_PATIENCE", 0.2)
    run.model_file.unlink()
    with held(run.path):
        done = tenfold_cli("runs", "--root", ".")
        assert " running " in done.out
        assert "--resume" not in done.out
        assert json.loads(tenfold_cli("runs", "--root", ".", "--json").out)[0]["state"] == "running"
        done = tenfold_cli("train", "--resume", "r")
        assert (done.status, done.err.count("\n")) == (1, 1)
        assert "r is being trained by another process" in done.err
    assert not run.running
    assert tenfold_cli("train", "--resume", "r").status == 0
    assert not run.lock_file.exists()
    assert not any(path.name.startswith(".") for path in run.path.iterdir())


def test_a_terminal_without_unicode(here: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tenfold", "recipes"],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 0, done.stderr
    assert b"% ? 0." in done.stdout


@pytest.mark.parametrize("verb", [verb for verb in cli.VERBS if verb != "data"])
def test_help_has_examples(tenfold_cli: Cli, verb: str) -> None:
    done = tenfold_cli(verb, "--help")
    assert done.status == 0
    assert f"tenfold {verb}" in done.out.split("Examples:")[1]
