"""Making a network as sure as it is right, by one number."""

import torch
from torch import Tensor


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """The temperature T at which softmax(logits / T) has the lowest negative log-likelihood of the labels.

    Temperature scaling: C. Guo et al. 2017, arXiv 1706.04599. Logits (N, K) must be of digits that the network did not
    learn from. The likelihood is convex in 1/T, so Newton's method finds it; T stays between 0.05 and 20.
    """
    logits = logits.double().cpu()
    labels = labels.cpu()
    wanted = logits.gather(1, labels[:, None])[:, 0]
    sharpness = 1.0  # 1 / T
    for _ in range(50):
        probabilities = (logits * sharpness).softmax(1)
        mean = (probabilities * logits).sum(1)
        slope = (mean - wanted).mean().item()  # of the negative log-likelihood
        curvature = ((probabilities * logits.square()).sum(1) - mean.square()).mean().item()
        if curvature < 1e-12:
            break
        # Half-steps at most, so that a start far off cannot overshoot to a negative sharpness.
        step = max(-sharpness / 2, min(sharpness, slope / curvature))
        sharpness = min(20.0, max(0.05, sharpness - step))
        if abs(step) < 1e-9 * sharpness:
            break
    return 1 / sharpness


def probabilities(logits: Tensor, temperature: float) -> Tensor:
    """Probabilities (N, K) from logits at a temperature."""
    return torch.softmax(logits / temperature, 1)
