import pytest
import torch
from torch import nn

from tenfold.learn.networks import inference
from tenfold.learn.networks.batchnorm import recalibrate


def test_statistics_are_those_of_the_images() -> None:
    network = nn.Sequential(nn.BatchNorm2d(1), nn.Dropout(0.5), nn.Flatten(), nn.BatchNorm1d(784)).train()
    network[1].eval()
    before = [p.clone() for p in network.parameters()]
    images = torch.randint(0, 256, (501, 28, 28), dtype=torch.uint8)
    recalibrate(network, images)
    ink = inference.normalise(inference.grey(images))
    assert network[0].running_mean.item() == pytest.approx(ink.mean().item(), abs=1e-3)
    assert network[0].running_var.item() == pytest.approx(ink.var().item(), rel=1e-2)
    assert network[3].running_var.mean().item() == pytest.approx(1, abs=0.02)
    assert (network[0].momentum, network[3].momentum) == (0.1, 0.1)
    assert [layer.training for layer in network] == [True, False, True, True]
    assert all(torch.equal(p, q) for p, q in zip(network.parameters(), before, strict=True))
    recalibrate(nn.Sequential(nn.Flatten()), images)  # nothing to do
