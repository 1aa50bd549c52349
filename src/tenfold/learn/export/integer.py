"""A trained network in whole numbers: what small processors compute, and here to the last bit.

Weights have 8 bits, or as few as the network has learnt with; what a layer hands on has 8, and sums have 32. Method: B.
Jacob and others 2018 (arXiv 1712.05877).
"""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from tenfold.errors import UsageError
from tenfold.learn.networks import MEAN, STD, rounding
from tenfold.learn.networks.inference import grey, normalise

BITS = 8  # of weights that have not been learnt with fewer
_SUM = 2**31 - 1  # the greatest that a sum may become
_IGNORED = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Flatten, nn.Identity)


@dataclass(frozen=True)
class Layer:
    """A square convolution, and how its sums become the whole numbers that are handed on, in this order.

    The sum of weights * given, times `multiplier`, plus `bias` * 2**`bias_shift`; the greatest of `pool` x `pool` of
    these; divided by 2**`shift`, rounded down, kept in 0 to 255. The last layer's are not divided: they are scores.

    A fully connected layer is a convolution as wide as what it is given, and averages are one whose weights are 1.
    """

    weights: NDArray[np.int8]  # (outputs, inputs, kernel, kernel), or (outputs, 1, ...) for one of each channel alone
    multiplier: NDArray[np.int16]  # (outputs,)
    bias: NDArray[np.int16]  # (outputs,)
    bias_shift: int
    shift: int
    zero_point: int  # the whole number that stands for 0 in what it is given, and so around it
    inputs: int
    side: int  # of what it is given
    stride: int = 1
    padding: int = 0
    pool: int = 1
    bits: int = BITS  # of its weights
    depthwise: bool = False  # whether each channel is convolved alone
    ones: bool = False  # whether its weights are all 1, and need not be kept

    @property
    def kernel(self) -> int:
        """Of so many pixels on each side."""
        return int(self.weights.shape[-1])

    @property
    def outputs(self) -> int:
        """How many channels it hands on."""
        return len(self.weights)

    @property
    def output_side(self) -> int:
        """The side of what it hands on."""
        return ((self.side + 2 * self.padding - self.kernel) // self.stride + 1) // self.pool

    @property
    def multiplications(self) -> int:
        """How many multiplications it computes for an image, those around it counted too."""
        sums = self.outputs * (self.output_side * self.pool) ** 2
        return sums * (1 if self.ones else self.weights[0].size + 1)


@dataclass(frozen=True)
class IntegerNetwork:
    """Layers of whole numbers, from images uint8 (N, 28, 28) to scores, which are logits times `scale`."""

    layers: tuple[Layer, ...]
    scale: float
    classes: tuple[str, ...]

    @property
    def ram(self) -> int:
        """Bytes for what layers hand on: the most that one is given and hands on, beside the image itself."""
        handed = [layer.outputs * layer.output_side**2 for layer in self.layers[:-1]]
        return max(handed[0::2], default=0) + max(handed[1::2], default=0)

    @property
    def bits(self) -> int:
        """Of a weight: as many as the most of any layer."""
        return max(layer.bits for layer in self.layers if not layer.ones)

    @property
    def constants(self) -> int:
        """Bytes of weights, of multipliers and biases, and of what describes the layers."""
        weights = sum(layer.weights.size for layer in self.layers if not layer.ones)
        return -(-weights * self.bits // 8) + 1 + sum(4 * layer.outputs + 16 for layer in self.layers)

    @property
    def multiplications(self) -> int:
        """Multiplications for an image."""
        return sum(layer.multiplications for layer in self.layers)

    def scores(self, images: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Scores int32 (N, classes) of images uint8 (N, 28, 28), ink bright on 0: whole numbers, always the same."""
        parts = [self._scores(part) for part in np.array_split(images, range(500, len(images), 500))]
        return np.concatenate(parts)

    def _scores(self, images: NDArray[np.uint8]) -> NDArray[np.int32]:
        given = torch.from_numpy(images).double().unsqueeze(1)  # whole numbers below 2**53 stay exact
        for layer in self.layers:
            sums = _sums(layer, given)
            given = (sums / 2**layer.shift).floor().clamp(0, 255)
        return sums.flatten(1).numpy().astype(np.int32)


def _sums(layer: Layer, given: Tensor) -> Tensor:
    groups = layer.inputs if layer.depthwise else 1
    padded = F.pad(given, [layer.padding] * 4, value=layer.zero_point)
    sums = F.conv2d(padded, torch.from_numpy(layer.weights).double(), stride=layer.stride, groups=groups)
    multiplier, bias = (torch.from_numpy(each).double().view(-1, 1, 1) for each in (layer.multiplier, layer.bias))
    sums = sums * multiplier + bias * 2**layer.bias_shift
    return F.max_pool2d(sums, layer.pool) if layer.pool > 1 else sums


@dataclass
class _Part:
    """What will be a layer: a convolution with all that follows it until the next."""

    weight: Tensor  # whole numbers (outputs, inputs or 1, kernel, kernel)
    step: Tensor  # what each of them stands for, (outputs,)
    bias: Tensor  # (outputs,)
    given: torch.Size  # (inputs, side, side)
    bits: int = BITS
    stride: int = 1
    padding: int = 0
    pool: int = 1
    relu: bool = False
    depthwise: bool = False
    ones: bool = False

    def values(self, given: Tensor) -> Tensor:
        """What it hands on, before that is a whole number."""
        weight = self.weight * self.step.view(-1, 1, 1, 1)
        found = F.conv2d(given, weight, None, self.stride, self.padding, 1, len(weight) if self.depthwise else 1)
        found = found + self.bias.view(-1, 1, 1)
        found = F.max_pool2d(found, self.pool) if self.pool > 1 else found
        return found.relu() if self.relu else found


@torch.no_grad()
def of_network(
    network: nn.Sequential, images: NDArray[np.uint8], classes: tuple[str, ...], *, word: int = 2**15 - 1
) -> IntegerNetwork:
    """A network in whole numbers. What its layers hand on is scaled to what they make of images uint8 (N, 28, 28).
    Multipliers and biases are no greater than `word`.

    Raises UsageError where it has other layers than convolutions, fully connected ones, batch normalisation, ReLU and
    pooling, or these in an order in which they are not one.
    """
    values = normalise(grey(torch.from_numpy(images)))
    parts: list[_Part] = []
    for layer in _in_order(copy.deepcopy(network).cpu().eval()):
        _take(layer, parts, values.shape[1:])
    layers: list[Layer] = []
    step, zero = 1 / (255 * STD), 255 * MEAN  # of what is given: the zero of images is no whole number
    for part in parts:
        values = part.values(values)
        low, high = min(0.0, values.min().item()), max(values.max().item(), 1e-6)
        after = ((high - low) / 255, round(-low / (high - low) * 255))
        layers.append(_layer(part, step, zero, None if part is parts[-1] else after, word))
        step, zero = after
    if not layers or layers[-1].output_side != 1 or parts[-1].relu:
        raise UsageError("the network must end with a fully connected layer")
    return IntegerNetwork(tuple(layers), 2.0 ** layers[-1].shift, classes)


def _in_order(network: nn.Sequential) -> Iterator[nn.Module]:
    """The layers that change anything; one that is used several times comes as often."""
    for layer in network:
        if isinstance(layer, nn.Sequential):
            yield from _in_order(layer)
        elif not isinstance(layer, _IGNORED):
            yield layer


def _take(layer: nn.Module, parts: list[_Part], image: torch.Size) -> None:
    """Add a layer of PyTorch's to the parts, or to the last of them."""
    part = parts[-1] if parts else None
    given = part.values(torch.zeros(1, *part.given)).shape[1:] if part else image
    if isinstance(layer, nn.Linear) or (isinstance(layer, nn.Conv2d) and _is_square(layer, given)):
        bits = getattr(layer, "bits", BITS)
        weight, step = rounding.quantize(layer.weight, bits)
        bias = torch.zeros(len(weight)) if layer.bias is None else layer.bias
        parts.append(_Part(weight, step.flatten(), bias, given, bits))
        if isinstance(layer, nn.Linear):
            parts[-1].weight = weight.view(len(weight), *given)
        else:
            parts[-1].stride, parts[-1].padding = layer.stride[0], int(layer.padding[0])
            parts[-1].depthwise = layer.groups > 1
    elif isinstance(layer, nn.AvgPool2d) and _size(layer):
        size, channels = _size(layer), given[0]
        ones, each = torch.ones(channels, 1, size, size), torch.full((channels,), 1 / size**2)
        parts.append(_Part(ones, each, torch.zeros(channels), given, stride=size, depthwise=True, ones=True))
    elif part and isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) and part.pool == 1 and not part.relu:
        gain = layer.weight / (layer.get_buffer("running_var") + layer.eps).sqrt()
        part.step, part.bias = part.step * gain, (part.bias - layer.get_buffer("running_mean")) * gain + layer.bias
    elif part and isinstance(layer, nn.MaxPool2d) and _size(layer) and part.pool == 1:
        part.pool = _size(layer)
    elif part and isinstance(layer, nn.ReLU):
        part.relu = True
    else:
        raise UsageError(
            f"{type(layer).__name__} cannot be computed in whole numbers, or not behind what is before it: "
            "an nn.Sequential of convolutions, fully connected layers, batch normalisation, ReLU and pooling can"
        )


def _size(layer: nn.AvgPool2d | nn.MaxPool2d) -> int:
    """The side of the squares that a layer takes together; 0 unless they are squares beside one another."""
    size = layer.kernel_size
    beside = layer.stride == size and not layer.padding and not layer.ceil_mode
    return size if isinstance(size, int) and beside else 0


def _is_square(layer: nn.Conv2d, given: torch.Size) -> bool:
    """Whether a convolution is one that `Layer` can be."""
    square = all(len({*pair}) == 1 for pair in (layer.kernel_size, layer.stride)) and layer.dilation == (1, 1)
    padded = layer.padding_mode == "zeros" and len({*layer.padding}) == 1 and not isinstance(layer.padding, str)
    return square and padded and (layer.groups == 1 or layer.groups == given[0] == layer.out_channels)


def _layer(part: _Part, step: float, zero: float, after: tuple[float, int] | None, word: int) -> Layer:
    """A layer of whole numbers, of a part that is given numbers of a step and a zero, and hands on such of `after`.

    What it hands on is rounded to the nearest; the last one's, with no `after`, are scores and need not be.
    """
    weight, gain = part.weight.double(), part.step.double() * step
    to_step, to_zero = (1.0, 0.0) if after is None else (after[0], after[1] + 0.5)
    gain = gain / to_step
    size = weight.abs().flatten(1).sum(1) * 255  # the most that a sum can be
    for shift in range(30, -1, -1):
        multiplier = (gain * 2**shift).round()
        exact = part.bias.double() / to_step + to_zero - multiplier / 2**shift * zero * weight.flatten(1).sum(1)
        bias_shift = min(shift, max(0, shift - math.floor(math.log2(word / max(exact.abs().max().item(), 1e-6)))))
        bias = (exact * 2 ** (shift - bias_shift)).round()
        most = multiplier.abs() * size + bias.abs() * 2**bias_shift
        if max(multiplier.abs().max(), bias.abs().max()) <= word and most.max() <= _SUM:
            break
    else:
        raise UsageError("the network's numbers are too large for 32 bits")
    return Layer(
        weight.numpy().astype(np.int8),
        multiplier.numpy().astype(np.int16),
        bias.numpy().astype(np.int16),
        bias_shift=bias_shift,
        shift=shift,
        zero_point=round(zero),
        inputs=part.given[0],
        side=part.given[1],
        **{name: getattr(part, name) for name in ("bits", "stride", "padding", "pool", "depthwise", "ones")},
    )
