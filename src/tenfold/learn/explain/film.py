"""A training as a film: how the digits part in front of the last layer, and the first filters, from look to look.

A look is taken after every epoch, and between them where `step` is called: often at the start, where most happens.
"""

import functools
import math
import shutil
from dataclasses import asdict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tenfold import files
from tenfold.learn.digits import dataset
from tenfold.learn.explain.animation import POWER, animate, developed, sheet
from tenfold.learn.explain.digit_map import embed
from tenfold.learn.explain.filters import first_weights
from tenfold.learn.figures import save
from tenfold.learn.recipes import tasks
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.training.checkpoint import State
from tenfold.learn.training.runs import Run
from tenfold.learn.training.watchers import Watcher
from tenfold.mnist import sources
from tenfold.mnist.digits import Digits
from tenfold.mnist.sources import Source

SHOWN = 500  # validation digits
LOOKS = 48  # planned over a whole training
FILTERS = 35  # of the first layer, at most
FOLDER = "watch"  # in the run folder, while it is learnt


class Watch(Watcher):
    """A watcher of training that leaves training.gif, training.png and training.npz in the run folder.

    Its looks are in the folder `watch` until the end, so that a resumed run has the whole film. It looks at validation
    digits, or at training digits where there are none, and changes nothing: no random number is drawn. The digits come
    from `source` where the training has them in memory.
    """

    def __init__(self, looks: int = LOOKS, source: Source | None = None) -> None:
        self._looks, self._source = looks, source

    def begin(self, run: Run) -> None:
        """The run folder is there, and the next step follows."""
        self._run = run
        self._digits, self._classes, self._part = _digits(run.recipe, self._source)

    def step(self, state: State, steps: int) -> None:
        """A step is done, or the first is to come. Costs nothing but at the planned ones."""
        done = state.epoch * steps + state.step
        if done in planned(self._run.recipe.epochs * steps, self._looks):
            self._look(done / steps, state.network)

    def epoch(self, state: State) -> None:
        """An epoch is done. The network is left as it is."""
        every = math.ceil(self._run.recipe.epochs / self._looks)
        if state.epoch % every == 0 or state.epoch == self._run.recipe.epochs:
            self._look(state.epoch, state.network)

    def end(self, run: Run) -> None:
        """The training is finished: the film is made. Without looks, what is there is left."""
        folder = run.path / FOLDER
        if not any(folder.glob("*.npz")):
            return
        film = developed(folder, self._digits.labels, self._classes, self._part)
        with files.file(run.path / "training.npz") as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, **asdict(film))
        animate(film, run.path / "training.gif", run.path.name)
        save(sheet(film, f"Training {run.path.name}"), run.path / "training.png")
        shutil.rmtree(folder, ignore_errors=True)

    def _look(self, at: float, network: nn.Sequential) -> None:
        """What the network makes of the digits, into a file."""
        embeddings, logits = embed(network, torch.from_numpy(self._digits.images))
        with files.file(self._run.path / FOLDER / f"{at:013.7f}.npz") as temporary, open(temporary, "wb") as file:
            np.savez(
                file,
                embeddings=_half(embeddings),
                answers=logits.argmax(1).numpy().astype(np.uint8),
                filters=_half(first_weights(network)[:FILTERS].cpu()),
            )


@functools.cache
def planned(steps: int, looks: int) -> frozenset[int]:
    """After which of so many steps to look: before the first, after the last, and the closer the earlier between."""
    return frozenset(round(steps * (k / looks) ** POWER) for k in range(looks + 1))


def _digits(recipe: Recipe, source: Source | None) -> tuple[Digits, tuple[str, ...], str]:
    """The digits to look at, the names of their classes, and the part of the data that they are of.

    They are drawn from the validation digits, or from those of training where there are none.
    """
    source = source or sources.load(recipe.data)
    task = tasks.parse(recipe.task, source.classes)
    training, validation = source.split(recipe.val_size, final=recipe.final)
    digits = None if validation is None else task.apply(validation)
    if recipe.mix:  # then those are MNIST's
        digits = dataset.held_out(recipe, None)
    part = "training" if digits is None else "validation"
    digits = task.apply(training) if digits is None else digits
    return digits.take(np.random.default_rng(0).permutation(len(digits))[:SHOWN]), task.classes, part


def _half(values: Tensor) -> NDArray[np.float16]:
    """Values as 16-bit floats, which is enough to draw; what these cannot hold is made as large as they can be."""
    half: NDArray[np.float16] = values.nan_to_num().clamp(-60_000, 60_000).numpy().astype(np.float16)
    return half
