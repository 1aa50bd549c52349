"""The least change that turns an answer: a counterfactual explanation (S. Wachter et al. 2017, arXiv 1711.00399)."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from tenfold.learn.explain.attributions import ink_of, still

PRICES = (0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.75)  # of a dab, tried at once


def counterfactual(
    network: nn.Sequential, image: NDArray[np.uint8], wanted: int, *, temperature: float = 1.0, steps: int = 200
) -> NDArray[np.uint8] | None:
    """The picture uint8 (28, 28) with the least change of ink found that gives a class more than half the probability.

    A counterfactual explanation (S. Wachter et al. 2017): the wanted answer weighed against the size of the change. The
    change is drawn with a soft brush, so that it is smooth; a proximal step after each of gradient descent pays a
    price for every dab, so that there are few; ink stays between none and full. Several prices are tried at once. What
    comes out is scaled down as far as the answer holds, in grey values of 8 bits: no smaller one that was tried on the
    straight way to it is answered so. That nothing smaller lies on another way is not said.

    `temperature` divides the logits, as in calibration. None: no change was found.
    """
    ink = ink_of(image, network)
    prices = torch.tensor(PRICES, device=ink.device).view(-1, 1, 1, 1)
    dabs = torch.zeros(len(prices), *ink.shape[1:], device=ink.device)
    best = ink.repeat(len(prices), 1, 1, 1)
    least = torch.full((len(prices),), torch.inf, device=ink.device)

    def short(logits: Tensor) -> Tensor:
        """By how much the class falls short of the half, in nats."""
        logits = logits.float() / temperature
        others = torch.cat([logits[:, :wanted], logits[:, wanted + 1 :]], 1)
        return others.logsumexp(1) - logits[:, wanted]

    with still(network) as answer:
        for step in range(steps):
            dabs.requires_grad_()
            changed = (ink + _brush(dabs)).clamp(0, 1)
            lack = short(answer(changed))
            (slope,) = torch.autograd.grad(lack.sum(), dabs)
            with torch.no_grad():
                # What turns the answer and is smaller than before is kept.
                size = (changed - ink).abs().sum((1, 2, 3))
                better = (lack < 0) & (size < least)
                best, least = torch.where(better.view(-1, 1, 1, 1), changed, best), torch.where(better, size, least)
                # Downhill until the answer turns; every dab pays, so that those which help little vanish again.
                rate = 0.2 * (1 - step / steps) + 0.01
                steepest = slope.abs().amax((1, 2, 3), keepdim=True)
                going = (lack >= 0).view(-1, 1, 1, 1) & (steepest > 0)
                dabs = dabs - torch.where(going, rate * slope / steepest.clamp_min(1e-30), 0.0)
                dabs = dabs.sign() * (dabs.abs() - rate * prices).clamp_min(0)
        with torch.no_grad():
            return _least(ink, best[least.isfinite()], lambda tried: short(answer(tried / 255)) < 0)


def _least(ink: Tensor, made: Tensor, holds: Callable[[Tensor], Tensor]) -> NDArray[np.uint8] | None:
    """The smallest change on the straight ways from ink (1, 1, H, W) to the pictures made (K, 1, H, W): uint8 (H, W).

    `holds` says of pictures (N, 1, H, W) in grey values whether they are answered as wanted. Each way is tried at 256
    places. None: there is no way, or the rounding to grey values undid all.
    """
    smallest, least = torch.inf, None
    scales = torch.linspace(0, 1, 257, device=ink.device)[1:].view(-1, 1, 1, 1)
    for one in made:
        tried = (ink + scales * (one - ink)).mul(255).round()
        good = holds(tried)
        first = tried[good.int().argmax()]
        size = (first - 255 * ink[0]).abs().sum().item()
        if good.any() and size < smallest:
            smallest, least = size, first[0]
    picture: NDArray[np.uint8] | None = None if least is None else least.to(torch.uint8).cpu().numpy()
    return picture


def _brush(dabs: Tensor) -> Tensor:
    """Dabs (N, 1, H, W) as a soft brush of about two pixels draws them."""
    line = torch.tensor([0.05, 0.5, 1.0, 0.5, 0.05], device=dabs.device)
    return F.conv2d(dabs, (line[:, None] * line[None, :]).view(1, 1, 5, 5), padding=2)
