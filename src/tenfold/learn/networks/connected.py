"""Fully connected networks, and the fully connected layers at the end of every other one."""

from torch import nn

from tenfold.learn.networks.layers import Dropout
from tenfold.learn.recipes.recipe import Recipe
from tenfold.mnist import SIDE


def mlp(recipe: Recipe, classes: int) -> nn.Sequential:
    """Fully connected layers with ReLU, and dropout after each."""
    return nn.Sequential(nn.Flatten(), *fully_connected(SIDE * SIDE, recipe, classes))


def mish(recipe: Recipe, classes: int) -> nn.Sequential:
    """Fully connected layers with batch normalisation and Mish (D. Misra 2019, arXiv 1908.08681)."""
    return nn.Sequential(nn.Flatten(), *fully_connected(SIDE * SIDE, recipe, classes, nn.Mish, normalise=True))


def fully_connected(
    inputs: int, recipe: Recipe, classes: int, activation: type[nn.Module] = nn.ReLU, *, normalise: bool = False
) -> list[nn.Module]:
    """The hidden layers of a recipe, and the one that gives the logits."""
    layers: list[nn.Module] = []
    for width in recipe.hidden:
        # A batch normalisation has an offset of its own, so the layer before it needs none.
        layers += [nn.Linear(inputs, width, bias=not normalise)]
        layers += [nn.BatchNorm1d(width)] if normalise else []
        layers += [activation(), Dropout(recipe.dropout)]
        inputs = width
    return [*layers, nn.Linear(inputs, classes)]
