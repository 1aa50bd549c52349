"""Making a network as sure as it is right, by one number; and how sure it must be to answer."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

LOWEST, HIGHEST = 0.05, 20.0  # temperatures
ERROR = 0.01  # the share of wrong answers that is put up with, by which the threshold is set
ERROR_OF_LINES = 0.05  # the same for invented lines: with less too few numbers on real paper would be sure
UNSURE = 0.9  # the threshold of a model without validation examples to fit one on


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


def threshold(confidence: Tensor, wrong: Tensor, error: float = ERROR) -> tuple[float, float, int]:
    """The lowest confidence from which no more than `error` of the answers are wrong, that share, and their number.

    Confidence (N,), and which answers are wrong (N,). Selective classification: Y. Geifman, R. El-Yaniv 2017,
    arXiv 1705.08500.
    """
    confidence, order = confidence.sort(descending=True, stable=True)
    wrong = wrong[order]
    risk = wrong.float().cumsum(0) / torch.arange(1, len(wrong) + 1)
    good = (risk <= error).nonzero()
    last = int(good[-1]) if len(good) else 0
    # Halfway to the next answer, so that rounding does not decide; all are sure enough if the last one is.
    least = float(confidence[last : last + 2].mean()) if last + 1 < len(confidence) else 0.5
    return round(least, 4), round(float(risk[last]), 5), last + 1
