"""What a training is asked to be: a recipe and, for what a recipe has no field, digits of their own."""

from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, Field

from tenfold.errors import UsageError
from tenfold.learn.recipes import presets
from tenfold.learn.recipes.recipe import Recipe
from tenfold.mnist import sources
from tenfold.mnist.digits import Digits
from tenfold.mnist.sources import Source

NAMES = ("fast", "fast-99.5", "cnn-sgd", "cnn", "mlp", "mish", "tiny")  # those that a person can watch to their end
AUGMENTATIONS = {
    "none": "",
    "little": "rotate=8,shift=1,scale=0.08",
    "much": "rotate=15,shift=2,scale=0.2,shear=15,elastic=1",
}


class Knobs(BaseModel, extra="forbid"):
    """The knobs of a training; None leaves each as the recipe has it."""

    recipe: Literal["fast", "fast-99.5", "cnn-sgd", "cnn", "mlp", "mish", "tiny"] = "fast"
    epochs: Annotated[int | None, Field(ge=1, le=100)] = None
    lr: Annotated[float | None, Field(gt=0, le=100, allow_inf_nan=False)] = None
    batch_size: Annotated[int | None, Field(ge=2, le=5000)] = None
    dropout: Annotated[float | None, Field(ge=0, le=0.9)] = None
    augment: Literal["none", "little", "much"] | None = None
    hidden: Annotated[int | None, Field(ge=1, le=2000)] = None  # width of the first hidden layer; others in proportion
    digits: Annotated[int | None, Field(ge=20, le=1_000_000)] = None  # to learn from; None is all
    wrong: Annotated[float, Field(ge=0, le=0.5)] = 0.0  # share of the training labels that are wrong
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0

    def as_recipe(self, data: str | None = None) -> Recipe:
        """The recipe with these changes. Raises UsageError for what cannot be, such as a hidden layer that is none."""
        preset = presets.RECIPES[self.recipe]
        if self.hidden is not None and not preset.hidden:
            raise UsageError(f"{self.recipe} has no hidden layer whose width could be changed")
        if self.digits is not None and self.digits < (self.batch_size or preset.batch_size):
            size = self.batch_size or preset.batch_size
            raise UsageError(
                f"a batch of {size:,} is more than the {self.digits:,} training digits: choose a smaller one"
            )
        changes: dict[str, Any] = {
            "epochs": self.epochs,
            "lr": self.lr,
            "batch_size": self.batch_size,
            "dropout" if preset.hidden else "dropout_conv": self.dropout,
            "augment": None if self.augment is None else AUGMENTATIONS[self.augment],
            "hidden": None if self.hidden is None else _widths(preset, self.hidden),
        }
        changes = {name: value for name, value in changes.items() if value is not None}
        if "epochs" in changes:  # some recipes end without augmentation
            changes["unaugmented_epochs"] = min(preset.unaugmented_epochs, changes["epochs"] - 1)
        return preset.changed(data=data, seed=self.seed, **changes)

    def as_source(self, data: str | None = None) -> Source | None:
        """The digits where they are fewer, or some of their labels are wrong; None where they are as `data` has them.

        Those for validation and test are left as they are. Raises DataError as `sources.load` does.
        """
        if self.digits is None and not self.wrong:
            return None
        source = sources.load(data)
        training, validation = source.split()
        order = np.random.default_rng([self.seed, 3]).permutation(len(training))
        training = training.take(np.sort(order[: self.digits]))
        if self.wrong:
            training = mislabelled(training, self.wrong, len(source.classes), self.seed)
        wrong = f", {self.wrong:.0%} of the labels wrong" if self.wrong else ""
        name = f"{source.name}: {len(training):,} digits{wrong}"
        return replace(source, name=name, train=training, validation=validation)


def mislabelled(digits: Digits, share: float, classes: int, seed: int) -> Digits:
    """The digits with a share of their labels wrong, each another class drawn at random."""
    generator = np.random.default_rng([seed, 4])
    chosen = generator.permutation(len(digits))[: round(share * len(digits))]
    labels = digits.labels.copy()
    labels[chosen] = (labels[chosen] + generator.integers(1, classes, len(chosen))) % classes
    return Digits(digits.images, labels)


def offered() -> list[dict[str, Any]]:
    """The recipes that the page offers, each with what its knobs stand at and what training it gave here."""
    measured = presets.measured()
    rows = []
    for name in NAMES:
        recipe = presets.RECIPES[name]
        rows.append(
            {
                "name": name,
                "network": recipe.network,
                "epochs": recipe.epochs,
                "lr": recipe.lr,
                "batch_size": recipe.batch_size,
                "dropout": recipe.dropout if recipe.hidden else recipe.dropout_conv,
                "hidden": recipe.hidden[0] if recipe.hidden else None,
                "augmented": bool(recipe.augment),
                "accuracy": measured[name].accuracy,
                "seconds": measured[name].seconds,
            }
        )
    return rows


def _widths(recipe: Recipe, first: int) -> tuple[int, ...]:
    """The widths of the hidden layers in proportion to the first."""
    return tuple(max(1, round(width * first / recipe.hidden[0])) for width in recipe.hidden)
