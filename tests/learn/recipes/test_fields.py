from typing import Any

import pytest

from tenfold.errors import UsageError
from tenfold.learn.recipes import fields
from tenfold.learn.recipes.recipe import FIELDS, Recipe, description


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("epochs", "5", 5),
        ("epochs", "5.0", 5),
        ("lr", "1e-3", 0.001),
        ("hidden", "512,256", (512, 256)),
        ("hidden", "512x256", (512, 256)),
        ("hidden", "64", (64,)),
        ("hidden", "none", ()),
        ("amp", "True", True),
        ("final", "false", False),
        ("augment", "rotate=10,shift=2", "rotate=10,shift=2"),
        ("augment", "none", ""),
        ("data", "none", None),
        ("val_size", "0.2", 0.2),
        ("optimizer", "sgd", "sgd"),
    ],
)
def test_values(name: str, text: str, value: Any) -> None:
    assert fields.value(name, text) == value
    Recipe(**{name: value})


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("epochs=many", "--epochs must be a whole number, not many"),
        ("epochs=1.5", "--epochs must be a whole number, not 1.5"),
        ("lr=nan", "--lr must be a number, not nan"),
        ("hidden=64,b", "--hidden must be whole numbers such as 512,256, not 64,b"),
        ("batch-size=x", "--batch-size must be a whole number, not x"),
        ("amp=yes", "--amp must be true or false, not yes"),
        ("epoch=3", "unknown recipe field 'epoch': did you mean 'epochs'"),
        ("heed=0.5", "heed is now called teacher_weight"),
        ("epochs", "must have a value, as in lr=0.5, not epochs"),
        ("epochs=", "must have a value"),
    ],
)
def test_words_that_cannot_be(word: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        fields.changes([word])


def test_words_change_fields_once() -> None:
    assert fields.changes(["epochs=3", "batch-size=50"]) == {"epochs": 3, "batch_size": 50}
    with pytest.raises(UsageError, match="epochs is given twice"):
        fields.changes(["epochs=3", "epochs=4"])


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_described(name: str) -> None:
    assert 3 < len(description(name)) < 90
