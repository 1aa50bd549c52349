"""Whether PyTorch computes here as it should: the bundled network's logits, and steps of training, on any device."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from tenfold.learn import networks
from tenfold.learn.digits.normalisation import Normalisation
from tenfold.learn.networks.inference import grey, normalise
from tenfold.learn.recipes import presets
from tenfold.learn.training import models, optimizers, randomness, runs
from tenfold.mnist.digits import Digits

STEPS = 3  # of training: the first alone would not use what the optimizer keeps


def logits(digits: Digits, device: torch.device) -> NDArray[np.float32]:
    """Logits (N, 10) of the bundled weights, with the normalisation that the model file has before them."""
    network = models.load(runs.BUNDLED, device).network
    with torch.no_grad():
        ink = Normalisation().to(device)(grey(torch.from_numpy(digits.images).to(device)))
        found = network(normalise(ink)).float().cpu()
    answers: NDArray[np.float32] = found.numpy()
    return answers


def steps(digits: Digits, device: torch.device) -> list[float]:
    """The loss of the default recipe before each of STEPS steps of its training on these digits, and after the last.

    PyTorch's global random state is left as it was.
    """
    recipe = presets.RECIPES[presets.DEFAULT]
    images, labels = (torch.from_numpy(array).to(device) for array in (digits.images, digits.labels))
    with randomness.isolated(device):
        torch.manual_seed(0)
        network = networks.build(recipe, 10).to(device).train()
        optimizer = optimizers.build(recipe, network, device)
        losses: list[float] = []
        while True:
            loss = F.cross_entropy(network(normalise(grey(images))), labels)
            losses.append(loss.item())
            if len(losses) > STEPS:
                return losses
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
