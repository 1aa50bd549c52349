from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from conftest import draw_digits, write_idx
from learn.explain.small import film_of
from tenfold.errors import RunError
from tenfold.learn import networks
from tenfold.learn.digits import dataset
from tenfold.learn.explain import film
from tenfold.learn.explain.animation import FRAME, PAUSE
from tenfold.learn.explain.film import Watch
from tenfold.learn.networks import NETWORKS
from tenfold.learn.networks.inference import grey, normalise
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.training import runs
from tenfold.learn.training.checkpoint import State
from tenfold.learn.training.runs import Run
from tenfold.mnist.sources import IN_MEMORY, Source

THIN: dict[str, Any] = {"channels": (4, 8), "hidden": (16,), "batch_size": 50, "device": "cpu"}


def state_of(network: torch.nn.Sequential, optimizer: torch.optim.Optimizer | None = None, epoch: int = 0) -> State:
    optimizer = optimizer or torch.optim.SGD(network.parameters(), 0.1)
    return State(network, optimizer, [], "", {}, epoch=epoch)


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
    """A training with a watcher, from epoch `first` to `last`: what `train` does, as far as a watcher can tell."""
    material = dataset.load(recipe, torch.device("cpu"))
    torch.manual_seed(0)
    network = network or networks.build(recipe, len(material.task.classes))
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    run = Run(out, recipe) if (out / "recipe.json").is_file() else runs.create(recipe, out)
    steps = len(material.images) // recipe.batch_size
    watch.begin(run)
    state = state_of(network, optimizer, epoch=first)
    if first == 0 and inside:
        watch.step(state, steps)
    for epoch in range(first, recipe.epochs if last is None else last):
        network.train()
        for step in range(steps):
            rows = slice(step * recipe.batch_size, (step + 1) * recipe.batch_size)
            loss = F.cross_entropy(network(normalise(grey(material.images[rows]))), material.labels[rows])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            state.step += 1
            if inside:
                watch.step(state, steps)
        state.epoch, state.step = epoch + 1, 0
        watch.epoch(state)
    if last is None:
        watch.end(run)
    watch.close()
    return run, network


@pytest.mark.parametrize("name", NETWORKS)
def test_a_training_becomes_a_film(name: str, data: Path, tmp_path: Path) -> None:
    recipe = Recipe(network=name, data=str(data), epochs=2, **THIN)
    run, _ = watched(recipe, tmp_path / "run", Watch(looks=6))
    assert {path.name for path in run.path.iterdir()} == {"recipe.json", "training.gif", "training.png", "training.npz"}
    seen = film_of(run.path)
    steps = sorted(film.planned(20, 6) | {10})
    assert seen.epochs == pytest.approx([step / 10 for step in steps], abs=1e-6)
    assert seen.points.shape == (len(steps), 100, 2)  # a sixth of 600 digits validate
    assert seen.filters.shape[1] == (16 if name in ("mlp", "mish") else 4)
    assert name != "mlp" or seen.accuracy[-1] > seen.accuracy[0]
    assert 0 < seen.share <= 1.0001
    assert seen.part == "validation"
    with Image.open(run.path / "training.gif") as moving:
        assert moving.is_animated  # type: ignore[attr-defined]
        assert moving.n_frames == len(steps)  # type: ignore[attr-defined]
        assert moving.size == (960, 540)
        for k in range(len(steps)):
            moving.seek(k)
            assert moving.info["duration"] == (PAUSE if k == len(steps) - 1 else FRAME)
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
    first, second = film_of(whole.path), film_of(parts.path)
    assert (first.epochs == second.epochs).all()
    assert (first.answers[:before] == second.answers[:before]).all()


def test_what_was_seen_when_it_stopped_is_kept(data: Path, tmp_path: Path) -> None:
    recipe = Recipe(network="mlp", data=str(data), epochs=1, **THIN)
    watch, run = Watch(looks=4), runs.create(recipe, tmp_path / "run")
    watch.begin(run)
    watch.step(state_of(networks.build(recipe, 10)), 10)
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
    assert film_of(run.path).epochs.tolist() == [1, 2, 3]


def test_a_long_training_has_few_looks(data: Path, tmp_path: Path) -> None:
    recipe = Recipe(network="mlp", data=str(data), epochs=9, **THIN)
    run, _ = watched(recipe, tmp_path / "run", Watch(looks=4), inside=False)
    assert film_of(run.path).epochs.tolist() == [3, 6, 9]


@pytest.mark.parametrize("final", [False, True])
def test_the_digits_are_not_those_of_the_test(final: bool, tmp_path: Path) -> None:
    train, test = draw_digits(120), draw_digits(60, seed=1)
    bright = np.full_like(test.images, 255)
    bright[:, 0, 0] = 0  # images of one grey value are none
    test = replace(test, images=bright)
    recipe = Recipe(data=str(write_idx(tmp_path / "d", train, test)), final=final)
    digits, classes, part = film._digits(recipe, None)
    assert len(digits) == (120 if final else 20)
    assert part == ("training" if final else "validation")
    assert classes == tuple("0123456789")
    assert digits.images.mean() < 150


def test_the_digits_are_those_that_the_training_validates_on(data: Path) -> None:
    recipe = Recipe(data=str(data), task="parity")
    digits, classes, _ = film._digits(recipe, None)
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
    watch.step(state_of(networks.build(run.recipe, 10)), 2)
    watch.end(run)
    watch.close()
    assert sorted(film_of(run.path).labels) == sorted(draw_digits(30, seed=2).labels)


def test_the_plan_is_finest_at_the_start() -> None:
    plan = sorted(film.planned(260, 48))
    assert plan[0] == 0
    assert plan[-1] == 260
    assert plan[:6] == [0, 1, 2, 3, 4, 5]
    assert (np.diff(plan) <= 20).all()
    assert len(film.planned(100_000, 48)) == 49


def test_a_damaged_look(data: Path, tmp_path: Path) -> None:
    run = runs.create(Recipe(network="mlp", data=str(data), epochs=1, **THIN), tmp_path / "run")
    (run.path / "watch").mkdir()
    (run.path / "watch" / "0000000.0000000.npz").write_bytes(b"no")
    watch = Watch()
    watch.begin(run)
    with pytest.raises(RunError, match="damaged: remove it, then resume the run"):
        watch.end(run)
