"""`tenfold evaluate RUN --corrupt`."""

import json
from pathlib import Path

import pytest
from PIL import Image

import tenfold
from conftest import Cli, draw_digits, write_idx
from tenfold.learn.digits.corruptions import CORRUPTIONS


@pytest.fixture
def run(here: Path) -> Path:
    data = write_idx(here / "data", draw_digits(200), draw_digits(60, seed=1))
    tenfold.train("mlp", data=data, out="r", epochs=2, batch_size=20, hidden=(16,), quiet=True, device="cpu")
    return Path("r")


def test_errors_by_corruption_are_printed_and_written(run: Path, tenfold_cli: Cli) -> None:
    done = tenfold_cli("evaluate", run, "--corrupt")
    assert (done.status, done.err) == (0, "")
    found = json.loads((run / "corruptions.json").read_text())
    assert list(found["errors"]["corruption"]) == list(CORRUPTIONS)
    assert f"mean error {found['mean']:.2%}\n" in done.out
    lines = done.out.splitlines()
    for name, error in found["errors"]["corruption"].items():
        assert any(line.split() == [*name.split("_"), f"{error:.2%}"] for line in lines)
    for words in ("(nothing changed)", "shift by 4 px", "rotation by 45°", "0.7 times the size"):
        assert any(line.startswith(words) for line in lines)
    assert lines[-2:] == ["the chart: r/corruptions.png", "the digits: r/corrupted.png"]
    for name, least in (("corruptions", 1000), ("corrupted", 700)):
        with Image.open(run / f"{name}.png") as picture:
            assert picture.width > least
    assert not [path for path in run.iterdir() if path.name.endswith(".part")]

    done = tenfold_cli("evaluate", run, "--corrupt", "--json")
    whole = json.loads(done.out)
    assert whole["corruptions"]["errors"] == found["errors"]
    assert whole["corruptions"]["clean"] == pytest.approx(1 - whole["accuracy"])
    assert "corruptions" not in json.loads(tenfold_cli("evaluate", run, "--json").out)


def test_other_digits_and_another_folder(run: Path, tenfold_cli: Cli, here: Path) -> None:
    write_idx(here / "mine", draw_digits(20, seed=5))
    assert tenfold_cli("evaluate", run, "--corrupt", "--data", "mine").status == 0
    assert json.loads((run / "on-mine/corruptions.json").read_text())["n"] == 20
    assert not (run / "corruptions.json").exists()
    assert tenfold_cli("evaluate", run, "--corrupt", "--out", "there").status == 0
    assert Path("there/corrupted.png").is_file()
    assert Path("there/report.html").is_file()


def test_a_run_with_two_classes(run: Path, tenfold_cli: Cli, here: Path) -> None:
    tenfold.train("mlp", data="data", out="p", task="parity", epochs=1, batch_size=20, hidden=(8,), quiet=True)
    done = tenfold_cli("evaluate", "p", "--corrupt")
    assert done.status == 0, done.err
    assert json.loads(Path("p/corruptions.json").read_text())["task"] == "parity"


def test_what_cannot_be_corrupted_is_told_in_a_line(run: Path, tenfold_cli: Cli, here: Path) -> None:
    Path("file").write_bytes(b"")
    for words, status, said in (
        (("nowhere",), 1, "nowhere does not exist"),
        ((run, "--data", "none"), 1, "there is no data at none"),
        ((run, "--out", "file"), 1, "cannot write"),
        ((run, "--device", "cudaa"), 1, "there is no cudaa device here"),
    ):
        done = tenfold_cli("evaluate", *words, "--corrupt")
        assert done.status == status
        assert said in done.err
        assert done.err.count("\n") == 1


def test_the_ratio_to_the_reference_is_a_column(run: Path, tenfold_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from tenfold.learn.scoring import robustness

    known = {"clean": 0.01, "mean": 0.2, "corruption": {"fog": 0.5}}
    name = tenfold.evaluate(run, draw=False).data
    monkeypatch.setattr(robustness, "reference", lambda: known)
    monkeypatch.setattr(robustness, "MNIST_TEST", (name, "digits", 60))
    done = tenfold_cli("evaluate", run, "--corrupt")
    found = json.loads((run / "corruptions.json").read_text())
    assert f"mean error {found['mean']:.2%}, {found['mean'] / 0.2:.2f} times that of the recipe cnn" in done.out
    fog = found["errors"]["corruption"]["fog"]
    assert any(line.split() == ["fog", f"{fog:.2%}", f"{fog / 0.5:.2f}"] for line in done.out.splitlines())
