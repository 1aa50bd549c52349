"""Weights of a few bits, learnt as such: rounded in every forward pass, while the gradient passes as if they were not.

B. Jacob and others 2018, Quantization and training of neural networks for efficient integer-arithmetic-only inference
(arXiv 1712.05877); the gradient past the rounding is the straight-through estimator of Y. Bengio and others 2013 (arXiv
1308.3432).
"""

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FLOAT = 32  # bits of weights that are not rounded


def whole(weight: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """Weights (C, ...) as whole numbers of so many bits, and the step of each output channel, (C, 1, ...).

    They are symmetric, from -(2**(bits - 1) - 1) on, and the largest of a channel is the greatest there is. Their
    product is the weights rounded.
    """
    most = 2 ** (bits - 1) - 1
    step = weight.detach().abs().flatten(1).amax(1).clamp(min=1e-8).div(most).view(-1, *[1] * (weight.dim() - 1))
    return (weight.detach() / step).round(), step


def rounded(weight: Tensor, bits: int) -> Tensor:
    """Weights (C, ...) as multiples of the step of their channel; its gradient is that of the weights themselves."""
    values: Tensor = _Rounding.apply(weight, bits)  # type: ignore[no-untyped-call]
    return values


class _Rounding(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, weight: Tensor, bits: int) -> Tensor:  # noqa: ARG004 - as PyTorch calls it
        numbers, step = whole(weight, bits)
        return torch.empty_like(weight).copy_(numbers * step)  # in the order in memory that convolutions are fast in

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:  # noqa: ARG004
        return gradients[0], None


class RoundedConv2d(nn.Conv2d):
    """`nn.Conv2d` with weights of `bits` bits."""

    bits: int

    def forward(self, input: Tensor) -> Tensor:
        """The convolution with the weights rounded."""
        sums: Tensor = self._conv_forward(input, rounded(self.weight, self.bits), self.bias)
        return sums


class RoundedLinear(nn.Linear):
    """`nn.Linear` with weights of `bits` bits."""

    bits: int

    def forward(self, input: Tensor) -> Tensor:
        """The product with the weights rounded."""
        return F.linear(input, rounded(self.weight, self.bits), self.bias)


_KINDS: dict[type[nn.Module], type[nn.Module]] = {nn.Conv2d: RoundedConv2d, nn.Linear: RoundedLinear}


def round_weights(network: nn.Module, bits: int) -> None:
    """Let every convolution and product of a network round its weights to so many bits; these stay as they are."""
    for layer in network.modules():
        if type(layer) in _KINDS:
            layer.__class__ = _KINDS[type(layer)]  # they differ in how they compute alone
            vars(layer)["bits"] = bits


def plain(layer: nn.Module) -> nn.Module:
    """The layer of PyTorch's own that computes what a rounded one does, with what it rounds to; others as such."""
    if not isinstance(layer, RoundedConv2d | RoundedLinear):
        return layer
    other = copy.copy(layer)
    other._parameters = dict(layer._parameters)
    with torch.no_grad():
        other.weight = nn.Parameter(rounded(layer.weight, layer.bits), requires_grad=layer.weight.requires_grad)
    other.__class__ = type(layer).__mro__[1]
    del other.bits
    return other
