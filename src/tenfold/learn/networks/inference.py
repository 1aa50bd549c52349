"""From images to logits: the one function that metrics, figures, parity checks and benchmarks stand on."""

import torch
from torch import Tensor, nn

from tenfold.learn.networks.layers import MEAN, STD
from tenfold.mnist.digits import Track, untracked

Images = Tensor  # uint8 (N, 28, 28), ink bright on a dark ground


def grey(images: Images) -> Tensor:
    """Images uint8 (N, H, W) as ink float (N, 1, H, W) in [0, 1]."""
    return images.unsqueeze(1).to(torch.float32).div_(255)


def normalise(ink: Tensor) -> Tensor:
    """Ink in [0, 1] with MNIST's mean taken off and divided by its deviation, in place."""
    return ink.sub_(MEAN).div_(STD)


@torch.no_grad()
def infer(network: nn.Module, images: Images, *, batch_size: int | None = None, track: Track = untracked) -> Tensor:
    """Logits float32 (N, classes) for images uint8 (N, 28, 28), on the device where the network is.

    Batches are small on a CPU, where what a layer makes of them then stays in the cache, and large elsewhere.
    `track` wraps the batches to show progress. The network is left in the mode it was in.
    """
    device = next(network.parameters()).device
    training = network.training
    network.eval()
    batch_size = batch_size or (125 if device.type == "cpu" else 2000)
    batches = track(images.split(batch_size), "answering")  # type: ignore[no-untyped-call]
    logits = [network(normalise(grey(batch.to(device)))).float() for batch in batches]
    network.train(training)
    return torch.cat(logits)
