"""The networks: plain `nn.Module`s from images float (N, 1, 28, 28), normalised, to logits (N, classes).

They are sequences of PyTorch's own layers (see `stock`), so that a model saved whole loads without tenfold.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tenfold.errors import UsageError
from tenfold.learn import recipes
from tenfold.learn.recipe import Recipe
from tenfold.mnist.sources import SIDE

# Pixel mean and standard deviation of MNIST's 60,000 training images, the usual normalisation of [0, 1] grey values.
MEAN, STD = 0.1307, 0.3081


class Dropout(nn.Dropout):
    """`nn.Dropout`, several times faster on the CPU: four decisions from each random number instead of one.

    The probability is rounded to a multiple of 1/65536 there. `stock` turns it back into `nn.Dropout`.
    """

    def forward(self, input: Tensor) -> Tensor:
        """The input with elements blanked at random and the rest scaled up, in training; else the input itself."""
        if not self.training or self.p == 0 or input.device.type != "cpu" or not input.is_contiguous():
            return super().forward(input)
        numbers = torch.empty(math.ceil(input.numel() / 4), dtype=torch.int64).random_(-(2**63), None)
        bits = numbers.view(torch.int16)[: input.numel()].view(input.shape)  # uniform from -32768 to 32767
        blank = round(self.p * 65536)
        return input * (bits >= blank - 32768).to(input.dtype).mul_(65536 / (65536 - blank))


class Average(nn.Module):
    """Several networks as one, from images (N, 1, 28, 28) to logits (N, classes): the logarithms of their mean answer.

    The probabilities of each are those at its own temperature. With `rejects` each network has one answer more, "no
    digit", whose logit is always 0, and so it is in what they say together.
    """

    temperatures: Tensor

    def __init__(self, members: Sequence[nn.Sequential], temperatures: Sequence[float], *, rejects: bool) -> None:
        super().__init__()
        self.members: nn.ModuleList = nn.ModuleList(members)
        self.register_buffer("temperatures", torch.tensor(temperatures))
        self.rejects: bool = rejects

    def forward(self, input: Tensor) -> Tensor:
        """The logarithm of the mean of the members' probabilities, in comparison to "no digit" with `rejects`."""
        each = []
        for member, temperature in zip(self.members, self.temperatures, strict=True):
            logits = member(input) / temperature
            logits = nn.functional.pad(logits, (0, 1)) if self.rejects else logits
            each.append(logits.log_softmax(1))
        mean = torch.stack(each).logsumexp(0) - math.log(len(each))
        return mean[:, :-1] - mean[:, -1:] if self.rejects else mean


def stock(network: nn.Sequential) -> nn.Sequential:
    """The network, sharing its weights, out of PyTorch's own layers only."""
    return nn.Sequential(*(nn.Dropout(layer.p) if isinstance(layer, Dropout) else layer for layer in network))


def build(recipe: str | Path | Recipe, classes: int = 10, **changes: Any) -> nn.Sequential:
    """A network as a recipe describes it, with fresh weights from PyTorch's global random state.

    Args:
        recipe: A recipe, its name or its .json file.
        classes: How many logits it gives.
        changes: Fields of the recipe, such as hidden=(64,) or dropout=0.0.

    It is made of PyTorch's own layers, but for a dropout that is faster on a CPU; `stock` gives one without.

    Raises UsageError for an unknown recipe or field, and when the layers leave nothing of a 28 x 28 image or the number
    of widths is wrong.
    """
    recipe = recipes.resolve(recipe, **changes)
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
    layers[-1:] = [nn.MaxPool2d(2), *layers[-1:], nn.Flatten(), Dropout(recipe.dropout_conv)]
    return nn.Sequential(*layers, *_fully_connected(inputs * _left(side, recipe) ** 2, recipe, classes))


def lenet(recipe: Recipe, classes: int) -> nn.Sequential:
    """5 x 5 convolutions, each followed by max pooling, then fully connected layers: LeNet-5 (1998) with ReLU."""
    layers: list[nn.Module] = []
    inputs, side = 1, SIDE
    for width in recipe.channels:
        layers += [nn.Conv2d(inputs, width, 5), nn.MaxPool2d(2), nn.ReLU(inplace=True)]
        inputs, side = width, _left((side - 4) // 2, recipe)
    layers += [nn.Flatten(), Dropout(recipe.dropout_conv)]
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
        *(nn.Flatten(), Dropout(recipe.dropout_conv)),
        *_fully_connected(second * 25, recipe, classes, normalise=True),
    )


def vgg(recipe: Recipe, classes: int) -> nn.Sequential:
    """Stages of two 3 x 3 convolutions with batch normalisation, max pooling between them (K. Simonyan 2015).

    The first stage is a single 5 x 5 convolution, pooled at once, since two at full size cost more than all the rest;
    after the last the image is averaged. There is a stage for each width of `channels`.
    """
    layers: list[nn.Module] = []
    inputs, side = 1, SIDE
    for stage, width in enumerate(recipe.channels):
        for size in (5,) if stage == 0 else (3, 3):
            layers += [nn.Conv2d(inputs, width, size, padding=size // 2, bias=False), nn.BatchNorm2d(width)]
            layers += [nn.ReLU(inplace=True)]
            inputs = width
        if stage < len(recipe.channels) - 1:
            layers.insert(len(layers) - 1, nn.MaxPool2d(2))  # before the ReLU, as in `cnn`
            side = _left(side // 2, recipe)
    layers += [nn.AvgPool2d(side), nn.Flatten(), Dropout(recipe.dropout_conv)]
    return nn.Sequential(*layers, *_fully_connected(inputs, recipe, classes, normalise=True))


def lean(recipe: Recipe, classes: int) -> nn.Sequential:
    """A pooled 5 x 5 convolution, then depthwise separable 3 x 3 ones, all without padding, and the average at the end.

    Each has batch normalisation. A 3 x 3 convolution of its own for each channel and then a 1 x 1 over all of them has
    a ninth of the weights, and of the work, that one 3 x 3 over all of them has (L. Sifre 2014; A. Howard and others
    2017, MobileNets, arXiv 1704.04861).
    """
    layers: list[nn.Module] = []
    inputs, side = 1, (SIDE - 4) // 2
    for number, width in enumerate(recipe.channels):
        if number:
            layers += [nn.Conv2d(inputs, inputs, 3, groups=inputs, bias=False), nn.Conv2d(inputs, width, 1, bias=False)]
        else:
            layers += [nn.Conv2d(1, width, 5, bias=False)]
        layers += [nn.BatchNorm2d(width)]
        layers += [] if number else [nn.MaxPool2d(2)]  # before the ReLU, as in `cnn`
        layers += [nn.ReLU(inplace=True)]
        inputs, side = width, _left(side - 2, recipe) if number else side
    layers += [nn.AvgPool2d(side), nn.Flatten(), Dropout(recipe.dropout_conv)]
    return nn.Sequential(*layers, *_fully_connected(inputs, recipe, classes, normalise=True))


def unpadded(recipe: Recipe, classes: int) -> nn.Sequential:
    """A pooled 5 x 5 convolution, then 3 x 3 ones without padding, so that they lose a pixel at each edge.

    Each has batch normalisation, and so have the logits. What is left goes to the fully connected layers as it is, so
    that they know where everything is. After the networks of S. An and others 2020 (arXiv 2008.10400), which do not
    pool at all.
    """
    layers: list[nn.Module] = []
    inputs, side = 1, SIDE // 2
    for number, width in enumerate(recipe.channels):
        size, padding = (3, 0) if number else (5, 2)
        layers += [nn.Conv2d(inputs, width, size, padding=padding, bias=False), nn.BatchNorm2d(width)]
        layers += [] if number else [nn.MaxPool2d(2)]  # before the ReLU, as in `cnn`
        layers += [nn.ReLU(inplace=True)]
        inputs, side = width, _left(side - 2, recipe) if number else side
    layers += [nn.Flatten(), Dropout(recipe.dropout_conv)]
    *before, output = _fully_connected(inputs * side**2, recipe, classes, normalise=True)
    assert isinstance(output, nn.Linear)
    scores = nn.Linear(output.in_features, classes, bias=False)
    return nn.Sequential(*layers, *before, scores, nn.BatchNorm1d(classes))


BUILDERS: dict[str, Callable[[Recipe, int], nn.Sequential]] = {
    "mlp": mlp,
    "mish": mish,
    "cnn": cnn,
    "lenet": lenet,
    "strided": strided,
    "vgg": vgg,
    "lean": lean,
    "unpadded": unpadded,
}


def _fully_connected(
    inputs: int, recipe: Recipe, classes: int, activation: type[nn.Module] = nn.ReLU, *, normalise: bool = False
) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for width in recipe.hidden:
        # A batch normalisation has an offset of its own, so the layer before it needs none.
        layers += [nn.Linear(inputs, width, bias=not normalise)]
        layers += [nn.BatchNorm1d(width)] if normalise else []
        layers += [activation(), Dropout(recipe.dropout)]
        inputs = width
    return [*layers, nn.Linear(inputs, classes)]


def _left(side: int, recipe: Recipe) -> int:
    """`side` if an image that wide still has pixels; else raise UsageError."""
    if side < 1:
        widths: Sequence[int] = recipe.channels
        raise UsageError(f"--channels with {len(widths)} convolutions leave nothing of a 28 x 28 image: give fewer")
    return side


def output_layer(network: nn.Sequential) -> int:
    """Which layer, counted from 0, makes the logits: the last that is fully connected, or the last of an ensemble."""
    return max((k for k, layer in enumerate(network) if isinstance(layer, nn.Linear)), default=len(network) - 1)


def parameters(network: nn.Module) -> int:
    """How many trainable numbers a network has."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
