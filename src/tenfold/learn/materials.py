"""What a training learns from, as tensors on its device."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tenfold.errors import DataError, UsageError
from tenfold.learn import tasks
from tenfold.learn.progress import track
from tenfold.learn.recipe import Recipe
from tenfold.mnist import sources
from tenfold.mnist.digits import Digits


@dataclass(frozen=True)
class Material:
    """What a training learns from, on its device: images uint8 (N, 28, 28) and labels int64 (N,)."""

    images: Tensor
    labels: Tensor
    val_images: Tensor | None
    val_labels: Tensor | None
    task: tasks.Task
    source: sources.Source


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
    return Material(*_tensors(training, device), *_tensors(validation, device), task, source)  # type: ignore[arg-type]


def _tensors(digits: Digits | None, device: torch.device) -> tuple[Tensor | None, Tensor | None]:
    if digits is None:
        return None, None
    return torch.from_numpy(digits.images).to(device), torch.from_numpy(digits.labels).to(device)
