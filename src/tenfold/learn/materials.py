"""What a training learns from, as tensors on its device."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tenfold.errors import DataError, UsageError
from tenfold.learn import outliers, pens, styles, tasks
from tenfold.learn.progress import track
from tenfold.learn.recipe import Recipe
from tenfold.mnist import sources
from tenfold.mnist.digits import Digits


@dataclass(frozen=True)
class Material:
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


def load(recipe: Recipe, device: torch.device) -> Material:
    """The digits that a recipe learns from, split, labelled as its task has it, on the device.

    Raises DataError, FormatError or UsageError when they cannot be had or do not fit the recipe.
    """
    source = sources.load(recipe.data, track=track)
    task = tasks.parse(recipe.task, source.classes)
    training, validation = source.split(recipe.val_size, final=recipe.final)
    training = task.apply(training)
    validation = None if validation is None else task.apply(validation)
    if len(np.unique(training.labels)) < 2:
        raise DataError(f"{source.name} has training digits of one class only: there must be two or more")
    if recipe.batch_size > len(training):
        raise DataError(
            f"a batch of {recipe.batch_size:,} is larger than the {len(training):,} training digits: "
            "give a smaller --batch-size"
        )
    if recipe.patience and validation is None:
        raise UsageError("--patience needs validation digits to go by, and --val-size 0 leaves none")
    if recipe.styles:
        if source.classes != sources.DIGITS:
            raise UsageError(f"--styles draws the ten digits, and {source.name} has other classes: leave it out")
        drawn = task.apply(styles.draw(recipe.styles, np.random.default_rng([recipe.seed, 1])))
        training = Digits(
            np.concatenate([training.images, drawn.images]), np.concatenate([training.labels, drawn.labels])
        )
    if recipe.outliers:
        shapes = outliers.draw(recipe.outliers, training, np.random.default_rng(recipe.seed))
        nothing = np.full(len(shapes), len(task.classes), np.int64)  # a class of its own, after the others
        training = Digits(np.concatenate([training.images, shapes]), np.concatenate([training.labels, nothing]))
    images, labels = _tensors(training, device)
    assert images is not None
    assert labels is not None
    distances = pens.distances(images.cpu(), track).to(device) if recipe.pictures else None
    return Material(images, labels, *_tensors(validation, device), task, source, distances)


def held_out(recipe: Recipe) -> tuple[Digits, str] | None:
    """The validation digits of a recipe, labelled as its task has it, and the data's SHA-256; None if it has none.

    Raises DataError when the data cannot be had.
    """
    source = sources.load(recipe.data, track=track)
    validation = source.split(recipe.val_size, final=recipe.final)[1]
    return None if validation is None else (tasks.parse(recipe.task, source.classes).apply(validation), source.checksum)


def _tensors(digits: Digits | None, device: torch.device) -> tuple[Tensor | None, Tensor | None]:
    if digits is None:
        return None, None
    return torch.from_numpy(digits.images).to(device), torch.from_numpy(digits.labels).to(device)
