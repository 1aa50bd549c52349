"""`tenfold explain RUN`."""

import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image

import tenfold
from conftest import Cli, on_paper, write_number
from tenfold.learn.explain.explain import explain

pytest.importorskip("captum")
pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("trained") / "a"
    tenfold.train("mlp", data=data, out=place, epochs=2, batch_size=50, hidden=(16,), quiet=True, device="cpu")
    return place


@pytest.fixture
def runs(here: Path, trained: Path) -> Path:
    shutil.copytree(trained, "runs/a")
    return Path("runs")


def test_a_run_is_explained_by_its_folder_or_name(runs: Path, tenfold_cli: Cli) -> None:
    done = tenfold_cli("explain", "runs/a", "--digit", 5)
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].startswith("test digit 5: answered ")
    assert "pixels of ink changed" in lines[1] or "no change was found" in lines[1]
    assert lines[2] == "the overview is in runs/a/inside/overview.png, with 4 more figures beside it"
    assert len(list(Path("runs/a/inside").iterdir())) == 5
    assert tenfold_cli("explain", "a", "--digit", 5, "--out", "there").status == 0
    assert Path("there/overview.png").is_file()
    assert tenfold_cli("explain", "runs/a/model.safetensors", "--digit", 1, "--out", "x").status == 0
    assert len(list(Path("x").glob("digit-*"))) == 2


def test_another_class_can_be_asked_for(runs: Path, tenfold_cli: Cli) -> None:
    answered = explain("a", digit=3, draw=False).digits[0].answer
    other = "3" if answered != "3" else "4"
    done = tenfold_cli("explain", "a", "--digit", 3, "--as", other)
    assert done.status == 0, done.err
    assert f"is answered {other}" in done.out
    assert tenfold_cli("explain", "a", "--digit", 3, "--as", answered).status == 2


def test_options_of_pictures_and_of_networks_are_told_apart(runs: Path, tenfold_cli: Cli) -> None:
    Image.fromarray(on_paper(write_number("4"))).save("a.png")
    for words, said in (
        (("a.png", "--digit", 3), "--digit is for networks"),
        (("a.png", "--out", "d"), "--out is for networks"),
        (("a", "-o", "f.png"), "--output is for pictures, and a is a network, give --out DIR"),
        (("a", "--single"), "--single is for pictures"),
        (("a", "--page", 2), "--page is for pictures"),
        (("a", "--digit", 1000), "there is no digit 1000"),
        (("a", "--digit", 0, "--as", "11"), "unknown class '11'"),
    ):
        done = tenfold_cli("explain", *words)
        assert done.status == 2
        assert said in done.err
        assert done.err.count("\n") == 1


def test_what_is_no_run(runs: Path, tenfold_cli: Cli) -> None:
    Path("empty").mkdir()
    Path("file").write_bytes(b"")
    for words, said in (
        (("none", "--digit", 3), "there is no picture none, and no run of that name: `tenfold runs` lists"),
        (("runs/none",), "there is no picture runs/none, and no run of that name"),
        (("empty",), "empty is a folder, and no run, for it has no recipe.json"),
        (("a", "--digit", 1, "--out", "file"), "cannot write figures into file: file is a file; name a folder"),
        (("a", "--data", "none"), "there is no data at none"),
    ):
        done = tenfold_cli("explain", *words)
        assert done.status == 1
        assert said in done.err
        assert done.err.count("\n") == 1
        assert done.out == ""
    assert not Path("runs/a/inside").exists()


def test_without_captum(runs: Path, tenfold_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    done = tenfold_cli("explain", "a", "--digit", 5)
    assert (done.status, done.out, done.err.count("\n")) == (1, "", 1)
    assert "pip install 'tenfold[explain]'" in done.err
    assert not Path("runs/a/inside").exists()


def test_a_picture_named_as_a_run_is_a_picture(runs: Path, tenfold_cli: Cli) -> None:
    Path("a").write_bytes(b"")
    Image.fromarray(on_paper(write_number("4"))).save("a", format="PNG")
    done = tenfold_cli("explain", "a")
    assert (done.status, done.out) == (0, "the figure is in a-explained.png\n")
