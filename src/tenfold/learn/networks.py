"""The networks: plain `nn.Module`s from images float (N, 1, 28, 28), normalised, to logits (N, classes).

They are built from PyTorch's own layers only, so that a model saved whole loads where tenfold is not installed.
"""

from collections.abc import Callable, Sequence

import torch
from torch import nn

from tenfold.errors import UsageError
from tenfold.learn.recipe import Recipe
from tenfold.mnist.sources import SIDE

# Pixel mean and standard deviation of MNIST's 60,000 training images, the usual normalisation of [0, 1] grey values.
MEAN, STD = 0.1307, 0.3081


def build(recipe: Recipe, classes: int = 10) -> nn.Sequential:
    """A network as the recipe describes it, with fresh weights from PyTorch's global random state.

    Raises UsageError when its layers leave nothing of a 28 x 28 image or the number of widths is wrong.
    """
    network = BUILDERS[recipe.network](recipe, classes)
    return network.to(memory_format=torch.channels_last) if recipe.channels_last else network  # type: ignore[call-overload]


def mlp(recipe: Recipe, classes: int) -> nn.Sequential:
    """Fully connected layers with ReLU, and dropout after each."""
    return nn.Sequential(nn.Flatten(), *_fully_connected(SIDE * SIDE, recipe, classes))


def mish(recipe: Recipe, classes: int) -> nn.Sequential:
    """Fully connected layers with batch normalisation and Mish (D. Misra 2019, arXiv 1908.08681)."""
    return nn.Sequential(nn.Flatten(), *_fully_connected(SIDE * SIDE, recipe, classes, nn.Mish, normalise=True))


def cnn(recipe: Recipe, classes: int) -> nn.Sequential:
    """Unpadded 3 x 3 convolutions, max pooling, dropout, fully connected layers: the usual example's network."""
    layers: list[nn.Module] = []
    inputs = 1
    for width in recipe.channels:
        layers += [nn.Conv2d(inputs, width, 3), nn.ReLU(inplace=True)]
        inputs = width
    side = _left(SIDE - 2 * len(recipe.channels), recipe) // 2
    # ReLU and maximum commute, and after the pooling there is a quarter to do.
    layers[-1:] = [nn.MaxPool2d(2), *layers[-1:], nn.Dropout(recipe.dropout_conv), nn.Flatten()]
    return nn.Sequential(*layers, *_fully_connected(inputs * _left(side, recipe) ** 2, recipe, classes))


def lenet(recipe: Recipe, classes: int) -> nn.Sequential:
    """5 x 5 convolutions, each followed by max pooling, then fully connected layers: LeNet-5 (1998) with ReLU."""
    layers: list[nn.Module] = []
    inputs, side = 1, SIDE
    for width in recipe.channels:
        layers += [nn.Conv2d(inputs, width, 5), nn.MaxPool2d(2), nn.ReLU(inplace=True)]
        inputs, side = width, _left((side - 4) // 2, recipe)
    layers += [nn.Dropout(recipe.dropout_conv), nn.Flatten()]
    return nn.Sequential(*layers, *_fully_connected(inputs * side**2, recipe, classes))


def strided(recipe: Recipe, classes: int) -> nn.Sequential:
    """Strided convolutions in place of pooling, 6 x 6 then 4 x 4, each with batch normalisation: little to compute.

    A convolution that skips every second position costs a quarter of one that is pooled afterwards.
    """
    if len(recipe.channels) != 2:
        raise UsageError(f"--channels of the network strided must be two widths, not {len(recipe.channels)}")
    first, second = recipe.channels
    return nn.Sequential(
        *(nn.Conv2d(1, first, 6, stride=2, bias=False), nn.BatchNorm2d(first), nn.ReLU(inplace=True)),  # 12 x 12
        *(nn.Conv2d(first, second, 4, stride=2, bias=False), nn.BatchNorm2d(second), nn.ReLU(inplace=True)),  # 5 x 5
        *(nn.Dropout(recipe.dropout_conv), nn.Flatten()),
        *_fully_connected(second * 25, recipe, classes, normalise=True),
    )


BUILDERS: dict[str, Callable[[Recipe, int], nn.Sequential]] = {
    "mlp": mlp,
    "mish": mish,
    "cnn": cnn,
    "lenet": lenet,
    "strided": strided,
}


def _fully_connected(
    inputs: int, recipe: Recipe, classes: int, activation: type[nn.Module] = nn.ReLU, *, normalise: bool = False
) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for width in recipe.hidden:
        # A batch normalisation has an offset of its own, so the layer before it needs none.
        layers += [nn.Linear(inputs, width, bias=not normalise)]
        layers += [nn.BatchNorm1d(width)] if normalise else []
        layers += [activation(), nn.Dropout(recipe.dropout)]
        inputs = width
    return [*layers, nn.Linear(inputs, classes)]


def _left(side: int, recipe: Recipe) -> int:
    """`side` if an image that wide still has pixels; else raise UsageError."""
    if side < 1:
        widths: Sequence[int] = recipe.channels
        raise UsageError(f"--channels with {len(widths)} convolutions leave nothing of a 28 x 28 image: give fewer")
    return side


def parameters(network: nn.Module) -> int:
    """How many trainable numbers a network has."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
