from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from conftest import draw_digits, write_idx
from tenfold.errors import RunError
from tenfold.learn import networks
from tenfold.learn.digits import dataset
from tenfold.learn.explain import film as animation
from tenfold.learn.explain.film import Film, Watch
from tenfold.learn.networks.inference import grey, normalise
from tenfold.learn.recipes.recipe import NETWORKS, Recipe
from tenfold.learn.training import runs
from tenfold.learn.training.checkpoint import Epoch
from tenfold.learn.training.runs import Run
from tenfold.mnist.sources import IN_MEMORY, Source

THIN: dict[str, Any] = {"channels": (4, 8), "hidden": (16,), "batch_size": 50, "device": "cpu"}


def watched(
    recipe: Recipe,
    out: Path,
    watch: Watch,
    *,
    first: int = 0,
    last: int | None = None,
    inside: bool = True,
    network: torch.nn.Sequential | None = None,
) -> tuple[Run, torch.nn.Sequential]:
    """A training with an onlooker, from epoch `first` to `last`: what `train` does, as far as an onlooker can tell."""
    material = dataset.load(recipe, torch.device("cpu"))
    torch.manual_seed(0)
    network = network or networks.build(recipe, len(material.task.classes))
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    run = Run(out, recipe) if (out / "recipe.json").is_file() else runs.create(recipe, out)
    steps = len(material.images) // recipe.batch_size
    watch.begin(run)
    if first == 0 and inside:
        watch.step(0, steps * recipe.epochs, network)
    for epoch in range(first, recipe.epochs if last is None else last):
        network.train()
        for step in range(steps):
            rows = slice(step * recipe.batch_size, (step + 1) * recipe.batch_size)
            loss = F.cross_entropy(network(normalise(grey(material.images[rows]))), material.labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if inside:
                watch.step(epoch * steps + step + 1, recipe.epochs * steps, network)
        watch.epoch(Epoch(epoch + 1, 0.0, 0.0, None, None, 0.0, 0.0), network)
    if last is None:
        watch.end(run)
    watch.close()
    return run, network


@pytest.mark.parametrize("name", NETWORKS)
def test_a_training_becomes_a_film(name: str, data: Path, tmp_path: Path) -> None:
    recipe = Recipe(network=name, data=str(data), epochs=2, **THIN)
    run, _ = watched(recipe, tmp_path / "run", Watch(looks=6))
    assert {path.name for path in run.path.iterdir()} == {"recipe.json", "training.gif", "training.png", "training.npz"}
    film = animation.opened(run)
    steps = sorted(animation.planned(20, 6) | {10})
    assert film.epochs == pytest.approx([step / 10 for step in steps], abs=1e-6)
    assert film.points.shape == (len(steps), 100, 2)  # a sixth of 600 digits validate
    assert film.filters.shape[1] == (16 if name in ("mlp", "mish") else 4)
    assert film.accuracy[-1] > film.accuracy[0] or name == "separable"  # two layers of it, averaged, see no shapes
    assert 0 < film.share <= 1.0001
    assert film.part == "validation"
    with Image.open(run.path / "training.gif") as moving:
        assert moving.is_animated  # type: ignore[attr-defined]
        assert moving.n_frames == len(steps)  # type: ignore[attr-defined]
        assert moving.size == (960, 540)
        for k in range(len(steps)):
            moving.seek(k)
            assert moving.info["duration"] == (animation.PAUSE if k == len(steps) - 1 else animation.FRAME)
    with Image.open(run.path / "training.png") as still:
        assert min(still.size) > 400


def test_nothing_is_disturbed(data: Path, tmp_path: Path) -> None:
    recipe = Recipe(network="cnn", data=str(data), epochs=1, dropout=0.3, **THIN)
    _, seen = watched(recipe, tmp_path / "a", Watch(looks=10))
    state = torch.get_rng_state()
    _, unseen = watched(recipe, tmp_path / "b", Watch(looks=1), inside=False)
    assert torch.equal(state, torch.get_rng_state())
    for one, other in zip(seen.state_dict().values(), unseen.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    assert seen.training == unseen.training


def test_a_resumed_run_goes_on_with_its_film(data: Path, tmp_path: Path) -> None:
    recipe = Recipe(network="mlp", data=str(data), epochs=3, **THIN)
    whole, _ = watched(recipe, tmp_path / "whole", Watch(looks=8))
    half, network = watched(recipe, tmp_path / "parts", Watch(looks=8), last=1)
    assert not (half.path / "training.gif").exists()
    before = len(list((half.path / "watch").iterdir()))
    assert before > 3
    parts, _ = watched(recipe, tmp_path / "parts", Watch(looks=8), first=1, network=network)
    first, second = animation.opened(whole), animation.opened(parts)
    assert (first.epochs == second.epochs).all()
    assert (first.answers[:before] == second.answers[:before]).all()


def test_what_was_seen_when_it_stopped_is_kept(data: Path, tmp_path: Path) -> None:
    recipe = Recipe(network="mlp", data=str(data), epochs=1, **THIN)
    watch, run = Watch(looks=4), runs.create(recipe, tmp_path / "run")
    watch.begin(run)
    watch.step(0, 10, networks.build(recipe, 10))
    assert not (run.path / "watch").exists()  # a copy costs little, working it out more
    watch.close()
    assert len(list((run.path / "watch").iterdir())) == 1


def test_a_finished_run_that_is_resumed_keeps_its_film(data: Path, tmp_path: Path) -> None:
    recipe = Recipe(network="mlp", data=str(data), epochs=1, **THIN)
    run, network = watched(recipe, tmp_path / "run", Watch(looks=4))
    before = (run.path / "training.gif").read_bytes()
    watched(recipe, run.path, Watch(looks=4), first=1, network=network)
    assert (run.path / "training.gif").read_bytes() == before


def test_without_looks_inside_the_epochs(data: Path, tmp_path: Path) -> None:
    recipe = Recipe(network="mlp", data=str(data), epochs=3, **THIN)
    run, _ = watched(recipe, tmp_path / "run", Watch(), inside=False)
    assert animation.opened(run).epochs.tolist() == [1, 2, 3]


def test_a_long_training_has_few_looks(data: Path, tmp_path: Path) -> None:
    recipe = Recipe(network="mlp", data=str(data), epochs=9, **THIN)
    run, _ = watched(recipe, tmp_path / "run", Watch(looks=4), inside=False)
    assert animation.opened(run).epochs.tolist() == [3, 6, 9]


def test_copies_are_worked_out_before_they_take_much_memory(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(animation, "MEMORY", 1)
    recipe = Recipe(network="mlp", data=str(data), epochs=1, **THIN)
    watch, run = Watch(looks=4), runs.create(recipe, tmp_path / "run")
    watch.begin(run)
    watch.step(0, 10, networks.build(recipe, 10))
    assert len(list((run.path / "watch").iterdir())) == 1


@pytest.mark.parametrize("final", [False, True])
def test_the_digits_are_not_those_of_the_test(final: bool, tmp_path: Path) -> None:
    train, test = draw_digits(120), draw_digits(60, seed=1)
    test = replace(test, images=np.full_like(test.images, 255))
    recipe = Recipe(data=str(write_idx(tmp_path / "d", train, test)), final=final)
    digits, classes, part = animation._digits(recipe, None)
    assert len(digits) == (120 if final else 20)
    assert part == ("training" if final else "validation")
    assert classes == tuple("0123456789")
    assert digits.images.mean() < 150


def test_the_digits_are_those_that_the_training_validates_on(data: Path) -> None:
    recipe = Recipe(data=str(data), task="parity")
    digits, classes, _ = animation._digits(recipe, None)
    material = dataset.load(recipe, torch.device("cpu"))
    assert material.val_images is not None
    assert material.val_labels is not None
    order = np.random.default_rng(0).permutation(len(digits))
    assert (digits.images == material.val_images.numpy()[order]).all()
    assert (digits.labels == material.val_labels.numpy()[order]).all()
    assert classes == ("even", "odd")


def test_digits_in_memory_are_looked_at(tmp_path: Path) -> None:
    source = Source("mine", draw_digits(120), draw_digits(30, seed=2))
    run = runs.create(Recipe(network="mlp", data=IN_MEMORY, epochs=1, **THIN), tmp_path / "run")
    watch = Watch(looks=2, source=source)
    watch.begin(run)
    watch.step(0, 2, networks.build(run.recipe, 10))
    watch.end(run)
    watch.close()
    assert sorted(animation.opened(run).labels) == sorted(draw_digits(30, seed=2).labels)


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
    with Image.open(animation.animate(film, tmp_path / "f.gif")) as moving:
        moving.seek(1)
        shown = np.asarray(moving.convert("RGB")).astype(int)
    panel = shown[60:350, 570:950]
    for color in ((103, 0, 31), (5, 48, 97)):  # the ends of the scale
        assert (np.abs(panel - color).max(2) <= 8).sum() > 100
    assert (shown[0, 0] == 255).all(), "white stays white, on a white slide"


def test_the_plan_is_finest_at_the_start() -> None:
    plan = sorted(animation.planned(260, 48))
    assert plan[0] == 0
    assert plan[-1] == 260
    assert plan[:6] == [0, 1, 2, 3, 4, 5]
    assert (np.diff(plan) <= 20).all()
    assert len(animation.planned(100_000, 48)) == 49


def look(folder: Path, at: float, embeddings: np.ndarray) -> None:
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
    film = animation.developed(tmp_path, np.arange(50) % 2, ("a", "b"), "training")
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
    film = animation.developed(tmp_path, labels, tuple("0123456789"), "training")
    places = np.stack([film.points[1][labels == k].mean(0) for k in range(10)])
    assert np.allclose(np.hypot(*places.T), 1, atol=0.05)
    turns = np.sort(np.arctan2(*places.T))
    assert np.allclose(np.diff(turns), np.pi / 5, atol=0.05)
    early = np.stack([film.points[0][labels == k].mean(0) for k in range(10)])
    assert np.hypot(*early.T).max() < 0.5, "what was not learnt yet is not told apart"


def test_what_is_no_film(data: Path, tmp_path: Path) -> None:
    run = runs.create(Recipe(data=str(data)), tmp_path / "run")
    with pytest.raises(RunError, match="train it with --watch"):
        animation.opened(run)
    (run.path / "training.npz").write_bytes(b"no")
    with pytest.raises(RunError, match="damaged"):
        animation.opened(run)
    (run.path / "watch").mkdir()
    (run.path / "watch" / "0000000.0000000.npz").write_bytes(b"no")
    with pytest.raises(RunError, match="damaged"):
        animation.developed(run.path / "watch", np.zeros(1, np.int64), ("a",), "training")


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
    assert animation.animate(film, tmp_path / "f.gif").is_file()
    assert animation.sheet(film).axes
