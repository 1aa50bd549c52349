import json
from pathlib import Path

import pytest

from tenfold.errors import FormatError, UsageError
from tenfold.learn.recipes.presets import RECIPES
from tenfold.learn.recipes.recipe import Recipe


def test_a_recipe_in_json_may_leave_fields_out(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text('{"network": "mlp", "hidden": [32], "lr": 1, "epochs": 3.0}')
    recipe = Recipe.read(tmp_path / "r.json")
    assert (recipe.network, recipe.hidden, recipe.lr, recipe.epochs) == ("mlp", (32,), 1.0, 3)
    assert recipe.batch_size == Recipe().batch_size
    assert recipe.differences() == {"network": "mlp", "hidden": [32], "lr": 1.0, "epochs": 3}


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("lr", 0, r"--lr must be above 0, not 0.0"),
        ("lr", -1e-3, "above 0"),
        ("lr", float("nan"), "must be a number"),
        ("lr", "fast", "must be a number"),
        ("epochs", 0, "--epochs must be 1 or more, not 0"),
        ("epochs", 1.5, "must be a whole number"),
        ("epochs", True, "must be a whole number"),
        ("batch_size", 0, "must be 1 or more"),
        ("dropout", 1.0, "at least 0 and below 1"),
        ("label_smoothing", -0.1, "at least 0 and below 1"),
        ("val_size", 2.5, "a number of digits or a share below 1"),
        ("seed", -1, "0 or more"),
        ("hidden", (64, 0), "widths above 0"),
        ("hidden", "64", "must be whole numbers"),
        ("hidden", [True], "must be whole numbers"),
        ("name", "a/b", "fit for a folder"),
        ("amp", "yes", "must be true or false"),
        ("teacher_weight", 2, "--teacher-weight must be from 0 to 1, not 2.0"),
        ("heed", 0.5, "the recipe field heed is now called teacher_weight"),
        ("optimizer", "addam", "did you mean 'adam'"),
        ("schedule", "cosin", "did you mean 'cosine'"),
        ("device", "cude", "did you mean 'cuda'"),
        ("task", "digit", "unknown task 'digit'"),
        ("augment", "rotat=5", "did you mean 'rotate'"),
        ("epoch", 3, "unknown recipe field 'epoch': did you mean 'epochs'"),
        ("patience", -1, "0 or more"),
        ("mix", 100, "--mix goes with --data"),
        ("mix", -1, r"--mix must be .* up to 50,000, not -1"),
        ("mix", 50_001, "up to 50,000"),
        ("new_head", True, "goes with --init"),
        ("lr", 10**400, "--lr must be a number, not 1000"),
        ("lr", 1e300, r"--lr must be at most 1\S*, not 1e\+300"),
        ("epochs", 10**30, "--epochs must be at most 1,000,000, not 1000"),
        ("epochs", 1e30, "--epochs must be at most 1,000,000"),
        ("hidden", [1e30], "must be whole numbers"),
        ("hidden", (2**31,), "widths above 0, below 2"),
        ("hidden", (1,) * 101, "no more than 100"),
        ("name", "a\0b", "--name must be text"),
        ("data", "\ud800", "--data must be text"),
        ("task", "0/" * 100_000, "--task must be text"),
        ("augment", {"a": 1}, "--augment must be text, not a dict"),
        ("data", "", "--data must be the path of your digits, or left out for MNIST, not empty"),
    ],
)
def test_what_cannot_be_is_named(field: str, value: object, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        RECIPES["mlp"].changed(**{field: value})


def test_patience_needs_validation_digits() -> None:
    with pytest.raises(UsageError, match="use one of the two"):
        Recipe(final=True, patience=3)


def test_recipes_of_version_0_1_0_are_still_read(tmp_path: Path) -> None:
    old = {"network": "lean", "plain": 2, "settle": True, "heed": 0.5, "soften": 3, "augment": "rotate=5,wear=0.5"}
    (tmp_path / "old.json").write_text(json.dumps(old))
    recipe = Recipe.read(tmp_path / "old.json")
    assert (recipe.network, recipe.unaugmented_epochs, recipe.recalibrate_batchnorm) == ("separable", 2, True)
    assert (recipe.teacher_weight, recipe.teacher_temperature) == (0.5, 3.0)
    assert recipe.augment == "rotate=5,degrade=0.5"
    assert Recipe.from_dict({"network": "unpadded"}).network == "valid"
    with pytest.raises(UsageError, match="--network must be text, not a dict"):
        Recipe.from_dict({"network": {}})


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"name": ' * 5000, '{"lr": NaN}', "[]", f'{{"lr": {"9" * 5000}}}', "\0"]
)
def test_a_file_that_is_no_recipe_is_told_in_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(FormatError, match=r"r\.json is not a recipe") as raised:
        Recipe.read(tmp_path / "r.json")
    assert "\n" not in str(raised.value)
