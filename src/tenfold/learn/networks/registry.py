"""The networks by name: plain `nn.Module`s from images float (N, 1, 28, 28), normalised, to logits (N, classes).

They are sequences of PyTorch's own layers (see `layers.stock`), so that a model saved whole loads without tenfold.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tenfold.errors import UsageError, nearest
from tenfold.learn.networks.connected import mish, mlp
from tenfold.learn.networks.convolutional import cnn, lenet, separable, strided, valid, vgg
from tenfold.learn.networks.lines import line
from tenfold.learn.recipes import presets
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
LINE_NETWORKS: dict[str, Callable[[Recipe, int], nn.Sequential]] = {"line": line}  # from lines to sequences of logits


def build(recipe: str | Path | Recipe, classes: int = 10, **changes: Any) -> nn.Sequential:
    """A network as a recipe describes it, with fresh weights from PyTorch's global random state.

    Args:
        recipe: A recipe, its name or its .json file.
        classes: How many logits it gives.
        changes: Fields of the recipe, such as hidden=(64,) or dropout=0.0.

    It is made of PyTorch's own layers, but for a dropout that is faster on a CPU; `stock` gives one without.

    Raises UsageError for an unknown recipe, field or network, when the layers leave nothing of a 28 x 28 image or the
    number of widths is wrong, and for batch normalisation in batches of one.
    """
    recipe = presets.resolve(recipe, **changes)
    check(recipe)
    network = _known(recipe)[recipe.network](recipe, classes)
    if recipe.batch_size < 2 and any(isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) for layer in network):
        raise UsageError(f"--batch-size must be 2 or more for the batch normalisation of {recipe.network}, not 1")
    return network.to(memory_format=torch.channels_last) if recipe.channels_last else network  # type: ignore[call-overload]


def check(recipe: Recipe) -> None:
    """Raise UsageError unless there is a network of the name that a recipe says, for its task."""
    if recipe.network not in _known(recipe):
        raise UsageError(nearest("network", recipe.network, _known(recipe)))


def _known(recipe: Recipe) -> dict[str, Callable[[Recipe, int], nn.Sequential]]:
    return LINE_NETWORKS if recipe.task == LINES.name else NETWORKS


def output_layer(network: nn.Sequential) -> int:
    """Which layer, counted from 0, makes the logits: the last that is fully connected, or the last of an ensemble."""
    return max((k for k, layer in enumerate(network) if isinstance(layer, nn.Linear)), default=len(network) - 1)


def parameters(network: nn.Module) -> int:
    """How many trainable numbers a network has."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
