"""Convolutional networks."""

from collections.abc import Sequence

from torch import nn

from tenfold.errors import UsageError
from tenfold.learn.networks.connected import fully_connected
from tenfold.learn.networks.layers import Dropout
from tenfold.learn.recipes.recipe import Recipe
from tenfold.mnist import SIDE


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
    return nn.Sequential(*layers, *fully_connected(inputs * _left(side, recipe) ** 2, recipe, classes))


def lenet(recipe: Recipe, classes: int) -> nn.Sequential:
    """5 x 5 convolutions, each followed by max pooling, then fully connected layers: LeNet-5 (1998) with ReLU."""
    layers: list[nn.Module] = []
    inputs, side = 1, SIDE
    for width in recipe.channels:
        layers += [nn.Conv2d(inputs, width, 5), nn.MaxPool2d(2), nn.ReLU(inplace=True)]
        inputs, side = width, _left((side - 4) // 2, recipe)
    layers += [nn.Flatten(), Dropout(recipe.dropout_conv)]
    return nn.Sequential(*layers, *fully_connected(inputs * side**2, recipe, classes))


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
        *fully_connected(second * 25, recipe, classes, normalise=True),
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
    return nn.Sequential(*layers, *fully_connected(inputs, recipe, classes, normalise=True))


def separable(recipe: Recipe, classes: int) -> nn.Sequential:
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
    return nn.Sequential(*layers, *fully_connected(inputs, recipe, classes, normalise=True))


def valid(recipe: Recipe, classes: int) -> nn.Sequential:
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
    *before, output = fully_connected(inputs * side**2, recipe, classes, normalise=True)
    assert isinstance(output, nn.Linear)
    scores = nn.Linear(output.in_features, classes, bias=False)
    return nn.Sequential(*layers, *before, scores, nn.BatchNorm1d(classes))


def _left(side: int, recipe: Recipe) -> int:
    """`side` if an image that wide still has pixels; else raise UsageError."""
    if side < 1:
        widths: Sequence[int] = recipe.channels
        raise UsageError(f"--channels with {len(widths)} convolutions leave nothing of a 28 x 28 image: give fewer")
    return side
