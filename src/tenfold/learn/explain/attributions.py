"""How much each pixel speaks for a class, by integrated gradients and by occlusion, both as Captum computes them."""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tenfold.errors import missing_extra
from tenfold.learn.networks.inference import grey, normalise

PATCH = 4  # pixels, the side of what occlusion covers
STEPS = 256  # of integrated gradients, on the way from the blank picture
Grey = NDArray[np.float32]


def attributions(network: nn.Sequential, image: NDArray[np.uint8], target: int) -> tuple[Grey, Grey, Grey]:
    """How much each pixel speaks for the logit of the class `target`, in three ways; each float32 (28, 28), in logits.

    Integrated gradients go from a blank picture in 256 steps. They add up to the logit less that of the blank picture
    ("completeness", M. Sundararajan et al. 2017, arXiv 1703.01365), but for 0.02 at most in the recipes' networks.

    Occlusion (M. D. Zeiler, R. Fergus 2014, arXiv 1311.2901) lays a patch of 4 x 4 pixels on every place, once blank
    and once full of ink; a pixel has the mean of what the logit loses under the patches that cover it.

    Raises MissingExtra without Captum.
    """
    captum = library("captum.attr", "captum")
    ink = ink_of(image, network)
    with still(network) as answer:
        gradients = captum.IntegratedGradients(answer).attribute(
            ink, baselines=0.0, target=target, n_steps=STEPS, method="riemann_middle", internal_batch_size=64
        )
        covered = [
            captum.Occlusion(answer).attribute(
                ink, (1, PATCH, PATCH), strides=(1, 1, 1), baselines=cover, target=target, perturbations_per_eval=125
            )
            for cover in (0.0, 1.0)
        ]
    first, second, third = (one.detach()[0, 0].float().cpu().numpy() for one in (gradients, *covered))
    return first, second, third


def ink_of(image: NDArray[np.uint8], network: nn.Module) -> Tensor:
    """An image uint8 (28, 28) as ink (1, 1, 28, 28) in [0, 1] where the network is."""
    return grey(torch.from_numpy(np.ascontiguousarray(image))[None]).to(next(network.parameters()).device)


@contextmanager
def still(network: nn.Module) -> Iterator[Callable[[Tensor], Tensor]]:
    """A context in which a network is in evaluation mode and its weights want no gradient.

    Gives the function from ink (N, 1, 28, 28) in [0, 1] to logits, with a gradient by the ink.
    """
    training = network.training
    learnt = [weight for weight in network.parameters() if weight.requires_grad]
    network.eval().requires_grad_(False)
    try:
        yield lambda ink: network(normalise(ink.clone()))
    finally:
        network.train(training)
        for weight in learnt:
            weight.requires_grad_()


def library(module: str, package: str) -> Any:
    """A module that has no types. Raises MissingExtra when its package is not installed."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise missing_extra(package, "explain") from error
