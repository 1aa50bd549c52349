"""`tenfold evaluate RUN`, with --corrupt and without."""

import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

import tenfold
from conftest import Cli, draw_digits, write_idx
from learn.trainings import TINY
from tenfold.learn.digits.corruptions import CORRUPTIONS
from tenfold.learn.training.runs import Run

pytestmark = pytest.mark.usefixtures("here", "few_shown")


def test_without_a_run_it_takes_the_newest(run: Run, tenfold_cli: Cli) -> None:
    assert "there is no finished run in runs" in tenfold_cli("evaluate").err
    for name, time in (("a", 2), ("b", 1)):
        os.utime(Path(shutil.copytree(run.path, f"runs/{name}")) / "recipe.json", (time, time))
    found = json.loads(tenfold_cli("evaluate", "--json").out)
    assert (found["model"], "corruptions" in found) == ("runs/a", False)


def test_the_own_test_part_is_what_it_reads(tenfold_cli: Cli) -> None:
    write_idx(Path("d"), draw_digits(100), draw_digits(37, seed=4))
    tenfold.train("mlp", data="d", out="own", epochs=1, **TINY)
    assert json.loads(tenfold_cli("evaluate", "own", "--json").out)["n"] == 37


def test_errors_by_corruption_are_printed_and_written(run: Run, tenfold_cli: Cli) -> None:
    done = tenfold_cli("evaluate", "r", "--corrupt")
    assert (done.status, done.err) == (0, "")
    found = json.loads((run.path / "corruptions.json").read_text())
    assert list(found["errors"]["corruption"]) == list(CORRUPTIONS)
    assert f"mean error {found['mean']:.2%}\n" in done.out
    lines = done.out.splitlines()
    for name, error in found["errors"]["corruption"].items():
        assert any(line.split() == [*name.split("_"), f"{error:.2%}"] for line in lines)
    for words in ("(nothing changed)", "shift by 4 px", "rotation by 45°", "0.7 times the size"):
        assert any(line.startswith(words) for line in lines)
    assert lines[-2:] == ["the chart: r/corruptions.png", "the digits: r/corrupted.png"]
    for name, least in (("corruptions", 1000), ("corrupted", 700)):
        with Image.open(run.path / f"{name}.png") as picture:
            assert picture.width > least
    assert not [path for path in run.path.iterdir() if path.name.endswith(".part")]

    done = tenfold_cli("evaluate", "r", "--corrupt", "--json")
    whole = json.loads(done.out)
    assert whole["corruptions"]["errors"] == found["errors"]
    assert whole["corruptions"]["clean"] == pytest.approx(1 - whole["accuracy"])


def test_other_digits_and_another_folder(run: Run, tenfold_cli: Cli, here: Path) -> None:
    write_idx(here / "mine", draw_digits(20, seed=5))
    assert tenfold_cli("evaluate", "r", "--corrupt", "--data", "mine").status == 0
    assert json.loads((run.path / "on-mine/corruptions.json").read_text())["n"] == 20
    assert not (run.path / "corruptions.json").exists()
    assert tenfold_cli("evaluate", "r", "--corrupt", "--out", "there").status == 0
    assert Path("there/corrupted.png").is_file()
    assert Path("there/report.html").is_file()


def test_a_run_with_two_classes(data: Path, tenfold_cli: Cli) -> None:
    tenfold.train("mlp", data=data, out="p", task="parity", epochs=1, **TINY)
    done = tenfold_cli("evaluate", "p", "--corrupt")
    assert done.status == 0, done.err
    assert json.loads(Path("p/corruptions.json").read_text())["task"] == "parity"


def test_what_cannot_be_corrupted_is_told_in_a_line(run: Run, tenfold_cli: Cli, here: Path) -> None:
    Path("file").write_bytes(b"")
    for words, status, said in (
        (("nowhere",), 1, "nowhere does not exist"),
        (("r", "--data", "none"), 1, "there is no data at none"),
        (("r", "--out", "file"), 1, "cannot write"),
        (("r", "--device", "cudaa"), 1, "there is no cudaa device here"),
    ):
        done = tenfold_cli("evaluate", *words, "--corrupt")
        assert done.status == status
        assert said in done.err
        assert done.err.count("\n") == 1


def test_the_ratio_to_the_reference_is_a_column(run: Run, tenfold_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from tenfold.learn.scoring import robustness

    known = {"clean": 0.01, "mean": 0.2, "corruption": {"fog": 0.5}}
    name = tenfold.evaluate(run, draw=False).data
    monkeypatch.setattr(robustness, "reference", lambda: known)
    monkeypatch.setattr(robustness, "MNIST_TEST", (name, "digits", 200))
    done = tenfold_cli("evaluate", "r", "--corrupt")
    found = json.loads((run.path / "corruptions.json").read_text())
    assert f"mean error {found['mean']:.2%}, {found['mean'] / 0.2:.2f} times that of the recipe cnn" in done.out
    fog = found["errors"]["corruption"]["fog"]
    assert any(line.split() == ["fog", f"{fog:.2%}", f"{fog / 0.5:.2f}"] for line in done.out.splitlines())
