import pytest
import torch
from torch import nn

from tenfold.learn.networks import inference
from tenfold.learn.networks.batchnorm import recalibrate


def test_statistics_are_those_of_the_images() -> None:
    first, drop, last = nn.BatchNorm2d(1), nn.Dropout(0.5), nn.BatchNorm1d(784)
    network = nn.Sequential(first, drop, nn.Flatten(), last).train()
    drop.eval()
    before = [p.clone() for p in network.parameters()]
    images = torch.randint(0, 256, (501, 28, 28), dtype=torch.uint8)
    recalibrate(network, images)
    ink = inference.normalise(inference.grey(images))
    assert first.running_mean is not None
    assert first.running_var is not None
    assert last.running_var is not None
    assert first.running_mean.item() == pytest.approx(ink.mean().item(), abs=1e-3)
    assert first.running_var.item() == pytest.approx(ink.var().item(), rel=1e-2)
    assert last.running_var.mean().item() == pytest.approx(1, abs=0.02)
    assert (first.momentum, last.momentum) == (0.1, 0.1)
    assert [layer.training for layer in network] == [True, False, True, True]
    assert all(torch.equal(p, q) for p, q in zip(network.parameters(), before, strict=True))
    recalibrate(nn.Sequential(nn.Flatten()), images)  # nothing to do
