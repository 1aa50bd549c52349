"""`tenfold train --watch`."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import Cli
from learn.explain.small import film_of
from tenfold.learn.explain import film
from tenfold.learn.explain.animation import FRAME, PAUSE
from tenfold.learn.stopping import Stop
from tenfold.learn.training import start

FEW = ("--batch-size", 50, "--hidden", 16, "--device", "cpu", "--quiet")
FILES = {"training.gif", "training.png", "training.npz"}


class StopAfter(Stop):
    """Ctrl-C between two steps, after `asked` was read so many times."""

    limit = 10**9

    @property
    def asked(self) -> bool:
        StopAfter.limit -= 1
        return StopAfter.limit < 0

    @asked.setter
    def asked(self, _: bool) -> None: ...


@pytest.fixture
def stopping(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(start, "Stop", StopAfter)
    return monkeypatch


def made(run: str) -> set[str]:
    """What of a film is in a run folder, and what is left of its making."""
    return {p.name for p in Path(run).iterdir() if p.name.startswith(("training.", "watch", "."))}


def frames(run: str) -> list[int]:
    """The durations of a film's frames, in milliseconds."""
    found = []
    with Image.open(Path(run) / "training.gif") as moving:
        for k in range(moving.n_frames):  # type: ignore[attr-defined]
            moving.seek(k)
            found.append(moving.info["duration"])
    return found


def test_a_training_is_saved_as_a_film(here: Path, data: Path, tenfold_cli: Cli) -> None:
    # 500 digits in batches of 50: ten steps an epoch
    done = tenfold_cli("train", "mlp", "--data", data, "--epochs", 2, "--watch", "--out", "run", *FEW[:-1])
    assert done.status == 0, done.err
    assert "the film is run/training.gif, its moments side by side run/training.png" in done.out.splitlines()
    assert made("run") == FILES
    looks = sorted(film.planned(20, film.LOOKS) | {10})
    assert frames("run") == [FRAME] * (len(looks) - 1) + [PAUSE]
    with np.load("run/training.npz", allow_pickle=False) as archive:
        assert {name: archive[name].shape for name in archive.files} == {
            "epochs": (len(looks),),
            "points": (len(looks), 100, 2),
            "labels": (100,),
            "answers": (len(looks), 100),
            "filters": (len(looks), 16, 28, 28),
            "classes": (10,),
            "share": (),
            "part": (),
        }
        assert archive["epochs"] == pytest.approx(np.array(looks) / 10)
        assert np.isfinite(archive["points"]).all()


@pytest.mark.parametrize("after", [4, 11, 15])  # in the first epoch, at its end, in the second
def test_a_film_that_was_stopped_goes_on(
    here: Path, data: Path, tenfold_cli: Cli, stopping: pytest.MonkeyPatch, after: int
) -> None:
    stopping.setattr(film, "Watch", partial(film.Watch, looks=12))  # which is enough here
    words = ("train", "mlp", "--data", data, "--epochs", 2, "--watch", *FEW)
    assert tenfold_cli(*words, "--out", "whole").status == 0
    stopping.setattr(StopAfter, "limit", after)
    done = tenfold_cli(*words, "--out", "parts")
    assert (done.status, done.err.count("\n")) == (130, 1)
    assert made("parts") == {"watch"}, "no film, and nothing half made"
    assert {path.suffix for path in Path("parts/watch").iterdir()} == {".npz"}
    stopping.setattr(StopAfter, "limit", 10**9)
    assert tenfold_cli("train", "--resume", "parts", "--watch", "-q").status == 0
    assert made("parts") == FILES
    whole, parts = film_of("whole"), film_of("parts")
    assert parts.epochs.tolist() == whole.epochs.tolist(), "no frame is lost, none is doubled"
    for name in ("points", "answers", "filters"):
        assert np.array_equal(getattr(parts, name), getattr(whole, name)), name
    assert frames("parts") == frames("whole")


def test_a_film_of_two_classes(here: Path, data: Path, tenfold_cli: Cli) -> None:
    done = tenfold_cli(
        "train", "mlp", "--data", data, "--task", "parity", "--watch", "--epochs", 1, "--out", "run", *FEW
    )
    assert done.status == 0, done.err
    seen = film_of("run")
    assert seen.classes.tolist() == ["even", "odd"]
    assert set(seen.labels.tolist()) == set(seen.answers[-1].tolist()) == {0, 1}
    assert len(frames("run")) == len(seen.epochs)


def test_a_training_that_diverges_has_no_film(here: Path, data: Path, tenfold_cli: Cli) -> None:
    words = ("--optimizer", "sgd", "--lr", 1e20, "--epochs", 2, "--watch", "--out", "run", *FEW)
    done = tenfold_cli("train", "mlp", "--data", data, *words)
    assert done.status == 1
    assert "the loss became" in done.err
    assert done.err.count("\n") == 1
    assert not made("run") & FILES
    assert not [name for name in made("run") if name.startswith(".")]


def test_early_stopping_ends_the_film_where_the_training_ended(here: Path, data: Path, tenfold_cli: Cli) -> None:
    words = ("--lr", 0.05, "--epochs", 12, "--patience", 1, "--watch", "--out", "run", *FEW)
    assert tenfold_cli("train", "mlp", "--data", data, *words).status == 0
    epochs = len(Path("run/metrics.csv").read_text().splitlines()) - 1
    assert epochs < 12
    assert film_of("run").epochs[-1] == epochs
