"""What a training learns from, as tensors on its device."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tenfold.errors import DataError, UsageError
from tenfold.learn.digits import outliers, pens, styles
from tenfold.learn.recipes import tasks
from tenfold.learn.recipes.recipe import Recipe
from tenfold.mnist import DIGITS, sources
from tenfold.mnist.digits import Digits
from tenfold.progress import track

OFTEN = 50  # times an epoch that a class of a user's own digits is learnt from where MNIST is mixed in
MOST = 25  # times for each digit, where there are few; and once at least, where there are many
MANY = 1_000  # own digits from which a part can be spared to check by


@dataclass(frozen=True)
class Dataset:
    """What a training learns from, on its device: images uint8 (N, 28, 28) and labels int64 (N,).

    A recipe with outliers has them among its images, labelled with the number after the last class.
    """

    images: Tensor
    labels: Tensor
    val_images: Tensor | None
    val_labels: Tensor | None
    task: tasks.Task
    source: sources.Source
    distances: Tensor | None = None  # uint8 (N, 56, 56), see `pens`; for recipes with pictures
    own_images: Tensor | None = None  # with mix: a user's own digits to check by, those held out or else all
    own_labels: Tensor | None = None


def load(recipe: Recipe, device: torch.device, source: sources.Source | None = None) -> Dataset:
    """The digits that a recipe learns from, split, labelled as its task has it, on the device.

    They are those of its `data`, or of a `source` that is in memory.

    With `mix` they are MNIST's, and a user's own come along: few of them all, of MANY as many as a split leaves.

    Raises DataError, FormatError or UsageError when they cannot be had or do not fit the recipe.
    """
    source = source or sources.load(recipe.data, track=track)
    task = tasks.parse(recipe.task, source.classes)
    own, held = _own(source, task, recipe) if recipe.mix else (None, None)
    training, validation = _mnist(recipe) if recipe.mix else source.split(recipe.val_size, final=recipe.final)
    learnt = task.apply(training).labels
    validation = None if validation is None else task.apply(validation)
    along = "" if source.embedded or source.classes != DIGITS else ", or learn MNIST's along with --mix 6000"
    if len(np.unique(learnt)) < 2:
        raise DataError(f"{source.name} has training digits of one class only: there must be two or more{along}")
    if recipe.batch_size > len(learnt):
        raise DataError(
            f"a batch of {recipe.batch_size:,} is larger than the {len(learnt):,} training digits: "
            f"give a smaller --batch-size{along}"
        )
    if recipe.patience and validation is None:
        raise UsageError("--patience needs validation digits to go by, and --val-size 0 leaves none")
    if recipe.styles:
        if source.classes != DIGITS:
            raise UsageError(f"--styles draws the ten digits, and {source.name} has other classes: give --styles 0")
        training = sources.join(training, styles.draw(recipe.styles, np.random.default_rng([recipe.seed, 1])))
    shapes = outliers.draw(recipe.outliers, training, np.random.default_rng(recipe.seed)) if recipe.outliers else None
    training = task.apply(training)
    if shapes is not None:
        nothing = np.full(len(shapes), len(task.classes), np.int64)  # a class of its own, after the others
        training = sources.join(training, Digits(shapes, nothing))
    if own is not None:
        training = sources.join(training, own)
    images, labels = _tensors(training, device)
    distances = pens.distances(images.cpu(), track).to(device) if recipe.pictures else None
    if own is not None:
        times = _times(own)
        others = len(images) - len(own)
        index = np.concatenate([np.arange(others), others + np.repeat(np.arange(len(own)), times)])
        again = torch.from_numpy(index).to(device)
        images, labels, distances = images[again], labels[again], None if distances is None else distances[again]
        source = replace(source, notes=(*source.notes, *_notes(own, held, validation, times.sum(), task, recipe)))
    val_images, val_labels = (None, None) if validation is None else _tensors(validation, device)
    own_images, own_labels = (None, None) if own is None else _tensors(own if held is None else held, device)
    return Dataset(images, labels, val_images, val_labels, task, source, distances, own_images, own_labels)


def held_out(recipe: Recipe, checksum: str | None) -> Digits | None:
    """The validation digits of a recipe, labelled as its task has it; None if it has none.

    Also None if the data is no longer what had this SHA-256: the model may have learnt from what it holds now. Where
    MNIST is mixed in they are MNIST's, whatever has become of a user's own digits.

    Raises DataError when the data cannot be had.
    """
    if recipe.mix:
        validation, classes = _mnist(recipe)[1], DIGITS
    else:
        source = sources.load(recipe.data, track=track)
        validation, classes = source.split(recipe.val_size, final=recipe.final)[1], source.classes
        validation = validation if source.checksum == checksum else None
    return None if validation is None else tasks.parse(recipe.task, classes).apply(validation)


def _mnist(recipe: Recipe) -> tuple[Digits, Digits | None]:
    """As many of MNIST's training digits as the recipe mixes in, drawn by its seed, and MNIST's validation digits."""
    training, validation = sources.load().split(final=recipe.final)
    some = np.random.default_rng([recipe.seed, 2]).permutation(len(training))[: recipe.mix]
    return training.take(np.sort(some)), validation


def _own(source: sources.Source, task: tasks.Task, recipe: Recipe) -> tuple[Digits, Digits | None]:
    """A user's own digits where MNIST is mixed in: those to learn from, and those held out, if any are.

    Few are all learnt from. Of MANY a share is held out as ever, and always with --val-size or a validation part.
    """
    if source.classes != DIGITS:
        shown = ", ".join(source.classes[:5]) + (", …" if len(source.classes) > 5 else "")
        raise UsageError(
            f"--mix learns MNIST's ten digits along, and {source.name} has the classes {shown}: "
            "name its folders 0 to 9, or give --mix 0 and --new-head"
        )
    few = source.train is not None and len(source.train) < MANY
    own, held = source.split(0 if few and recipe.val_size is None else recipe.val_size, final=recipe.final)
    return task.apply(own), None if held is None else task.apply(held)


def _times(own: Digits) -> NDArray[np.int64]:
    """How often an epoch each of a user's own digits is learnt from: (N,). Few of a class come the oftener."""
    alike = np.bincount(own.labels)[own.labels]  # of the same class
    return np.clip(np.round(OFTEN / alike), 1, MOST).astype(np.int64)


def _notes(
    own: Digits, held: Digits | None, validation: Digits | None, times: int, task: tasks.Task, recipe: Recipe
) -> tuple[str, str]:
    """What a user must know of the mixture, in two sentences."""
    counts = {name: int((own.labels == k).sum()) for k, name in enumerate(task.classes)}
    each = ", ".join(f"{count:,} x {name}" for name, count in counts.items() if count)
    out = "none of them is" if held is None else f"{len(held):,} more are"
    seen = "" if validation is None else f"; validation is on {len(validation):,} of MNIST's, to show what is forgotten"
    return (
        f"{len(own):,} digits of yours ({each}), {times:,} times an epoch in all, along with {recipe.mix:,} of MNIST's",
        f"{out} held out{seen}",
    )


def _tensors(digits: Digits, device: torch.device) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(digits.images).to(device), torch.from_numpy(digits.labels).to(device)
