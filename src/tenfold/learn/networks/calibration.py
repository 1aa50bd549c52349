"""Making a network as sure as it is right, by one number."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

LOWEST, HIGHEST = 0.05, 20.0  # temperatures


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """The temperature T at which softmax(logits / T) has the lowest negative log-likelihood of the labels.

    Temperature scaling: C. Guo et al. 2017, arXiv 1706.04599. Logits (N, K) must be of digits that the network did not
    learn from. The likelihood has one extremum only, found by Brent's method; T stays between 0.05 and 20.
    """
    from scipy.optimize import minimize_scalar

    logits, labels = logits.double().cpu(), labels.cpu()

    def loss(log_sharpness: float) -> float:  # log(1 / T)
        return F.cross_entropy(logits * math.exp(log_sharpness), labels).item()

    bounds = (-math.log(HIGHEST), -math.log(LOWEST))
    return math.exp(-minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-9}).x)


def probabilities(logits: Tensor, temperature: float) -> Tensor:
    """Probabilities (N, K) from logits at a temperature."""
    return torch.softmax(logits / temperature, 1)
