import pytest
import torch
from torch.nn.functional import cross_entropy

from tenfold.learn.networks import calibration


@pytest.mark.parametrize("truth", [0.3, 1.0, 4.0])
def test_the_temperature_is_found(truth: float) -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(20_000, 5, generator=generator) * 2
    labels = torch.multinomial((logits / truth).softmax(1), 1, generator=generator)[:, 0]
    found = calibration.fit_temperature(logits, labels)
    assert found == pytest.approx(truth, rel=0.06)
    best = cross_entropy(logits / found, labels)
    assert best <= min(cross_entropy(logits / (found * k), labels) for k in (0.98, 1.02))


def test_a_temperature_stays_in_bounds_when_everything_is_right() -> None:
    assert 0.05 <= calibration.fit_temperature(torch.eye(3) * 5, torch.arange(3)) < 0.2
    assert calibration.fit_temperature(torch.eye(3) * 5, torch.arange(3).roll(1)) == pytest.approx(20)
