"""Each kind of bad input: one line, the right status, nothing half written."""

import errno
import os
from pathlib import Path

import pytest
import torch

from conftest import Cli, draw_digits, write_idx


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() if p.is_file() else b"" for p in sorted(folder.rglob("*"))}


@pytest.fixture
def place(here: Path) -> Path:
    data = write_idx(here / "data", draw_digits(100))
    (here / "short").mkdir()
    for file in data.iterdir():
        (here / "short" / file.name).write_bytes(file.read_bytes())
    images = here / "short" / "train-images-idx3-ubyte"
    images.write_bytes(images.read_bytes()[:500])
    write_idx(here / "differ", draw_digits(100))
    write_idx(here / "fewer", draw_digits(90))
    (here / "differ" / "train-labels-idx1-ubyte.gz").write_bytes(
        (here / "fewer" / "train-labels-idx1-ubyte.gz").read_bytes()
    )
    (here / "magic").mkdir()
    (here / "magic" / "train-images-idx3-ubyte").write_bytes(b"GIF89a")
    (here / "magic" / "train-labels-idx1-ubyte").write_bytes(b"GIF89a")
    torch.save(torch.nn.Linear(2, 2), here / "pickle.pth")
    (here / "full").mkdir()
    (here / "full" / "file").write_text("")
    return here


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        ("train mpl", 2, "did you mean 'mlp'"),
        ("train none.json", 1, "cannot read the recipe none.json"),
        ("train --task parrity", 2, "unknown task 'parrity'"),
        ("train --device gpu", 2, "unknown device 'gpu'"),
        ("train --device xpu", 1, "there is no xpu device here: use --device cpu"),
        ("train --optimizer sgdd", 2, "did you mean 'sgd'"),
        ("train --schedule steps", 2, "did you mean 'step'"),
        ("train --augment rotat=3", 2, "did you mean 'rotate'"),
        ("train --hidden 3,x", 2, "must be whole numbers"),
        ("train --lr 0", 2, "--lr must be above 0, not 0.0"),
        ("train --lr=-1", 2, "--lr must be above 0, not -1.0"),
        ("train --lr nan", 2, "must be a number"),
        ("train --epochs 0", 2, "--epochs must be 1 or more, not 0"),
        ("train --dropout 1.5", 2, "--dropout must be at least 0 and below 1, not 1.5"),
        ("train --lr fast", 2, "--lr must be a number, not fast"),
        ("train --epoch 3", 2, "unknown option --epoch: did you mean --epochs? (see tenfold train --help)"),
        ("train -epochs 3", 2, "unknown option -epochs: did you mean --epochs?"),
        ("train --batch_size=3", 2, "unknown option --batch_size: did you mean --batch-size?"),
        ("doctor --xyz", 2, "unknown option --xyz (see tenfold doctor --help)"),
        ("train --lr", 2, "--lr needs a value (see tenfold train --help)"),
        ("doctor --json=3", 2, "--json takes no value (see tenfold doctor --help)"),
        ("predict --count x", 2, "--count must be a whole number, not x (see tenfold predict --help)"),
        ("explain digit.png --digit 2 --digit 1.5", 2, "--digit must be a whole number, not 1.5"),
        ("serve --threshold x", 2, "--threshold must be a number, not x"),
        ("serve --port 70000", 2, "--port must be from 0 to 65535, not 70000"),
        ("serve --workers 0", 2, "--workers must be 1 or more, not 0"),
        ("save", 2, "RUN is missing: a run, or a safetensors file of one (see tenfold save --help)"),
        ("data export", 2, "DIR is missing: a new or empty folder (see tenfold data export --help)"),
        ("doctor a b", 2, "too many arguments: a b (see tenfold doctor --help)"),
        ("trian", 2, "unknown command 'trian': did you mean 'train'? there are read, explain"),
        ("help trian", 2, "unknown command 'trian'"),
        ("pickle.pth", 2, "to read a picture, tenfold read pickle.pth (see tenfold --help)"),
        (
            "data shwo",
            2,
            "unknown command 'shwo': did you mean 'show'? there are show, verify, export (see tenfold data",
        ),
        ("train mlp --data data --batch-size 1000", 1, "a batch of 1,000 is larger than the 83 training digits"),
        ("train mlp --data nowhere", 1, "there is no data at"),
        ("train mlp --data short", 1, "is truncated"),
        ("train mlp --data magic", 1, "not an IDX file: its magic number is 47494638"),
        ("train mlp --data differ", 1, "has 100 images and 90 labels"),
        ("train mlp --data data --batch-size 9 --out full", 1, "full exists already and is not empty"),
        ("train --resume data", 1, "is not a run: it has no recipe.json"),
        ("train --resume nowhere", 1, "nowhere does not exist"),
        ("train mlp --data data --batch-size 9 --init pickle.pth", 1, "pickle.pth is a pickled object"),
        ("evaluate nowhere", 1, "nowhere does not exist"),
        ("evaluate data", 1, "is not a run"),
        ("evaluate", 1, "there is no finished run in runs: `tenfold train` makes one"),
        ("evaluate pickle.pth", 1, "pickle.pth is a pickled object"),
        ("predict nowhere", 1, "nowhere does not exist"),
        ("save nowhere", 1, "nowhere does not exist"),
        ("recipes mpl", 2, "did you mean 'mlp'"),
        ("recipes --save x.json", 2, "--save needs the name of a recipe"),
        ("data show --part tset", 2, "did you mean 'test'"),
        ("train fast --batch-size 1", 2, "batch normalisation"),
        ("train cnn --resume data", 2, "leave the recipe out"),
        ("data show --data data -o .", 1, "it is a folder"),
        ("train mlp --data data --batch-size 9 --hidden 2000000000", 1, "not enough memory"),
        ("data export full", 1, "not empty"),
        ("data export new --format jpg --data data", 2, "unknown format 'jpg'"),
        ("data verify --folder magic", 1, "not the published MNIST"),
    ],
)
def test_bad_input(tenfold_cli: Cli, place: Path, words: str, status: int, says: str) -> None:
    before = snapshot(place)
    done = tenfold_cli(*words.split())
    assert done.status == status
    assert says in done.err
    assert done.err.startswith("tenfold: ")
    assert done.err.count("\n") == 1
    assert snapshot(place) == before
    assert not (place / "runs").exists()
    assert not (place / "new").exists()


def test_debug_shows_the_traceback_wherever_it_stands(tenfold_cli: Cli, place: Path) -> None:
    from tenfold import cli
    from tenfold.errors import UsageError

    for words in (["--debug", "train", "mpl"], ["train", "mpl", "--debug"]):
        with pytest.raises(UsageError):
            cli.main(words)


def test_an_export_that_fails_leaves_nothing(tenfold_cli: Cli, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = snapshot(place)
    monkeypatch.setattr(os, "fsync", full)
    assert tenfold_cli("data", "export", "new", "--data", "data").status == 1
    assert snapshot(place) == before
    assert not [p for p in place.iterdir() if p.name.startswith(".") or p.name == "new"]


def test_help_tells_the_defaults(tenfold_cli: Cli) -> None:
    assert "[default: one for each core]" in " ".join(tenfold_cli("read", "--help").out.replace("│", " ").split())
