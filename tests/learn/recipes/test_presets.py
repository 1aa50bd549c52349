import json
from pathlib import Path
from typing import Any

import pytest

from learn.trainings import OF_DIGITS
from tenfold.errors import DataError, FormatError, UsageError
from tenfold.learn.recipes import presets
from tenfold.learn.recipes.presets import RECIPES, measured, resolve
from tenfold.learn.recipes.recipe import Recipe


@pytest.mark.parametrize("name", RECIPES)
def test_a_preset_knows_its_name_and_survives_json(name: str, tmp_path: Path) -> None:
    recipe = RECIPES[name]
    assert recipe.name == name
    recipe.save(tmp_path / "r.json")
    assert Recipe.read(tmp_path / "r.json") == recipe
    assert resolve(tmp_path / "r.json") == recipe


@pytest.mark.parametrize("name", OF_DIGITS)
def test_a_preset_has_been_measured(name: str) -> None:
    bars = {"fast": 0.99, "mlp": 0.98, "mish": 0.988, "cnn": 0.991, "cnn-sgd": 0.99, "pictures": 0.996, "tiny": 0.994}
    bars |= {"fast-99.5": 0.994, "accurate": 0.9965, "robust": 0.995, "tiny-4bit": 0.994}
    row = measured()[name]
    assert row.accuracy >= bars[name]
    assert row.n >= {"fast": 10, "pictures": 1, "accurate": 1, "tiny-4bit": 1}.get(name, 3)


def test_names_and_files_that_are_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown recipe 'mpl': did you mean 'mlp'"):
        resolve("mpl")
    with pytest.raises(DataError, match="cannot read the recipe"):
        resolve(tmp_path / "none.json")
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(FormatError, match="is not a recipe, a JSON object"):
        resolve(tmp_path / "a.json")
    (tmp_path / "a.json").write_text(json.dumps([1]))
    with pytest.raises(FormatError, match="a JSON object"):
        resolve(tmp_path / "a.json")


def test_fine_tuning_is_the_initial_recipe_with_few_steps_at_a_low_rate() -> None:
    initial = RECIPES["pictures"]
    recipe = presets.fine_tuning(initial, data="c", init="default")
    assert recipe.name == "teach"
    for name in ("network", "channels", "hidden", "augment", "pictures", "amp", "channels_last"):
        assert getattr(recipe, name) == getattr(initial, name)
    assert recipe.epochs < initial.epochs / 5
    assert recipe.lr < initial.lr / 5
    assert 0 < recipe.mix < 20_000
    assert recipe.styles / recipe.mix == pytest.approx(initial.styles / 50_000, rel=0.01)
    assert recipe.outliers / recipe.mix == pytest.approx(initial.outliers / 50_000, rel=0.01)


def test_options_override_each_field_of_fine_tuning() -> None:
    changes: dict[str, Any] = {"data": "c", "mix": 1000, "lr": 0.5, "styles": 7, "name": "mine", "channels": (8, 8, 8)}
    recipe = presets.fine_tuning(RECIPES["pictures"], **changes)
    assert {name: getattr(recipe, name) for name in changes} == changes
    assert recipe.outliers == 240
    with pytest.raises(UsageError, match="did you mean 'outliers'"):
        presets.fine_tuning(RECIPES["pictures"], outlier=3)


def test_nothing_is_mixed_in_without_own_digits_or_for_a_new_head() -> None:
    recipe = presets.fine_tuning(RECIPES["pictures"], init="default")
    assert (recipe.mix, recipe.styles, recipe.outliers) == (0, 6000, 12_000)
    recipe = presets.fine_tuning(RECIPES["pictures"], init="default", data="letters", new_head=True)
    assert (recipe.mix, recipe.styles, recipe.outliers) == (0, 0, 0)
