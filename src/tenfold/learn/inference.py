"""From images to logits: the one function that metrics, figures, parity checks and benchmarks stand on."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from tenfold.learn.networks import MEAN, STD

Images = Tensor  # uint8 (N, 28, 28), ink bright on a dark ground


def grey(images: Images) -> Tensor:
    """Images uint8 (N, H, W) as ink float (N, 1, H, W) in [0, 1]."""
    return images.unsqueeze(1).to(torch.float32).div_(255)


def normalise(ink: Tensor) -> Tensor:
    """Ink in [0, 1] with MNIST's mean taken off and divided by its deviation, in place."""
    return ink.sub_(MEAN).div_(STD)


@torch.no_grad()
def infer(
    network: nn.Module, images: Images, *, batch_size: int | None = None, step: Callable[[int], object] | None = None
) -> Tensor:
    """Logits float32 (N, classes) for images uint8 (N, 28, 28), on the device where the network is.

    Batches are small on a CPU, where what a layer makes of them then stays in the cache, and large elsewhere.
    `step` is called with the number of images done after each batch. The network is left in the mode it was in.
    """
    device = next(network.parameters()).device
    training = network.training
    network.eval()
    batch_size = batch_size or (125 if device.type == "cpu" else 2000)
    logits = []
    for batch in images.split(batch_size):  # type: ignore[no-untyped-call]
        logits.append(network(normalise(grey(batch.to(device)))).float())
        if step is not None:
            step(len(batch))
    network.train(training)
    return torch.cat(logits)
