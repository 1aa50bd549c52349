"""Networks.

layers          of our own, and networks out of PyTorch's alone      registry    every network by its name
connected       fully connected networks                             inference   from images to logits
convolutional   convolutional networks
"""

from tenfold.learn.networks.inference import MEAN, STD
from tenfold.learn.networks.layers import Average, Dropout, stock
from tenfold.learn.networks.registry import BUILDERS, build, output_layer, parameters

__all__ = ["BUILDERS", "MEAN", "STD", "Average", "Dropout", "build", "output_layer", "parameters", "stock"]
