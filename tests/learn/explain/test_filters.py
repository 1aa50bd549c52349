import numpy as np
import pytest
import torch

from learn.explain.small import tiny
from tenfold.learn.explain.filters import filters, first_weights
from tenfold.learn.networks import NETWORKS


@pytest.mark.parametrize("name", NETWORKS)
def test_the_strongest_filters_come_first(name: str) -> None:
    network = tiny(name)
    pictures = filters(network)
    assert pictures.ndim == 3
    assert (np.diff(np.square(pictures).sum((1, 2))) <= 1e-6).all()
    strength = first_weights(network).square().sum((1, 2)).sort(descending=True).values
    assert torch.allclose(strength, torch.from_numpy(np.square(pictures).sum((1, 2))), atol=1e-5)
