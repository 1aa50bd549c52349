"""Convolutional networks."""

from torch import nn

from tenfold.errors import UsageError
from tenfold.learn.networks.connected import fully_connected
from tenfold.learn.networks.layers import Dropout
from tenfold.learn.recipes.recipe import Recipe
from tenfold.mnist import SIDE

Layers = list[nn.Module]


def cnn(recipe: Recipe, classes: int) -> nn.Sequential:
    """Unpadded 3 x 3 convolutions, max pooling, dropout, fully connected layers: the usual example's network."""
    layers: Layers = []
    inputs = 1
    for width in recipe.channels:
        layers += [nn.Conv2d(inputs, width, 3), nn.ReLU(inplace=True)]
        inputs = width
    side = _left(SIDE - 2 * len(recipe.channels), recipe) // 2
    layers.insert(-1, nn.MaxPool2d(2))  # ReLU and maximum commute, and after the pooling there is a quarter to do
    return _answering(layers, inputs * _left(side, recipe) ** 2, recipe, classes)


def lenet(recipe: Recipe, classes: int) -> nn.Sequential:
    """5 x 5 convolutions, each followed by max pooling, then fully connected layers: LeNet-5 (1998) with ReLU."""
    layers: Layers = []
    inputs, side = 1, SIDE
    for width in recipe.channels:
        layers += [nn.Conv2d(inputs, width, 5), nn.MaxPool2d(2), nn.ReLU(inplace=True)]
        inputs, side = width, _left((side - 4) // 2, recipe)
    return _answering(layers, inputs * side**2, recipe, classes)


def strided(recipe: Recipe, classes: int) -> nn.Sequential:
    """Strided convolutions in place of pooling, 6 x 6 then 4 x 4, each with batch normalisation: little to compute.

    A convolution that skips every second position costs a quarter of one that is pooled afterwards.
    """
    if len(recipe.channels) != 2:
        raise UsageError(f"--channels of the network strided must be two widths, not {len(recipe.channels)}")
    first, second = recipe.channels
    layers = _convolution(1, first, 6, stride=2) + _convolution(first, second, 4, stride=2)  # 12 x 12, then 5 x 5
    return _answering(layers, second * 25, recipe, classes, normalise=True)


def vgg(recipe: Recipe, classes: int) -> nn.Sequential:
    """Stages of two 3 x 3 convolutions with batch normalisation, max pooling between them (K. Simonyan 2015).

    The first stage is a single 5 x 5 convolution, pooled at once, since two at full size cost more than all the rest;
    after the last the image is averaged. There is a stage for each width of `channels`.
    """
    layers: Layers = []
    inputs, side = 1, SIDE
    for stage, width in enumerate(recipe.channels):
        pool = stage < len(recipe.channels) - 1
        layers += _convolution(inputs, width, 3, padding=1) if stage else []
        size, inputs = (3, width) if stage else (5, 1)
        layers += _convolution(inputs, width, size, padding=size // 2, pool=pool)
        inputs, side = width, _left(side // 2, recipe) if pool else side
    return _answering([*layers, nn.AvgPool2d(side)], inputs, recipe, classes, normalise=True)


def separable(recipe: Recipe, classes: int) -> nn.Sequential:
    """A pooled 5 x 5 convolution, then depthwise separable 3 x 3 ones, all without padding, and the average at the end.

    Each has batch normalisation. A 3 x 3 convolution of its own for each channel and then a 1 x 1 over all of them has
    a ninth of the weights, and of the work, that one 3 x 3 over all of them has (L. Sifre 2014; A. Howard and others
    2017, MobileNets, arXiv 1704.04861).
    """
    layers: Layers = []
    inputs, side = 1, (SIDE - 4) // 2
    for number, width in enumerate(recipe.channels):
        layers += [nn.Conv2d(inputs, inputs, 3, groups=inputs, bias=False)] if number else []
        layers += _convolution(inputs, width, 1 if number else 5, pool=not number)
        inputs, side = width, _left(side - 2, recipe) if number else side
    return _answering([*layers, nn.AvgPool2d(side)], inputs, recipe, classes, normalise=True)


def valid(recipe: Recipe, classes: int) -> nn.Sequential:
    """A pooled 5 x 5 convolution, then 3 x 3 ones without padding, so that they lose a pixel at each edge.

    Each has batch normalisation, and so have the logits. What is left goes to the fully connected layers as it is, so
    that they know where everything is. After the networks of S. An and others 2020 (arXiv 2008.10400), which do not
    pool at all.
    """
    layers: Layers = []
    inputs, side = 1, SIDE // 2
    for number, width in enumerate(recipe.channels):
        size, padding = (3, 0) if number else (5, 2)
        layers += _convolution(inputs, width, size, padding=padding, pool=not number)
        inputs, side = width, _left(side - 2, recipe) if number else side
    *before, output = _answering(layers, inputs * side**2, recipe, classes, normalise=True)
    assert isinstance(output, nn.Linear)
    scores = nn.Linear(output.in_features, classes, bias=False)
    return nn.Sequential(*before, scores, nn.BatchNorm1d(classes))


def _convolution(inputs: int, width: int, size: int, stride: int = 1, padding: int = 0, pool: bool = False) -> Layers:
    """A convolution with batch normalisation and ReLU; pooled, if at all, before the ReLU as in `cnn`."""
    layers = [nn.Conv2d(inputs, width, size, stride, padding, bias=False), nn.BatchNorm2d(width)]
    return [*layers, *([nn.MaxPool2d(2)] if pool else []), nn.ReLU(inplace=True)]


def _answering(layers: Layers, inputs: int, recipe: Recipe, classes: int, *, normalise: bool = False) -> nn.Sequential:
    """The convolutional layers, then dropout and the fully connected layers on the `inputs` numbers that they give."""
    last = fully_connected(inputs, recipe, classes, normalise=normalise)
    return nn.Sequential(*layers, nn.Flatten(), Dropout(recipe.dropout_conv), *last)


def _left(side: int, recipe: Recipe) -> int:
    """`side` if an image that wide still has pixels; else raise UsageError."""
    if side < 1:
        count = len(recipe.channels)
        raise UsageError(f"--channels with {count} convolutions leave nothing of a 28 x 28 image: give fewer")
    return side
