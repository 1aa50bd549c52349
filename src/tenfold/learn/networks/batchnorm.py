"""Batch normalisation's statistics, estimated again."""

import math

import torch
from torch import Tensor, nn

from tenfold.learn.networks.inference import grey, normalise

BATCH = 500  # images at a time


@torch.no_grad()
def recalibrate(network: nn.Module, images: Tensor) -> None:
    """Estimate batch normalisation's means and variances on images uint8 (N, 28, 28), all at the present weights.

    During training they are a moving average over augmented digits, which vary more than those that are to be read.
    Y. Wu and J. Johnson 2021, Rethinking "batch" in BatchNorm (arXiv 2105.07576).
    """
    layers = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)]
    momenta = [layer.momentum for layer in layers]
    training = [(module, module.training) for module in network.modules()]
    network.eval()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the plain mean over all batches
        layer.train()
    for batch in torch.chunk(images, math.ceil(len(images) / BATCH)) if layers else ():
        network(normalise(grey(batch)))
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    for module, mode in training:
        module.training = mode
