"""Networks: from images float (N, 1, 28, 28), normalised, to logits (N, classes), and on to probabilities.

registry        every network by its name            layers        layers of our own
connected       fully connected networks             inference     the one function that makes logits
convolutional   convolutional networks               calibration   logits to probabilities
batchnorm       batch norm's statistics              lines         a network for rows of writing
rounding        weights of a few bits             foreign       networks of a user's own
"""

from tenfold.learn.networks.layers import MEAN, STD, Average, Dropout, Logarithm, Rescaled, stock
from tenfold.learn.networks.registry import NETWORKS, build, check, head, outline, output_layer, parameters

__all__ = [
    "MEAN",
    "NETWORKS",
    "STD",
    "Average",
    "Dropout",
    "Logarithm",
    "Rescaled",
    "build",
    "check",
    "head",
    "outline",
    "output_layer",
    "parameters",
    "stock",
]
