"""The recipes that come with tenfold. Each states only what differs from the defaults of `Recipe`.

Their measured accuracy, with spread and number of seeds, is in measured.json beside this file, which
`benchmarks/recipes.py` writes and `tenfold recipes` shows.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tenfold.errors import UsageError, nearest
from tenfold.learn.recipes import own
from tenfold.learn.recipes.recipe import MNIST, Recipe
from tenfold.learn.recipes.tasks import LINES

DEFAULT = "fast"

# As accurate as so small a network gets here, by many epochs of digits that are changed moderately.
_TINY = Recipe(
    network="separable",
    channels=(16, 24, 24, 24, 28),
    hidden=(),
    epochs=30,
    optimizer="sgd",
    lr=0.2,
    weight_decay=1e-4,
    schedule="linear",
    warmup=0.1,
    augment="rotate=8,shift=1.5,scale=0.08,shear=5,elastic=0.7",
    unaugmented_epochs=2,
    recalibrate_batchnorm=True,
    channels_last=True,
)
# As accurate as one network gets here; separable convolutions leave time for many epochs of augmented digits.
_ACCURATE = Recipe(
    network="separable",
    channels=(48, 96, 144, 192, 256),
    hidden=(),
    dropout_conv=0.1,
    epochs=64,
    optimizer="adamw",
    lr=0.01,
    momentum=0.8,
    beta2=0.95,
    weight_decay=0.05,
    schedule="linear",
    warmup=0.1,
    augment="rotate=12,shift=1.5,scale=0.15,shear=12,elastic=1",
    unaugmented_epochs=3,
    recalibrate_batchnorm=True,
    channels_last=True,
    amp=True,
)

_RECIPES: dict[str, Recipe] = {
    # One pass. What makes it fast: strides instead of pooling, few channels, channels-last, a short high one-way
    # schedule; what keeps it accurate: batch normalisation and label smoothing.
    "fast": Recipe(
        network="strided",
        channels=(16, 32),
        hidden=(64,),
        epochs=1,
        batch_size=256,
        lr=0.03,
        momentum=0.7,
        beta2=0.9,
        schedule="linear",
        warmup=0.1,
        label_smoothing=0.15,
        channels_last=True,
    ),
    # Half of the errors of `fast`, for some more time.
    "fast-99.5": Recipe(
        network="valid",
        channels=(16, 24, 32, 40),
        hidden=(),
        epochs=4,
        batch_size=96,
        lr=0.02,
        momentum=0.8,
        beta2=0.95,
        schedule="linear",
        warmup=0.1,
        label_smoothing=0.1,
        augment="rotate=6,shift=0.5,scale=0.06",
        unaugmented_epochs=1,
        recalibrate_batchnorm=True,
        channels_last=True,
        amp=True,
    ),
    # Two hidden layers, as a first network is usually built.
    "mlp": Recipe(network="mlp", hidden=(512, 256), dropout=0.2, schedule="linear"),
    # Fully connected, with what makes such a network good: batch normalisation, Mish, rotations, a falling rate.
    "mish": Recipe(
        network="mish",
        hidden=(512, 256),
        dropout=0.2,
        epochs=20,
        lr=2e-3,
        schedule="cosine",
        augment="rotate=15,shift=1",
    ),
    # The network and training of the example that everybody knows.
    "cnn": Recipe(
        dropout_conv=0.25,
        dropout=0.5,
        epochs=14,
        batch_size=64,
        optimizer="adadelta",
        lr=1.0,
        beta2=0.9,
        schedule="step",
        channels_last=True,
    ),
    # A CNN learnt with plain stochastic gradient descent and momentum.
    "cnn-sgd": Recipe(
        network="lenet",
        channels=(16, 32),
        batch_size=64,
        optimizer="sgd",
        lr=0.05,
        weight_decay=5e-4,
        schedule="cosine",
        channels_last=True,
    ),
    "accurate": _ACCURATE,
    # For digits in bad light, blurred, noisy, crossed out or inverted: it has seen them degraded in many ways.
    "robust": _ACCURATE.changed(
        channels=(32, 64, 96, 128, 160),
        epochs=20,
        augment="rotate=15,shift=2,scale=0.2,shear=15,elastic=0.7,degrade=0.5",
        unaugmented_epochs=0,
        recalibrate_batchnorm=False,
    ),
    # Fewer than 4,000 parameters: in 8 bits, a file of 16 kB.
    "tiny": _TINY,
    # For microcontrollers: 3 kB of constants, and 4 kB of RAM.
    "tiny-4bit": _TINY.changed(weight_bits=4),
    # Made for pictures from anywhere: what `tenfold read` uses, in models/digits.onnx.
    "pictures": Recipe(
        network="vgg",
        channels=(32, 64, 128),
        hidden=(),
        epochs=40,
        batch_size=256,
        optimizer="sgd",
        lr=0.15,
        weight_decay=5e-4,
        schedule="linear",
        warmup=0.05,
        augment="rotate=12,shear=12,scale=0.15,elastic=1",
        pictures=True,
        styles=6_000,
        outliers=12_000,
        channels_last=True,
        amp=True,
    ),
    # Rows of writing on any paper: what `tenfold read` reads numbers with, in models/lines.onnx.
    "lines": Recipe(
        name="lines",
        task="lines",
        network="line",
        channels=(32, 64, 128, 128),
        hidden=(),
        dropout_conv=0.1,
        epochs=26,
        batch_size=64,
        optimizer="adamw",
        lr=2e-3,
        beta2=0.98,
        weight_decay=0.02,
        schedule="cosine",
        warmup=0.05,
        channels_last=True,
        amp=True,
    ),
}
RECIPES: dict[str, Recipe] = {name: recipe.changed(name=name) for name, recipe in _RECIPES.items()}


# How a trained network is fine-tuned, whatever it is: what decides how much it learns and forgets.
FINE_TUNING = Recipe(name="teach", epochs=3, optimizer="sgd", lr=0.01, weight_decay=5e-4, schedule="linear", warmup=0.1)
LINES_LR = 3e-4  # of a network for lines
MIX = 6_000  # MNIST digits that are learnt along with a user's own, by default
_KEPT = (  # of the recipe of the initial network: what it is, and what digits are to it
    *("task", "network", "channels", "hidden", "dropout", "dropout_conv", "label_smoothing"),
    *("augment", "pictures", "amp", "channels_last"),
)


def fine_tuning(initial: Recipe, **changes: Any) -> Recipe:
    """The recipe "teach", to go on learning from a network that was learnt by the recipe `initial`, with some changes.

    Among the changes, `data` of a user's own are mixed with MNIST's digits, so that nothing is forgotten, unless a new
    head is to be learnt. Styles and outliers are as many for each of MNIST's digits as they were, none for a new head.

    A network for lines learns at a rate of its own, and others beside a user's lines as it did before.

    Raises UsageError for an unknown field or value.
    """
    if initial.task == LINES.name:
        few = {"name": FINE_TUNING.name, "epochs": FINE_TUNING.epochs, "lr": LINES_LR, "warmup": FINE_TUNING.warmup}
        return initial.changed(**{**few, "data": None, **changes})
    fresh = bool(changes.get("new_head"))
    mix = MIX if changes.get("data") is not None and not fresh else 0
    kept = {name: getattr(initial, name) for name in _KEPT}
    recipe = FINE_TUNING.changed(**{"mix": mix, **kept, **changes})
    share = 0.0 if fresh else (recipe.mix or MNIST) / MNIST
    drawn = {name: round(getattr(initial, name) * share) for name in ("styles", "outliers")}
    return recipe.changed(**{**drawn, **changes})


@dataclass(frozen=True)
class Measured:
    """What training a recipe gave: test accuracy as mean and standard deviation over n seeds, and seconds a run."""

    accuracy: float
    deviation: float
    n: int
    seconds: float
    machine: str


@cache
def measured() -> dict[str, Measured]:
    """The measurements of the recipes, by name, from measured.json."""
    rows: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "measured.json").read_text(encoding="utf-8"))
    return {name: Measured(**row) for name, row in rows.items()}


def timed_on() -> str:
    """The machine that most recipes were timed on, and of others which were there; empty where none was."""
    names: dict[str, list[str]] = {}
    for name, row in measured().items():
        names.setdefault(row.machine, []).append(name)
    machines = sorted(names, key=lambda machine: -len(names[machine]))
    others = "".join(f"; {', '.join(names[machine])} on {machine}" for machine in machines[1:])
    return "".join(machines[:1]) + others


def resolve(recipe: "str | Path | Recipe", **changes: Any) -> Recipe:
    """The recipe with a name, in a JSON file, or as it is, with some fields changed.

    What it names of a user's own is imported, named with the full path of its file, and its checksum noted.

    Raises UsageError for an unknown name, field or value, DataError for a file that cannot be read.
    """
    if not isinstance(recipe, Recipe):
        if str(recipe) in RECIPES:
            recipe = RECIPES[str(recipe)]
        elif str(recipe).endswith(".json"):
            recipe = Recipe.read(recipe)
        else:
            raise UsageError(nearest("recipe", str(recipe), RECIPES) + ", or a recipe in a .json file")
    own.check_not_importing()
    recipe = recipe.changed(**changes)
    given = {name: text for name in own.FIELDS if own.is_own(text := getattr(recipe, name))}
    if not given:
        return recipe if recipe.code is None else recipe.changed(code=None)
    found = {name: own.located(text) for name, text in given.items()}
    return recipe.changed(**found, code=own.checksum(found.values()))
