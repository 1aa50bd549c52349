from pathlib import Path

import numpy as np
import pytest

from conftest import Cli, draw_digits, write_idx
from mnist.test_sources import write_classes
from tenfold.errors import DataError
from tenfold.learn.training.start import train
from tenfold.mnist import named, sources

SOME = draw_digits(60)


@pytest.fixture
def home(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(here / "home"))
    monkeypatch.delenv("HF_HOME", raising=False)
    return here / "home"


@pytest.mark.parametrize(
    "place",
    [
        "data/fashion-mnist",
        "data/FashionMNIST/raw",
        "home/data/FashionMNIST/raw",
        "home/.keras/datasets/fashion-mnist",
        "home/.cache/huggingface/hub/datasets--zalando-datasets--fashion_mnist/snapshots/0f1e",
    ],
)
def test_a_set_is_found_where_its_owners_put_it(home: Path, place: str) -> None:
    write_idx(home.parent / place, SOME, SOME)
    source = sources.load("fashion-mnist")
    assert (source.name, len(source.parts["test"])) == ("fashion-mnist", 60)
    assert source.classes[9] == "ankle boot"


@pytest.mark.parametrize("name", named.SETS)
def test_a_set_that_is_not_here_says_where_to_get_it(home: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "is_dir", lambda _: False)  # as where Debian's packages are not
    with pytest.raises(
        DataError, match=rf"{name} is not on this machine: .*http.*\nand put them into data/{name}/ here"
    ):
        sources.load(name)


def test_one_split_of_emnist_of_all_that_torchvision_has(home: Path) -> None:
    for split, first in (("letters", 1), ("digits", 0)):
        for part in ("train", "test"):
            stem = home.parent / "data" / "EMNIST" / "raw" / f"emnist-{split}-{part}"
            stem.parent.mkdir(parents=True, exist_ok=True)
            from tenfold.mnist import idx

            idx.write(Path(f"{stem}-images-idx3-ubyte"), SOME.images.swapaxes(1, 2).copy())
            idx.write(Path(f"{stem}-labels-idx1-ubyte"), (SOME.labels + first).astype(np.uint8))
    letters = sources.load("emnist-letters")
    assert letters.classes == tuple("abcdefghijklmnopqrstuvwxyz")
    assert (letters.parts["test"].images == SOME.images).all()
    assert sources.load("emnist-digits").classes == tuple("0123456789")


def test_medmnist_is_no_ink(home: Path) -> None:
    (home / ".medmnist").mkdir(parents=True)
    light = 255 - SOME.images
    np.savez(home / ".medmnist" / "breastmnist.npz", train_images=light, train_labels=SOME.labels[:, None] % 2)
    source = sources.load("breastmnist")
    assert source.classes == ("malignant", "normal or benign")
    assert (source.parts["train"].images == light).all()


def test_a_set_that_is_another_is_refused(home: Path) -> None:
    (home / ".medmnist").mkdir(parents=True)
    np.savez(home / ".medmnist" / "breastmnist.npz", train_images=SOME.images, train_labels=SOME.labels)
    with pytest.raises(DataError, match="is not breastmnist, which has 2 classes"):
        sources.load("breastmnist")


def test_what_is_here_comes_before_a_name(home: Path) -> None:
    write_classes(home.parent / "usps", SOME)
    assert sources.load("usps").name == "usps"
    assert len(sources.load("mnist").parts["train"]) == 60_000


def test_a_run_of_a_named_set_is_opened_from_anywhere(
    home: Path, monkeypatch: pytest.MonkeyPatch, tenfold_cli: Cli
) -> None:
    write_idx(home / "data" / "fashion-mnist", draw_digits(300), SOME)
    run = train("mlp", data="fashion-mnist", epochs=1, batch_size=50, hidden=(16,), out=home / "r", quiet=True)
    assert run.recipe.data == "fashion-mnist"
    (home.parent / "elsewhere").mkdir()
    monkeypatch.chdir(home.parent / "elsewhere")
    status, _, err = tenfold_cli("evaluate", home / "r")
    assert status == 0, err
    assert "ankle boot" in (home / "r" / "report.html").read_text(encoding="utf-8")
