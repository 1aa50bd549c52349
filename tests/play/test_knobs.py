"""What a training is asked to be."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from conftest import draw_digits
from tenfold.errors import UsageError
from tenfold.learn.recipes.presets import RECIPES
from tenfold.mnist import sources
from tenfold.play.knobs import NAMES, Knobs, mislabelled, offered


@pytest.mark.parametrize("name", NAMES)
def test_untouched_knobs_are_the_recipe(name: str) -> None:
    knobs = Knobs.model_validate({"recipe": name})
    assert knobs.as_recipe() == RECIPES[name]
    assert knobs.as_source() is None


@pytest.mark.parametrize("row", offered(), ids=lambda row: str(row["name"]))
def test_what_is_offered_can_be_asked_for(row: dict[str, object]) -> None:
    asked = {k: row[k] for k in ("epochs", "lr", "batch_size", "dropout", "hidden") if row[k] is not None}
    assert Knobs.model_validate({"recipe": row["name"], **asked}).as_recipe() == RECIPES[str(row["name"])]


def test_each_knob_is_a_field_of_the_recipe() -> None:
    recipe = Knobs(recipe="mlp", lr=0.1, batch_size=64, epochs=2, dropout=0.5, hidden=100, augment="little", seed=3)
    made = recipe.as_recipe("some/folder")
    assert (made.lr, made.batch_size, made.epochs, made.dropout, made.seed) == (0.1, 64, 2, 0.5, 3)
    assert made.hidden == (100, 50)  # as they were to each other
    assert made.augment.startswith("rotate=8")
    assert made.data == "some/folder"
    assert Knobs(recipe="tiny", dropout=0.5).as_recipe().dropout_conv == 0.5  # which has no hidden layer
    assert Knobs(recipe="tiny", epochs=1).as_recipe().unaugmented_epochs == 0


@pytest.mark.parametrize(
    "wrong", [{"recipe": "none"}, {"lr": 0}, {"lr": float("nan")}, {"wrong": 0.6}, {"digits": 1}, {"colour": 1}]
)
def test_what_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Knobs.model_validate(wrong)


def test_what_does_not_go_together() -> None:
    with pytest.raises(UsageError, match="no hidden layer"):
        Knobs(recipe="tiny", hidden=10).as_recipe()
    with pytest.raises(UsageError, match="a batch of 256 is more than the 100 training digits"):
        Knobs(digits=100).as_recipe()


def test_fewer_digits_with_wrong_labels(data: Path) -> None:
    whole, few = sources.load(data), Knobs(digits=200, wrong=0.25).as_source(str(data))
    assert few is not None
    training, validation = few.split()
    assert (len(training), few.name) == (200, f"{data}: 200 digits, 25% of the labels wrong")
    before, held = whole.split()
    rows = {image.tobytes(): label for image, label in zip(before.images, before.labels, strict=True)}
    right = [rows[image.tobytes()] for image in training.images]
    assert (training.labels != right).mean() == 0.25
    assert validation is not None
    assert held is not None
    assert np.array_equal(validation.labels, held.labels)  # they are as they were
    assert few.test is whole.test


def test_wrong_labels_are_of_every_other_class() -> None:
    digits = draw_digits(2000)
    wrong = mislabelled(digits, 0.5, 10, seed=1)
    changed = wrong.labels != digits.labels
    assert changed.sum() == 1000
    assert set(np.unique((wrong.labels - digits.labels)[changed] % 10)) == set(range(1, 10))
    assert not np.array_equal(mislabelled(digits, 0.5, 10, seed=2).labels, wrong.labels)
