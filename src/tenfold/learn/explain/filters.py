"""The weights of a network's first layer, as pictures."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from tenfold.errors import UsageError


def filters(network: nn.Sequential) -> NDArray[np.float32]:
    """The weights of the first layer as pictures (C, h, w), the strongest first.

    Those of a fully connected layer are as large as the image. A batch normalisation's scale is multiplied in.
    """
    weights = first_weights(network)
    order = weights.flatten(1).norm(dim=1).argsort(descending=True, stable=True)
    pictures: NDArray[np.float32] = weights[order].cpu().numpy()
    return pictures


def first_weights(network: nn.Sequential) -> Tensor:
    """The weights of the first layer (C, h, w), in their own order; those that are no square as one row.

    Raises UsageError where there is no such layer.
    """
    layers = [layer for layer in network.modules() if not any(layer.children())]
    at = next((k for k, layer in enumerate(layers) if isinstance(layer, nn.Conv2d | nn.Linear)), None)
    if at is None:
        raise UsageError("the network has no convolution and no fully connected layer, whose weights could be shown")
    first = layers[at]
    assert isinstance(first, nn.Conv2d | nn.Linear)
    weights = first.weight.detach()
    after = layers[at + 1] if at + 1 < len(layers) else None
    if isinstance(after, nn.BatchNorm1d | nn.BatchNorm2d) and after.running_var is not None:
        scale = after.weight.detach() / (after.running_var + after.eps).sqrt()
        weights = weights * scale.view(-1, *[1] * (weights.dim() - 1))
    if weights.dim() == 4:
        return weights[:, 0].float()
    side = round(weights.shape[1] ** 0.5)
    return weights.view(len(weights), *((side, side) if side * side == weights.shape[1] else (1, -1))).float()
