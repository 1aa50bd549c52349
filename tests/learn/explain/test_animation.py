from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tenfold.learn.explain.animation import Film, animate, developed, sheet


def test_colours_are_those_of_the_weights(tmp_path: Path) -> None:
    # The extremes are in a frame that the palette is not made of, and white is what is most frequent.
    weights = np.zeros((4, 1, 5, 5), np.float32)
    weights[1, 0, 2, 2], weights[1, 0, 0, 0] = 1.0, -1.0
    film = Film(
        epochs=np.arange(4.0),
        points=np.random.default_rng(0).normal(size=(4, 50, 2)).astype(np.float32),
        labels=np.arange(50) % 10,
        answers=np.zeros((4, 50), np.int64),
        filters=weights,
        classes=np.array(tuple("0123456789")),
        share=1.0,
        part="validation",
    )
    with Image.open(animate(film, tmp_path / "f.gif")) as moving:
        moving.seek(1)
        shown = np.asarray(moving.convert("RGB")).astype(int)
    panel = shown[60:350, 570:950]
    for color in ((103, 0, 31), (5, 48, 97)):  # the ends of the scale
        assert (np.abs(panel - color).max(2) <= 8).sum() > 100
    assert (shown[0, 0] == 255).all(), "white stays white, on a white slide"


def look(folder: Path, at: float, embeddings: NDArray[Any]) -> None:
    np.savez(
        folder / f"{at:013.7f}.npz",
        embeddings=embeddings.astype(np.float16),
        answers=np.zeros(len(embeddings), np.uint8),
        filters=np.ones((2, 3, 3), np.float16),
    )


def test_few_classes_are_shown_on_the_principal_axes_of_the_last_look(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    last = generator.normal(size=(50, 6))
    last = np.linalg.qr(last - last.mean(0))[0] * [90, 40, 1, 1, 1, 1]  # which has these axes
    look(tmp_path, 0.0, last * 0.5 + 3)
    look(tmp_path, 1.0, last)
    film = developed(tmp_path, np.arange(50) % 2, ("a", "b"), "training")
    assert film.share > 0.99
    scale = np.sqrt(np.square(last).sum(1).mean())
    assert np.allclose(np.abs(film.points[1]), np.abs(last[:, :2]) / scale, atol=0.01)
    assert np.allclose(film.points[0], film.points[1], atol=0.02), "axes stay, and growing is no movement"


def test_many_classes_stand_in_a_ring(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    labels = np.arange(200) % 10
    middles = generator.normal(size=(10, 32)) * 4
    last = middles[labels] + generator.normal(size=(200, 32)) * 0.3
    look(tmp_path, 0.0, generator.normal(size=(200, 32)))
    look(tmp_path, 1.0, last)
    film = developed(tmp_path, labels, tuple("0123456789"), "training")
    places = np.stack([film.points[1][labels == k].mean(0) for k in range(10)])
    assert np.allclose(np.hypot(*places.T), 1, atol=0.05)
    turns = np.sort(np.arctan2(*places.T))
    assert np.allclose(np.diff(turns), np.pi / 5, atol=0.05)
    early = np.stack([film.points[0][labels == k].mean(0) for k in range(10)])
    assert np.hypot(*early.T).max() < 0.5, "what was not learnt yet is not told apart"


def test_a_single_look_can_be_drawn(tmp_path: Path) -> None:
    film = Film(
        epochs=np.array([1.0]),
        points=np.zeros((1, 3, 2), np.float32),
        labels=np.array([0, 1, 1]),
        answers=np.array([[0, 1, 0]]),
        filters=np.zeros((1, 1, 3, 3), np.float32),
        classes=np.array(["$a$", "b"]),
        share=1.0,
        part="training",
    )
    assert animate(film, tmp_path / "f.gif").is_file()
    assert sheet(film).axes
