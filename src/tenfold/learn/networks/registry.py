"""The networks by name: plain `nn.Module`s from images float (N, 1, 28, 28), normalised, to logits (N, classes).

They are sequences of PyTorch's own layers (see `layers.stock`), so that a model saved whole loads without tenfold.
"""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tenfold.errors import StorageError, UsageError, nearest
from tenfold.learn.networks import foreign, rounding
from tenfold.learn.networks.connected import mish, mlp
from tenfold.learn.networks.convolutional import cnn, lenet, separable, strided, valid, vgg
from tenfold.learn.networks.layers import Average
from tenfold.learn.networks.lines import line
from tenfold.learn.recipes import own, presets
from tenfold.learn.recipes.recipe import Recipe
from tenfold.learn.recipes.tasks import LINES

NETWORKS: dict[str, Callable[[Recipe, int], nn.Sequential]] = {
    "mlp": mlp,
    "mish": mish,
    "cnn": cnn,
    "lenet": lenet,
    "strided": strided,
    "vgg": vgg,
    "separable": separable,
    "valid": valid,
}
MOST_PARAMETERS = 100_000_000  # of a network: with gradients and Adam's moments 1.6 GB
_WIDE = f"--channels and --hidden must make {MOST_PARAMETERS:,} at most; give smaller widths"
LINE_NETWORKS: dict[str, Callable[[Recipe, int], nn.Sequential]] = {"line": line}  # from lines to sequences of logits


def build(recipe: str | Path | Recipe, classes: int = 10, **changes: Any) -> nn.Sequential:
    """A network as a recipe describes it, with fresh weights from PyTorch's global random state.

    Args:
        recipe: A recipe, its name or its .json file.
        classes: How many logits it gives.
        changes: Fields of the recipe, such as hidden=(64,) or dropout=0.0.

    It is made of PyTorch's own layers, but for a dropout that is faster on a CPU; `stock` gives one without. One of a
    user's own, unless it is a `nn.Sequential`, is the only layer of one.

    Raises UsageError for an unknown recipe, field or network, when the layers leave nothing of a 28 x 28 image or the
    number of widths is wrong, and for batch normalisation in batches of one; StorageError for more than 100 million
    parameters.
    """
    given, recipe = recipe, presets.resolve(recipe, **changes)
    if isinstance(given, Recipe) and given.code not in (None, recipe.code):
        warnings.warn(f"the code of {recipe.network} is another now than when it was learnt", stacklevel=2)
    check(recipe)
    outline(recipe, classes)
    network = (
        foreign.build(recipe, classes)
        if own.is_own(recipe.network)
        else _known(recipe)[recipe.network](recipe, classes)
    )
    if recipe.batch_size < 2 and any(isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d) for m in network.modules()):
        raise UsageError(f"--batch-size must be 2 or more for the batch normalisation of {recipe.network}, not 1")
    if recipe.weight_bits < rounding.FLOAT:
        rounding.round_weights(network, recipe.weight_bits)
    return network.to(memory_format=torch.channels_last) if recipe.channels_last else network  # type: ignore[call-overload]


def outline(recipe: Recipe, classes: int) -> nn.Sequential | None:
    """The network that `build` gives, its weights without values and memory; None for one of a user's own.

    Raises as `build` does, before anything is made.
    """
    check(recipe)
    if own.is_own(recipe.network):
        return None
    try:
        with torch.device("meta"), torch.random.fork_rng(devices=[]):
            network = _known(recipe)[recipe.network](recipe, classes)
        count = parameters(network)
    except RuntimeError as error:  # their number is beyond any integer
        raise StorageError(f"there is not enough memory for such a network: {_WIDE}") from error
    if count > MOST_PARAMETERS:
        raise StorageError(f"there is not enough memory for a network of {count:,} parameters: {_WIDE}")
    return network


def check(recipe: Recipe) -> None:
    """Raise UsageError unless there is a network of the name that a recipe says, for its task."""
    if own.is_own(recipe.network):
        if recipe.task == LINES.name:
            raise UsageError("--network of your own is for digits: lines are read by a sequence of logits")
        own.load(recipe.network)
    elif recipe.network not in _known(recipe):
        raise UsageError(nearest("network", recipe.network, _known(recipe)))


def _known(recipe: Recipe) -> dict[str, Callable[[Recipe, int], nn.Sequential]]:
    return LINE_NETWORKS if recipe.task == LINES.name else NETWORKS


def head(network: nn.Sequential) -> tuple[str, ...]:
    """How the names of weights begin that belong to the output layer, or to what comes after it."""
    name = output_layer(network)
    first = int(name.split(".")[0])
    return (f"{name}.", *(f"{k}." for k in range(first + ("." not in name), len(network)) if "." not in name))


def output_layer(network: nn.Sequential) -> str:
    """The name of the layer that makes the logits: the last that is fully connected, or the last of all.

    In a network of a user's own it is looked for inside; an ensemble is one layer.
    """
    named = network.named_children() if len(network) > 1 or isinstance(network[0], Average) else network.named_modules()
    connected = [name for name, layer in named if isinstance(layer, nn.Linear)]
    return connected[-1] if connected else str(len(network) - 1)


def parameters(network: nn.Module) -> int:
    """How many trainable numbers a network has."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
