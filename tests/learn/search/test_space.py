"""Search spaces: the words, what they span, and what they refuse."""

import pytest

from tenfold.errors import UsageError
from tenfold.learn import networks
from tenfold.learn.recipes.presets import RECIPES
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.search import space
from tenfold.learn.search.space import Choice, Range

MLP = RECIPES["mlp"]


def test_words_of_every_kind() -> None:
    words = ["lr=1e-4..1e-1:log", "hidden=64,128,512x256", "dropout=0..0.6", "batch-size=32..512:32", "epochs=3"]
    found, recipe = space.parse([*words, "channels_last=true,false", "optimizer=adam,sgd"], MLP)
    assert found == {
        "lr": Range(1e-4, 1e-1, log=True),
        "hidden": Choice(("64", "128", "512x256")),
        "dropout": Range(0.0, 0.6),
        "batch_size": Range(32, 512, step=32, whole=True),
        "channels_last": Choice((True, False)),
        "optimizer": Choice(("adam", "sgd")),
    }
    assert recipe == MLP.changed(epochs=3)


def test_a_width_is_that_of_every_layer_and_x_says_each() -> None:
    assert space.applied(MLP, {"hidden": "64"}).hidden == (64, 64)
    assert space.applied(MLP, {"hidden": "64x32x16"}).hidden == (64, 32, 16)
    assert space.applied(RECIPES["cnn"], {"hidden": "64", "channels": "8"}).channels == (8, 8)
    assert space.applied(RECIPES["pictures"], {"hidden": "64"}).hidden == (64,)
    assert space.applied(MLP, {"hidden": "none"}).hidden == ()


def test_values_with_commas_stand_between_bars() -> None:
    found, _ = space.parse(["augment=none|rotate=10|rotate=10,shift=2"], MLP)
    assert found["augment"] == Choice(("", "rotate=10", "rotate=10,shift=2"))
    assert space.as_words(found) == ["augment=none|rotate=10|rotate=10,shift=2"]
    _, fixed = space.parse(["augment=rotate=10,shift=2"], MLP)
    assert fixed.augment == "rotate=10,shift=2"


@pytest.mark.parametrize("name", RECIPES)
def test_the_default_space_holds_the_recipe_and_fits_its_network(name: str) -> None:
    recipe = RECIPES[name]
    found = space.default(recipe)
    space.check(found, recipe)
    own = space.own_values(recipe, found)
    assert own is not None
    assert space.applied(recipe, own) == recipe
    assert {"lr", "batch_size"} <= set(found)
    for value in found["hidden"].values if "hidden" in found else ():  # type: ignore[union-attr]
        networks.build(space.applied(recipe, {"hidden": value}))
    again, _ = space.parse(space.as_words(found), recipe)
    assert again == found


def test_a_recipe_outside_of_the_space_has_no_values_in_it() -> None:
    found, _ = space.parse(["lr=1e-5..1e-4"], MLP)
    assert space.own_values(MLP, found) is None
    found, _ = space.parse(["hidden=64,128"], MLP)
    assert space.own_values(MLP, found) is None


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("lr", "must have a value"),
        ("lr=", "must have a value"),
        ("lrr=1..2", "did you mean 'lr'"),
        ("lr=a..b", "must be a number"),
        ("lr=2..1", "lower to a higher"),
        ("lr=0..1:log", "above 0"),
        ("lr=-1..1", "--lr must be above 0, not -1"),
        ("lr=1e-3..1e-2:lin", "must be a number"),
        ("lr=1..2:5", "a step that fits"),
        ("epochs=1.5..3", "whole number"),
        ("optimizer=adam..sgd", "no range"),
        ("optimizer=adam,sdg", "did you mean 'sgd'"),
        ("dropout=0..1", "--dropout must be at least 0 and below 1, not 1"),
        ("hidden=64,,128", "a value is missing"),
        ("hidden=64,64", "there twice"),
        ("hidden=64,6a", "must be whole numbers"),
        ("channels_last=yes,no", "true or false"),
        ("seed=1..9", "cannot be searched"),
        ("task=digits,parity", "unknown task"),
        ("network=cnn,ccn", "did you mean 'cnn'"),
        ("lr=nan..1", "must be a number"),
        ("lr=1e-3..inf", "must be a number"),
    ],
)
def test_what_cannot_be_meant_is_told(word: str, told: str) -> None:
    with pytest.raises(UsageError, match=told.replace("(", r"\(")):
        space.parse([word], MLP)


def test_a_field_is_given_once() -> None:
    with pytest.raises(UsageError, match="twice"):
        space.parse(["lr=1e-3..1e-2", "lr=1"], MLP)


def test_one_value_is_fixed_as_it_is() -> None:
    found, recipe = space.parse(["hidden=64", "task=0,6,8/1-3", "dropout=0"], MLP)
    assert found == {}
    assert (recipe.hidden, recipe.task, recipe.dropout) == ((64,), "0,6,8/1-3", 0.0)


def test_values_are_suggested_by_optuna() -> None:
    import optuna
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    found, _ = space.parse(["lr=1e-4..1e-1:log", "hidden=64,128", "epochs=2..8:2", "dropout=0..0.6:0.1"], Recipe())
    trial = optuna.create_study().ask()
    assert space.suggested(found, trial) == trial.params
    assert trial.distributions == {
        "lr": FloatDistribution(1e-4, 1e-1, log=True),
        "hidden": CategoricalDistribution(("64", "128")),
        "epochs": IntDistribution(2, 8, step=2),
        "dropout": FloatDistribution(0.0, 0.6, step=0.1),
    }
