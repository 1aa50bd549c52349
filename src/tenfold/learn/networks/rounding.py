"""Quantization-aware training: weights are rounded to a few bits in every forward pass, and gradients pass that by.

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


def quantize(weight: Tensor, bits: int) -> tuple[Tensor, Tensor]:
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
        numbers, step = quantize(weight, bits)
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
            layer.bits = bits  # type: ignore[assignment]


def plain(layer: nn.Module) -> nn.Module:
    """A layer, or a network, that computes the same by PyTorch's own layers, with the weights that are rounded to.

    It is the very same where nothing in it is rounded.
    """
    if not any(isinstance(each, RoundedConv2d | RoundedLinear) for each in layer.modules()):
        return layer
    twin = copy.deepcopy(layer)
    for each in twin.modules():
        if isinstance(each, RoundedConv2d | RoundedLinear):
            each.weight.data = rounded(each.weight.data, each.bits)
            each.__class__ = type(each).__mro__[1]
            del each.bits
    return twin
