"""Layers of our own, and the same networks out of PyTorch's alone."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tenfold.learn.networks.rounding import plain

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


class Rescaled(nn.Module):
    """A network that learnt images of another normalisation than ours: its own mean and deviation of [0, 1]."""

    def __init__(self, network: nn.Module, mean: float, std: float) -> None:
        super().__init__()
        self.network: nn.Module = network
        self.mean: float = mean
        self.std: float = std

    def forward(self, input: Tensor) -> Tensor:
        """The logits of images normalised as ours are."""
        logits: Tensor = self.network((input * STD + MEAN - self.mean) / self.std)
        return logits


class Logarithm(nn.Module):
    """A network that gives probabilities, as one that gives logits: their logarithms are some."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network: nn.Module = network

    def forward(self, input: Tensor) -> Tensor:
        """The logits (N, classes)."""
        logits: Tensor = self.network(input).float().clamp(min=1e-30).log()
        return logits


def stock(network: nn.Sequential) -> nn.Sequential:
    """The network, sharing its weights, out of PyTorch's own layers only, and a user's own.

    Weights that are learnt in a few bits are those they are rounded to.
    """
    return nn.Sequential(*(nn.Dropout(layer.p) if isinstance(layer, Dropout) else plain(layer) for layer in network))
