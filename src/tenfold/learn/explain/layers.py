"""What each layer makes of a picture, what the sums of its units are made of, and the answer without some of them."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from tenfold.errors import UsageError
from tenfold.learn.explain.attributions import Grey, ink_of, still

_WEIGHED = (nn.Conv2d, nn.Linear)


@dataclass(frozen=True)
class Layer:
    """A layer with weights, and all that follows until the next such layer: normalisation, activation, pooling.

    name: Of its module, in the network.
    kind: "convolution" or "fully connected".
    maps: What it hands on, float32 (C, h, w); (C, 1, 1) where it is fully connected.
    weights: Of each unit, float32 (C, C before, height, width).
    given: What they are multiplied by where the unit's sum is largest, of the same shape.
    places: Where that is, int (C, 2): row and column of the upper left pixel of what is given, padding included.
    bias: Of each unit, float32 (C,); 0 where the layer has none.
    """

    name: str
    kind: str
    maps: Grey
    weights: Grey
    given: Grey
    places: NDArray[np.int64]
    bias: Grey

    @property
    def parts(self) -> Grey:
        """What each unit before adds to the largest sum of each unit: float32 (C, C before)."""
        parts: Grey = (self.weights * self.given).sum((2, 3))
        return parts


@torch.no_grad()
def layers(
    network: nn.Sequential, image: NDArray[np.uint8], off: Mapping[str, Sequence[int]] | None = None
) -> list[Layer]:
    """The layers with weights in the order in which an image uint8 (28, 28) goes through them.

    `off` are units that are switched off, by the name of their layer: see `without`. Raises UsageError for those that
    there are not, and where no layer has weights.
    """
    calls: list[tuple[str, Any, Tensor, Tensor]] = []
    with still(network) as answer, without(network, off or {}), _listening(network, calls):
        logits = answer(ink_of(image, network))
    if not calls:
        raise UsageError("the network has no convolution and no fully connected layer, whose maps could be shown")
    handed_on = [_maps(given, module) for (_, module, _, _), (_, _, given, _) in itertools.pairwise(calls)]
    found, before = [], (1, *image.shape)
    for (name, module, given, made), maps in zip(calls, [*handed_on, logits[0].view(-1, 1, 1)], strict=True):
        weights, seen, places = _sums(module, given, made, before)
        bias = torch.zeros(len(weights)) if module.bias is None else module.bias
        kind = "convolution" if isinstance(module, nn.Conv2d) else "fully connected"
        arrays = [one.float().cpu().numpy() for one in (maps, weights, seen, bias)]
        found.append(Layer(name, kind, arrays[0], arrays[1], arrays[2], places.cpu().numpy(), arrays[3]))
        before = tuple(maps.shape)
    return found


@contextmanager
def without(network: nn.Module, off: Mapping[str, Sequence[int]]) -> Iterator[None]:
    """A context in which units are switched off: they hand on 0, to whatever has weights next.

    `off` says which, by the name of their layer. Raises UsageError for units that there are not, and for those of the
    last layer, which are the answers.
    """
    modules = dict(_weighed(network))
    for name, units in off.items():
        if name not in modules or name == next(reversed(modules)):
            raise UsageError(f"{name!r} is no layer whose units can be switched off")
        if not all(0 <= unit < _units(modules[name]) for unit in units):
            raise UsageError(f"the layer {name} has the units 0 to {_units(modules[name]) - 1}")
    names = {module: name for name, module in modules.items()}
    last: list[nn.Module] = []

    def silence(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        x, *others = inputs
        if last and (units := list(off.get(names[last[0]], ()))):
            x = x.clone()
            (x if x.dim() == 4 else x.unflatten(1, (_units(last[0]), -1)))[:, units] = 0
        last[:] = [module]
        return (x, *others)

    hooks = [network.register_forward_pre_hook(lambda *_: last.clear())]
    hooks += [module.register_forward_pre_hook(silence) for module in names]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _weighed(network: nn.Module) -> Iterator[tuple[str, Any]]:
    for name, module in network.named_modules():
        if isinstance(module, _WEIGHED):
            yield name, module


def _units(module: Any) -> int:
    return int(module.weight.shape[0])


@contextmanager
def _listening(network: nn.Module, calls: list[tuple[str, Any, Tensor, Tensor]]) -> Iterator[None]:
    """Note the name, the module, what was given and what was made, each time that a layer with weights is asked."""

    def hook(name: str) -> Any:
        return lambda module, inputs, made: calls.append((name, module, inputs[0].clone(), made.clone()))

    hooks = [module.register_forward_hook(hook(name)) for name, module in _weighed(network)]
    try:
        yield
    finally:
        for one in hooks:
            one.remove()


def _maps(given: Tensor, module: Any) -> Tensor:
    """What the next layer is given (1, …) as maps of a layer's units (C, h, w)."""
    maps = given[0]
    if maps.dim() == 3:
        return maps
    units = _units(module)
    side = round((maps.numel() / units) ** 0.5)
    with suppress(RuntimeError):
        return maps.view(units, side, side)
    return maps.view(units, 1, -1) if maps.numel() % units == 0 else maps.view(-1, 1, 1)


def _sums(module: Any, given: Tensor, made: Tensor, before: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """The weights of a layer's units, what they are multiplied by where the sum is largest, and where that is."""
    if isinstance(module, nn.Linear):
        weights = module.weight.view(-1, *before)
        return weights, given[0].view(before).expand_as(weights), torch.zeros(len(weights), 2, dtype=torch.long)
    units, each = module.weight.shape[:2]  # of the units before, each sees its group of so many alone
    weights = torch.zeros(units, given.shape[1], *module.kernel_size, device=given.device)
    for unit in range(units):
        first = unit // (units // module.groups) * each
        weights[unit, first : first + each] = module.weight[unit]
    patches = F.unfold(given, module.kernel_size, module.dilation, module.padding, module.stride)[0]
    at = made[0].flatten(1).argmax(1)
    places = torch.stack([at // made.shape[3] * module.stride[0], at % made.shape[3] * module.stride[1]], 1)
    return weights, patches[:, at].T.reshape(weights.shape), places
